"""The recipe of `encodec-synthetic`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...benchmark.training.recipe import Request, Say
from .._tokens.training import evaluation, recipe
from .._tokens.training.trainer import Plan
from .small import BOOKS, network

WEIGHTS = "encodec-synthetic"
PLAN = Plan(WEIGHTS, "Encodec", network, BOOKS, steps=13000)


def train(request: Request, say: Say) -> Path:
    """Trains, and writes weights, card and curve; returns the weights' path."""
    return recipe.train(PLAN, request, say)


def evaluate(weights: Path | None, device: str, say: Say) -> Mapping[str, Any]:
    """What the weights (default: the shipped ones) do on voices of the test split."""
    return evaluation.measure(PLAN, weights, device, say)
