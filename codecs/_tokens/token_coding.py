"""Tokens of a sound as bytes, and back: whole numbers (T, K), in frames of one token per codebook.

- `adaptive`: one arithmetic-coded stream for the clip, which learns as it goes.
- `raw`: each token in the bits that its codebook's size takes, back to back; no statistics, no learning.

Neither a length nor a size is sent: both ends know T, and the sizes of the K codebooks that are used.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from ...benchmark.api import CodecError
from . import token_adaptive, token_raw

if TYPE_CHECKING:
    import numpy as np

_CODERS = {"adaptive": token_adaptive, "raw": token_raw}
PROFILES = tuple(_CODERS)


def build() -> dict[str, str]:
    """Versions that decide the bytes of tokens."""
    return {"constriction": version("constriction")}


def pack(tokens: np.ndarray, sizes: Sequence[int], profile: str) -> bytes:
    """Bytes of a sound's tokens.

    tokens: whole numbers (T, K), token k of a frame in range(sizes[k]); sizes: of the K codebooks. No
    frames, no bytes. Raises CodecError for another profile, another shape, or a token out of range.
    """
    import numpy as np

    coder = _coder(profile, sizes)
    if tokens.ndim != 2 or tokens.shape[1] != len(sizes) or not np.issubdtype(tokens.dtype, np.integer):
        raise CodecError(
            f"tokens must be whole numbers, frames × {len(sizes)} codebooks; "
            f"got {tokens.dtype.name} {tokens.shape}"
        )
    _check(tokens, sizes)
    return coder.encode(tokens.astype(np.int64), sizes) if len(tokens) else b""


def unpack(data: bytes, frames: int, sizes: Sequence[int], profile: str) -> np.ndarray:
    """What `pack` was given: int64 (frames, K). Raises CodecError for data that `pack` never wrote for it."""
    return _read(data, frames, sizes, profile)[0]


def frame_bits(data: bytes, frames: int, sizes: Sequence[int], profile: str) -> list[int]:
    """Bits of each frame; they add up to 8 · len(data).

    8 · len(data) shared out by the frames' ideal code lengths, with running sums rounded; of `raw` these are
    all alike, but for the zero bits at the end. Raises CodecError as `unpack` does.
    """
    _, bits = _read(data, frames, sizes, profile)
    sums = list(accumulate(bits, initial=0.0))
    share = 8 * len(data) / sums[-1] if sums[-1] else 0
    bounds = [round(running * share) for running in sums]
    return [after - before for before, after in pairwise(bounds)]


def _read(data: bytes, frames: int, sizes: Sequence[int], profile: str) -> tuple[np.ndarray, Sequence[float]]:
    import numpy as np

    coder = _coder(profile, sizes)
    if frames < 0:
        raise CodecError(f"tokens: {frames} frames cannot be")
    if not frames:
        if data:
            raise CodecError(f"tokens: {len(data)} bytes for no frames")
        return np.zeros((0, len(sizes)), np.int64), []
    tokens, bits = coder.decode(data, frames, sizes)
    _check(tokens, sizes)
    return tokens, bits


def _check(tokens: np.ndarray, sizes: Sequence[int]) -> None:
    """Raises CodecError, naming the first token that its codebook does not have."""
    import numpy as np

    wrong = np.argwhere((tokens < 0) | (tokens >= np.array(sizes)))
    if len(wrong):
        frame, book = wrong[0]
        raise CodecError(
            f"token {tokens[frame, book]} of frame {frame} is not of codebook {book}, "
            f"which has {sizes[book]} entries"
        )


def _coder(profile: str, sizes: Sequence[int]):
    if profile not in _CODERS:
        raise CodecError(f"tokens: profile {profile!r} is not one of {PROFILES}")
    if not sizes or any(not 1 < size <= 1 << 20 for size in sizes):
        raise CodecError(f"tokens: codebooks of {list(sizes)} entries cannot be coded; 2 to 2^20 can")
    return _CODERS[profile]
