"""Profile `raw`: each token in the whole bits that its codebook takes, most significant first.

Frame after frame, in a frame codebook after codebook, back to back; zero bits fill up the last byte only. So
T frames take exactly ceil(T · Σ ceil(log2 size) / 8) bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...benchmark.api import CodecError

if TYPE_CHECKING:
    import numpy as np


def widths(sizes: Sequence[int]) -> list[int]:
    """Bits of a token of each codebook.

    >>> widths([1024, 16, 5])
    [10, 4, 3]
    """
    return [(size - 1).bit_length() for size in sizes]


def encode(tokens: np.ndarray, sizes: Sequence[int]) -> bytes:
    """Bytes of tokens, int64 (T, K), all within their codebooks."""
    import numpy as np

    columns = [tokens[:, [book]] >> np.arange(width)[::-1] & 1 for book, width in enumerate(widths(sizes))]
    return np.packbits(np.concatenate(columns, axis=1).astype(bool)).tobytes()


def decode(data: bytes, frames: int, sizes: Sequence[int]) -> tuple[np.ndarray, Sequence[float]]:
    """Tokens, int64 (frames, K), maybe out of range, and each frame's bits. Raises CodecError."""
    import numpy as np

    per_frame = sum(widths(sizes))
    if len(data) != -(-frames * per_frame // 8):
        raise CodecError(f"tokens (raw): {len(data)} bytes are not {frames} frames of {per_frame} bits")
    bits = np.unpackbits(np.frombuffer(data, np.uint8))
    if bits[frames * per_frame :].any():
        raise CodecError("tokens (raw): the bits that fill up the last byte must be zero")
    rows = bits[: frames * per_frame].reshape(frames, per_frame).astype(np.int64)
    pieces = np.split(rows, np.cumsum(widths(sizes))[:-1], axis=1)
    tokens = [piece @ (1 << np.arange(piece.shape[1])[::-1]) for piece in pieces]
    return np.stack(tokens, axis=1), [float(per_frame)] * frames
