"""Batches for the small face codecs: two moments of a person, the first as a poor keyframe may show it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .guides import MIRRORED

if TYPE_CHECKING:
    from numpy.random import Generator

    from .faces import Person

_MIRROR = np.array((-1, 1), np.float32)  # of x and y
_SPOILT = 0.6  # share of keyframes that are coded
_QUALITY = (2, 60)  # of WebP, whose intra coding looks like that of a coarse VVC keyframe


@dataclass(frozen=True)
class Batch:
    """keyframe, target: float (B, 3, 256, 256), 0 to 1; the keyframe may be coded, the target never is.

    origins, places: (B, 10, 2), where the head of the keyframe and of the target is; see `training_guides`.
    """

    keyframe: Tensor
    target: Tensor
    origins: Tensor
    places: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same on a device."""
        return Batch(*(getattr(self, field.name).to(device) for field in fields(self)))


def batch(people: Sequence[Person], rng: Generator, count: int) -> Batch:
    """`count` pairs of different moments."""
    keyframes, targets, places = [], [], []
    for _ in range(count):
        person = people[int(rng.integers(len(people)))]
        first, second = rng.choice(len(person.pictures), 2, replace=False)
        pair, place = (np.stack((kind[first], kind[second])) for kind in (person.pictures, person.places))
        if rng.random() < 0.5:
            pair, place = pair[..., ::-1], place[:, list(MIRRORED)] * _MIRROR
        places.append(place)
        pair = _coloured(pair, rng)
        keyframes.append(_coded(pair[0], rng) if rng.random() < _SPOILT else pair[0])
        targets.append(pair[1])
    keyframe, target = (torch.from_numpy(np.stack(frames)).float() / 255 for frames in (keyframes, targets))
    return Batch(keyframe, target, *torch.from_numpy(np.stack(places, 1)))


def _coloured(frames: np.ndarray, rng: Generator) -> np.ndarray:
    """Another exposure and another white, the same for both frames (2, 3, H, W)."""
    gain = np.exp(rng.normal(0, 0.06, (1, 3, 1, 1)) + rng.normal(0, 0.12))
    gamma = np.exp(rng.normal(0, 0.12))
    table = np.linspace(0, 1, 256)[None] ** gamma * gain.reshape(3, 1)
    levels = np.round(table.clip(0, 1) * 255).astype(np.uint8)
    return np.stack([levels[channel][frames[:, channel]] for channel in range(3)], 1)


def _coded(frame: np.ndarray, rng: Generator) -> np.ndarray:
    """(3, H, W), as after intra coding at a random quality."""
    file = io.BytesIO()
    quality = int(np.exp(rng.uniform(*np.log(_QUALITY))))
    Image.fromarray(np.ascontiguousarray(frame.transpose(1, 2, 0))).save(
        file, "webp", quality=quality, method=2
    )
    return np.asarray(Image.open(file).convert("RGB")).transpose(2, 0, 1)
