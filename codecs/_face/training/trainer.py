"""What a step of a small face codec's training is: its loss, its rate, its validation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from ....benchmark.training import loop, state
from ..layers import resized
from . import perceptual
from .batches import Batch, batch
from .faces import SIZE, Person
from .losses import dissimilarity, pyramid
from .perceptual import Perceptual

BATCH = 8
WARM_UP = 100
RATE, LAST_RATE = 1.5e-3, 2e-5  # of learning: a cosine from the first to the last after the warm-up
AVERAGE = 0.99  # what the running average keeps of itself at each step, after as many as make one
LATE = 0.9  # share of a cycle at half the size


@dataclass(frozen=True)
class Plan:
    """How one small codec is trained.

    weights: their name in the registry; method: as its authors write it;
    network: makes it, such as a `KeypointModel`; step: quantiser steps
    per unit of motion (Q);
    extra: makes a further loss from (network, batch, motion of its targets, dense motion, share of the
    first cycle that is done), which may have something to learn that is not kept; steps: of the optimiser, in
    each of `cycles`, with which rate and size restart (Loshchilov and Hutter, SGDR, ICLR 2017). Keypoints
    lose their places in a second cycle, in which nothing guides them: dac fell from 24.4 to 21.0 dB.
    """

    weights: str
    method: str
    network: Callable[[], nn.Module]
    step: float
    steps: int
    extra: Callable[[], nn.Module] | None = None
    cycles: int = 1


class Trainer(loop.Trainer):
    """Of a plan. people: those to learn from; held_out: those to validate with."""

    def __init__(
        self, plan: Plan, device: str, people: Sequence[Person] = (), held_out: Sequence[Person] = ()
    ) -> None:
        super().__init__(device, plan.network, plan.extra, rate=RATE, average=AVERAGE)
        self.plan, self.people, self.held_out = plan, people, held_out
        self.perceptual: Perceptual | None = None

    def batch(self, step: int) -> Batch:
        """Pairs of moments."""
        return batch(self.people, np.random.default_rng((2, step)), BATCH)

    def rate(self, share: float) -> float:
        """A cosine in every cycle."""
        return learning_rate(self.progress.step, share * self.plan.cycles % 1)

    def validate(self) -> dict[str, float]:
        """Of the people who are held out."""
        return validate(self.kept(), self.held_out, self)

    def losses(self, batch: Batch, share: float) -> dict[str, Tensor]:
        """The parts of the loss; `share` of the training that is done."""
        pair, cycle = batch.to(self.device), share * self.plan.cycles
        keyframe, target = pair.keyframe, pair.target
        size = SIZE // 2 if cycle % 1 < LATE else SIZE
        picture, wanted = (
            functional.interpolate(x, size=(size, size), mode="area") if size != SIZE else x
            for x in (keyframe, target)
        )
        motion = self.network.motion(target)
        # What rounding to steps will do, as noise through which the gradient passes.
        sent = motion + (torch.rand_like(motion) - 0.5) / self.plan.step
        prepared = self.network.prepare(keyframe, picture)
        dense = self.network.dense(prepared, sent)
        made = self.network(prepared, dense)
        smaller = (SIZE // 2, SIZE // 2)
        source, half = (functional.interpolate(x, size=smaller, mode="area") for x in (keyframe, target))
        grid = resized(dense.grid, smaller, aligned=True)
        moved = functional.grid_sample(source, grid, padding_mode="border", align_corners=True)
        losses = {
            "pixels": 10 * pyramid(made, wanted),
            "structure": dissimilarity(made, wanted),
            "motion": 4 * pyramid(moved, half),
        }
        if self.plan.extra:
            losses["extra"] = self.extra(self.network, pair, motion, dense, min(1.0, cycle))
        if self.perceptual:
            losses[perceptual.NAME] = self.perceptual(made, wanted)
        return losses


def learning_rate(step: int, share: float) -> float:
    """Rate of learning at a step, when `share` of the training is done."""
    return state.learning_rate(step, share, WARM_UP, RATE, LAST_RATE)


@torch.inference_mode()
def validate(network: Any, people: Sequence[Person], trainer: Trainer) -> dict[str, float]:
    """`psnr` of held-out people moved from their first moment, dB, and `psnr_still` of that moment itself."""
    errors, stills = [], []
    for person in people:
        frames = torch.from_numpy(np.array(person.pictures)).float().to(trainer.device) / 255
        prepared = network.prepare(frames[:1])
        key = network.motion(frames[:1])
        sent = key + ((network.motion(frames[1:]) - key) * trainer.plan.step).round() / trainer.plan.step
        made = network.animate(prepared, sent)
        errors.append((made - frames[1:]).square().mean((1, 2, 3)).cpu())
        stills.append((frames[:1] - frames[1:]).square().mean((1, 2, 3)).cpu())
    if not errors:
        return {}
    values = [-10 * torch.cat(kind).log10().mean() for kind in (errors, stills)]
    return {"psnr": round(float(values[0]), 3), "psnr_still": round(float(values[1]), 3)}
