"""The recipe of `fomm-synthetic`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...benchmark.train_cli import Request, Say
from .._generative import training_evaluation, training_recipe
from .._generative.keypoint_model import KeypointModel, small
from .._generative.training import Plan
from .._generative.training_losses import OfKeypoints

WEIGHTS = "fomm-synthetic"
PLAN = Plan(
    WEIGHTS, "FOMM", lambda: KeypointModel(small(jacobians=True)), step=128, steps=1300, extra=OfKeypoints
)


def train(request: Request, say: Say) -> Path:
    """Trains, and writes weights, card and curve; returns the weights' path."""
    return training_recipe.train(PLAN, request, say)


def evaluate(weights: Path | None, device: str, say: Say) -> Mapping[str, Any]:
    """What the weights (default: the shipped ones) do on people of the test split."""
    return training_evaluation.measure(PLAN, weights, device, say)
