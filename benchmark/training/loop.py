"""The one loop of the recipes: steps, a running average, validation, and checkpoints to resume from."""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from . import state as training_state
from .recipe import Say
from .state import Progress

EVERY = 100  # steps between validations and checkpoints


class Trainer(ABC):
    """A network, its running average, which is what is kept, and its optimiser, on one device.

    network, extra: make what is learnt; of `extra`, which the loss may need, nothing is kept;
    rate: of learning, at first; average: what the running average keeps of itself at each step, after as
    many as make one; buffers: whether it takes in buffers too, which are copied otherwise; momentum: of
    AdamW; precision: of Lightning Fabric.
    """

    def __init__(
        self,
        device: str,
        network: Callable[[], nn.Module],
        extra: Callable[[], nn.Module] | None = None,
        *,
        rate: float,
        average: float,
        buffers: bool = True,
        momentum: float = 0.5,
        precision: Literal["bf16-mixed", "32-true"] = "bf16-mixed",
    ) -> None:
        torch.manual_seed(0)
        kind, _, index = device.partition(":")
        logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it would say its precision
        self.fabric = Fabric(
            accelerator=kind, devices=[int(index or 0)] if kind == "cuda" else 1, precision=precision
        )
        self.network: Any = self.fabric.to_device(network())
        self.extra: Any = self.fabric.to_device(extra()) if extra else nn.Module()
        learning = [*self.network.parameters(), *self.extra.parameters()]
        self.optimiser = torch.optim.AdamW(learning, rate, betas=(momentum, 0.99), weight_decay=0.0)
        kept = training_state.running_average(average)
        self.average = AveragedModel(self.network, avg_fn=kept, use_buffers=buffers)
        self.progress = Progress()

    @abstractmethod
    def batch(self, step: int) -> Any:
        """What step number `step` learns from, the same whenever it is asked; made aside, in a thread."""

    @abstractmethod
    def rate(self, share: float) -> float:
        """Rate of learning when `share` of the training is done, 0 to 1."""

    @abstractmethod
    def losses(self, batch: Any, share: float) -> dict[str, Tensor]:
        """The parts of the loss, which is their sum."""

    @abstractmethod
    def validate(self) -> dict[str, float]:
        """What the running average does on those that nothing is learnt from, for the curve."""

    def clipped(self) -> Sequence[nn.Module]:
        """Parts of the network whose gradients are clipped, each by its own norm."""
        return (self.network,)

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return self.fabric.device

    def step(self, batch: Any, share: float) -> dict[str, float]:
        """One step; `share` of the training that is done, 0 to 1. Returns the parts of the loss."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate(share)
        torch.manual_seed(self.progress.step)  # so that a resumed run draws what the first would have
        self.network.train()
        with self.fabric.autocast():
            losses = self.losses(batch, share)
        self.optimiser.zero_grad(set_to_none=True)
        self.fabric.backward(torch.stack(list(losses.values())).sum())
        for part in self.clipped():
            nn.utils.clip_grad_norm_(part.parameters(), 5.0)
        self.optimiser.step()
        self.average.update_parameters(self.network)
        self.progress.step += 1
        return {name: float(value.detach()) for name, value in losses.items()}

    def save(self, path: Path) -> None:
        """Everything that is needed to resume from this step."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        self.fabric.save(part, self._state())
        part.replace(path)

    def resume(self, path: Path) -> None:
        """Resumes from a checkpoint. Raises UsageError where it is not one of this recipe."""
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


def steps(trainer: Trainer, planned: int, checkpoint: Path, minutes: float | None, say: Say) -> None:
    """Trains to step `planned`, or so that all of the schedule fits into `minutes`."""
    progress, began, before = trainer.progress, time.monotonic(), trainer.progress.seconds
    first = progress.step

    def share() -> float:
        done = progress.step / planned
        return done if minutes is None else max(done, progress.seconds / (60 * minutes))

    with training_state.between_steps() as let_through, ThreadPoolExecutor(1) as aside:

        def prepare(step: int) -> Future[Any]:
            return aside.submit(trainer.batch, step)

        following = prepare(progress.step)
        while share() < 1:
            ready, following = following, prepare(progress.step + 1)
            progress.recent = [*progress.recent[-EVERY + 1 :], trainer.step(ready.result(), share())]
            spent, taken = time.monotonic() - began, progress.step - first
            progress.seconds = before + spent
            recent = progress.recent
            mean = {
                name: float(np.mean([parts[name] for parts in recent if name in parts]))
                for name in recent[-1]
            }
            parts = ", ".join(f"{name} {value:.3f}" for name, value in mean.items())
            left = (planned - progress.step) * spent / taken
            left = left if minutes is None else max(0.0, min(left, 60 * minutes - progress.seconds))
            pace = training_state.pace(spent, taken, left)
            say(f"step {progress.step} of {planned} ({min(1.0, share()):.0%}): {parts}, {pace}")
            if progress.step % EVERY == 0:
                fact = {"step": progress.step, **{name: round(value, 4) for name, value in mean.items()}}
                progress.curve.append({**fact, **trainer.validate()})
                say(f"validation: {progress.curve[-1]}", lasting=True)
                trainer.save(checkpoint)
            let_through()
    trainer.save(checkpoint)
