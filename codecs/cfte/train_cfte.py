"""The recipe of `cfte-synthetic`."""

from __future__ import annotations

from pathlib import Path

from ...benchmark.train_cli import Request, Say
from .._generative import training_recipe
from .._generative.training import Plan
from .network import SMALL, CompactModel

WEIGHTS = "cfte-synthetic"
PLAN = Plan(WEIGHTS, lambda: CompactModel(SMALL), step=4, steps=1300)


def train(request: Request, say: Say) -> Path:
    """Trains, and writes weights and card; returns the weights' path."""
    return training_recipe.train(PLAN, request, say)
