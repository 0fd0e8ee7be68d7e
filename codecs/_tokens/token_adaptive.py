"""Profile `adaptive`: one arithmetic-coded stream for a clip, that learns which tokens come often, and again.

A token is coded by a mixture of four distributions over its codebook's entries:
- all entries alike;
- as often as each came so far in this codebook;
- the same with a short memory, for a sound that lasts;
- the token of the frame before, for sure.
The shares of the mixture follow their posterior probabilities, in each codebook for itself. All entries alike
begin with nearly everything: where tokens are as good as random, and in a clip too short to learn from
(codebooks have up to 1024 entries or more, a clip has a few hundred frames), little is lost against `raw`.

Whole numbers throughout, so that every machine reads the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...benchmark.api import CodecError
from .._range_coder import TOTAL, RangeCoder

if TYPE_CHECKING:
    import numpy as np

_ONE = 1 << 16  # shares of a mixture add up to this
_LEAST = 64  # of a share, so that it can grow again
_START = (_ONE - 3 * 2048, 2048, 2048, 2048)
_FAST, _SLOW = 3, 5  # shares move by 2^-3 of their distance to the posterior at first, by 2^-5 later
_SLOWER = 8  # tokens until they move at half the speed
_SEEN, _FADE = 1 << 12, 4  # short memory: what a token adds, and it fades by 2^-4 a frame


class _Book:
    """What both ends know of the tokens of one codebook, and how it codes the next."""

    def __init__(self, size: int) -> None:
        import numpy as np

        self._np = np
        self.size = size
        self.counts = np.zeros(size, np.int64)
        self.recent = np.zeros(size, np.int64)
        self.frames = 0
        self.last = 0
        self.shares: list[int] = list(_START)

    def token(self, coder: RangeCoder, known: int) -> int:
        """Codes the next token, which is `known` where the coder writes."""
        free = TOTAL - self.size  # every entry has a frequency of at least 1
        shares = self.shares if self.frames else (_ONE, 0, 0, 0)
        alike, often, lately, again = (free * share // _ONE for share in shares)
        seen, fading = max(self.frames, 1), max(int(self.recent.sum()), 1)
        frequencies = 1 + alike // self.size + self.counts * often // seen + self.recent * lately // fading
        frequencies[self.last] += again
        frequencies[frequencies.argmax()] += TOTAL - int(frequencies.sum())
        token = coder.symbol(frequencies, known)
        if self.frames:
            self._weigh(
                alike // self.size,
                int(self.counts[token]) * often // seen,
                int(self.recent[token]) * lately // fading,
                again if token == self.last else 0,
            )
        self.counts[token] += 1
        self.recent -= self.recent >> _FADE
        self.recent[token] += _SEEN
        self.frames += 1
        self.last = token
        return token

    def _weigh(self, *parts: int) -> None:
        """Moves the shares towards their posterior, given what each distribution gave the token."""
        total = sum(parts) or 1
        speed = min(_FAST + self.frames // _SLOWER, _SLOW)
        for source, part in enumerate(parts):
            share = self.shares[source]
            self.shares[source] = max(share + ((part * _ONE // total - share) >> speed), _LEAST)
        self.shares[self.shares.index(max(self.shares))] += _ONE - sum(self.shares)


def encode(tokens: np.ndarray, sizes: Sequence[int]) -> bytes:
    """Bytes of tokens, int64 (T, K), all within their codebooks."""
    coder = RangeCoder()
    books = [_Book(size) for size in sizes]
    for frame in tokens.tolist():
        for book, token in zip(books, frame, strict=True):
            book.token(coder, token)
    return coder.finish()


def decode(data: bytes, frames: int, sizes: Sequence[int]) -> tuple[np.ndarray, Sequence[float]]:
    """Tokens, int64 (frames, K), and each frame's ideal bits. Raises CodecError for foreign data."""
    import numpy as np

    coder = RangeCoder(data)
    books = [_Book(size) for size in sizes]
    tokens, bits = np.empty((frames, len(sizes)), np.int64), []
    for row in tokens:
        before = coder.cost
        row[:] = [book.token(coder, 0) for book in books]
        bits.append(coder.cost - before)
    if coder.finish() != data:
        raise CodecError(f"tokens (adaptive): {len(data)} bytes are not what was written for {frames} frames")
    return tokens, bits
