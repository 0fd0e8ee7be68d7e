"""VVC by libvvenc in random access: one keyframe, groups of 32 pictures coded out of order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from . import _vvc
from ._vvc import availability as availability
from ._vvc import timeline as timeline

if TYPE_CHECKING:
    from ..benchmark.api import Codec, CodecInfo, Point

# The encoder's own defaults (temporal filter and block importance included), without periodic keyframes.
_PARAMS = "intraperiod=-1"


def describe() -> tuple[CodecInfo, Sequence[Point]]:
    """Identity and default ladder."""
    return _vvc.describe("vvc-ra", _PARAMS)


def load(device: str) -> Codec:
    """The codec; it runs on the CPU whatever the device."""
    return _vvc.load("vvc-ra", _PARAMS)
