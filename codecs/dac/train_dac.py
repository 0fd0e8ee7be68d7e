"""The recipe of `dac-synthetic`."""

from __future__ import annotations

from pathlib import Path

from ...benchmark.train_cli import Request, Say
from .._generative import training_recipe
from .._generative.keypoint_model import KeypointModel, small
from .._generative.training import Plan
from .._generative.training_losses import OfKeypoints

WEIGHTS = "dac-synthetic"


PLAN = Plan(WEIGHTS, lambda: KeypointModel(small(jacobians=False)), step=128, steps=1300, extra=OfKeypoints)


def train(request: Request, say: Say) -> Path:
    """Trains, and writes weights and card; returns the weights' path."""
    return training_recipe.train(PLAN, request, say)
