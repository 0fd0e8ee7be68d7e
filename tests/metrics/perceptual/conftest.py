"""Weights drawn at random for the networks, and the metrics written down plainly, in float64."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest
import torch
from talkbench.benchmark import weights
from talkbench.benchmark.api.metric import MetricInfo
from talkbench.metrics import perceptual
from torch import Tensor, nn
from torch.nn import functional as F

NAMES = ("vgg16", "alexnet", "lpips-vgg", "lpips-alex", "dists")
VGG_CHANNELS, ALEX_CHANNELS = (64, 128, 256, 512, 512), (64, 192, 384, 256, 256)


def vgg16(**settings: bool) -> nn.Module:
    """torchvision's VGG-16 (whatever the settings: pretrained, …), with a classifier that takes no memory."""
    layers: list[nn.Module] = []
    channels = 3
    for count, width in zip((2, 2, 3, 3, 3), VGG_CHANNELS, strict=True):
        for _ in range(count):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
            channels = width
        layers.append(nn.MaxPool2d(2, 2))
    return network(layers, {0: (4096, 25088), 3: (4096, 4096), 6: (1000, 4096)})


def alexnet(**settings: bool) -> nn.Module:
    """torchvision's AlexNet, likewise, with a classifier that takes no memory."""
    layers: list[nn.Module] = []
    convolutions = [(3, 64, 11, 4, 2), (64, 192, 5, 1, 2), (192, 384, 3, 1, 1), (384, 256, 3, 1, 1)]
    for index, shape in enumerate([*convolutions, (256, 256, 3, 1, 1)]):
        layers += [nn.Conv2d(*shape), nn.ReLU(inplace=True)]
        if index in (0, 1, 4):
            layers.append(nn.MaxPool2d(3, 2))
    return network(layers, {1: (4096, 9216), 4: (4096, 4096), 6: (1000, 4096)})


def network(layers: Sequence[nn.Module], linear: Mapping[int, tuple[int, int]]) -> nn.Module:
    """He's initial weights, from one seed."""
    random = torch.Generator().manual_seed(len(layers))
    features = nn.Sequential(*layers)
    for layer in features:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, generator=random)
            layer.bias = nn.Parameter(0.1 * torch.randn(layer.out_channels, generator=random))
    classifier = nn.Sequential(*(nn.Identity() for _ in range(7)))
    for index, (out_features, in_features) in linear.items():
        layer = nn.Linear(1, 1)
        layer.weight = nn.Parameter(torch.zeros(1, 1).expand(out_features, in_features))
        layer.bias = nn.Parameter(torch.zeros(1).expand(out_features))
        classifier[index] = layer
    model = nn.Module()
    model.features, model.classifier = features, classifier
    return model.requires_grad_(False)


@pytest.fixture(scope="session")
def random_parts() -> Mapping[str, Mapping[str, Tensor]]:
    """State dicts of all five files, with the official files' names and shapes."""
    random = torch.Generator().manual_seed(7)

    def linear(channels: Sequence[int]) -> dict[str, Tensor]:
        shapes = [(1, count, 1, 1) for count in channels]
        return {f"lin{i}.model.1.weight": torch.rand(s, generator=random) for i, s in enumerate(shapes)}

    alpha_beta = {key: torch.rand(1, 1475, 1, 1, generator=random) for key in ("alpha", "beta")}
    return {
        "vgg16": vgg16().state_dict(),
        "alexnet": alexnet().state_dict(),
        "lpips-vgg": linear(VGG_CHANNELS),
        "lpips-alex": linear(ALEX_CHANNELS),
        "dists": alpha_beta,
    }


@cache
def official_parts() -> Mapping[str, Mapping[str, Tensor]]:
    return {name: weights.state_dict(name) for name in NAMES}


@pytest.fixture(params=["random", "official"])
def parts(request, random_weights, random_parts) -> Mapping[str, Mapping[str, Tensor]]:
    """Weights under test: random ones, and the official ones where they are on this machine."""
    if request.param == "official":
        if reason := weights.missing(NAMES):
            pytest.skip(reason)
        return official_parts()
    for name in NAMES:
        random_weights(name, random_parts[name])
    return random_parts


@pytest.fixture(scope="session")
def loaded() -> dict[object, Any]:
    """Families that are loaded already: transforming their filters takes a second."""
    return {}


@pytest.fixture
def load(parts, loaded) -> Callable[..., Any]:
    """`load("dists", …)`: the family with these metrics only, or all; `quick=True` for bfloat16."""

    def load_once(*names: str, quick: bool = False, device: str = "cpu") -> Any:
        key = (id(parts), names, quick, device)
        if key not in loaded:
            loaded[key] = perceptual.load(device, infos(*names, quick=quick))
        return loaded[key]

    return load_once


def infos(*names: str, quick: bool = False) -> list[MetricInfo]:
    wanted = [info for info in perceptual.describe() if info.name in names or not names]
    return [info.quickened() if quick else info for info in wanted]


