"""Checkpoints in the layout of HiFi-Codec's authors, with the same numbers on every machine.

Each tensor is drawn from its name alone, by Philox's raw bits, which no version of numpy changes.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

Shapes = Mapping[str, tuple[int, ...]]


def uniform(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """float32, -1 to 1."""
    draw = np.random.Philox(key=int.from_bytes(hashlib.sha256(name.encode()).digest()[:16], "little"))
    count = int(np.prod(shape, dtype=np.int64))
    bits = draw.random_raw((count + 1) // 2).view(np.uint32)[:count]
    return ((bits >> 8).astype(np.float32) * np.float32(2**-23) - 1).reshape(shape)


def tensor(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """What the checkpoint holds under `encoder.…`, `quantizer.…`, `generator.…`; nothing explodes or dies."""
    drawn = uniform(name, shape)
    if name.endswith("weight_g"):
        gain = 0.5 if ".resblocks." in name else 2.0 if "generator.ups" in name else 1.5
        drawn = gain * (1 + 0.3 * drawn)
    elif ".normalize." in name:
        drawn = 1 + 0.3 * drawn if name.endswith("weight") else 0.3 * drawn
    elif name == "encoder.conv_post.weight":
        drawn = drawn * (6 / np.prod(shape[1:])) ** 0.5
    elif name.endswith("bias"):
        drawn = 0.1 * drawn
    return torch.from_numpy(np.ascontiguousarray(drawn, dtype=np.float32))


def checkpoint(shapes: Shapes) -> dict[str, Any]:
    """As the authors' training saves it, with each part's tensors under the part's name."""
    made: dict[str, Any] = {}
    for name, shape in shapes.items():
        part, _, inner = name.partition(".")
        made.setdefault(part, {})[inner] = tensor(name, shape)
    return made


def digest(shapes: Shapes) -> str:
    """sha256 of all names and shapes."""
    lines = [f"{name} {'x'.join(map(str, shapes[name]))}" for name in sorted(shapes)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def sound(samples: int) -> torch.Tensor:
    """float32 (samples,), -1 to 1: bursts of noise of many loudnesses, some of it low-pass."""
    noise = uniform("sound", (samples,))
    smooth = np.convolve(noise, np.ones(8, dtype=np.float32) / 4, "same")
    steps = -(-samples // 700)
    loud, mixed = (uniform(name, (steps,)).repeat(700)[:samples] for name in ("loudness", "mixture"))
    found = loud**2 * np.where(mixed > 0, smooth, noise)
    return torch.from_numpy(np.clip(found, -1, 1).astype(np.float32))
