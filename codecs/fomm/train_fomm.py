"""The recipe of `fomm-synthetic`."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from ...benchmark.train_cli import Request, Say
from .._generative import training_recipe
from .._generative.keypoint_model import KeypointModel, small
from .._generative.keypoints import Keypoints
from .._generative.training import Plan
from .._generative.training_losses import equivariance

WEIGHTS = "fomm-synthetic"


def _extra(network: KeypointModel, targets: Tensor, motion: Tensor) -> Tensor:
    detector, count = network.kp_detector, network.shape.keypoints
    return 5 * equivariance(detector.find, detector.down(targets), Keypoints.of(motion, count))


PLAN = Plan(WEIGHTS, lambda: KeypointModel(small(jacobians=True)), step=128, steps=1300, extra=_extra)


def train(request: Request, say: Say) -> Path:
    """Trains, and writes weights and card; returns the weights' path."""
    return training_recipe.train(PLAN, request, say)
