"""What codecs are checked on: a moving face on a texture and a voice-like sound, from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from ..api.types import Clip, ClipSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class CheckClip:
    """A recipe of a clip: small to send to another process, and the same clip in each.

    size: (height, width) in pixels; the sound lasts as long as the pictures; noise: number of the grain in
    the pictures and the breath in the sound, so that recipes which differ in it only show the same scene.
    """

    seed: int = 1
    noise: int = 0
    frames: int = 10
    size: tuple[int, int] = (128, 128)
    fps: Fraction = Fraction(25)
    sample_rate: int = 16000
    channels: int = 1
    silent: bool = False
    video: bool = True
    audio: bool = True

    @property
    def spec(self) -> ClipSpec:
        """Shape of the clip that `make` returns."""
        samples = round(self.frames / self.fps * self.sample_rate) if self.audio else 0
        frames = self.frames if self.video else 0
        return ClipSpec(frames, *self.size, self.fps, samples, self.sample_rate, self.channels)

    def make(self) -> Clip:
        """The clip. Equal recipes give equal clips, whatever happened before."""
        import numpy as np
        import torch

        random = np.random.default_rng(self.seed)
        opening = 0.5 + 0.5 * np.sin(2 * np.pi * (4 * np.linspace(0, 1, 256) + random.random()))
        video = torch.from_numpy(_pictures(self, opening, random))
        if self.noise:  # the voice does not depend on how much grain was drawn before it
            random = np.random.default_rng([self.seed, 1])
        audio = torch.from_numpy(_sound(self, opening, random))
        spec = self.spec
        return Clip(spec, video[: spec.frames], audio[:, : spec.samples], f"check-{self.seed}")


def _noise(recipe: CheckClip, random: np.random.Generator) -> np.random.Generator:
    """What grain and breath are drawn from: a generator of their own where the recipe numbers its noise."""
    import numpy as np

    return np.random.default_rng([recipe.seed, recipe.noise, 2]) if recipe.noise else random


def _pictures(
    recipe: CheckClip, opening: NDArray[np.float64], random: np.random.Generator
) -> NDArray[np.uint8]:
    """uint8 (T, 3, H, W): a face that sways and speaks before a drifting texture."""
    import numpy as np

    height, width = recipe.size
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    waves = random.uniform(-14, 14, (6, 2))
    phases = random.uniform(0, 2 * np.pi, (6, 3))
    skin = np.array([200, 150, 125]) + random.uniform(-40, 40, 3)
    centre = random.uniform(-0.1, 0.1, 2)
    grain = _noise(recipe, random).normal(0, 2, (recipe.frames, 3, height, width))
    pictures = np.empty((recipe.frames, 3, height, width), np.uint8)
    for number in range(recipe.frames):
        time = number / recipe.frames
        texture = sum(
            np.sin(fx * (x + 0.1 * time) + fy * y + phase[:, None, None])
            for (fx, fy), phase in zip(waves, phases, strict=True)
        )
        picture = 110 + 20 * np.asarray(texture)
        fx, fy = x - centre[0] - 0.08 * np.sin(5 * time), y - centre[1]
        shade = np.clip(1.1 - 0.5 * (fx + 0.3) ** 2 - 0.3 * fy**2, 0, 1)
        face = (fx / 0.5) ** 2 + (fy / 0.68) ** 2 < 1
        picture = np.where(face, skin[:, None, None] * shade, picture)
        eyes = ((np.abs(fx) - 0.2) / 0.09) ** 2 + ((fy + 0.2) / 0.05) ** 2 < 1
        lips = 0.04 + 0.1 * opening[int(time * 255)]
        mouth = (fx / 0.18) ** 2 + ((fy - 0.33) / lips) ** 2 < 1
        picture = np.where(eyes | mouth, 45.0, picture) + grain[number]
        pictures[number] = np.clip(picture, 0, 255).astype(np.uint8)
    return pictures


def _sound(
    recipe: CheckClip, opening: NDArray[np.float64], random: np.random.Generator
) -> NDArray[np.float32]:
    """float32 (C, N): harmonics under three formants, as loud as the mouth is open, with a little breath."""
    import numpy as np

    samples = round(recipe.frames / recipe.fps * recipe.sample_rate)
    if recipe.silent:
        return np.zeros((recipe.channels, samples), np.float32)
    time = np.arange(samples) / recipe.sample_rate
    pitch = random.uniform(100, 220) * (1 + 0.05 * np.sin(2 * np.pi * 3 * time))
    phase = 2 * np.pi * np.cumsum(pitch) / recipe.sample_rate
    formants = random.uniform((400, 1000, 2200), (800, 1800, 3000))
    voice = np.zeros(samples)
    for harmonic in range(1, 30):
        gains = np.exp(-(((harmonic * pitch[:, None] - formants) / 200) ** 2)) @ np.array([1, 0.6, 0.3])
        voice += gains * np.sin(harmonic * phase)
    loudness = np.interp(np.linspace(0, 1, samples), np.linspace(0, 1, len(opening)), opening)
    voice = 0.1 * loudness * voice + _noise(recipe, random).normal(0, 0.003, samples)
    # Channels differ, so that a codec that mixes or drops one is seen.
    channels = np.stack([voice * (1 - 0.4 * channel) for channel in range(recipe.channels)])
    return np.clip(channels, -1, 1).astype(np.float32)
