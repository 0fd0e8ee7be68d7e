"""What the two VVC codecs share: libvvenc at fixed QP, and an Annex-B stream with nothing optional in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..benchmark import ffmpeg
from ..benchmark.codec import CodecInfo
from ..benchmark.types import Bitstream, ClipSpec, Part, Point, Timeline
from . import _annexb, _video, _vvc_order
from ._video import FfmpegVideoCodec, Place, Syntax

_QPS = (63, 57, 52, 47, 42, 37, 32)
_PRESET = "medium"
# nal_unit_type, ITU-T H.266 table 5
_SLICES = range(12)
_SPS, _PPS, _PREFIX_APS, _SUFFIX_APS, _PICTURE_HEADER = 15, 16, 17, 18, 19
_NEEDED = {*_SLICES, _SPS, _PPS, _PREFIX_APS, _SUFFIX_APS, _PICTURE_HEADER}


def _parts(stream: bytes) -> Sequence[Part]:
    """Parameter sets and slices; access-unit delimiters, SEI and fillers are not needed for decoding."""
    units = [unit for unit in _annexb.split(stream) if _annexb.vvc_type(unit) in _NEEDED]
    return _annexb.parts(units, _annexb.vvc_type, headers={_SPS, _PPS}, slices=_SLICES)


def _units(payload: bytes) -> Iterable[tuple[int, Place]]:
    return _annexb.sizes(payload, _annexb.vvc_type, _SLICES, suffixes={_SUFFIX_APS})


_SYNTAX = Syntax("libvvenc", "vvc", "vvc", bits=10, parts=_parts, units=_units, shown=_vvc_order.shown)


def availability() -> str | None:
    """Why VVC cannot run here and the mend, or None."""
    return _SYNTAX.availability()


def describe(name: str, params: str) -> tuple[CodecInfo, Sequence[Point]]:
    """Identity and default ladder of VVC with libvvenc's `params`."""
    info = CodecInfo(
        name=name,
        version="1",
        modalities=("video",),
        family="conventional",
        licence="BSD-3-Clause-Clear (vvenc), LGPL-2.1 (decoder)",
        paper="ITU-T H.266; Wieckowski et al., VVenC: an open and optimized VVC encoder, ICMEW 2021",
        build={"ffmpeg": ffmpeg.version()},
        options={**_SYNTAX.options(), "qpa": 0, "params": params},
    )
    return info, [Point(f"qp{qp}", {"qp": qp, "preset": _PRESET}) for qp in _QPS]


def timeline(stream: Bitstream, spec: ClipSpec) -> Mapping[str, Timeline]:
    """Bits of each part by picture."""
    return _video.timeline(_SYNTAX, stream, spec)


def load(name: str, params: str) -> FfmpegVideoCodec:
    """The codec with libvvenc's `params`."""

    def arguments(point: Point) -> list[str]:
        tuning = ["-preset", str(point.params["preset"]), "-qp", str(point.params["qp"]), "-qpa", "0"]
        return [*tuning, "-vvenc-params", params]

    info, points = describe(name, params)
    return FfmpegVideoCodec(info, points, _SYNTAX, arguments)
