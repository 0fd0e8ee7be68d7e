"""Where a face is and how it is turned: keypoints with, for FOMM, the local affine motion at each."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .layers import AntiAlias, Hourglass, coordinates

TEMPERATURE = 0.1  # of the softmax over places


@dataclass(frozen=True)
class Keypoints:
    """places (B, K, 2): x and y, -1 to 1; jacobians (B, K, 2, 2), or None for a codec without them."""

    places: Tensor
    jacobians: Tensor | None = None

    def flat(self) -> Tensor:
        """One row of numbers a frame, (B, 2K) or (B, 6K): all places, then all Jacobians row by row."""
        parts = [self.places.flatten(1)]
        if self.jacobians is not None:
            parts.append(self.jacobians.flatten(1))
        return torch.cat(parts, 1)

    @classmethod
    def of(cls, numbers: Tensor, count: int) -> Keypoints:
        """The inverse of `flat`, for `count` keypoints."""
        places = numbers[:, : 2 * count].reshape(-1, count, 2)
        if numbers.shape[1] == 2 * count:
            return cls(places)
        return cls(places, numbers[:, 2 * count :].reshape(-1, count, 2, 2))


class KeypointDetector(nn.Module):
    """An hourglass at a quarter of the size, a softmax over places for each keypoint, and its mean.

    Source: FOMM, section 3.1 and appendix; DAC pads the last convolution by 3 and has no Jacobians.
    """

    def __init__(
        self,
        keypoints: int,
        width: int,
        most: int,
        blocks: int,
        jacobians: bool,
        padding: int = 0,
        smooth: bool = False,
    ) -> None:
        super().__init__()
        self.down = AntiAlias()
        self.predictor = Hourglass(3, width, most, blocks, smooth)
        self.kp = nn.Conv2d(self.predictor.outputs, keypoints, 7, padding=padding)
        self.jacobian = None
        if jacobians:
            self.jacobian = nn.Conv2d(self.predictor.outputs, 4 * keypoints, 7, padding=padding)
            nn.init.zeros_(self.jacobian.weight)
            with torch.no_grad():  # the identity, before anything is learned
                assert self.jacobian.bias is not None
                self.jacobian.bias.copy_(torch.tensor([1.0, 0, 0, 1] * keypoints))

    def forward(self, frames: Tensor) -> Keypoints:
        """Keypoints of frames (B, 3, H, W), 0 to 1; H and W: multiples of 4 · 2 ** blocks."""
        return self.find(self.down(frames))

    def find(self, small: Tensor) -> Keypoints:
        """The same for frames at a quarter of their size already."""
        features = self.predictor(small)
        scores = self.kp(features).float()
        heat = (scores.flatten(2) / TEMPERATURE).softmax(2).view_as(scores)
        at = coordinates(scores.shape[2], scores.shape[3], scores.device)
        places = torch.einsum("bkhw,hwc->bkc", heat, at)
        if self.jacobian is None:
            return Keypoints(places)
        maps = self.jacobian(features).float().unflatten(1, (-1, 4))
        return Keypoints(places, torch.einsum("bkhw,bkjhw->bkj", heat, maps).unflatten(2, (2, 2)))
