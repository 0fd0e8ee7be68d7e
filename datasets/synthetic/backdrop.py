"""What is behind the speaker, out of focus, and the noise textures that skin, hair and cloth are made of."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from .identity import Identity

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_SIZE = 128
_TEXTURE = 256


def backdrop(who: Identity, device: torch.device) -> Tensor:
    """A defocused room, (3, 128, 128), linear RGB: a lit wall, things on it, lamps as discs of light."""
    import numpy as np
    import torch

    rng = np.random.default_rng(who.backdrop_seed)
    axis = torch.linspace(-1, 1, _SIZE)
    y, x = torch.meshgrid(-axis, axis, indexing="ij")
    glow_x, glow_y = rng.uniform(-1, 1), rng.uniform(0.1, 0.9)
    light = 0.45 + 0.75 * torch.exp(-((x - glow_x) ** 2 + (y - glow_y) ** 2) / 0.9)
    image = torch.tensor(who.backdrop)[:, None, None] * light
    blur = rng.uniform(0.012, 0.05)
    for _ in range(int(rng.integers(5, 14))):
        left, low = rng.uniform(-1.2, 1.0), rng.uniform(-1.1, 0.9)
        width, height = rng.uniform(0.08, 0.55), rng.uniform(0.1, 0.9)
        edge = [(x - left) / blur, (left + width - x) / blur, (y - low) / blur, (low + height - y) / blur]
        mask = torch.stack([torch.sigmoid(distance) for distance in edge]).prod(0)
        tint = torch.tensor(rng.uniform(0.3, 1.6, 3) * np.array(who.backdrop), dtype=torch.float32)
        stripes = 1 + 0.25 * torch.sin(x * rng.uniform(10, 40) + rng.uniform(0, 6))
        image = image + mask * rng.uniform(0.5, 1) * (tint[:, None, None] * light * stripes - image)
    for _ in range(int(rng.integers(0, 7))):
        distance = ((x - rng.uniform(-1, 1)) ** 2 + (y - rng.uniform(-0.4, 1)) ** 2).sqrt()
        disc = torch.sigmoid((rng.uniform(0.03, 0.09) - distance) / 0.008)
        warm = torch.tensor((1.0, rng.uniform(0.6, 1.0), rng.uniform(0.3, 0.9)), dtype=torch.float32)
        image = image + disc * warm[:, None, None] * rng.uniform(0.1, 0.6)
    return image.to(device)


@functools.cache
def noise_texture(device: torch.device) -> Tensor:
    """(1, 4, 256, 256), each channel of mean 0 and deviation 1, the same for everybody and everywhere.

    Channels: fine grain, strands along y, soft blotches, and hairs (short strokes).
    """
    import numpy as np
    import torch

    rng = np.random.default_rng(20)
    row, column = np.fft.fftfreq(_TEXTURE)[:, None], np.fft.rfftfreq(_TEXTURE)[None, :]
    channels = []
    for along, across in ((0.9, 0.9), (22.0, 0.9), (9.0, 9.0), (4.0, 0.8)):
        filtered = np.exp(-2 * np.pi**2 * ((along * row) ** 2 + (across * column) ** 2))
        white = rng.standard_normal((_TEXTURE, _TEXTURE))
        channel = np.fft.irfft2(np.fft.rfft2(white) * filtered, s=white.shape)
        channels.append((channel - channel.mean()) / channel.std())
    return torch.tensor(np.stack(channels)[None], dtype=torch.float32, device=device)
