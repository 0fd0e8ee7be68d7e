"""CFTE with its published weights: a code of 4×4, 16 numbers a frame."""

from __future__ import annotations

from .._face.face_codec import FaceModel
from .._face.face_module import FaceModule


def _network(weights: str, device: str) -> FaceModel:
    from . import network

    return network.official(weights, device)


CODEC = FaceModule(
    "cfte",
    weights="cfte",
    network=_network,
    motion=16,
    step=4,
    parameters=58_015_079,
    libraries=("opencv-python-headless",),  # its optical flow
    licence="Apache-2.0",
    paper="Chen et al., Beyond Keypoint Coding: Temporal Evolution Inference with Compact Feature "
    "Representation for Talking Face Video Compression, DCC 2022",
)
availability, describe, load, timeline = CODEC.availability, CODEC.describe, CODEC.load, CODEC.timeline
