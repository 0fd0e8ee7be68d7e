"""The one training loop of the small face codecs: steps, validation, checkpoints."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from ...benchmark import training_state
from ...benchmark.train_cli import Say
from ...benchmark.training_state import Progress
from . import training_perceptual
from .layers import resized
from .training_batches import Batch, batch
from .training_faces import SIZE, Person
from .training_losses import dissimilarity, pyramid
from .training_perceptual import Perceptual

BATCH = 8
WARM_UP = 100
RATE, LAST_RATE = 1.5e-3, 2e-5  # of learning: a cosine from the first to the last after the warm-up
AVERAGE = 0.99  # what the running average keeps of itself at each step, after as many as make one
EVERY = 100  # steps between validations and checkpoints
LATE = 0.9  # share of a cycle at half the size


@dataclass(frozen=True)
class Plan:
    """How one small codec is trained.

    weights: their name in the registry; network: makes it, such as a `KeypointModel`; step: quantiser steps
    per unit of motion (Q);
    extra: makes a further loss from (network, batch, motion of its targets, dense motion, share of the
    first cycle that is done), which may have something to learn that is not kept; steps: of the optimiser, in
    each of `cycles`, with which rate and size begin anew (Loshchilov and Hutter, SGDR, ICLR 2017). Keypoints
    lose their places in a second cycle, in which nothing guides them: dac fell from 24.4 to 21.0 dB.
    """

    weights: str
    network: Callable[[], nn.Module]
    step: float
    steps: int
    extra: Callable[[], nn.Module] | None = None
    cycles: int = 1


class Trainer:
    """A plan's network, its running average, which is what is kept, and its optimiser, on one device."""

    def __init__(self, plan: Plan, device: str) -> None:
        torch.manual_seed(0)
        kind, _, index = device.partition(":")
        logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it would say its precision
        self.fabric = Fabric(
            accelerator=kind, devices=[int(index or 0)] if kind == "cuda" else 1, precision="bf16-mixed"
        )
        self.plan = plan
        self.network: Any = self.fabric.to_device(plan.network())
        self.extra = self.fabric.to_device(plan.extra()) if plan.extra else nn.Module()
        learning = [*self.network.parameters(), *self.extra.parameters()]
        self.optimiser = torch.optim.AdamW(learning, RATE, betas=(0.5, 0.99), weight_decay=0.0)
        average = training_state.running_average(AVERAGE)
        self.average = AveragedModel(self.network, avg_fn=average, use_buffers=True)
        self.progress = Progress()
        self.perceptual: Perceptual | None = None

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return self.fabric.device

    def step(self, pair: Batch, share: float) -> dict[str, float]:
        """One step; `share` of the training that is done, 0 to 1. Returns the parts of the loss."""
        cycle = share * self.plan.cycles
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.progress.step, cycle % 1)
        torch.manual_seed(self.progress.step)  # so that a resumed run draws what the first would have
        self.network.train()
        with self.fabric.autocast():
            losses = self._losses(pair.to(self.device), cycle)
        self.optimiser.zero_grad(set_to_none=True)
        total = torch.stack(list(losses.values())).sum()
        self.fabric.backward(total)
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimiser.step()
        self.average.update_parameters(self.network)
        self.progress.step += 1
        return {name: float(value.detach()) for name, value in losses.items()}

    def _losses(self, pair: Batch, cycle: float) -> dict[str, Tensor]:
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
            losses[training_perceptual.NAME] = self.perceptual(made, wanted)
        return losses

    def save(self, path: Path) -> None:
        """Everything that is needed to go on from this step."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        self.fabric.save(part, self._state())
        part.replace(path)

    def resume(self, path: Path) -> None:
        """Goes on from a checkpoint. Raises UsageError where it is not one of this recipe."""
        with training_state.reading(path):
            state = self._state()
            self.fabric.load(path, state, weights_only=True)
            self.progress = state["progress"]  # Fabric loads dataclasses into a copy

    def _state(self) -> dict[str, Any]:
        return {
            "network": self.network,
            "extra": self.extra,
            "optimiser": self.optimiser,
            "average": self.average,
            "progress": self.progress,
        }

    def kept(self) -> Any:
        """The running average, ready to be used."""
        return self.average.module.eval()


def learning_rate(step: int, share: float) -> float:
    """Rate of learning at a step, when `share` of the training is done."""
    return training_state.learning_rate(step, share, WARM_UP, RATE, LAST_RATE)


def steps(
    trainer: Trainer,
    people: Sequence[Person],
    held_out: Sequence[Person],
    checkpoint: Path,
    minutes: float | None,
    say: Say,
) -> None:
    """Trains to the plan's last step, or so that all of the schedule fits into `minutes`.

    people: those to learn from; held_out: those to validate with.
    """
    progress, began, before = trainer.progress, time.monotonic(), trainer.progress.seconds
    first, planned = progress.step, trainer.plan.steps * trainer.plan.cycles

    def share() -> float:
        done = progress.step / planned
        return done if minutes is None else max(done, progress.seconds / (60 * minutes))

    with training_state.between_steps() as let_through, ThreadPoolExecutor(1) as aside:

        def prepare(step: int) -> Future[Batch]:
            return aside.submit(lambda: batch(people, np.random.default_rng((2, step)), BATCH))

        following = prepare(progress.step)
        while share() < 1:
            ready, following = following, prepare(progress.step + 1)
            progress.recent = [*progress.recent[-EVERY + 1 :], trainer.step(ready.result(), share())]
            spent, taken = time.monotonic() - began, progress.step - first
            progress.seconds = before + spent
            recent = progress.recent
            mean = {name: float(np.mean([parts[name] for parts in recent])) for name in recent[-1]}
            parts = ", ".join(f"{name} {value:.3f}" for name, value in mean.items())
            left = (planned - progress.step) * spent / taken
            left = left if minutes is None else max(0.0, min(left, 60 * minutes - progress.seconds))
            pace = training_state.pace(spent, taken, left)
            say(f"step {progress.step} of {planned} ({min(1.0, share()):.0%}): {parts}, {pace}")
            if progress.step % EVERY == 0:
                fact = {"step": progress.step, **{name: round(value, 4) for name, value in mean.items()}}
                progress.curve.append({**fact, **validate(trainer.kept(), held_out, trainer)})
                say(f"validation: {progress.curve[-1]}", lasting=True)
                trainer.save(checkpoint)
            let_through()
    trainer.save(checkpoint)


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
