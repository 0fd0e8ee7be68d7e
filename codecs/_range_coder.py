"""One arithmetic-coded stream of whole frequencies, the same on every machine: constriction's range coder.

constriction works with 24-bit frequencies and takes floats. It gives symbol i of n the frequency
1 + p[i] · (2^24 − n) / Σp, rounded down cumulatively. For whole frequencies f ≥ 1 that add up to 2^24,
p = f − 1 adds up to 2^24 − n: the factor is exactly 1, every partial sum is a whole number below 2^24, which
a float32 holds exactly, and the symbol gets f. So no float is ever rounded.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..benchmark.api import CodecError

if TYPE_CHECKING:
    import numpy as np

PRECISION = 24
TOTAL = 1 << PRECISION
_RAW = 16  # raw bits at a time


class RangeCoder:
    """Writes symbols, or reads them where there is data; one code path serves both, so they cannot differ.

    cost: ideal length of what was coded so far, in bits: the sum of −log2(frequency / 2^24).
    """

    def __init__(self, data: bytes | None = None) -> None:
        import numpy as np
        from constriction import stream  # pyright: ignore[reportAttributeAccessIssue]  (a compiled module)

        self._models = stream.model
        self._encoder = stream.queue.RangeEncoder()
        self._decoder = None
        if data is not None:
            words = np.frombuffer(data + bytes(8 + -len(data) % 4), ">u4").astype(np.uint32)
            self._decoder = stream.queue.RangeDecoder(words)
        self.cost = 0.0

    def symbol(self, frequencies: np.ndarray, symbol: int) -> int:
        """Codes one of n symbols; frequencies int64 (n,), each ≥ 1, adding up to 2^24.

        Gives the symbol: the one passed when writing, the one found when reading.
        """
        symbol = self._code(
            self._models.Categorical((frequencies - 1).astype("float32"), perfect=False), symbol
        )
        self.cost += PRECISION - math.log2(frequencies[symbol])
        return symbol

    def raw(self, bits: int, value: int) -> int:
        """Codes a number of so many bits, all equally likely."""
        found = 0
        for place in range(0, bits, _RAW):
            size = min(_RAW, bits - place)
            piece = self._code(self._models.Uniform(1 << size), value >> place & (1 << size) - 1)
            found |= piece << place
        self.cost += bits
        return found

    def _code(self, model: object, symbol: int) -> int:
        if self._decoder is not None:
            try:
                symbol = int(self._decoder.decode(model))
            except (AssertionError, ValueError) as error:
                raise CodecError(f"arithmetic-coded data is damaged: {error}") from error
        self._encoder.encode(symbol, model)
        return symbol

    def finish(self) -> bytes:
        """The shortest bytes that give all symbols back when followed by zeros.

        What was read is written again on the way: a reader compares, and knows foreign data.
        """
        words, (low, span) = self._encoder.pos()
        size = 4 * words + 8
        sealed = b"".join(int(word).to_bytes(4) for word in self._encoder.get_compressed())
        # Any number in [start, start + span) of `size` bytes will do; constriction's own is one of them.
        inside = int.from_bytes(sealed.ljust(size, b"\0"))
        start = inside - (inside - low) % (1 << 64)
        for length in range(max(0, size - 8), size):
            unit = 1 << 8 * (size - length)
            rounded = -(-start // unit)
            if rounded * unit < start + span:
                return rounded.to_bytes(length) if length else b""
        return start.to_bytes(size)
