"""CFTE's method in small, with weights that this project trained on its own rendered heads."""

from __future__ import annotations

from dataclasses import replace

from . import cfte
from ._face.face_codec import FaceModel


def _network(weights: str, device: str) -> FaceModel:
    from .cfte import network

    return network.synthetic(weights, device)


CODEC = replace(
    cfte.CODEC,
    name="cfte-synthetic",
    weights="cfte-synthetic",
    network=_network,
    step=32,
    parameters=2_973_415,
    licence="Apache-2.0",
)
availability, describe, load, timeline = CODEC.availability, CODEC.describe, CODEC.load, CODEC.timeline
