"""Profile `jvet`: motion as the JVET generative face video software packs it, in one payload.

Per frame: residuals to the previous frame, sign-folded (0, 1, −1, 2, … → 0, 1, 2, 3, …), 0-order exp-Golomb
codes behind a leading 1, and an adaptive arithmetic coder over these bits that restarts with every frame.
The coder is the order-0 PPM of Project Nayuki's reference coder: two counts that start at 0, an escape of
count 1 before a bit's first appearance, and an end symbol. It has 256 bits of state, and closes a frame by
a 1 and zeros up to a byte.

That software keeps a file per frame, whose size tells where it ends. Here frames follow each other and no
length is sent: the end symbol tells a decoder how many bits the encoder had written. The bytes equal that
software's, except where its closing `10…0` does not fix the last symbol once other bytes follow: then it is
closed by `01…1`, and where that does not help either (one frame in ten) by a zero byte more, which no frame
begins with.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ...benchmark.api import CodecError

if TYPE_CHECKING:
    import numpy as np

_STATE = 256
_HALF = 1 << _STATE - 1
_FULL = 1 << _STATE
_LONGEST = 33  # zeros before an exp-Golomb code: differences of 32-bit integers need no more


class _Interval:
    """The coder's interval [low, high], and how many bits are settled by it.

    written: bits out so far; pending: bits that wait for the next settled one, whose opposite they are.
    """

    def __init__(self) -> None:
        self.low, self.high = 0, _FULL - 1
        self.written = self.pending = 0

    def narrow(self, start: int, stop: int, total: int) -> tuple[int, int, int]:
        """Keeps the share [start, stop) of total.

        Gives how many top bits are settled now, these bits, and how many second bits were taken out after.
        """
        span = self.high - self.low + 1
        self.low, self.high = self.low + start * span // total, self.low + stop * span // total - 1
        settled = _STATE - (self.low ^ self.high).bit_length()
        top = self.high >> _STATE - settled
        self.low = (self.low << settled) & _FULL - 1
        self.high = (self.high << settled) & _FULL - 1 | (1 << settled) - 1
        if settled:
            self.written += settled + self.pending
            self.pending = 0
        # Where low = 01… and high = 10…, the second bits are the opposite of the first, still unknown, one.
        astride = self.low & ~self.high & _HALF - 1
        taken = _STATE - 1 - (~astride & _HALF - 1).bit_length()
        self.low = (self.low << taken) & _HALF - 1
        self.high = (self.high << taken) & _HALF - 1 | _HALF | (1 << taken) - 1
        self.pending += taken
        return settled, top, taken


class _Writer(_Interval):
    """The bits of one frame."""

    def __init__(self) -> None:
        super().__init__()
        self.bits = 0
        self.counts = [0, 0]

    def put(self, start: int, stop: int, total: int) -> None:
        waiting = self.pending
        settled, top, _ = self.narrow(start, stop, total)
        if settled:
            first = top >> settled - 1
            opposite = 0 if first else (1 << waiting) - 1
            rest = top & (1 << settled - 1) - 1
            self.bits = ((self.bits << 1 | first) << waiting | opposite) << settled - 1 | rest

    def bit(self, bit: int) -> None:
        zeros, ones = self.counts
        if self.counts[bit]:
            self.put(zeros if bit else 0, zeros + ones if bit else zeros, zeros + ones + 1)
        else:
            self.escape(bit)
        self.counts[bit] += 1

    def escape(self, symbol: int) -> None:
        seen = sum(self.counts)
        self.put(seen, seen + 1, seen + 1)
        self.put(symbol, symbol + 1, 3)

    def finish(self, following: bytes) -> bytes:
        """The frame's bytes, where `following` comes after them."""
        size = self.written // 8 + 1
        spare = 8 * size - self.written
        closing = 1 << spare - 1
        public = (self.bits << spare | closing).to_bytes(size)
        other = (self.bits << spare | closing - 1).to_bytes(size)
        while True:
            for closed in (public, other):
                if self._holds(closed + following):
                    return closed
            public, other = public + b"\0", public + b"\0\0"

    def _holds(self, data: bytes) -> bool:
        """Whether a decoder of these bytes ends up within the interval."""
        ahead = _window(data, self.written, _STATE + self.pending)
        code = ahead - (1 << _STATE + self.pending - 1) + _HALF
        return self.low <= code <= self.high


