"""FOMM's method in small, with weights that this project trained on its own rendered heads."""

from __future__ import annotations

from dataclasses import replace

from . import fomm
from ._face.face_codec import FaceModel


def _network(weights: str, device: str) -> FaceModel:
    from .fomm import network

    return network.synthetic(weights, device)


CODEC = replace(
    fomm.CODEC,
    name="fomm-synthetic",
    weights="fomm-synthetic",
    network=_network,
    step=64,
    parameters=2_420_071,
    licence="Apache-2.0",
)
availability, describe, load, timeline = CODEC.availability, CODEC.describe, CODEC.load, CODEC.timeline
