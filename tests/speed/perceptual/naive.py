"""The field's networks as its libraries write them: plain torch.nn, one copy per metric."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn

Parts = Mapping[str, Mapping[str, "Tensor"]]


def sequential(part: Mapping[str, Tensor], architecture: Any) -> list[nn.Module]:
    """The convolutions of each stage with their ReLUs."""
    from torch import nn

    stages = []
    for stage in architecture.stages:
        layers = []
        for spec in stage:
            layer = nn.Conv2d(spec.in_channels, spec.out_channels, spec.size, spec.stride, spec.padding)
            layer.load_state_dict({k: part[f"features.{spec.index}.{k}"] for k in ("weight", "bias")})
            layers += [layer, nn.ReLU(inplace=True)]
        stages.append(nn.Sequential(*layers))
    return stages


def lpips(net: str, parts: Parts, device: str) -> Callable:
    """lpips.LPIPS: two passes, both normalised, a 1×1 convolution of the squared differences."""
    import torch
    from talkbench.benchmark.weights.imagenet import ALEXNET, VGG16
    from torch import nn

    name, architecture = {"alex": ("alexnet", ALEXNET), "vgg": ("vgg16", VGG16)}[net]
    stages = nn.ModuleList(sequential(parts[name], architecture)).to(device)
    pool = nn.MaxPool2d(3, 2) if net == "alex" else nn.MaxPool2d(2, 2)
    linear = [weight.to(device) for weight in parts[f"lpips-{net}"].values()]
    shift = torch.tensor([-0.030, -0.088, -0.188], device=device).view(1, 3, 1, 1)
    scale = torch.tensor([0.458, 0.448, 0.450], device=device).view(1, 3, 1, 1)

    def features(x: Tensor) -> list[Tensor]:
        x, found = (x - shift) / scale, []
        for stage, pooled in zip(stages, architecture.pooled, strict=True):
            x = stage(pool(x) if pooled else x)
            found.append(x)
        return [f / (f.square().sum(dim=1, keepdim=True).sqrt() + 1e-10) for f in found]

    def score(x: Tensor, y: Tensor) -> Tensor:
        total = torch.zeros(1, device=device)
        for a, b, weight in zip(features(2 * x - 1), features(2 * y - 1), linear, strict=True):
            total = total + nn.functional.conv2d((a - b) ** 2, weight).mean([2, 3])
        return total

    return score


def dists(parts: Parts, device: str) -> Callable:
    """DISTS_pytorch.DISTS."""
    import torch
    from talkbench.benchmark.weights.imagenet import VGG16
    from torch import nn

    stages = nn.ModuleList(sequential(parts["vgg16"], VGG16)).to(device)
    channels = [3, *(stage[-1].out_channels for stage in VGG16.stages)]
    weights = {key: parts["dists"][key].to(device) for key in ("alpha", "beta")}
    total = weights["alpha"].sum() + weights["beta"].sum()
    alphas, betas = ((weights[key] / total).split(channels, dim=1) for key in ("alpha", "beta"))
    mean = torch.tensor([0.485, 0.456, 0.406], device=device).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225], device=device).view(1, 3, 1, 1)
    window = torch.tensor([0.25, 0.5, 0.25], device=device)
    kernels = [torch.outer(window, window).repeat(count, 1, 1, 1) for count in channels]

    def features(x: Tensor) -> list[Tensor]:
        found, h = [x], (x - mean) / std
        for index, stage in enumerate(stages):
            if index:
                count = channels[index]
                h = nn.functional.conv2d(h**2, kernels[index], stride=2, padding=1, groups=count)
                h = (h + 1e-12).sqrt()
            h = stage(h)
            found.append(h)
        return found

    def score(x: Tensor, y: Tensor) -> Tensor:
        similarity = torch.zeros(1, device=device)
        for a, b, alpha, beta in zip(features(x), features(y), alphas, betas, strict=True):
            ma, mb = a.mean([2, 3], keepdim=True), b.mean([2, 3], keepdim=True)
            structure = (2 * ma * mb + 1e-6) / (ma**2 + mb**2 + 1e-6)
            va, vb = ((a - ma) ** 2).mean([2, 3], keepdim=True), ((b - mb) ** 2).mean([2, 3], keepdim=True)
            cov = (a * b).mean([2, 3], keepdim=True) - ma * mb
            similarity = similarity + (alpha * structure + beta * (2 * cov + 1e-6) / (va + vb + 1e-6)).sum()
        return 1 - similarity

    return score


def inception(part: Mapping[str, Tensor], device: str) -> Callable:
    """pytorch-fid's network: convolution, batch normalisation, ReLU."""
    from perceptual.random_weights import checkpoint_name
    from talkbench.metrics.fid import network
    from torch import nn

    whole = network.inception()
    for path, layer in list(whole.named_modules()):
        if isinstance(layer, network.ConvRelu):
            name = checkpoint_name(path)
            shape: Any = (layer.kernel_size, layer.stride, layer.padding)
            plain = nn.Conv2d(layer.in_channels, layer.out_channels, *shape, bias=False)
            norm = nn.BatchNorm2d(layer.out_channels, eps=network.BN_EPSILON)
            plain.load_state_dict({"weight": part[f"{name}.conv.weight"]})
            keys = ("weight", "bias", "running_mean", "running_var")
            norm.load_state_dict({key: part[f"{name}.bn.{key}"] for key in keys}, strict=False)
            parent, _, child = path.rpartition(".")
            setattr(whole.get_submodule(parent), child, nn.Sequential(plain, norm, nn.ReLU(inplace=True)))
    whole = whole.eval().to(device)

    def features(x: Tensor) -> Tensor:
        size = (network.SIDE, network.SIDE)
        return whole(2 * nn.functional.interpolate(x, size, mode="bilinear", align_corners=False) - 1)

    return features
