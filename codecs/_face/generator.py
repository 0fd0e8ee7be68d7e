"""From a keyframe and its dense motion to a picture."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch.nn.functional as functional
from torch import Tensor, nn

from .dense_motion import DenseMotion
from .layers import DownBlock, ResBlock, SameBlock, UpBlock, resized, warp


class Generator(nn.Module):
    """Features of the keyframe are warped, dimmed where they are hidden, repaired and made a picture.

    width, most: channels at full size and at most; downs: halvings before the warp;
    skips: also warp the features of every size and the keyframe itself, continued beyond its border, and fill
    in only what is hidden.
    The published FOMM, CFTE and DAC have none; Siarohin et al. added them in 2021 (Motion Representations for
    Articulated Animation), and small networks need them to keep what is sharp.
    """

    def __init__(
        self,
        width: int,
        most: int,
        downs: int,
        residuals: int,
        aligned: bool,
        smooth: bool = False,
        skips: bool = False,
    ) -> None:
        super().__init__()
        sizes = [min(most, width << level) for level in range(downs + 1)]
        self.first = SameBlock(3, width, 7)
        self.down_blocks = nn.ModuleList(DownBlock(a, b) for a, b in pairwise(sizes))
        self.bottleneck = nn.Sequential()
        for index in range(residuals):
            self.bottleneck.add_module(f"r{index}", ResBlock(sizes[-1]))
        self.up_blocks = nn.ModuleList(
            UpBlock(b, a, smooth) for a, b in zip(sizes[-2::-1], sizes[::-1], strict=False)
        )
        self.final = nn.Conv2d(width, 3, 7, padding=3)
        self.aligned, self.skips = aligned, skips

    def features(self, keyframe: Tensor) -> list[Tensor]:
        """What is needed of the keyframe (B, 3, H, W), 0 to 1: itself and its features, largest first."""
        levels = [keyframe, self.first(keyframe)]
        for block in self.down_blocks:
            levels.append(block(levels[-1]))
        return levels if self.skips else [keyframe, levels[-1]]

    def forward(self, features: Sequence[Tensor], motion: DenseMotion) -> Tensor:
        """The picture (B, 3, H, W), 0 to 1. features: as `features` gives them, of B keyframes or of one."""
        deepest = self._warped(features[-1], motion)
        x = self.bottleneck(deepest * _like(motion.visible, deepest, self.aligned))
        for index, block in enumerate(self.up_blocks):
            if self.skips and index:
                x = self._filled(features[-1 - index], x, motion)
            x = block(x)
        if self.skips:
            x = self._filled(features[1], x, motion)
        picture = self.final(x).float().sigmoid()
        return self._filled(features[0], picture, motion) if self.skips else picture

    def _warped(self, features: Tensor, motion: DenseMotion) -> Tensor:
        grid = resized(motion.grid, (features.shape[2], features.shape[3]), self.aligned)
        return warp(features.expand(len(grid), -1, -1, -1), grid, self.aligned, endless=self.skips)

    def _filled(self, source: Tensor, made: Tensor, motion: DenseMotion) -> Tensor:
        """What is seen of the source, and what was made in place of what is hidden."""
        share = _like(motion.visible, source, self.aligned)
        return share * self._warped(source, motion) + (1 - share) * made


def _like(mask: Tensor, features: Tensor, aligned: bool) -> Tensor:
    size = features.shape[2:]
    if mask.shape[2:] == size:
        return mask
    return functional.interpolate(mask, size=size, mode="bilinear", align_corners=aligned)
