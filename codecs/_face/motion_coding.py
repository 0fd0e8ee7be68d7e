"""Quantised motion of a clip as bytes, and back: whole numbers per frame, in one of two profiles.

Values are `round(Q · (x[t] − x_key))`: a frame's parameters against those of its decoded keyframe, which both
ends know. Predicting from quantised values is prediction in closed loop: no error builds up.

- `context`: one arithmetic-coded stream for the clip; what was learnt is kept across frames and groups.
- `jvet`: as the JVET generative face video software packs: each frame on its own, in whole bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from ...benchmark.api import CodecError
from . import motion_context, motion_jvet

if TYPE_CHECKING:
    import numpy as np

_CODERS = {"context": motion_context, "jvet": motion_jvet}
PROFILES = tuple(_CODERS)


def build() -> dict[str, str]:
    """Versions that decide the bytes of motion."""
    return {"constriction": version("constriction")}


def pack(groups: Sequence[np.ndarray], profile: str) -> bytes:
    """Bytes of a clip's motion.

    groups: one array of whole numbers (T, P) per keyframe, with the T ≥ 0 frames that follow it; 32 bits
    a value. No frames, no bytes. Raises CodecError for another profile, other shapes or larger values.
    """
    import numpy as np

    coder = _coder(profile)
    arrays = [np.asarray(group) for group in groups]
    shapes = [array.shape for array in arrays]
    if any(len(shape) != 2 or not shape[1] for shape in shapes) or len({shape[1:] for shape in shapes}) > 1:
        raise CodecError(f"motion: groups must be (T, P) with the same P > 0, got {shapes}")
    if not all(np.issubdtype(array.dtype, np.integer) for array in arrays):
        raise CodecError(
            f"motion: values must be whole numbers, got {[array.dtype.name for array in arrays]}"
        )
    limits = np.iinfo(np.int32)
    if any(array.size and (array.min() < limits.min or array.max() > limits.max) for array in arrays):
        raise CodecError("motion: a value takes more than 32 bits")
    if not any(map(len, arrays)):
        return b""
    return coder.encode([array.astype(np.int64) for array in arrays])


def unpack(data: bytes, frames: Sequence[int], parameters: int, profile: str) -> list[np.ndarray]:
    """What `pack` was given: per group int32 (T, P).

    frames: T of each group; parameters: P. Raises CodecError for data that `pack` did not write for them.
    """
    import numpy as np

    groups, _ = _read(data, frames, parameters, profile)
    return [group.astype(np.int32) for group in groups]


def frame_bits(data: bytes, frames: Sequence[int], parameters: int, profile: str) -> list[list[int]]:
    """Bits of each group's frames; all together add up to 8 · len(data).

    `jvet`: exactly the frame's bytes. `context`: 8 · len(data) shared out by the frames' ideal code lengths,
    with running sums rounded. Raises CodecError as `unpack` does.
    """
    _, bits = _read(data, frames, parameters, profile)
    sums = list(accumulate(bits, initial=0))
    share = 8 * len(data) / sums[-1] if sums[-1] else 0
    bounds = [round(running * share) for running in sums]
    flat = [after - before for before, after in pairwise(bounds)]
    ends = list(accumulate(frames, initial=0))
    return [flat[start:end] for start, end in pairwise(ends)]


def _read(
    data: bytes, frames: Sequence[int], parameters: int, profile: str
) -> tuple[list[np.ndarray], Sequence[float]]:
    import numpy as np

    coder = _coder(profile)
    if parameters < 1 or any(count < 0 for count in frames):
        raise CodecError(f"motion: {list(frames)} frames of {parameters} parameters cannot be")
    if any(frames):
        groups, bits = coder.decode(data, frames, parameters)
        limits = np.iinfo(np.int32)
        if all(not group.size or limits.min <= group.min() <= group.max() <= limits.max for group in groups):
            return groups, bits
        raise CodecError("motion: the data holds values of more than 32 bits")
    if data:
        raise CodecError(f"motion: {len(data)} bytes for no frames")
    return [np.zeros((0, parameters), np.int64) for _ in frames], []


def _coder(profile: str):
    if profile not in _CODERS:
        raise CodecError(f"motion: profile {profile!r} is not one of {PROFILES}")
    return _CODERS[profile]
