"""Weights drawn at random, with the official files' names and shapes. Speed does not depend on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def random_parts() -> Mapping[str, Mapping[str, Tensor]]:
    """State dicts by name in the registry."""
    import torch
    from talkbench.benchmark.weights.imagenet import ALEXNET, VGG16
    from talkbench.metrics.fid import network

    random = torch.Generator().manual_seed(0)

    def convolution(*shape: int) -> Tensor:
        return torch.randn(shape, generator=random) * (2 / shape[1] / shape[2] / shape[3]) ** 0.5

    parts: dict[str, dict[str, Tensor]] = {
        "dists": {key: torch.rand(1, 1475, 1, 1, generator=random) for key in ("alpha", "beta")}
    }
    for name, head, architecture in (("vgg16", "lpips-vgg", VGG16), ("alexnet", "lpips-alex", ALEXNET)):
        parts[name], parts[head] = {}, {}
        for index, stage in enumerate(architecture.stages):
            for part in stage:
                shape = (part.out_channels, part.in_channels, part.size, part.size)
                parts[name][f"features.{part.index}.weight"] = convolution(*shape)
                parts[name][f"features.{part.index}.bias"] = torch.zeros(part.out_channels)
            linear = torch.rand(1, stage[-1].out_channels, 1, 1, generator=random)
            parts[head][f"lin{index}.model.1.weight"] = linear
        for index, (outputs, inputs) in architecture.classifier.items():
            parts[name][f"classifier.{index}.weight"] = torch.zeros(1).expand(outputs, inputs)
            parts[name][f"classifier.{index}.bias"] = torch.zeros(1).expand(outputs)
    inception = parts["pt-inception"] = {}
    for path, layer in network.inception().named_modules():
        if isinstance(layer, network.ConvRelu):
            name = checkpoint_name(path)
            inception[f"{name}.conv.weight"] = convolution(*layer.weight.shape)
            for key in ("weight", "bias", "running_mean", "running_var"):
                fill = torch.ones if key in ("weight", "running_var") else torch.zeros
                inception[f"{name}.bn.{key}"] = fill(layer.out_channels)
    return parts


def checkpoint_name(path: str) -> str:
    """Of a layer of FID's Inception, by its place in talkbench's network."""
    block, _, inside = path.partition(".")
    return f"{block}.{inside.rpartition('.')[2]}" if inside else block
