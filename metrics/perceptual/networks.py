"""VGG-16 and AlexNet, as fast as the device computes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ...benchmark.weights.imagenet import Architecture, Convolution, read
from .convolution import Layer, convolution

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class Network:
    """Five stages of convolutions; the pooling between them is the caller's."""

    def __init__(self, name: str, architecture: Architecture, device: str, dtype: torch.dtype) -> None:
        tensors = read(name, architecture)

        def layer(part: Convolution) -> Layer:
            weight, bias = tensors[f"features.{part.index}.weight"], tensors[f"features.{part.index}.bias"]
            return convolution(weight, bias, part.stride, part.padding, device, dtype)

        self._stages = [[layer(part) for part in stage] for stage in architecture.stages]
        self._pooled = architecture.pooled

    def first(self, x: Tensor) -> Tensor:
        """Features (N, C, H, W) of the first stage, of normalised pictures (N, 3, H, W)."""
        for layer in self._stages[0]:
            x = layer(x)
        return x

    def rest(self, x: Tensor, pool: Callable[[Tensor], Tensor]) -> Iterator[Tensor]:
        """The first stage's features, as given, and then those of the other stages."""
        yield x
        for layers, pooled in zip(self._stages[1:], self._pooled[1:], strict=True):
            x = pool(x) if pooled else x
            for layer in layers:
                x = layer(x)
            yield x
