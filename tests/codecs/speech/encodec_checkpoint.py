"""A state dict of any layout, with numbers that follow from the tensors' names alone, and a sound."""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import torch


def uniform(name: str, shape: Sequence[int]) -> torch.Tensor:
    """float32 in [-1, 1], the same for a name on every machine."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    return torch.from_numpy(np.random.default_rng(seed).uniform(-1, 1, tuple(shape)).astype(np.float32))


def checkpoint(shapes: Mapping[str, Sequence[int]]) -> dict[str, torch.Tensor]:
    """Tensors by name: gains of weight norm about 1, the rest small enough that sound passes all layers."""
    return {name: _tensor(name, shape) for name, shape in shapes.items()}


def _tensor(name: str, shape: Sequence[int]) -> torch.Tensor:
    values = uniform(name, shape)
    if name.endswith("weight_g"):
        return 1 + 0.3 * values
    if name.endswith("inited"):
        return torch.ones(tuple(shape))
    if "_codebook." in name:
        return 0.05 * values
    return 0.1 * values


def sound(samples: int, rate: int = 24000) -> torch.Tensor:
    """A chord that swells, float32 (samples,)."""
    time = torch.arange(samples, dtype=torch.float64) / rate
    chord = sum(
        (2 * torch.pi * pitch * time).sin() / number for number, pitch in enumerate((180, 437, 911), 1)
    )
    return (0.3 * chord * (0.2 + time * rate / samples)).float()
