"""VVC by libvvenc in low delay, the anchor of the field: one keyframe, then B pictures that look back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from . import _vvc
from ._vvc import availability as availability
from ._vvc import timeline as timeline

if TYPE_CHECKING:
    from ..benchmark.api import Codec, CodecInfo, Point

# The coding structure and quantizer offsets of JVET's low-delay B configuration: libvvenc has its group of
# eight built in, and intraqpoffset and numrefpics complete it. mctf and bim look ahead and move the
# quantizer away from the QP asked for, so both are off; by PSNR that is also the better choice.
_PARAMS = (
    "picreordering=0:decodingrefreshtype=none:intraperiod=-1:gopsize=8"
    ":intraqpoffset=-1:numrefpics=0:mctf=0:bim=0"
)


def describe() -> tuple[CodecInfo, Sequence[Point]]:
    """Identity and default ladder."""
    return _vvc.describe("vvc", _PARAMS)


def load(device: str) -> Codec:
    """The codec; it runs on the CPU whatever the device."""
    return _vvc.load("vvc", _PARAMS)
