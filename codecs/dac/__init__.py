"""DAC with its published weights: ten keypoints without affine motion, 20 numbers a frame."""

from __future__ import annotations

from .._face.face_codec import FaceModel
from .._face.face_module import FaceModule


def _network(weights: str, device: str) -> FaceModel:
    from . import network

    return network.official(weights, device)


CODEC = FaceModule(
    "dac",
    weights="dac",
    network=_network,
    motion=20,
    step=64,
    parameters=59_722_119,
    licence="CC0-1.0 (code), none stated (weights)",
    paper="Konuko et al., Ultra-Low Bitrate Video Conferencing Using Deep Image Animation, ICASSP 2021",
)
availability, describe, load, timeline = CODEC.availability, CODEC.describe, CODEC.load, CODEC.timeline
