"""LPIPS v0.1 on given features: unit length per position, squared differences, weighted by channel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ...benchmark.weights.imagenet import Architecture, strictly
from .blocks import blocks, positions

if TYPE_CHECKING:
    from torch import Tensor

EPS = 1e-10  # added to a feature's length


class Lpips:
    """The learned weights of the channels, from `lpips`'s own file."""

    def __init__(self, name: str, architecture: Architecture, device: str) -> None:
        channels = [stage[-1].out_channels for stage in architecture.stages]
        keys = [f"lin{index}.model.1.weight" for index in range(len(channels))]
        shapes = {key: (1, count, 1, 1) for key, count in zip(keys, channels, strict=True)}
        tensors = strictly(name, shapes)
        self._weights = [tensors[key].flatten().float().to(device) for key in keys]

    def reference(self, features: Iterable[Tensor]) -> Sequence[Tensor]:
        """Features (N, C, H, W) of every stage with unit length, (N, P, C) in float32."""
        import torch

        return [
            torch.cat([unit(part) for (part,) in blocks(positions(feature))], dim=1) for feature in features
        ]

    def compare(self, reference: Sequence[Tensor], features: Iterable[Tensor]) -> Tensor:
        """Distances (N,) in float64 to the reference."""
        terms = [
            distance(known, positions(feature), weight)
            for known, feature, weight in zip(reference, features, self._weights, strict=True)
        ]
        return sum(terms[1:], terms[0])


def unit(features: Tensor) -> Tensor:
    """Features (N, P, C) over their length, in float32."""
    import torch

    features = features.float()
    length = torch.linalg.vector_norm(features, dim=-1, keepdim=True)
    return features * (length + EPS).reciprocal_()


def distance(reference: Tensor, features: Tensor, weight: Tensor) -> Tensor:
    """Mean over positions of the weighted squared differences: (N,) in float64."""
    import torch

    total = torch.zeros(len(features), dtype=torch.float64, device=features.device)
    for known, part in blocks(reference, features):
        squared = unit(part).sub_(known).square_()
        total += (squared @ weight).sum(dim=1, dtype=torch.float64)
    return total / features.shape[1]
