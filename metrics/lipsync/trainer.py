"""One step after another of `syncnet-synthetic`, and checkpoints to go on from.

Each lip window of a batch must find its own sound among all of the batch, its neighbours in time and those
of other speakers, and each sound its lips (InfoNCE in both directions, van den Oord et al. 2018).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from ...benchmark.errors import UsageError
from .network import SMALL, SyncNet

STEPS, WARM_UP = 1_200, 100
RATE, LAST_RATE = 2e-3, 1e-4  # of learning: a cosine from the first to the last after the warm-up
AVERAGE = 0.998  # what the running average keeps of itself at each step, after as many as make one
_SHARPEST = 60.0  # bound of the learned factor on cosines


@dataclass
class Progress:
    """What a checkpoint knows besides tensors; `curve`: facts at each validation, JSON-ready."""

    step: int = 0
    seconds: float = 0.0
    curve: list[dict[str, Any]] = field(default_factory=list)


class Trainer:
    """The network, its running average, which is what is kept, and the optimiser."""

    def __init__(self, device: str) -> None:
        torch.manual_seed(0)
        self.device = torch.device(device)
        self.network = SyncNet(SMALL).to(self.device)
        self.scale = torch.nn.Parameter(torch.tensor(10.0, device=self.device).log())
        self.average = AveragedModel(self.network, avg_fn=_average, use_buffers=True)
        self.optimiser = torch.optim.AdamW([*self.network.parameters(), self.scale], RATE, weight_decay=0.01)
        self.progress = Progress()

    def step(self, pictures: Tensor, cepstra: Tensor) -> float:
        """One step on a batch as `training_batches.batch` makes it; returns the loss in nats."""
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.progress.step)
        self.network.train()
        lips = self.network.lips(pictures.to(self.device)).flatten(0, 1)
        sounds = self.network.sound(cepstra.flatten(0, 1)[:, None].to(self.device))
        match = self.scale.exp().clamp(max=_SHARPEST) * lips @ sounds.T
        own = torch.arange(len(match), device=self.device)
        loss = (functional.cross_entropy(match, own) + functional.cross_entropy(match.T, own)) / 2
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        self.average.update_parameters(self.network)
        self.progress.step += 1
        return float(loss.detach())

    def save(self, path: Path) -> None:
        """Everything that is needed to go on from this step."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "scale": self.scale.detach(),
            "progress": asdict(self.progress),
        }
        torch.save(state, part)
        part.replace(path)

    def resume(self, path: Path) -> None:
        """Goes on from a checkpoint. Raises UsageError where it is not one of this recipe."""
        try:
            kept = torch.load(path, map_location=self.device, weights_only=True)
            self.network.load_state_dict(kept["network"])
            self.average.load_state_dict(kept["average"])
            self.optimiser.load_state_dict(kept["optimiser"])
            self.scale.data.copy_(kept["scale"])
            self.progress = Progress(**kept["progress"])
        except (KeyError, RuntimeError, ValueError, TypeError) as error:
            raise UsageError(
                f"{path} is no checkpoint of this recipe ({error}); train anew with another --out"
            ) from error

    def kept(self) -> SyncNet:
        """The running average, ready to be used."""
        network = self.average.module
        assert isinstance(network, SyncNet)
        return network.eval()


def _average(kept: Tensor, now: Tensor, count: Tensor | int) -> Tensor:
    """The running average of a tensor: early steps, of a network that knows nothing, are soon forgotten."""
    keep = min(AVERAGE, (1 + float(count)) / (10 + float(count)))
    return keep * kept + (1 - keep) * now


def learning_rate(step: int) -> float:
    """Rate of learning at a step."""
    left = (1 + np.cos(np.pi * min(1.0, step / STEPS))) / 2
    return min(1.0, (step + 1) / WARM_UP) * float(LAST_RATE + (RATE - LAST_RATE) * left)
