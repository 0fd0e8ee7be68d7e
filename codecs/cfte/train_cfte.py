"""The recipe of `cfte-synthetic`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...benchmark.training.recipe import Request, Say
from .._face.dense_motion import DenseMotion
from .._face.layers import warp
from .._face.training import evaluation, recipe
from .._face.training.batches import Batch
from .._face.training.guides import COUNT
from .._face.training.losses import guidance
from .._face.training.trainer import Plan
from .network import SIDE, SMALL, CompactModel

WEIGHTS = "cfte-synthetic"


class Guide(nn.Module):
    """Codes and dense motion speak of the head's motion from the start: a linear map must tell from a code
    where the head is, and each of its places must be said to come from where the keyframe has it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.tell = nn.Linear(SMALL.channels * SIDE**2, 2 * COUNT)

    def forward(
        self, _: CompactModel, pair: Batch, motion: Tensor, dense: DenseMotion, share: float
    ) -> Tensor:
        """motion: codes of the targets, found already; share: of the training that is done."""
        with torch.autocast(motion.device.type, enabled=False):
            predicted = self.tell(motion.float()).view(-1, COUNT, 2)
            sources = warp(dense.grid.permute(0, 3, 1, 2), pair.places[:, None], aligned=True)
        sources = sources[:, :, 0].transpose(1, 2)
        errors = (predicted - pair.places).abs().mean() + (sources - pair.origins).abs().mean()
        return guidance(share) * errors


PLAN = Plan(WEIGHTS, "CFTE", lambda: CompactModel(SMALL), step=32, steps=1600, extra=Guide, cycles=2)


def train(request: Request, say: Say) -> Path:
    """Trains, and writes weights, card and curve; returns the weights' path."""
    return recipe.train(PLAN, request, say)


def evaluate(weights: Path | None, device: str, say: Say) -> Mapping[str, Any]:
    """What the weights (default: the shipped ones) do on people of the test split."""
    return evaluation.measure(PLAN, weights, device, say)
