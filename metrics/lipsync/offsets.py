"""SyncNet's search for the offset between a row of lip embeddings and a row of sound embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

REACH = 15  # frames: offsets from -REACH to REACH are tried
_ROWS = 64  # worked on at a time, to bound memory
_EPSILON = 1e-6  # added to every difference, as torch's pairwise_distance does


class Sync(NamedTuple):
    """distance: the least mean distance (LSE-D); confidence: median minus least (LSE-C).

    offset: frames. The picture of frame t goes best with the sound of frame t - offset.
    """

    distance: float
    confidence: float
    offset: int


def curve(lips: Tensor, sounds: Tensor, zero_padded: bool) -> Tensor:
    """Mean distance at each offset, float64 (31,): lips of frame t with sounds of frame t + k - 15.

    lips, sounds: (T, E). zero_padded: beyond its ends the sound is a row of zeros, as in the published
    evaluation; otherwise the mean is over the pairs that exist (NaN where there is none).
    """
    import torch
    import torch.nn.functional as functional

    frames = len(lips)
    padded = functional.pad(sounds, (0, 0, REACH, REACH))
    sums = torch.zeros(2 * REACH + 1, dtype=torch.float64, device=lips.device)
    counts = torch.zeros_like(sums)
    for start in range(0, frames, _ROWS):
        rows = lips[start : start + _ROWS]
        near = padded[start : start + len(rows) + 2 * REACH].unfold(0, 2 * REACH + 1, 1)
        distances = (rows[:, :, None] - near + _EPSILON).square().sum(1).sqrt().double()
        at = torch.arange(start, start + len(rows), device=lips.device)[:, None]
        at = at + torch.arange(-REACH, REACH + 1, device=lips.device)
        counted = torch.ones_like(distances) if zero_padded else ((at >= 0) & (at < frames)).double()
        sums += (distances * counted).sum(0)
        counts += counted.sum(0)
    return sums / counts


def best(means: Tensor) -> Sync:
    """Distance, confidence and offset of a `curve`; offsets without any pair are left out."""
    import torch

    offsets = torch.arange(REACH, -REACH - 1, -1)
    tried = ~means.isnan().cpu()
    means, offsets = means.cpu()[tried], offsets[tried]
    least = int(means.argmin())
    return Sync(float(means[least]), float(means.median() - means[least]), int(offsets[least]))
