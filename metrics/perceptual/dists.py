"""DISTS on given features: how alike their means and their variations are, weighted by channel.

With x and y centred, the complements of the two similarities (Ding et al. 2022, equations 5 and 6) are

    1 - S₁ = (μx - μy)² / (μx² + μy² + c1)        1 - S₂ = mean (x - y)² / (σx² + σy² + c2),

in which form an exact copy gives exactly 0, and float32 loses nothing where x and y are close, or where a
picture is flat: there the libraries' E[xy] - μx μy in float32 is off by up to 0.03.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...benchmark.weights.imagenet import Architecture, strictly
from .blocks import blocks, positions

if TYPE_CHECKING:
    from torch import Tensor

C1 = C2 = 1e-6
POOLING_EPS = 1e-12
SHORTER_SIDE = 256


@dataclass(frozen=True)
class Moments:
    """One stage of a reference: centred features (N, P, C), their means and variances (N, C) in float64."""

    centred: Tensor
    mean: Tensor
    variance: Tensor


class Dists:
    """α and β of every channel, of the picture's own three and of the network's stages."""

    def __init__(self, name: str, architecture: Architecture, device: str) -> None:
        channels = [3, *(stage[-1].out_channels for stage in architecture.stages)]
        shape = (1, sum(channels), 1, 1)
        tensors = strictly(name, {"alpha": shape, "beta": shape})
        alpha, beta = (tensors[key].flatten().double() for key in ("alpha", "beta"))
        total = alpha.sum() + beta.sum()
        self._alpha = [part.to(device) for part in (alpha / total).split(channels)]
        self._beta = [part.to(device) for part in (beta / total).split(channels)]

    def reference(self, pictures: Tensor, features: Iterable[Tensor]) -> Sequence[Moments]:
        """Moments of the pictures (N, 3, H, W) in [0, 1] and of the features (N, C, H, W) of every stage."""
        return [moments(positions(feature)) for feature in (pictures, *features)]

    def compare(self, reference: Sequence[Moments], pictures: Tensor, features: Iterable[Tensor]) -> Tensor:
        """Distances (N,) in float64 to the reference."""
        terms = [unlikeness(reference[0], positions(pictures), self._alpha[0], self._beta[0])]
        weights = zip(reference[1:], self._alpha[1:], self._beta[1:], strict=True)
        for feature, (known, alpha, beta) in zip(features, weights, strict=True):
            terms.append(unlikeness(known, positions(feature), alpha, beta))
        return sum(terms[1:], terms[0])


def moments(features: Tensor) -> Moments:
    """Of features (N, P, C)."""
    import torch

    mean = features.mean(dim=1, keepdim=True, dtype=torch.float32)
    squares = torch.zeros(mean[:, 0].shape, dtype=torch.float64, device=mean.device)
    parts = []
    for (part,) in blocks(features):
        parts.append(part - mean)
        squares += parts[-1].square().sum(dim=1)
    return Moments(torch.cat(parts, dim=1), mean[:, 0].double(), squares / features.shape[1])


def unlikeness(reference: Moments, features: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
    """α (1 - S₁) + β (1 - S₂), summed over channels: (N,) in float64."""
    import torch

    mean = features.mean(dim=1, keepdim=True, dtype=torch.float32)
    squares, differences = torch.zeros(2, *mean[:, 0].shape, dtype=torch.float64, device=mean.device)
    for known, part in blocks(reference.centred, features):
        centred = part - mean
        differences += (centred - known).square_().sum(dim=1)
        squares += centred.square_().sum(dim=1)
    positions_count = features.shape[1]
    mean = mean[:, 0].double()
    structure = (reference.mean - mean).square() / (reference.mean.square() + mean.square() + C1)
    texture = (differences / positions_count) / (reference.variance + squares / positions_count + C2)
    return (alpha * structure + beta * texture).sum(dim=1)


def l2_pool(features: Tensor) -> Tensor:
    """√(squares, blurred by a 3×3 Hann window, at every second position) of features (N, C, H, W)."""
    import torch
    from torch.nn.functional import conv2d

    window = torch.tensor((0.25, 0.5, 0.25), device=features.device)
    channels = features.shape[1]
    kernel = torch.outer(window, window).expand(channels, 1, 3, 3)
    squares = features.float().square()
    pooled = conv2d(squares, kernel, stride=2, padding=1, groups=channels)
    return pooled.add_(POOLING_EPS).sqrt_().to(features.dtype)


def resized(frames: Tensor) -> Tensor:
    """uint8 frames (N, 3, H, W), a shorter side above 256 made 256 as the authors' prepare_image does."""
    import numpy as np
    import torch
    from PIL import Image

    height, width = frames.shape[2:]
    shorter = min(height, width)
    if shorter <= SHORTER_SIDE:
        return frames
    size = (SHORTER_SIDE * width // shorter, SHORTER_SIDE * height // shorter)
    pictures = [Image.fromarray(frame.permute(1, 2, 0).contiguous().numpy()) for frame in frames]
    small = np.stack([np.asarray(picture.resize(size, Image.Resampling.BILINEAR)) for picture in pictures])
    return torch.from_numpy(small).permute(0, 3, 1, 2)
