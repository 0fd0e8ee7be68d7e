"""One step after another of `syncnet-synthetic`, and checkpoints to resume from.

Each lip window of a batch must find its own sound among all of the batch, its neighbours in time and those
of other speakers, and each sound its lips (InfoNCE in both directions, van den Oord et al. 2018).
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as functional
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from ....benchmark.training import state as training_state
from ....benchmark.training.state import Progress
from ..network import SMALL, SyncNet

STEPS, WARM_UP = 1_200, 100
RATE, LAST_RATE = 2e-3, 1e-4  # of learning: a cosine from the first to the last after the warm-up
AVERAGE = 0.998  # what the running average keeps of itself at each step, after as many as make one
_SHARPEST = 60.0  # bound of the learned factor on cosines


class Trainer:
    """The network, its running average, which is what is kept, and the optimiser."""

    def __init__(self, device: str) -> None:
        torch.manual_seed(0)
        self.device = torch.device(device)
        self.network = SyncNet(SMALL).to(self.device)
        self.scale = torch.nn.Parameter(torch.tensor(10.0, device=self.device).log())
        self.average = AveragedModel(
            self.network, avg_fn=training_state.running_average(AVERAGE), use_buffers=True
        )
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
        """Everything that is needed to resume from this step."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "scale": self.scale.detach(),
            "progress": self.progress.state_dict(),
        }
        torch.save(state, part)
        part.replace(path)

    def resume(self, path: Path) -> None:
        """Resumes from a checkpoint. Raises UsageError where it is not one of this recipe."""
        with training_state.reading(path):
            kept = torch.load(path, map_location=self.device, weights_only=True)
            self.network.load_state_dict(kept["network"])
            self.average.load_state_dict(kept["average"])
            self.optimiser.load_state_dict(kept["optimiser"])
            self.scale.data.copy_(kept["scale"])
            self.progress.load_state_dict(kept["progress"])

    def kept(self) -> SyncNet:
        """The running average, ready to be used."""
        network = self.average.module
        assert isinstance(network, SyncNet)
        return network.eval()


def learning_rate(step: int) -> float:
    """Rate of learning at a step."""
    return training_state.learning_rate(step, step / STEPS, WARM_UP, RATE, LAST_RATE)
