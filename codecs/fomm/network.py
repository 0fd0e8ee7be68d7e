"""FOMM's networks with their weights: the published one, and the small one of this project.

Source: Siarohin et al., First Order Motion Model for Image Animation, NeurIPS 2019.
"""

from __future__ import annotations

from .. import _checkpoint
from .._face.keypoint_model import KeypointModel, KeypointShape, small
from .._face.published_names import published

# The authors' code leaves `align_corners` to its default, which has been False since PyTorch 1.3.
OFFICIAL = KeypointShape()
SMALL = small(jacobians=True)


def official(weights: str, device: str) -> KeypointModel:
    """The network for a checkpoint of the authors' own layout. Raises Unavailable."""
    return _checkpoint.load(lambda: KeypointModel(OFFICIAL), weights, device, published)


def synthetic(weights: str, device: str) -> KeypointModel:
    """The network for weights that `talkbench train fomm` wrote. Raises Unavailable."""
    return _checkpoint.load(lambda: KeypointModel(SMALL), weights, device)
