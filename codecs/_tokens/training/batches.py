"""Batches for the small speech codecs: stretches of speech, at other levels, speeds and colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import soxr
import torch
from scipy.signal import lfilter
from torch import Tensor

if TYPE_CHECKING:
    from numpy.random import Generator

_SPEED = 0.18  # spread of the logarithm of speed, and so of pitch and timbre: both ends are this far away
_LOUDEST, _QUIETEST = 0.98, 0.3  # peaks, of full scale
_NOISY = 0.25  # share of stretches with more noise than they came with
_NOISE = (-60.0, -35.0)  # dB of full scale
_TILT = 0.5  # of the one-pole filter that colours


def batch(voices: Sequence[np.ndarray], rng: Generator, count: int, samples: int) -> Tensor:
    """`count` stretches, float32 (count, samples) in [-1, 1], of int16 recordings at the codec's rate."""
    return torch.from_numpy(np.stack([_stretch(voices, rng, samples) for _ in range(count)]))


def _stretch(voices: Sequence[np.ndarray], rng: Generator, samples: int) -> np.ndarray:
    voice = voices[int(rng.integers(len(voices)))]
    speed = float(np.exp(rng.uniform(-_SPEED, _SPEED)))
    taken = min(len(voice), int(samples * speed) + 64)
    start = int(rng.integers(len(voice) - taken + 1))
    sound = voice[start : start + taken].astype(np.float32) / 32768
    sound = soxr.resample(sound, speed * 16000, 16000, quality="MQ")[:samples]
    sound = np.pad(sound, (0, samples - len(sound)))
    tilt = rng.uniform(-_TILT, _TILT)
    sound = lfilter([1.0, -tilt], [1.0], sound)
    if rng.random() < _NOISY:
        sound = sound + rng.normal(0, 10 ** (rng.uniform(*_NOISE) / 20), samples)
    # A level of its own, also for a stretch that is mostly a pause: that of its recording, not of itself.
    loudest = max(0.3, float(np.abs(sound).max()))
    peak = np.exp(rng.uniform(np.log(_QUIETEST), np.log(_LOUDEST)))
    return np.clip(sound * (peak / loudest), -1, 1).astype(np.float32)
