"""HEVC by libx265 in low delay: one keyframe, then P pictures, at fixed QP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from ..benchmark.api import Bitstream, ClipSpec, CodecInfo, Part, Point, Timeline
from ..benchmark.media import ffmpeg
from . import _annexb, _video
from ._video import FfmpegVideoCodec, Place, Syntax

if TYPE_CHECKING:
    from ..benchmark.api import Codec

_QPS = (51, 47, 42, 37, 32)
_PRESET = "slow"
# No B pictures and no look-ahead; wpp=0 and frame-threads=1 because both change the bits; tuned for PSNR as
# the other codecs are (psy-rd off).
_PARAMS = (
    "keyint=-1:scenecut=0:bframes=0:rc-lookahead=0:slices=1:wpp=0:frame-threads=1:pools=none"
    ":psy-rd=0:psy-rdoq=0:info=0:aud=0:hrd=0:log-level=error"
)
_VPS, _SPS, _PPS = 32, 33, 34
_SLICES = range(32)


def _parts(stream: bytes) -> Sequence[Part]:
    """Parameter sets and slices: what decoding needs."""
    units = [
        unit for unit in _annexb.split(stream) if _annexb.hevc_type(unit) in (_VPS, _SPS, _PPS, *_SLICES)
    ]
    return _annexb.parts(units, _annexb.hevc_type, headers={_VPS, _SPS, _PPS}, slices=_SLICES)


def _units(payload: bytes) -> Iterable[tuple[int, Place]]:
    return _annexb.sizes(payload, _annexb.hevc_type, _SLICES)


_SYNTAX = Syntax("libx265", "hevc", "hevc", bits=10, parts=_parts, units=_units)


def availability() -> str | None:
    """Why HEVC cannot run here and the fix, or None."""
    return _SYNTAX.availability()


def describe() -> tuple[CodecInfo, Sequence[Point]]:
    """Identity and default ladder."""
    info = CodecInfo(
        name="hevc",
        version="1",
        modalities=("video",),
        parts=_video.PARTS,
        family="conventional",
        licence="GPL-2.0 (x265), LGPL-2.1 (decoder)",
        paper="ITU-T H.265; Sullivan et al., Overview of the HEVC standard, IEEE TCSVT 2012",
        build={"ffmpeg": ffmpeg.version()},
        options={**_SYNTAX.options(), "params": _PARAMS},
    )
    return info, [Point(f"qp{qp}", {"qp": qp, "preset": _PRESET}) for qp in _QPS]


def load(device: str) -> Codec:
    """The codec; it runs on the CPU whatever the device."""
    info, points = describe()
    return FfmpegVideoCodec(info, points, _SYNTAX, _arguments)


def timeline(stream: Bitstream, spec: ClipSpec) -> Mapping[str, Timeline]:
    """Bits of each part by picture."""
    return _video.timeline(_SYNTAX, stream, spec)


def _arguments(point: Point) -> list[str]:
    return ["-preset", str(point.params["preset"]), "-x265-params", f"qp={point.params['qp']}:{_PARAMS}"]
