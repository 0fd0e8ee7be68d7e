"""Tiny clips made from their index: a moving pattern and a gliding tone. They drive pipeline tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from talkbench.benchmark.api import Clip, ClipSpec, DatasetError, DatasetInfo, Item, PreparedClip
from talkbench.benchmark.util.hashing import key

FRAMES, SIDE, RATE = 10, 48, 16000


def availability() -> str | None:
    return None


@dataclass(frozen=True)
class Moving:
    """`clips` good ones; with `odd`, also one that is damaged, one without sound and one seen before."""

    clips: int
    odd: bool
    info = DatasetInfo("moving", synthetic=True, licence="Apache-2.0", note="made for tests")

    def items(self) -> Sequence[Item]:
        names = [f"clip-{index}" for index in range(self.clips)]
        if self.odd:
            names += ["damaged", "mute", "again"]
        return [Item(name, key("moving", name)) for name in names]

    def prepare(self, item: Item) -> PreparedClip:
        import torch

        if item.name == "damaged":
            raise DatasetError("'damaged' cannot be used: it was made so")
        index = int(item.name.removeprefix("clip-")) if item.name.startswith("clip-") else 0
        samples = 0 if item.name == "mute" else FRAMES * RATE // 25
        spec = ClipSpec(FRAMES, SIDE, SIDE, Fraction(25), samples, RATE, 1)
        time = torch.arange(FRAMES)[:, None, None, None]
        x = torch.arange(SIDE)
        wave = torch.sin((x + 3 * time + index) / 5) + torch.sin((x[:, None] - 2 * time) / (7 + index))
        video = ((wave + 2) * 60).expand(FRAMES, 3, SIDE, SIDE).to(torch.uint8)
        seconds = torch.arange(samples) / RATE
        audio = 0.5 * torch.sin(2 * torch.pi * (200 + 50 * index + 300 * seconds) * seconds)
        return PreparedClip(Clip(spec, video.contiguous(), audio[None].float()), speaker=f"S{index}")


def load(clips: int = 2, odd: bool = False) -> Moving:
    return Moving(clips, odd)
