"""Inception-v3 as FID uses it: the network of 2015-12-05, up to its 2048 means over the last feature maps.

Szegedy et al., Rethinking the Inception architecture, CVPR 2016, with the two traits of the original graph
that FID's numbers rest on: means at a border are taken over pixels inside the picture only, and the last
block pools by maximum. Layers have the names of the checkpoint. Batch normalisation is folded into the
convolutions when they are loaded.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

SIDE = 299
BN_EPSILON = 1e-3
# The classifiers, of which FID needs nothing.
UNUSED = ("fc.", "AuxLogits.")


class ConvRelu(nn.Conv2d):
    """Convolution with bias, then ReLU; padded so that stride 1 keeps the size, unless `valid`."""

    def __init__(
        self, inputs: int, outputs: int, kernel: tuple[int, int], stride: int = 1, valid: bool = False
    ) -> None:
        padding = (0, 0) if valid else (kernel[0] // 2, kernel[1] // 2)
        super().__init__(inputs, outputs, kernel, stride, padding)

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input).relu_()


class Branches(nn.Sequential):
    """Layers side by side on one input, their channels joined."""

    def forward(self, input: Tensor) -> Tensor:
        return torch.cat([branch(input) for branch in self], dim=1)


def chain(**layers: nn.Module) -> nn.Sequential:
    """Layers one after another, by name."""
    return nn.Sequential(OrderedDict(layers))


def conv(inputs: int, outputs: int, height: int = 1, width: int | None = None) -> ConvRelu:
    """Stride 1, same size; square unless both sides of the kernel are given."""
    return ConvRelu(inputs, outputs, (height, height if width is None else width))


def shrinking(inputs: int, outputs: int, stride: int = 2) -> ConvRelu:
    """A 3×3 convolution over valid positions only."""
    return ConvRelu(inputs, outputs, (3, 3), stride, valid=True)


def mean_pool() -> nn.Module:
    """3×3 means at every position, over pixels inside the picture."""
    return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)


def block_5(inputs: int, pooled: int) -> Branches:
    """35×35, 224 + `pooled` channels."""
    return Branches(
        chain(branch1x1=conv(inputs, 64)),
        chain(branch5x5_1=conv(inputs, 48), branch5x5_2=conv(48, 64, 5)),
        chain(
            branch3x3dbl_1=conv(inputs, 64), branch3x3dbl_2=conv(64, 96, 3), branch3x3dbl_3=conv(96, 96, 3)
        ),
        chain(pool=mean_pool(), branch_pool=conv(inputs, pooled)),
    )


def block_6a() -> Branches:
    """35×35 to 17×17, 288 to 768 channels."""
    return Branches(
        chain(branch3x3=shrinking(288, 384)),
        chain(branch3x3dbl_1=conv(288, 64), branch3x3dbl_2=conv(64, 96, 3), branch3x3dbl_3=shrinking(96, 96)),
        nn.MaxPool2d(3, 2),
    )


def block_6(inner: int) -> Branches:
    """17×17, 768 channels; 7×7 as rows and columns of `inner` channels."""
    return Branches(
        chain(branch1x1=conv(768, 192)),
        chain(
            branch7x7_1=conv(768, inner),
            branch7x7_2=conv(inner, inner, 1, 7),
            branch7x7_3=conv(inner, 192, 7, 1),
        ),
        chain(
            branch7x7dbl_1=conv(768, inner),
            branch7x7dbl_2=conv(inner, inner, 7, 1),
            branch7x7dbl_3=conv(inner, inner, 1, 7),
            branch7x7dbl_4=conv(inner, inner, 7, 1),
            branch7x7dbl_5=conv(inner, 192, 1, 7),
        ),
        chain(pool=mean_pool(), branch_pool=conv(768, 192)),
    )


def block_7a() -> Branches:
    """17×17 to 8×8, 768 to 1280 channels."""
    return Branches(
        chain(branch3x3_1=conv(768, 192), branch3x3_2=shrinking(192, 320)),
        chain(
            branch7x7x3_1=conv(768, 192),
            branch7x7x3_2=conv(192, 192, 1, 7),
            branch7x7x3_3=conv(192, 192, 7, 1),
            branch7x7x3_4=shrinking(192, 192),
        ),
        nn.MaxPool2d(3, 2),
    )


def block_7(inputs: int, pool: nn.Module) -> Branches:
    """8×8, 2048 channels."""
    return Branches(
        chain(branch1x1=conv(inputs, 320)),
        chain(
            branch3x3_1=conv(inputs, 384),
            split=_named(branch3x3_2a=conv(384, 384, 1, 3), branch3x3_2b=conv(384, 384, 3, 1)),
        ),
        chain(
            branch3x3dbl_1=conv(inputs, 448),
            branch3x3dbl_2=conv(448, 384, 3),
            split=_named(branch3x3dbl_3a=conv(384, 384, 1, 3), branch3x3dbl_3b=conv(384, 384, 3, 1)),
        ),
        chain(pool=pool, branch_pool=conv(inputs, 192)),
    )


def _named(**branches: nn.Module) -> Branches:
    return Branches(OrderedDict(branches))


def inception() -> nn.Sequential:
    """The network, with random weights: (n, 3, 299, 299) in [-1, 1] to (n, 2048)."""
    return chain(
        Conv2d_1a_3x3=shrinking(3, 32),
        Conv2d_2a_3x3=shrinking(32, 32, stride=1),
        Conv2d_2b_3x3=conv(32, 64, 3),
        pool_1=nn.MaxPool2d(3, 2),
        Conv2d_3b_1x1=conv(64, 80),
        Conv2d_4a_3x3=shrinking(80, 192, stride=1),
        pool_2=nn.MaxPool2d(3, 2),
        Mixed_5b=block_5(192, 32),
        Mixed_5c=block_5(256, 64),
        Mixed_5d=block_5(288, 64),
        Mixed_6a=block_6a(),
        Mixed_6b=block_6(128),
        Mixed_6c=block_6(160),
        Mixed_6d=block_6(160),
        Mixed_6e=block_6(192),
        Mixed_7a=block_7a(),
        Mixed_7b=block_7(1280, mean_pool()),
        Mixed_7c=block_7(2048, nn.MaxPool2d(3, stride=1, padding=1)),
        pool_3=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
    )


def load(state: Mapping[str, Tensor], precision: torch.dtype = torch.float32) -> nn.Sequential:
    """The network with a checkpoint's weights in `precision`, for evaluation only.

    state: as in `pt_inception-2015-12-05-6726825d.pth`, whose names are those of torchvision's Inception3.
    Raises ValueError naming the layers where they are not the network's, KeyError where one is incomplete,
    RuntimeError where one has another size.
    """
    with torch.device("meta"):  # no memory and no random numbers for what is replaced
        network = inception()
    paths = {
        _checkpoint_name(path): path
        for path, module in network.named_modules()
        if isinstance(module, ConvRelu)
    }
    layers = {key.rsplit(".", 2)[0] for key in state if not key.startswith(UNUSED)}
    if layers != set(paths):
        raise ValueError(
            f"not the Inception of FID: layers {sorted(set(paths) - layers)} are missing, "
            f"{sorted(layers - set(paths))} are unknown"
        )
    folded = {}
    for name, path in paths.items():
        weight, bias = _folded(state, name)
        folded |= {f"{path}.weight": weight.to(precision), f"{path}.bias": bias.to(precision)}
    network.load_state_dict(folded, strict=True, assign=True)
    network.eval().requires_grad_(False)
    return network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def _checkpoint_name(path: str) -> str:
    """'Mixed_7b.1.split.branch3x3_2a' is 'Mixed_7b.branch3x3_2a' there."""
    block, _, inside = path.partition(".")
    return f"{block}.{inside.rpartition('.')[2]}" if inside else block


def _folded(state: Mapping[str, Tensor], name: str) -> tuple[Tensor, Tensor]:
    """Weight and bias of convolution `name` with its normalisation in them, float64."""
    gain, shift, mean, variance = (
        state[f"{name}.bn.{part}"].double() for part in ("weight", "bias", "running_mean", "running_var")
    )
    scale = gain / (variance + BN_EPSILON).sqrt()
    weight = state[f"{name}.conv.weight"].double() * scale.view(-1, 1, 1, 1)
    return weight, shift - mean * scale


def prepared(frames: Tensor) -> Tensor:
    """uint8 (n, 3, h, w) as the network wants it: float32 (n, 3, 299, 299) in [-1, 1], channels last.

    Bilinear without antialiasing, corners not aligned: pytorch-fid's, part of the metric.
    """
    pictures = interpolate(frames.float() / 255, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
    return (2 * pictures - 1).contiguous(memory_format=torch.channels_last)
