"""DAC's method in small, with weights that this project trained on its own rendered heads."""

from __future__ import annotations

from dataclasses import replace

from . import dac
from ._face.face_codec import FaceModel


def _network(weights: str, device: str) -> FaceModel:
    from .dac import network

    return network.synthetic(weights, device)


CODEC = replace(
    dac.CODEC,
    name="dac-synthetic",
    weights="dac-synthetic",
    network=_network,
    step=128,
    parameters=2_382_791,
    licence="Apache-2.0",
)
availability, describe, load, timeline = CODEC.availability, CODEC.describe, CODEC.load, CODEC.timeline
