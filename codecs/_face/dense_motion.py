"""From a few keypoints to where every pixel comes from, and which are to be seen at all."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .keypoints import Keypoints
from .layers import Hourglass, coordinates, warp

_VARIANCE = 0.01  # of the Gaussian around a keypoint


@dataclass(frozen=True)
class DenseMotion:
    """Backward motion: `grid` (B, h, w, 2) says where in the keyframe a pixel is found, -1 to 1;
    `visible` (B, 1, h, w), 0 to 1, how much of it is to be trusted.
    """

    grid: Tensor
    visible: Tensor


class KeypointMotion(nn.Module):
    """Each keypoint proposes an affine motion; a network chooses among them and the still background.

    aligned: `align_corners` of every sampling. Source: FOMM, section 3.1, equations 4 to 8; without
    Jacobians each keypoint only moves its neighbourhood, as in DAC.
    """

    def __init__(
        self, keypoints: int, width: int, most: int, blocks: int, aligned: bool, smooth: bool = False
    ) -> None:
        super().__init__()
        self.hourglass = Hourglass((keypoints + 1) * 4, width, most, blocks, smooth)
        self.mask = nn.Conv2d(self.hourglass.outputs, keypoints + 1, 7, padding=3)
        self.occlusion = nn.Conv2d(self.hourglass.outputs, 1, 7, padding=3)
        self.aligned = aligned

    def forward(self, small: Tensor, here: Keypoints, there: Keypoints) -> DenseMotion:
        """small: the keyframe (B, 3, h, w) at a quarter of its size; here: keypoints of the frame to be made;
        there: those of the keyframe.
        """
        height, width = small.shape[2:]
        at = coordinates(height, width, small.device)
        heat = _heat(here.places, at) - _heat(there.places, at)
        proposals = self._proposals(here, there, at)
        count = proposals.shape[1]
        repeated = small[:, None].expand(-1, count, -1, -1, -1).flatten(0, 1)
        moved = warp(repeated, proposals.flatten(0, 1), self.aligned).unflatten(0, (-1, count))
        heat = torch.cat((torch.zeros_like(heat[:, :1]), heat), 1)
        features = self.hourglass(torch.cat((heat[:, :, None], moved), 2).flatten(1, 2))
        chosen = self.mask(features).float().softmax(1)
        grid = torch.einsum("bkhw,bkhwc->bhwc", chosen, proposals)
        return DenseMotion(grid, self.occlusion(features).float().sigmoid())

    def _proposals(self, here: Keypoints, there: Keypoints, at: Tensor) -> Tensor:
        """(B, K + 1, h, w, 2): the identity for the background, then each keypoint's motion."""
        offset = at - here.places[:, :, None, None]
        if here.jacobians is not None and there.jacobians is not None:
            affine = there.jacobians @ torch.linalg.inv(here.jacobians)
            offset = torch.einsum("bkij,bkhwj->bkhwi", affine, offset)
        moved = offset + there.places[:, :, None, None]
        still = at.expand(len(moved), 1, -1, -1, -1)
        return torch.cat((still, moved), 1)


def _heat(places: Tensor, at: Tensor) -> Tensor:
    """Gaussians (B, K, h, w) around places (B, K, 2)."""
    distance = (at - places[:, :, None, None]).square().sum(-1)
    return torch.exp(-0.5 * distance / _VARIANCE)
