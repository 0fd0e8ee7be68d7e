"""Features as matrices of positions by channels, worked on in pieces that fit a processor's cache."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

VALUES_AT_ONCE = 2**18  # of one feature, on a processor


def positions(features: Tensor) -> Tensor:
    """Features (N, C, H, W) in channels-last memory as (N, H·W, C), without a copy."""
    return features.permute(0, 2, 3, 1).flatten(1, 2)


def blocks(*features: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Matching pieces of features (N, P, C), along P; on an accelerator the whole."""
    values = features[0]
    size = values.shape[1]
    if values.device.type == "cpu":
        size = max(1, VALUES_AT_ONCE // (values.shape[0] * values.shape[2]))
    yield from zip(*(feature.split(size, dim=1) for feature in features), strict=True)
