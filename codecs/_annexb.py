"""Annex-B byte streams of HEVC and VVC: NAL units apart, and together again.

A unit is preceded by the start code 00 00 01. The optional zero byte before it is not written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from ..benchmark.api import CodecError, Part

if TYPE_CHECKING:
    from ._video import Place

START_CODE = b"\x00\x00\x01"
_START = re.compile(b"\x00\x00\x01")


def split(stream: bytes) -> list[bytes]:
    """NAL units of a byte stream, without start codes and without zero bytes between units.

    A NAL unit cannot end in a zero byte (its trailing bits start with a one), so nothing is lost.
    """
    starts = [match.end() for match in _START.finditer(stream)]
    ends = [start - len(START_CODE) for start in starts[1:]] + [len(stream)]
    return [stream[start:end].rstrip(b"\x00") for start, end in zip(starts, ends, strict=False)]


def join(units: Iterable[bytes]) -> bytes:
    """The byte stream of `units`, each with a start code of three bytes."""
    return b"".join(START_CODE + unit for unit in units)


def hevc_type(unit: bytes) -> int:
    """nal_unit_type of ITU-T H.265, 7.3.1.2."""
    return unit[0] >> 1 & 0x3F


def vvc_type(unit: bytes) -> int:
    """nal_unit_type of ITU-T H.266, 7.3.1.2."""
    return unit[1] >> 3


def parts(
    units: Sequence[bytes], kind: Callable[[bytes], int], headers: Container[int], slices: Container[int]
) -> list[Part]:
    """Units in their order as `headers` (the parameter sets that come first), `keyframe` (up to the first
    slice; a picture has one) and `inter` (the rest, maybe empty). Raises CodecError when there is no picture.
    """
    first = next((at for at, unit in enumerate(units) if kind(unit) not in headers), len(units))
    picture = next((at for at, unit in enumerate(units) if kind(unit) in slices), None)
    if picture is None:
        raise CodecError("the encoder gave no picture")
    pieces = {
        "headers": units[:first],
        "keyframe": units[first : picture + 1],
        "inter": units[picture + 1 :],
    }
    return [Part(name, "video", join(piece)) for name, piece in pieces.items()]


def sizes(
    payload: bytes, kind: Callable[[bytes], int], slices: Container[int], suffixes: Container[int] = ()
) -> Iterator[tuple[int, Place]]:
    """Bytes, start code included, and place of each unit that `join` wrote; a picture has one slice."""
    for unit in split(payload):
        place: Place = "before"
        if kind(unit) in slices:
            place = "picture"
        elif kind(unit) in suffixes:
            place = "after"
        yield len(START_CODE) + len(unit), place