@pytest.fixture
def values(load, make_clip) -> Callable[..., dict[str, list[float]]]:
    """`values(reference, decoded, "dists", …)`: frame values by metric."""

    def scored(reference: Tensor, decoded: Tensor, *names: str) -> dict[str, list[float]]:
        metric = load(*names)
        scores = metric.compare(metric.reference(make_clip(reference)), make_clip(decoded))
        return {name: score.frame_values for name, score in scores.items()}

    return scored


@dataclass(frozen=True)
class Plain:
    """The metrics from their papers, layer by layer in float64. Pictures: (N, 3, H, W) in [0, 1]."""

    parts: Mapping[str, Mapping[str, Tensor]]

    def lpips(self, x: Tensor, y: Tensor, net: str, normalised: bool = True) -> Tensor:
        shift = torch.tensor([-0.030, -0.088, -0.188], dtype=torch.float64).view(3, 1, 1)
        scale = torch.tensor([0.458, 0.448, 0.450], dtype=torch.float64).view(3, 1, 1)
        total = torch.zeros(len(x), dtype=torch.float64)
        both = [((2 * p - 1 if normalised else p) - shift) / scale for p in (x.double(), y.double())]
        if net == "alex":
            features = [self.alex(p) for p in both]
        else:
            features = [self.vgg(p, lambda f: F.max_pool2d(f, 2)) for p in both]
        for index, (a, b) in enumerate(zip(*features, strict=True)):
            a, b = (f / (f.square().sum(1, keepdim=True).sqrt() + 1e-10) for f in (a, b))
            weight = self.parts[f"lpips-{net}"][f"lin{index}.model.1.weight"].double().view(-1, 1, 1)
            total += (weight * (a - b).square()).sum(1).mean((1, 2))
        return total

    def dists(self, x: Tensor, y: Tensor) -> Tensor:
        mean = torch.tensor([0.485, 0.456, 0.406], dtype=torch.float64).view(3, 1, 1)
        std = torch.tensor([0.229, 0.224, 0.225], dtype=torch.float64).view(3, 1, 1)
        features = [[p, *self.vgg((p - mean) / std, hann_pool)] for p in (x.double(), y.double())]
        alpha, beta = (self.parts["dists"][key].double().flatten() for key in ("alpha", "beta"))
        structure, texture = [], []
        for a, b in zip(*features, strict=True):
            a, b = a.flatten(2), b.flatten(2)
            ma, mb = a.mean(2), b.mean(2)
            cov = ((a - ma[..., None]) * (b - mb[..., None])).mean(2)
            structure.append((2 * ma * mb + 1e-6) / (ma**2 + mb**2 + 1e-6))
            texture.append((2 * cov + 1e-6) / (a.var(2, correction=0) + b.var(2, correction=0) + 1e-6))
        similarity = torch.cat(structure, 1) @ alpha + torch.cat(texture, 1) @ beta
        return 1 - similarity / (alpha.sum() + beta.sum())

    def vgg(self, x: Tensor, pool: Callable[[Tensor], Tensor]) -> list[Tensor]:
        features, index = [], 0
        for stage, count in enumerate((2, 2, 3, 3, 3)):
            x = pool(x) if stage else x
            for _ in range(count):
                x = self.convolve("vgg16", index, x, padding=1)
                index += 2
            index += 1
            features.append(x)
        return features

    def alex(self, x: Tensor) -> list[Tensor]:
        features = [self.convolve("alexnet", 0, x, stride=4, padding=2)]
        features.append(self.convolve("alexnet", 3, F.max_pool2d(features[-1], 3, 2), padding=2))
        features.append(self.convolve("alexnet", 6, F.max_pool2d(features[-1], 3, 2), padding=1))
        for index in (8, 10):
            features.append(self.convolve("alexnet", index, features[-1], padding=1))
        return features

    def convolve(self, network: str, index: int, x: Tensor, **options: int) -> Tensor:
        weight, bias = (self.parts[network][f"features.{index}.{key}"].double() for key in ("weight", "bias"))
        return F.conv2d(x, weight, bias, **options).relu()


def hann_pool(x: Tensor) -> Tensor:
    hann = torch.hann_window(5, periodic=False, dtype=torch.float64)[1:-1]
    kernel = torch.outer(hann, hann) / hann.sum() ** 2
    squares = F.conv2d(x.square(), kernel.expand(x.shape[1], 1, 3, 3), stride=2, padding=1, groups=x.shape[1])
    return (squares + 1e-12).sqrt()


@pytest.fixture
def plain(parts) -> Plain:
    return Plain(parts)


@pytest.fixture
def torchvision(monkeypatch) -> ModuleType:
    """torchvision for the libraries that import it: the installed one, or a stand-in for what they use."""
    try:
        models = import_module("torchvision.models")
    except (ImportError, RuntimeError):  # absent, or built for another torch
        models = StandIn("torchvision.models")
        package = StandIn("torchvision")
        inception, transforms = StandIn("torchvision.models.inception"), StandIn("torchvision.transforms")
        package.__dict__.update(models=models, transforms=transforms)
        models.__dict__.update(inception=inception)
        for module in (package, models, inception, transforms):
            monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(models, "vgg16", vgg16, raising=False)
    monkeypatch.setattr(models, "alexnet", alexnet, raising=False)
    return models


class StandIn(ModuleType):
    """Any other name is an empty network."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return nn.Module
