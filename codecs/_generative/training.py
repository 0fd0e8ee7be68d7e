"""The one training loop of the small face codecs: steps, validation, checkpoints."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as functional
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from ...benchmark.errors import UsageError
from ...benchmark.train_cli import Say
from .layers import resized
from .training_batches import Batch, batch
from .training_faces import SIZE
from .training_losses import dissimilarity, pyramid

BATCH = 8
WARM_UP = 100
RATE, LAST_RATE = 1.5e-3, 2e-5  # of learning: a cosine from the first to the last after the warm-up
AVERAGE = 0.99  # what the running average keeps of itself at each step, after as many as make one
EVERY = 100  # steps between validations and checkpoints
LATE = 0.9  # share of the training at half the size


class Trainable(Protocol):
    """What a small codec's network offers to the training besides being a `FaceModel`."""

    def motion(self, frames: Tensor) -> Tensor: ...

    def prepare(self, keyframe: Tensor, picture: Tensor | None = None) -> Any: ...

    def dense(self, prepared: Any, motion: Tensor) -> Any: ...

    generator: nn.Module


@dataclass(frozen=True)
class Plan:
    """How one small codec is trained.

    weights: their name in the registry; network: makes it; step: quantiser steps per unit of motion (Q);
    extra: a further loss from (network, targets, motion of the targets); steps: of the optimiser.
    """

    weights: str
    network: Callable[[], nn.Module]
    step: float
    steps: int
    extra: Callable[[Any, Tensor, Tensor], Tensor] | None = None


@dataclass
class Progress:
    """What a checkpoint knows besides tensors; `curve`: facts at each validation, JSON-ready."""

    step: int = 0
    seconds: float = 0.0
    curve: list[dict[str, Any]] = field(default_factory=list)

    def state_dict(self) -> dict[str, Any]:
        """For the checkpoint."""
        return {"step": self.step, "seconds": self.seconds, "curve": self.curve}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """From a checkpoint."""
        self.step, self.seconds, self.curve = state["step"], state["seconds"], list(state["curve"])


class Trainer:
    """A plan's network, its running average, which is what is kept, and its optimiser, on one device."""

    def __init__(self, plan: Plan, device: str) -> None:
        torch.manual_seed(0)
        kind, _, index = device.partition(":")
        self.fabric = Fabric(
            accelerator=kind, devices=[int(index or 0)] if kind == "cuda" else 1, precision="bf16-mixed"
        )
        self.plan = plan
        self.network = self.fabric.to_device(plan.network())
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), RATE, betas=(0.5, 0.99), weight_decay=0.0
        )
        self.average = AveragedModel(self.network, avg_fn=_average, use_buffers=True)
        self.progress = Progress()

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return self.fabric.device

    def step(self, pair: Batch, share: float) -> dict[str, float]:
        """One step; `share` of the training that is done, 0 to 1. Returns the parts of the loss."""
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.progress.step, share)
        torch.manual_seed(self.progress.step)  # so that a resumed run draws what the first would have
        self.network.train()
        with self.fabric.autocast():
            losses = self._losses(pair, SIZE // 2 if share < LATE else SIZE)
        self.optimiser.zero_grad(set_to_none=True)
        total = torch.stack(list(losses.values())).sum()
        self.fabric.backward(total)
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimiser.step()
        self.average.update_parameters(self.network)
        self.progress.step += 1
        return {name: float(value.detach()) for name, value in losses.items()}

    def _losses(self, pair: Batch, size: int) -> dict[str, Tensor]:
        keyframe, target = pair.keyframe.to(self.device), pair.target.to(self.device)
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
            losses["extra"] = self.plan.extra(self.network, target, motion)
        return losses

    def save(self, path: Path) -> None:
        """Everything that is needed to go on from this step."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        self.fabric.save(part, self._state())
        part.replace(path)

    def resume(self, path: Path) -> None:
        """Goes on from a checkpoint. Raises UsageError where it is not one of this recipe."""
        try:
            self.fabric.load(path, self._state(), weights_only=True)
        except (KeyError, RuntimeError, ValueError, TypeError, AttributeError) as error:
            raise UsageError(
                f"{path} is no checkpoint of this recipe ({error}); train anew with another --out"
            ) from error

    def _state(self) -> dict[str, Any]:
        return {
            "network": self.network,
            "optimiser": self.optimiser,
            "average": self.average,
            "progress": self.progress,
        }

    def kept(self) -> Any:
        """The running average, ready to be used."""
        return self.average.module.eval()


def _average(kept: Tensor, now: Tensor, count: Tensor | int) -> Tensor:
    """The running average of a tensor: early steps, of a network that knows nothing, are soon forgotten."""
    keep = min(AVERAGE, (1 + float(count)) / (10 + float(count)))
    return keep * kept + (1 - keep) * now


def learning_rate(step: int, share: float) -> float:
    """Rate of learning at a step, when `share` of the training is done."""
    left = (1 + np.cos(np.pi * min(1.0, share))) / 2
    return min(1.0, (step + 1) / WARM_UP) * float(LAST_RATE + (RATE - LAST_RATE) * left)


def steps(
    trainer: Trainer,
    people: Sequence[np.ndarray],
    held_out: Sequence[np.ndarray],
    checkpoint: Path,
    minutes: float | None,
    say: Say,
) -> None:
    """Trains to the plan's last step, or so that all of the schedule fits into `minutes`.

    people: those to learn from; held_out: those to validate with.
    """
    progress, began, before = trainer.progress, time.monotonic(), trainer.progress.seconds
    recent: list[dict[str, float]] = []

    def share() -> float:
        done = progress.step / trainer.plan.steps
        return done if minutes is None else max(done, progress.seconds / (60 * minutes))

    with ThreadPoolExecutor(1) as aside:

        def prepare(step: int) -> Future[Batch]:
            return aside.submit(lambda: batch(people, np.random.default_rng((2, step)), BATCH))

        following = prepare(progress.step)
        while share() < 1:
            ready, following = following, prepare(progress.step + 1)
            recent = [*recent[-EVERY + 1 :], trainer.step(ready.result(), share())]
            progress.seconds = before + time.monotonic() - began
            mean = {name: float(np.mean([parts[name] for parts in recent])) for name in recent[-1]}
            pace = (progress.seconds - before) / max(1, len(recent)) if len(recent) < EVERY else None
            say(_line(trainer, mean, pace, share()))
            if progress.step % EVERY == 0:
                fact = {"step": progress.step, **{name: round(value, 4) for name, value in mean.items()}}
                progress.curve.append({**fact, **validate(trainer.kept(), held_out, trainer)})
                say(f"validation: {progress.curve[-1]}", lasting=True)
                trainer.save(checkpoint)
    trainer.save(checkpoint)


def _line(trainer: Trainer, mean: dict[str, float], pace: float | None, share: float) -> str:
    parts = ", ".join(f"{name} {value:.3f}" for name, value in mean.items())
    step = f"step {trainer.progress.step} of {trainer.plan.steps} ({share:.0%})"
    return f"{step}: {parts}" + (f", {pace:.2f} s a step" if pace else "")


@torch.inference_mode()
def validate(network: Any, people: Sequence[np.ndarray], trainer: Trainer) -> dict[str, float]:
    """`psnr` of held-out people moved from their first moment, dB, and `psnr_still` of that moment itself."""
    errors, stills = [], []
    for moments in people:
        frames = torch.from_numpy(np.ascontiguousarray(moments)).float().to(trainer.device) / 255
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
