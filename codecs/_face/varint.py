"""Small numbers of a header: seven bits a byte, lowest first, the top bit set on all but the last byte."""

from __future__ import annotations

from collections.abc import Iterable

from ...benchmark.api import CodecError

_MOST_BYTES = 4


def write(numbers: Iterable[int]) -> bytes:
    """Numbers from 0 to 2^28 - 1 as bytes. Raises CodecError for others."""
    data = bytearray()
    for number in numbers:
        if not 0 <= number < 1 << 7 * _MOST_BYTES:
            raise CodecError(f"{number} does not fit into a header; numbers from 0 to 2^28 - 1 do")
        while number > 127:
            data.append(number & 127 | 128)
            number >>= 7
        data.append(number)
    return bytes(data)


def read(data: bytes, count: int) -> tuple[list[int], bytes]:
    """The first `count` numbers and the bytes after them. Raises CodecError for what `write` never wrote."""
    numbers, at = [], 0
    for _ in range(count):
        number = 0
        for place in range(_MOST_BYTES):
            byte = data[at + place] if at + place < len(data) else 128
            number |= (byte & 127) << 7 * place
            if byte < 128:
                break
        else:
            raise CodecError("part 'headers' is cut off or damaged")
        if place and not byte:
            raise CodecError("part 'headers' is damaged: a number has more bytes than it needs")
        numbers.append(number)
        at += place + 1
    return numbers, data[at:]
