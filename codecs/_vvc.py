"""What the two VVC codecs share: libvvenc at fixed QP, and an Annex-B stream with nothing optional in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..benchmark.api import Bitstream, ClipSpec, CodecInfo, Part, Point, Timeline
from ..benchmark.media import ffmpeg
from . import _annexb, _video, _vvc_order
from ._video import FfmpegVideoCodec, Place, Syntax

_QPS = (63, 57, 52, 47, 42, 37, 32)
PRESET = "medium"
# nal_unit_type, ITU-T H.266 table 5
SLICES = range(12)
_SPS, _PPS, _PREFIX_APS, _SUFFIX_APS, _PICTURE_HEADER = 15, 16, 17, 18, 19
PARAMETER_SETS = {_SPS, _PPS}
_NEEDED = {*SLICES, *PARAMETER_SETS, _PREFIX_APS, _SUFFIX_APS, _PICTURE_HEADER}


def needed(stream: bytes) -> list[bytes]:
    """Parameter sets and slices; access-unit delimiters, SEI and fillers are not needed for decoding."""
    return [unit for unit in _annexb.split(stream) if _annexb.vvc_type(unit) in _NEEDED]


def _parts(stream: bytes) -> Sequence[Part]:
    return _annexb.parts(needed(stream), _annexb.vvc_type, PARAMETER_SETS, SLICES)


def units(payload: bytes) -> Iterable[tuple[int, Place]]:
    """Bytes and place of each unit of a payload."""
    return _annexb.sizes(payload, _annexb.vvc_type, SLICES, suffixes={_SUFFIX_APS})


SYNTAX = Syntax("libvvenc", "vvc", "vvc", bits=10, parts=_parts, units=units, shown=_vvc_order.shown)


def availability() -> str | None:
    """Why VVC cannot run here and the fix, or None."""
    return SYNTAX.availability()


def describe(name: str, params: str) -> tuple[CodecInfo, Sequence[Point]]:
    """Identity and default ladder of VVC with libvvenc's `params`."""
    info = CodecInfo(
        name=name,
        version="1",
        modalities=("video",),
        parts=_video.PARTS,
        family="conventional",
        licence="BSD-3-Clause-Clear (vvenc), LGPL-2.1 (decoder)",
        paper="ITU-T H.266; Wieckowski et al., VVenC: an open and optimized VVC encoder, ICMEW 2021",
        build={"ffmpeg": ffmpeg.version()},
        options={**SYNTAX.options(), "qpa": 0, "params": params},
    )
    return info, [Point(f"qp{qp}", {"qp": qp, "preset": PRESET}) for qp in _QPS]


def timeline(stream: Bitstream, spec: ClipSpec) -> Mapping[str, Timeline]:
    """Bits of each part by picture."""
    return _video.timeline(SYNTAX, stream, spec)


def arguments(qp: object, preset: object, params: str) -> list[str]:
    """Options for libvvenc: a fixed QP, tuned for PSNR."""
    return ["-preset", str(preset), "-qp", str(qp), "-qpa", "0", "-vvenc-params", params]


def load(name: str, params: str) -> FfmpegVideoCodec:
    """The codec with libvvenc's `params`."""

    def of_point(point: Point) -> list[str]:
        return arguments(point.params["qp"], point.params["preset"], params)

    info, points = describe(name, params)
    return FfmpegVideoCodec(info, points, SYNTAX, of_point)
