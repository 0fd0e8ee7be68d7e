"""Clips to score: smooth random pictures, and speech read from the shared recordings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch
from talkbench.benchmark import weights
from talkbench.benchmark.api.metric import MetricModule
from talkbench.benchmark.api.types import Clip, ClipSpec


def clip_of(
    video: torch.Tensor | None = None,
    audio: torch.Tensor | None = None,
    sample_rate: int = 16000,
    transcript: str | None = None,
) -> Clip:
    video = torch.zeros(0, 3, 16, 16, dtype=torch.uint8) if video is None else video
    audio = torch.zeros(1, 0) if audio is None else audio
    frames, _, height, width = video.shape
    channels, samples = audio.shape
    spec = ClipSpec(frames, height, width, Fraction(25), samples, sample_rate, channels)
    return Clip(spec, video, audio, transcript=transcript)


def smooth_video(frames: int, height: int, width: int, seed: int = 0) -> torch.Tensor:
    noise = torch.rand(frames, 3, 9, 9, generator=torch.Generator().manual_seed(seed))
    smooth = torch.nn.functional.interpolate(noise, (height, width), mode="bicubic").clamp(0, 1)
    return (smooth * 255).round().byte()


def noisy_video(video: torch.Tensor, sigma: float, seed: int = 1) -> torch.Tensor:
    noise = torch.randn(video.shape, generator=torch.Generator().manual_seed(seed))
    return (video.float() + sigma * noise).round().clamp(0, 255).byte()


def noisy_audio(audio: torch.Tensor, snr_db: float, seed: int = 2) -> torch.Tensor:
    noise = torch.randn(audio.shape, generator=torch.Generator().manual_seed(seed))
    return audio + noise * audio.square().mean().sqrt() * 10 ** (-snr_db / 20)


@pytest.fixture(scope="session")
def score() -> Callable[..., Any]:
    """`score(family, reference, decoded)`: every metric of a family's module, by name, on the CPU."""

    def compare(family: MetricModule, reference: Clip, decoded: Clip) -> Any:
        metric = family.load("cpu", family.describe())
        return metric.compare(metric.reference(reference), decoded)

    return compare


@pytest.fixture(scope="session")
def make_clip() -> Callable[..., Clip]:
    return clip_of


@pytest.fixture(scope="session")
def make_video() -> Callable[..., torch.Tensor]:
    return smooth_video


@pytest.fixture(scope="session")
def add_noise() -> Callable[..., torch.Tensor]:
    """Gaussian noise of `sigma` grey levels on uint8 video."""
    return noisy_video


@pytest.fixture(scope="session")
def add_hiss() -> Callable[..., torch.Tensor]:
    """White noise at `snr_db` on sound."""
    return noisy_audio


@pytest.fixture(scope="session")
def read_speech(shared: Path) -> Callable[..., Clip]:
    """A shared recording by its file name, as a clip without pictures."""

    def read(name: str, transcript: str | None = None) -> Clip:
        samples, rate = soundfile.read(shared / "speech" / name, dtype="float32", always_2d=True)
        return clip_of(audio=torch.from_numpy(samples.T.copy()), sample_rate=rate, transcript=transcript)

    return read


Part = Mapping[str, torch.Tensor] | Path


@pytest.fixture
def random_weights(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Part], None]:
    """`random_weights("vgg16", state_dict)`, or a path: that part is here, with the sha256 "random"."""
    given: dict[str, Part] = {}

    def missing(names: Iterable[str]) -> str | None:
        return asked["missing"]([name for name in names if name not in given])

    def sha256(name: str) -> str:
        return "random" if name in given else asked["sha256"](name)

    def path(name: str) -> Path:
        part = given.get(name)
        return part if isinstance(part, Path) else asked["path"](name)

    def state_dict(name: str) -> dict[str, torch.Tensor]:
        part = given.get(name)
        return dict(part) if isinstance(part, Mapping) else asked["state_dict"](name)

    def give(name: str, part: Part) -> None:
        weights.get(name)
        given[name] = part

    stand_ins = {"missing": missing, "sha256": sha256, "path": path, "state_dict": state_dict}
    asked = {name: getattr(weights, name) for name in stand_ins}
    for name, stand_in in stand_ins.items():
        monkeypatch.setattr(weights, name, stand_in)
    return give
