"""Encodec's method at 16 kHz and small, with weights that this project trained on synthetic voices."""

from __future__ import annotations

from collections.abc import Sequence

from ._tokens.speech_codec import SpeechModel
from ._tokens.speech_module import SpeechModule
from .encodec import small


def _network(weights: Sequence[str], device: str) -> SpeechModel:
    from ._tokens import hub_model

    return hub_model.encodec(weights[0], device, published=False, **small.SETTINGS)


CODEC = SpeechModule(
    "encodec-synthetic",
    weights=["encodec-synthetic"],
    network=_network,
    rate=small.RATE,
    hop=small.HOP,
    sizes=(small.SIZE,) * small.LADDER[-1],
    books=small.LADDER,
    parameters=3_604_786,
    licence="Apache-2.0",
    paper="Défossez et al., High Fidelity Neural Audio Compression, TMLR 2023",
    libraries=["transformers"],
)
availability, describe, load, timeline = CODEC.availability, CODEC.describe, CODEC.load, CODEC.timeline
