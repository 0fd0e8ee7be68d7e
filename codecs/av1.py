"""AV1 by SVT-AV1 in its low-delay prediction structure: one keyframe, at fixed quantizer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..benchmark.api import Bitstream, ClipSpec, CodecInfo, Point, Timeline
from ..benchmark.media import ffmpeg
from . import _obu, _video
from ._video import FfmpegVideoCodec, Syntax

if TYPE_CHECKING:
    from ..benchmark.api import Codec

_QPS = (63, 59, 54, 48, 42, 35)
_PRESET = 4
_PARAMS = "rc=0:aq-mode=0:pred-struct=1:keyint=-1:scd=0:lookahead=0:enable-tf=0:tune=1:lp=1"
_SYNTAX = Syntax(
    "libsvtav1", "libdav1d", "obu", bits=10, parts=_obu.parts, units=_obu.sizes, restore=_obu.restore
)


def availability() -> str | None:
    """Why AV1 cannot run here and the fix, or None."""
    return _SYNTAX.availability()


def describe() -> tuple[CodecInfo, Sequence[Point]]:
    """Identity and default ladder."""
    info = CodecInfo(
        name="av1",
        version="1",
        modalities=("video",),
        parts=_video.PARTS,
        family="conventional",
        licence="BSD-3-Clause-Clear (SVT-AV1), BSD-2-Clause (dav1d)",
        paper="AV1 Bitstream & Decoding Process Specification; Kossentini et al., SVT-AV1, SPIE 2020",
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
    params = point.params
    return ["-preset", str(params["preset"]), "-qp", str(params["qp"]), "-svtav1-params", _PARAMS]