class _Reader(_Interval):
    """Reads one frame that starts at byte `at`. Bits after the end of the data are zeros."""

    def __init__(self, data: bytes, at: int) -> None:
        super().__init__()
        self.data, self.next = data, 8 * at
        self.code = self._take(_STATE)
        self.counts = [0, 0]

    def _take(self, bits: int) -> int:
        value = _window(self.data, self.next, bits)
        self.next += bits
        return value

    def get(self, limits: Sequence[int]) -> int:
        """The symbol whose share [limits[i], limits[i + 1]) of limits[-1] contains the code."""
        total = limits[-1]
        share = ((self.code - self.low + 1) * total - 1) // (self.high - self.low + 1)
        symbol = next(index for index, limit in enumerate(limits[1:]) if share < limit)
        settled, _, taken = self.narrow(limits[symbol], limits[symbol + 1], total)
        self.code = (self.code << settled) & _FULL - 1 | self._take(settled)
        self.code = self.code & _HALF | (self.code << taken) & _HALF - 1 | self._take(taken)
        return symbol

    def bit(self) -> int:
        """The next bit; 2 for the end symbol."""
        zeros, ones = self.counts
        bit = self.get((0, zeros, zeros + ones, zeros + ones + 1))
        if bit == 2:
            bit = self.get((0, 1, 2, 3))
        if bit < 2:
            self.counts[bit] += 1
        return bit


def _window(data: bytes, start: int, bits: int) -> int:
    """Bits [start, start + bits) of the data as a number; zeros after its end."""
    first, last = start // 8, (start + bits + 7) // 8
    piece = int.from_bytes(data[first:last].ljust(last - first, b"\0"))
    return piece >> 8 * last - start - bits & (1 << bits) - 1


def _bits(residuals: Sequence[int]) -> Iterator[int]:
    """The leading 1, then each residual's exp-Golomb code: n zeros, and the n + 1 bits of folded + 1."""
    yield 1
    for residual in residuals:
        code = 2 * abs(residual) + (residual <= 0)
        size = code.bit_length()
        yield from (0,) * (size - 1)
        yield from (code >> place & 1 for place in reversed(range(size)))


def encode_frame(residuals: Sequence[int], following: bytes = b"") -> bytes:
    """One frame's bytes, as they must be before `following`. With nothing after them: the software's own."""
    writer = _Writer()
    for bit in _bits(residuals):
        writer.bit(bit)
    writer.escape(2)
    return writer.finish(following)


def decode_frame(data: bytes, at: int, parameters: int) -> tuple[list[int], int]:
    """Residuals of the frame that starts at byte `at`, and where the next one starts.

    Raises CodecError for what `encode_frame` did not write for this number of parameters.
    """
    reader = _Reader(data, at)
    if reader.bit() != 1:
        raise CodecError(f"motion (jvet): byte {at} does not begin a frame")
    residuals: list[int] = []
    zeros = value = 0
    left = -1  # bits of the code that are still to come, or -1 before its first 1
    while (bit := reader.bit()) < 2:
        if len(residuals) == parameters:
            raise CodecError(f"motion (jvet): the frame at byte {at} has more than {parameters} values")
        if left < 0 and not bit:
            zeros += 1
            if zeros > _LONGEST:
                raise CodecError(f"motion (jvet): the frame at byte {at} holds a value of more than 32 bits")
            continue
        value = value << 1 | bit
        left = zeros if left < 0 else left - 1
        if left == 0:
            residuals.append(-(value // 2) if value & 1 else value // 2)
            zeros, value, left = 0, 0, -1
    if len(residuals) != parameters or zeros or left >= 0:
        raise CodecError(f"motion (jvet): the frame at byte {at} ends before its {parameters} values do")
    end = at + reader.written // 8 + 1
    if end > len(data):
        raise CodecError(f"motion (jvet): the frame at byte {at} is cut off")
    while end < len(data) and not data[end]:
        end += 1
    return residuals, end


def encode(groups: Sequence[np.ndarray]) -> bytes:
    """Groups int64 (T, P): frames after a keyframe each. A group's first frame is predicted as 0."""
    import numpy as np

    residuals = [row for group in groups for row in np.diff(group, axis=0, prepend=0 * group[:1]).tolist()]
    data = b""
    for row in reversed(residuals):  # a frame's end depends on what follows it
        data = encode_frame(row, data) + data
    return data


def decode(data: bytes, frames: Sequence[int], parameters: int) -> tuple[list[np.ndarray], list[int]]:
    """Groups int64 (T, P), and the bits of each frame. Raises CodecError for other data."""
    import numpy as np

    at, groups, bits = 0, [], []
    for count in frames:
        rows = []
        for _ in range(count):
            residuals, end = decode_frame(data, at, parameters)
            rows.append(residuals)
            bits.append(8 * (end - at))
            at = end
        groups.append(np.cumsum(np.array(rows, np.int64).reshape(count, parameters), axis=0))
    if encode(groups) != data:
        raise CodecError("motion (jvet): the data is damaged, or goes on after the last frame")
    return groups, bits
