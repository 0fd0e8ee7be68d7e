"""A training so small that its steps take moments: 64×64 pictures, four channels, invented people."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from talkbench.codecs._face.keypoint_model import KeypointModel, small
from talkbench.codecs._face.training import trainer
from talkbench.codecs._face.training.faces import Person
from talkbench.codecs._face.training.losses import OfKeypoints
from talkbench.codecs._face.training.trainer import Plan

SIDE, MOMENTS = 64, 4


def person(seed: int) -> Person:
    """Blocks of colours that wander, and places anywhere."""
    draw = np.random.default_rng(seed)
    blocks = draw.integers(0, 256, (3, 8, 8), dtype=np.uint8).repeat(8, 1).repeat(8, 2)
    pictures = np.stack([np.roll(blocks, (3 * t, 5 * t), (1, 2)) for t in range(MOMENTS)])
    return Person(pictures, draw.uniform(-0.9, 0.9, (MOMENTS, 10, 2)).astype(np.float32))


@pytest.fixture
def people() -> Sequence[Person]:
    return [person(seed) for seed in range(3)]


@pytest.fixture
def tiny_plan(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Plan]:
    """Makes a plan with a tiny network: (weights, steps, jacobians)."""
    monkeypatch.setattr(trainer, "SIZE", SIDE)

    def make(weights: str = "dac-synthetic", steps: int = 6, jacobians: bool = False) -> Plan:
        shape = replace(
            small(jacobians), detector=(4, 8, 3), motion=(4, 8, 3), generator=(4, 8, 2), residuals=1
        )
        return Plan(weights, "Tiny", lambda: KeypointModel(shape), step=128, steps=steps, extra=OfKeypoints)

    return make
