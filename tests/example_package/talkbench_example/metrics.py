"""Tiny metrics of every kind: they drive pipeline tests, and measure nothing that anybody wants to know."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from talkbench.benchmark.api import Clip, MetricInfo, Score, SetScore

if TYPE_CHECKING:
    import numpy as np


def _info(name: str, **facts: Any) -> MetricInfo:
    facts = {"unit": "", "bounds": (0.0, None), "definition": "For tests.", "paper": "", **facts}
    return MetricInfo(name=name, higher_is_better=False, **facts)


@dataclass(frozen=True)
class Family:
    """The module of a family: an entry point may name any such object."""

    infos: Callable[..., Sequence[MetricInfo]]
    metric: Callable[[Sequence[MetricInfo]], Any]

    def availability(self) -> str | None:
        return None

    def describe(self, **options: Any) -> Sequence[MetricInfo]:
        return self.infos(**options)

    def load(self, device: str, infos: Sequence[MetricInfo]) -> Any:
        return self.metric(infos)


@dataclass
class Sync:
    """Pairs: how far the picture's brightness is from the sound's level; one that fails on coded pictures."""

    infos: Sequence[MetricInfo]

    def reference(self, clip: Clip) -> float:
        assert clip.spec.frames
        assert clip.spec.samples
        return float(clip.video.float().mean())

    def picture(self, state: float, decoded: Clip) -> float:
        assert not decoded.spec.samples
        return float(decoded.video.float().mean())

    def sound(self, state: float, decoded: Clip) -> float:
        assert not decoded.spec.frames
        return float(decoded.audio.abs().mean())

    def compare(self, state: float, picture: float, sound: float) -> Mapping[str, Score]:
        if picture != state and any(info.name == "fake_fragile" for info in self.infos):
            raise ValueError("this metric fails on coded pictures")
        return {info.name: Score(abs(picture / 255 - sound)) for info in self.infos}


@dataclass
class Crowd:
    """A set: the distance between mean brightnesses; quick features are rounded."""

    infos: Sequence[MetricInfo]
    frames_at_once = 4

    def embed(self, clip: Clip) -> np.ndarray:
        assert clip.spec.frames <= self.frames_at_once
        means = clip.video.float().mean(dim=(2, 3)).numpy()
        return means.round() if self.infos[0].quick else means

    def distance(
        self, reference: Iterable[np.ndarray], decoded: Iterable[np.ndarray]
    ) -> Mapping[str, SetScore]:
        import numpy as np

        one, other = np.concatenate(list(reference)), np.concatenate(list(decoded))
        value = float(np.linalg.norm(one.mean(axis=0) - other.mean(axis=0)))
        return {"fake_distance": SetScore(value, len(one), f"only {len(one)} frames")}


@dataclass
class Level:
    """No reference: the level of the sound, to a power; quick values are rounded."""

    infos: Sequence[MetricInfo]
    frames_at_once = None

    def reference(self, clip: Clip) -> None:
        pass

    def compare(self, state: None, decoded: Clip) -> Mapping[str, Score]:
        (info,) = self.infos
        value = float(decoded.audio.abs().mean() ** int(info.options["power"]))
        return {info.name: Score(round(value, 2) if info.quick else value)}


def _levels(power: int = 1) -> Sequence[MetricInfo]:
    return (
        _info(
            "fake_level",
            modality="audio",
            kind="clip",
            of_reference=True,
            has_quick=True,
            options={"power": power},
        ),
    )


sync = Family(lambda: (_info("fake_sync", modality="pair", kind="pair", of_reference=True),), Sync)
fragile = Family(lambda: (_info("fake_fragile", modality="pair", kind="pair"),), Sync)
crowd = Family(lambda: (_info("fake_distance", modality="video", kind="set", has_quick=True),), Crowd)
level = Family(_levels, Level)
