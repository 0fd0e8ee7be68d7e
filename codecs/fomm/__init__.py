"""FOMM with its published weights: ten keypoints and their local affine motion, 60 numbers a frame."""

from __future__ import annotations

from .._face.face_codec import FaceModel
from .._face.face_module import FaceModule


def _network(weights: str, device: str) -> FaceModel:
    from . import network

    return network.official(weights, device)


CODEC = FaceModule(
    "fomm",
    weights="fomm",
    network=_network,
    motion=60,
    step=64,
    parameters=59_790_759,
    licence="MIT",
    paper="Siarohin et al., First Order Motion Model for Image Animation, NeurIPS 2019",
)
availability, describe, load, timeline = CODEC.availability, CODEC.describe, CODEC.load, CODEC.timeline
