"""The recipe of `dac-synthetic`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...benchmark.training.recipe import Request, Say
from .._face.keypoint_model import KeypointModel, small
from .._face.training import evaluation, recipe
from .._face.training.losses import OfKeypoints
from .._face.training.trainer import Plan

WEIGHTS = "dac-synthetic"
PLAN = Plan(
    WEIGHTS, "DAC", lambda: KeypointModel(small(jacobians=False)), step=128, steps=1300, extra=OfKeypoints
)


def train(request: Request, say: Say) -> Path:
    """Trains, and writes weights, card and curve; returns the weights' path."""
    return recipe.train(PLAN, request, say)


def evaluate(weights: Path | None, device: str, say: Say) -> Mapping[str, Any]:
    """What the weights (default: the shipped ones) do on people of the test split."""
    return evaluation.measure(PLAN, weights, device, say)
