"""The encoder of AV-HuBERT (Shi et al. 2022): sound and lips, frame by frame, in one space.

Lips pass a 3D convolution and a ResNet-18, sound a linear layer; both are laid side by side, normalised,
projected, given their positions by a convolution over time, and attend to each other in a pre-norm
transformer. A modality that is absent is zero where the two are laid side by side, as in training.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

# Frames that pass the convolutions on pictures at once: 64 take about 40 MB a layer at 88×88.
_FRAMES_AT_ONCE = 64


@dataclass(frozen=True)
class Shape:
    """Sizes of an encoder; the defaults are AV-HuBERT large."""

    sound: int = 104
    width: int = 1024
    layers: int = 24
    heads: int = 16
    feed_forward: int = 4096
    position_kernel: int = 128
    position_groups: int = 16
    lips: int = 64


class Encoder(nn.Module):
    """Features of the last layer, after its norm."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.sound = nn.Linear(shape.sound, shape.width)
        self.lips = Lips(shape.lips, shape.width)
        self.fused_norm = nn.LayerNorm(2 * shape.width)
        self.fused = nn.Linear(2 * shape.width, shape.width)
        self.positions = nn.Conv1d(
            shape.width,
            shape.width,
            shape.position_kernel,
            padding=shape.position_kernel // 2,
            groups=shape.position_groups,
        )
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(shape.width)

    def forward(self, sound: Tensor | None, lips: Tensor | None) -> Tensor:
        """Features (frames, width) of embedded sound and lips, both (frames, width); one may be None."""
        present = lips if sound is None else sound
        if present is None:
            raise ValueError("the encoder needs sound or lips")
        absent = torch.zeros_like(present)
        both = torch.cat([absent if sound is None else sound, absent if lips is None else lips], dim=-1)
        x = self.fused(self.fused_norm(both))
        # An even kernel gives one frame too many.
        positions = self.positions(x.T[None])[0, :, : len(x)].T
        x = x + functional.gelu(positions)
        for layer in self.layers:
            x = layer(x)
        return self.norm(x)


class Layer(nn.Module):
    """A pre-norm transformer layer: x + attention(norm(x)), then x + feed_forward(norm(x))."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.attention_norm = nn.LayerNorm(shape.width)
        self.query, self.key, self.value, self.out = (nn.Linear(shape.width, shape.width) for _ in range(4))
        self.forward_norm = nn.LayerNorm(shape.width)
        self.wide = nn.Linear(shape.width, shape.feed_forward)
        self.narrow = nn.Linear(shape.feed_forward, shape.width)

    def forward(self, x: Tensor) -> Tensor:
        """(frames, width) to the same."""
        normed = self.attention_norm(x)
        query, key, value = (
            projection(normed).unflatten(-1, (self.heads, -1)).transpose(0, 1)
            for projection in (self.query, self.key, self.value)
        )
        attended = functional.scaled_dot_product_attention(query[None], key[None], value[None])[0]
        x = x + self.out(attended.transpose(0, 1).flatten(1))
        return x + self.narrow(functional.gelu(self.wide(self.forward_norm(x))))


class Lips(nn.Module):
    """Mouth crops to vectors: a 3D convolution over five frames, a ResNet-18, a projection."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv3d(1, channels, (5, 7, 7), stride=(1, 2, 2), padding=(0, 3, 3), bias=False),
            nn.BatchNorm3d(channels),
            nn.PReLU(channels),
            nn.MaxPool3d((1, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1)),
        )
        sizes = [channels, channels, 2 * channels, 4 * channels, 8 * channels]
        self.stages = nn.ModuleList(
            nn.Sequential(Block(before, after, 1 if before == after else 2), Block(after, after, 1))
            for before, after in pairwise(sizes)
        )
        self.projection = nn.Linear(sizes[-1], width)

    def forward(self, crops: Tensor) -> Tensor:
        """Normalised grey crops (frames, 88, 88) to (frames, width), a few frames at a time."""
        # The convolution over time sees zeros before the first frame and after the last one.
        padded = functional.pad(crops, (0, 0, 0, 0, 2, 2))
        pieces = [
            self._embed(padded[start : start + _FRAMES_AT_ONCE + 4])
            for start in range(0, len(crops), _FRAMES_AT_ONCE)
        ]
        return torch.cat(pieces)

    def _embed(self, crops: Tensor) -> Tensor:
        x = self.stem(crops[None, None])[0].transpose(0, 1)
        for stage in self.stages:
            x = stage(x)
        return self.projection(x.mean(dim=(2, 3)))


class Block(nn.Module):
    """The basic block of a ResNet, with PReLU."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Sequential(
            nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.PReLU(after),
        )
        self.second = nn.Sequential(nn.Conv2d(after, after, 3, padding=1, bias=False), nn.BatchNorm2d(after))
        self.shortcut = nn.Sequential()
        if stride != 1:
            self.shortcut = nn.Sequential(
                nn.Conv2d(before, after, 1, stride=stride, bias=False), nn.BatchNorm2d(after)
            )
        self.activation = nn.PReLU(after)

    def forward(self, x: Tensor) -> Tensor:
        """(frames, before, height, width) to (frames, after, height / stride, width / stride)."""
        return self.activation(self.second(self.first(x)) + self.shortcut(x))
