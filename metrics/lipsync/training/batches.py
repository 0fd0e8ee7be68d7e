"""Batches for `syncnet-synthetic`: short stretches of speakers, cropped and spoilt at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor

from ..network import MOUTH_MIDDLE, MOUTH_SIDE, SMALL, WINDOW
from ..views import windows_of_sound
from .data import SIZE, CloseUp

if TYPE_CHECKING:
    from numpy.random import Generator

SAMPLES_PER_FRAME = 640
# The part of SyncNet's face crop (1.4 face sides wide, 0.2 below the face's middle) that the network sees.
CROP = 1.4 * MOUTH_SIDE
DOWN = 0.2 + 1.4 * (MOUTH_MIDDLE - 0.5)


def batch(speakers: Sequence[CloseUp], rng: Generator, stretches: int, windows: int) -> tuple[Tensor, Tensor]:
    """A batch of `stretches` times `windows` consecutive windows that belong together.

    Pictures (stretches, 3, windows + 4, 64, 64), BGR, 0 to 255; cepstra (stretches, windows, 13, 20).
    """
    pictures, sounds = [], []
    frames = windows + WINDOW - 1
    for _ in range(stretches):
        speaker = speakers[int(rng.integers(len(speakers)))]
        start = int(rng.integers(len(speaker.video) - frames))
        stop = start + frames
        pictures.append(spoilt_picture(crop(speaker, start, stop, rng), rng))
        # The last window of cepstra reaches a little beyond the last frame.
        audio = speaker.audio[start * SAMPLES_PER_FRAME : (stop + 1) * SAMPLES_PER_FRAME]
        sounds.append(windows_of_sound(spoilt_sound(audio, rng), windows))
    return torch.stack(pictures), torch.stack(sounds)


def crop(speaker: CloseUp, start: int, stop: int, rng: Generator | None) -> Tensor:
    """Face crops (3, T, 64, 64), BGR float 0 to 255; with `rng` the face is found only roughly."""
    face = torch.from_numpy(speaker.face[start:stop])
    x, y, side = face.unbind(1)
    y, side = y + DOWN * side, CROP * side
    mirror = 1.0
    if rng is not None:
        # A detector errs by a bias of its own for each clip, and by a little from frame to frame.
        steps = torch.from_numpy(rng.normal(0, 1, (3, stop - start)).cumsum(1).astype(np.float32))
        drift = 0.006 * (steps - steps.mean(1, keepdim=True))
        bias = [float(value) for value in rng.normal(0, 1, 3).clip(-2, 2) * (0.05, 0.06, 0.09)]
        x, y = x + side * (bias[0] + drift[0]), y + side * (bias[1] + drift[1])
        side = side * (1 + bias[2] + drift[2])
        mirror = 1.0 if rng.random() < 0.5 else -1.0
    at = (torch.arange(SMALL.picture) + 0.5) / SMALL.picture - 0.5
    columns = ((x[:, None] + mirror * side[:, None] * at) * 2 / SIZE - 1)[:, None].expand(-1, len(at), -1)
    rows = ((y[:, None] + side[:, None] * at) * 2 / SIZE - 1)[:, :, None].expand(-1, -1, len(at))
    video = torch.from_numpy(speaker.video[start:stop]).float().flip(1)
    grid = torch.stack((columns, rows), -1)
    return functional.grid_sample(
        video, grid, mode="bilinear", padding_mode="border", align_corners=False
    ).transpose(0, 1)


def spoilt_picture(video: Tensor, rng: Generator) -> Tensor:
    """Light, colour, blur, blocks and noise, as cameras and codecs make them: (3, T, H, W)."""
    size = video.shape[-1]
    video = 255 * (video / 255) ** float(np.exp(rng.normal(0, 0.25)))
    gain = torch.from_numpy(np.exp(rng.normal(0, (0.12,) * 3)).astype(np.float32)).view(3, 1, 1, 1)
    video = video * gain * float(np.exp(rng.normal(0, 0.15))) + float(rng.normal(0, 12))
    if rng.random() < 0.25:
        video = video.mean(0, keepdim=True).expand(3, -1, -1, -1)
    if rng.random() < 0.4:  # blur: fewer pixels
        fewer = int(rng.integers(20, size))
        small = functional.interpolate(video, (fewer, fewer), mode="bilinear", antialias=True)
        video = functional.interpolate(small, (size, size), mode="bilinear")
    if rng.random() < 0.3:  # coarse errors that stay for some frames, as a codec's residual does
        cells, held = int(rng.integers(6, 25)), int(rng.integers(1, 9))
        shape = (3, -(-video.shape[1] // held), cells, cells)
        errors = torch.from_numpy(rng.normal(0, rng.uniform(1, 9), shape).astype(np.float32))
        errors = functional.interpolate(errors, (size, size), mode="nearest")
        video = video + errors.repeat_interleave(held, 1)[:, : video.shape[1]]
    noise = rng.standard_normal(video.shape, dtype=np.float32) * rng.uniform(0, 6)
    return (video + torch.from_numpy(noise)).clamp(0, 255)


def spoilt_sound(audio: np.ndarray, rng: Generator) -> np.ndarray:
    """Loudness, tone, band limit and noise, (n,) in and out."""
    spectrum = np.fft.rfft(audio)
    at = np.linspace(0, 1, len(spectrum))
    knots = rng.normal(0, 4, 6)  # dB: the tone of a room and a microphone
    tone = np.interp(at, np.linspace(0, 1, 6), knots)
    if rng.random() < 0.3:
        tone = tone - 60 * np.clip((at - rng.uniform(0.4, 0.9)) / 0.1, 0, 1)
    audio = np.fft.irfft(spectrum * 10 ** (tone / 20), len(audio))
    level = np.sqrt(np.mean(audio**2)) + 1e-6
    noise = rng.standard_normal(len(audio))
    if rng.random() < 0.5:
        noise = np.convolve(noise, np.ones(8) / np.sqrt(8), mode="same")
    audio = audio + noise * level * 10 ** (-rng.uniform(8, 60) / 20)
    audio = audio * 10 ** (rng.uniform(-15, 5) / 20)
    return audio.clip(-1, 1)
