"""DAC's networks with their weights: the published one, and the small one of this project.

Source: Konuko et al., Ultra-Low Bitrate Video Conferencing Using Deep Image Animation, ICASSP 2021.
"""

from __future__ import annotations

from .. import _checkpoint
from .._face.keypoint_model import KeypointModel, KeypointShape, small
from .._face.published_names import published

OFFICIAL = KeypointShape(jacobians=False, detector_padding=3, aligned=True, smooth=True)
SMALL = small(jacobians=False)


def official(weights: str, device: str) -> KeypointModel:
    """The network for a checkpoint of the authors' own layout. Raises Unavailable."""
    return _checkpoint.load(lambda: KeypointModel(OFFICIAL), weights, device, published)


def synthetic(weights: str, device: str) -> KeypointModel:
    """The network for weights that `talkbench train dac` wrote. Raises Unavailable."""
    return _checkpoint.load(lambda: KeypointModel(SMALL), weights, device)
