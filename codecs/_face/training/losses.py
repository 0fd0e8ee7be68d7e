"""What the small face codecs are trained to do; nothing here needs a download."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from ..keypoints import Keypoints
from ..layers import coordinates

if TYPE_CHECKING:
    from ..dense_motion import DenseMotion
    from ..keypoint_model import KeypointModel
    from .batches import Batch

_AFFINE, _BEND = 0.08, 0.005  # spread of the random transforms
_KNOTS = 5


def pyramid(made: Tensor, target: Tensor, scales: int = 4) -> Tensor:
    """Mean absolute difference at full size and at every half of it, averaged."""
    total = (made - target).abs().mean()
    for _ in range(scales - 1):
        made, target = functional.avg_pool2d(made, 2), functional.avg_pool2d(target, 2)
        total = total + (made - target).abs().mean()
    return total / scales


def dissimilarity(made: Tensor, target: Tensor) -> Tensor:
    """1 - SSIM over every second window of 7×7 (Wang et al., 2004, with flat windows)."""
    mean_a, mean_b = (functional.avg_pool2d(x, 7, 2) for x in (made, target))
    square_a, square_b, product = (
        functional.avg_pool2d(x, 7, 2) for x in (made * made, target * target, made * target)
    )
    variance = (square_a - mean_a**2).clamp_min(0) + (square_b - mean_b**2).clamp_min(0)
    covariance = product - mean_a * mean_b
    likeness = (2 * mean_a * mean_b + 1e-4) * (2 * covariance + 9e-4)
    return 1 - (likeness / ((mean_a**2 + mean_b**2 + 1e-4) * (variance + 9e-4))).mean()


class Bend:
    """Random affine transforms with thin-plate splines on top, one a frame: FOMM, section 3.3."""

    def __init__(self, count: int, device: torch.device) -> None:
        noise = _AFFINE * torch.randn(count, 2, 3, device=device)
        self._affine = noise + torch.eye(2, 3, device=device)
        self._knots = coordinates(_KNOTS, _KNOTS, device).view(-1, 2)
        self._weights = _BEND * torch.randn(count, 1, _KNOTS**2, device=device)

    def __call__(self, places: Tensor) -> Tensor:
        """Where places (B, N, 2) go."""
        moved = places @ self._affine[:, :, :2].transpose(1, 2) + self._affine[:, None, :, 2]
        distance = (places[:, :, None] - self._knots).abs().sum(-1)
        return moved + (distance**2 * (distance + 1e-6).log() * self._weights).sum(-1, keepdim=True)

    def picture(self, frames: Tensor) -> Tensor:
        """Frames (B, 3, H, W) seen through the transform."""
        height, width = frames.shape[2:]
        at = coordinates(height, width, frames.device).view(1, -1, 2).expand(len(frames), -1, -1)
        grid = self(at).view(-1, height, width, 2)
        return functional.grid_sample(frames, grid, padding_mode="reflection", align_corners=True)

    def jacobian(self, places: Tensor) -> Tensor:
        """The transform's derivative (B, N, 2, 2) at places (B, N, 2)."""
        with torch.enable_grad():
            places = places.detach().requires_grad_()
            moved = self(places)
            rows = [
                torch.autograd.grad(moved[..., axis].sum(), places, retain_graph=True)[0] for axis in (0, 1)
            ]
        return torch.stack(rows, -2).detach()


def equivariance(detect: Callable[[Tensor], Keypoints], frames: Tensor, found: Keypoints) -> Tensor:
    """How far keypoints are from moving as the picture does; `found`: those of `frames` as they are."""
    bend = Bend(len(frames), frames.device)
    bent = detect(bend.picture(frames))
    loss = (found.places - bend(bent.places)).abs().mean()
    if found.jacobians is not None and bent.jacobians is not None:
        there = bend.jacobian(bent.places) @ bent.jacobians
        identity = torch.eye(2, device=frames.device)
        loss = loss + (identity - torch.linalg.inv(found.jacobians) @ there).abs().mean()
    return loss


class OfKeypoints(nn.Module):
    """`equivariance` of a codec's keypoints, and their distance from the places that they start from."""

    def forward(
        self, network: KeypointModel, pair: Batch, motion: Tensor, _: DenseMotion, share: float
    ) -> Tensor:
        """motion: numbers of the targets, found already; share: of the training that is done."""
        detector, found = network.kp_detector, Keypoints.of(motion, network.shape.keypoints)
        loss = 5 * equivariance(detector.find, detector.down(pair.target), found)
        return loss + guidance(share) * (found.places - pair.places).abs().mean()


def guidance(share: float) -> float:
    """Weight of known places: from half of the training on, motion is free to be what serves best."""
    return 20 * max(0.0, 1 - 2 * share)
