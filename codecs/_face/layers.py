"""Blocks that the generative face codecs are built of, after Monkey-Net and FOMM (Siarohin et al., 2019).

Attribute names are those of the published state dicts. Shapes are (B, C, H, W) throughout.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as functional
from torch import Tensor, nn


class SameBlock(nn.Module):
    """Convolution, normalisation, ReLU; the size stays."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H, W)."""
        return functional.relu(self.norm(self.conv(x)))


class DownBlock(SameBlock):
    """The same, then half the size by averaging."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H / 2, W / 2)."""
        return functional.avg_pool2d(super().forward(x), 2)


class UpBlock(SameBlock):
    """Twice the size, then the same.

    smooth: enlarge bilinearly with aligned corners, as DAC does, instead of repeating pixels.
    """

    def __init__(self, inputs: int, outputs: int, smooth: bool = False) -> None:
        super().__init__(inputs, outputs)
        self.smooth = smooth

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, 2H, 2W)."""
        if self.smooth:
            larger = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
        else:
            larger = functional.interpolate(x, scale_factor=2, mode="nearest")
        return super().forward(larger)


class ResBlock(nn.Module):
    """Two convolutions, each after normalisation and ReLU, added to what came in."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(features, features, 3, padding=1)
        self.conv2 = nn.Conv2d(features, features, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(features)
        self.norm2 = nn.BatchNorm2d(features)

    def forward(self, x: Tensor) -> Tensor:
        """(B, features, H, W), as it came."""
        inner = self.conv1(functional.relu(self.norm1(x)))
        return x + self.conv2(functional.relu(self.norm2(inner)))


class _Encoder(nn.Module):
    def __init__(self, inputs: int, width: int, most: int, blocks: int) -> None:
        super().__init__()
        sizes = [inputs, *(min(most, width << (level + 1)) for level in range(blocks))]
        self.down_blocks = nn.ModuleList(DownBlock(a, b) for a, b in pairwise(sizes))

    def forward(self, x: Tensor) -> list[Tensor]:
        levels = [x]
        for block in self.down_blocks:
            levels.append(block(levels[-1]))
        return levels


class _Decoder(nn.Module):
    def __init__(self, width: int, most: int, blocks: int, smooth: bool) -> None:
        super().__init__()
        self.up_blocks = nn.ModuleList()
        for level in reversed(range(blocks)):
            joined = 1 if level == blocks - 1 else 2  # all but the first take their size's own features too
            inputs, outputs = joined * min(most, width << (level + 1)), min(most, width << level)
            self.up_blocks.append(UpBlock(inputs, outputs, smooth))

    def forward(self, levels: list[Tensor]) -> Tensor:
        x = levels[-1]
        for block, same_size in zip(self.up_blocks, reversed(levels[:-1]), strict=True):
            x = torch.cat((block(x), same_size), 1)
        return x


class Hourglass(nn.Module):
    """A U-Net whose output is joined with its input: `outputs` = width + inputs channels.

    width: channels at full size, doubled with each of `blocks` halvings up to `most`. H and W must be
    multiples of 2 ** blocks.
    """

    def __init__(self, inputs: int, width: int, most: int, blocks: int, smooth: bool = False) -> None:
        super().__init__()
        self.encoder = _Encoder(inputs, width, most, blocks)
        self.decoder = _Decoder(width, most, blocks, smooth)
        self.outputs = width + inputs

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H, W)."""
        return self.decoder(self.encoder(x))


class AntiAlias(nn.Module):
    """A quarter of the size, after a Gaussian of σ 1.5 (13×13, zero-padded) that checkpoints hold."""

    STEP, SIGMA, REACH = 4, 1.5, 6

    def __init__(self, channels: int = 3) -> None:
        super().__init__()
        at = torch.arange(-self.REACH, self.REACH + 1, dtype=torch.float32)
        line = torch.exp(-(at**2) / (2 * self.SIGMA**2))
        kernel = line[:, None] * line
        weight = (kernel / kernel.sum()).expand(channels, 1, -1, -1).clone()
        self.weight: Tensor
        self.register_buffer("weight", weight)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) to (B, channels, H / 4, W / 4)."""
        return functional.conv2d(
            x, self.weight, stride=self.STEP, padding=self.REACH, groups=len(self.weight)
        )


def coordinates(height: int, width: int, device: torch.device) -> Tensor:
    """(height, width, 2): x and y of each pixel, from -1 (the first pixel's middle) to 1 (the last's)."""
    y, x = (torch.linspace(-1, 1, size, device=device) for size in (height, width))
    return torch.stack((x.expand(height, -1), y[:, None].expand(-1, width)), -1)


def warp(features: Tensor, grid: Tensor, aligned: bool, endless: bool = False) -> Tensor:
    """`features` (B, C, H, W) as seen at `grid` (B, h, w, 2): (B, C, h, w).

    aligned: whether -1 and 1 are the middles of the outermost pixels (`align_corners`), or their outer edges;
    endless: outside are the pixels of the border, and not zeros.
    """
    padding = "border" if endless else "zeros"
    return functional.grid_sample(
        features.float(), grid.float(), mode="bilinear", padding_mode=padding, align_corners=aligned
    )


def resized(grid: Tensor, size: tuple[int, int], aligned: bool) -> Tensor:
    """A grid (B, h, w, 2), bilinearly enlarged to (B, *size, 2)."""
    if grid.shape[1:3] == size:
        return grid
    larger = functional.interpolate(
        grid.permute(0, 3, 1, 2), size=size, mode="bilinear", align_corners=aligned
    )
    return larger.permute(0, 2, 3, 1)
