"""Small clips for the tests of codecs: pictures that move, real pictures, and real speech."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from talkbench.benchmark.api.types import Clip, ClipSpec
from talkbench.benchmark.media import ffmpeg


def clip_of(
    video: torch.Tensor, audio: torch.Tensor, rate: int = 16000, fps: Fraction = Fraction(25)
) -> Clip:
    frames, _, height, width = video.shape
    channels, samples = audio.shape
    return Clip(ClipSpec(frames, height, width, fps, samples, rate, channels), video, audio)


@pytest.fixture(scope="session")
def moving() -> Callable[..., Clip]:
    """A disc that wanders over a gradient, without sound: (frames, height, width, fps) -> clip."""

    def make(frames: int, height: int = 64, width: int = 64, fps: Fraction = Fraction(25)) -> Clip:
        rows = torch.linspace(0, 1, height).view(1, 1, height, 1)
        columns = torch.linspace(0, 1, width).view(1, 1, 1, width)
        time = torch.arange(frames).view(-1, 1, 1, 1) / 25
        disc = ((rows - 0.5 - 0.2 * (5 * time).sin()) ** 2 + (columns - 0.3 - 0.5 * time) ** 2) < 0.03
        tint = torch.tensor([0.9, 0.6, 0.4]).view(1, 3, 1, 1)
        picture = (0.2 + 0.5 * columns * rows) * torch.ones(frames, 3, 1, 1)
        video = (torch.where(disc, tint, picture) * 255).to(torch.uint8)
        return clip_of(video, torch.zeros((1, 0)), fps=fps)

    return make


@pytest.fixture(scope="session")
def face(shared: Path) -> Callable[[int], Clip]:
    """The first pictures of a real recording, 256×256: (frames) -> clip."""

    def make(frames: int) -> Clip:
        name = shared / "clips" / "wild" / "edtalk_mouth_source.mkv"
        pixels = ["-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"]
        data = ffmpeg.run(["-i", str(name), "-frames:v", str(frames), *pixels])
        video = torch.frombuffer(bytearray(data), dtype=torch.uint8).view(-1, 256, 256, 3)
        return clip_of(video.permute(0, 3, 1, 2).contiguous(), torch.zeros((1, 0)))

    return make


@pytest.fixture(scope="session")
def speech(shared: Path) -> Callable[..., Clip]:
    """Real speech without pictures: (seconds, rate, channels) -> clip."""

    def make(seconds: float = 3, rate: int = 16000, channels: int = 1) -> Clip:
        name = shared / "speech" / "LJ001-0001.wav"
        samples = ["-t", str(seconds), "-ar", str(rate), "-ac", "1", "-f", "f32le", "pipe:1"]
        data = bytearray(ffmpeg.run(["-i", str(name), *samples]))
        audio = torch.frombuffer(data, dtype=torch.float32).repeat(channels, 1)
        return clip_of(torch.zeros((0, 3, 0, 0), dtype=torch.uint8), audio, rate)

    return make
