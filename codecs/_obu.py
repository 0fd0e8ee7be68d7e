"""AV1's low-overhead byte stream: OBUs apart, and temporal delimiters taken out and put back.

A temporal delimiter is an empty OBU before the OBUs of every shown picture. Where it belongs follows from
the frame headers, so it is not sent. AV1 Bitstream & Decoding Process Specification, sections 5 and 7.5.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..benchmark.api import CodecError, Part

if TYPE_CHECKING:
    from ._video import Place

SEQUENCE_HEADER, TEMPORAL_DELIMITER, FRAME_HEADER, FRAME = 1, 2, 3, 6
_DELIMITER = bytes([TEMPORAL_DELIMITER << 3 | 0b10, 0])


def split(stream: bytes) -> list[bytes]:
    """OBUs, each with its header and size field. Raises CodecError where sizes are absent or do not fit."""
    units = []
    at = 0
    while at < len(stream):
        extension, has_size = stream[at] >> 2 & 1, stream[at] >> 1 & 1
        if not has_size:
            raise CodecError(f"AV1 stream: the OBU at byte {at} has no size field")
        size, body = _leb128(stream, at + 1 + extension)
        if body + size > len(stream):
            raise CodecError(f"AV1 stream: the OBU at byte {at} is cut off")
        units.append(stream[at : body + size])
        at = body + size
    return units


def kind(unit: bytes) -> int:
    """obu_type, section 5.3.2."""
    return unit[0] >> 3 & 0xF


def shows_picture(unit: bytes) -> bool:
    """Whether this OBU ends a temporal unit: a frame with show_frame or show_existing_frame set (5.9.2).

    Holds for sequences without reduced_still_picture_header, and one tile group per frame.
    """
    if kind(unit) not in (FRAME_HEADER, FRAME):
        return False
    _, body = _leb128(unit, 1 + (unit[0] >> 2 & 1))
    bits = unit[body] if body < len(unit) else 0
    return bool(bits >> 7 & 1 or bits >> 4 & 1)


def parts(stream: bytes) -> Sequence[Part]:
    """`headers` (sequence header), `keyframe` and `inter` (maybe empty); no temporal delimiters.

    Raises CodecError for a stream that `restore` would not give back.
    """
    units = [unit for unit in split(stream) if kind(unit) != TEMPORAL_DELIMITER]
    first = next((at for at, unit in enumerate(units) if kind(unit) != SEQUENCE_HEADER), len(units))
    picture = next((at for at, unit in enumerate(units) if shows_picture(unit)), None)
    if picture is None:
        raise CodecError("the encoder gave no picture")
    if restore(b"".join(units)) != stream:
        raise CodecError("AV1 stream: its temporal delimiters do not follow from its frames")
    pieces = {"headers": units[:first], "keyframe": units[first : picture + 1], "inter": units[picture + 1 :]}
    return [Part(name, "video", b"".join(piece)) for name, piece in pieces.items()]


def sizes(payload: bytes) -> Iterator[tuple[int, Place]]:
    """Bytes and place of each OBU; frames that are not shown belong to the picture that follows."""
    for unit in split(payload):
        yield len(unit), "picture" if shows_picture(unit) else "before"


def restore(stream: bytes) -> bytes:
    """The stream with its temporal delimiters. Raises CodecError for what is not a stream of OBUs."""
    return b"".join(_delimited(split(stream)))


def _delimited(units: Sequence[bytes]) -> Iterator[bytes]:
    begins = True
    for unit in units:
        if begins:
            yield _DELIMITER
        yield unit
        begins = shows_picture(unit)


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    """Value and the position after it (section 4.10.5)."""
    value = 0
    for count, byte in enumerate(data[at : at + 8]):
        value |= (byte & 0x7F) << 7 * count
        if byte < 0x80:
            return value, at + count + 1
    raise CodecError(f"AV1 stream: the size field at byte {at} does not end")
