"""How a person moves while talking: head, gaze, lids, brows and mouth over the frames of a clip."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, get_args

from .rig import Motion
from .visemes import mouth_shapes
from .voice import Phoneme

if TYPE_CHECKING:
    import numpy as np
    from numpy.random import Generator

View = Literal["normal", "large_rotation", "fast_motion", "glasses"]
VIEWS: tuple[View, ...] = get_args(View)
YAW_LIMIT = 60.0  # degrees

# Per view: yaw and its centre, pitch, roll (degrees), translation (head units), speed (factor).
_AMPLITUDES: dict[View, tuple[float, float, float, float, float, float]] = {
    "normal": (13.0, 16.0, 5.0, 4.0, 0.05, 1.0),
    "glasses": (13.0, 16.0, 5.0, 4.0, 0.05, 1.0),
    "large_rotation": (54.0, 4.0, 9.0, 7.0, 0.06, 1.3),
    "fast_motion": (24.0, 8.0, 10.0, 9.0, 0.16, 3.2),
}


def wander(rng: Generator, times_s: np.ndarray, speed: float) -> np.ndarray:
    """A smooth random walk around 0 of amplitude about 1, (T,): three slow waves of random phase."""
    import numpy as np

    waves = [
        weight * np.sin(2 * np.pi * (speed * rng.uniform(*band) * times_s + rng.uniform()))
        for weight, band in ((0.62, (0.10, 0.22)), (0.30, (0.25, 0.45)), (0.12, (0.6, 0.9)))
    ]
    return np.sum(waves, axis=0)


def blinks(rng: Generator, times_s: np.ndarray) -> np.ndarray:
    """Closure of the lids, 0..1 (T,): quick down, slower up, every two to five seconds."""
    import numpy as np

    closed = np.zeros(len(times_s))
    moment = rng.uniform(0.3, 2.5)
    while moment < times_s[-1] + 0.2:
        since = times_s - moment
        down, up = np.clip(1 + since / 0.07, 0, 1), np.clip(1 - (since - 0.03) / 0.13, 0, 1)
        closed = np.maximum(closed, np.where(since < 0, down, up))
        moment += rng.uniform(1.8, 4.5)
    return closed * closed * (3 - 2 * closed)


def saccades(rng: Generator, times_s: np.ndarray) -> np.ndarray:
    """Where the eyes rest, (2, T) in -1..1: fixations of half a second or more, with quick jumps between."""
    import numpy as np

    gaze = np.zeros((2, len(times_s)))
    start, here = -1.0, np.zeros(2)
    while start < times_s[-1]:
        there = rng.normal(0, 0.5, 2).clip(-1, 1) * (rng.random() < 0.6)
        share = np.clip((times_s - start) / 0.05, 0, 1)
        gaze = np.where(times_s >= start, here[:, None] + share * (there - here)[:, None], gaze)
        start, here = start + rng.uniform(0.5, 1.6), there
    return gaze


def talk(
    rng: Generator, phonemes: Sequence[Phoneme], frames: int, fps: float, view: View, grain: int
) -> Motion:
    """The motion of a clip. Frame k shows the moment (k + 0.5) / fps; grain: the first frame's noise seed."""
    import numpy as np
    import torch

    times = (np.arange(frames) + 0.5) / fps
    yaw_size, centre, pitch_size, roll_size, shift, speed = _AMPLITUDES[view]
    yaw = rng.uniform(-centre, centre) + yaw_size * wander(rng, times, speed)
    if view == "large_rotation":  # from one side to the other, in the time that there is
        turns = max(0.5, round(times[-1] / 4 * 2) / 2)
        sweep = np.cos(2 * np.pi * turns * times / (times[-1] + 1e-9)) * rng.choice((-1, 1))
        yaw = (YAW_LIMIT - 1) * np.sin(np.pi / 2 * sweep) + 0.02 * yaw
    yaw = np.clip(yaw, -YAW_LIMIT, YAW_LIMIT)
    shapes = mouth_shapes(phonemes, times)
    stress = np.convolve(shapes["open"], np.hanning(9) / np.hanning(9).sum(), mode="same")
    pitch = pitch_size * wander(rng, times, speed) + 5 * (stress - stress.mean())
    looks = saccades(rng, times)
    zoom = 1 + rng.uniform(-0.04, 0.06) + 0.02 * wander(rng, times, speed)
    values = {
        "yaw": yaw,
        "pitch": pitch,
        "roll": roll_size * wander(rng, times, speed),
        "x": shift * 1.6 * wander(rng, times, speed),
        "y": shift * wander(rng, times, speed),
        "zoom": zoom,
        # The eyes hold the camera while the head turns, as far as they can.
        "gaze_x": np.clip(-0.6 * np.deg2rad(yaw), -0.38, 0.38) + 0.16 * looks[0],
        "gaze_y": np.clip(0.75 * np.deg2rad(pitch), -0.2, 0.2) + 0.09 * looks[1],
        "blink": blinks(rng, times),
        "brow": 0.5 * wander(rng, times, 2.0) + 0.8 * (stress - stress.mean()),
        "smile": np.clip(rng.uniform(-0.1, 0.5) + 0.3 * wander(rng, times, 1.0), -0.3, 1.0),
        **shapes,
    }
    tensors = {name: torch.tensor(value, dtype=torch.float32) for name, value in values.items()}
    return Motion(**tensors, grain=torch.arange(frames) + grain)
