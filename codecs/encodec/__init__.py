"""Encodec at 24 kHz with its authors' weights: 75 frames a second of up to 32 tokens of 10 bits."""

from __future__ import annotations

from collections.abc import Sequence

from .._tokens.speech_codec import SpeechModel
from .._tokens.speech_module import SpeechModule


def _network(weights: Sequence[str], device: str) -> SpeechModel:
    from .._tokens import hub_model

    # All else is as in `EncodecConfig`, whose defaults are those of this model; it sends no scale.
    ladder = (1.5, 3.0, 6.0, 12.0, 24.0)
    return hub_model.encodec(weights[0], device, sampling_rate=24000, target_bandwidths=ladder)


CODEC = SpeechModule(
    "encodec",
    weights=["encodec"],
    network=_network,
    rate=24000,
    hop=320,
    sizes=(1024,) * 32,
    books=(2, 4, 8, 16, 32),
    parameters=19_046_114,
    licence="MIT",
    paper="Défossez et al., High Fidelity Neural Audio Compression, TMLR 2023",
    libraries=["transformers"],
)
availability, describe, load, timeline = CODEC.availability, CODEC.describe, CODEC.load, CODEC.timeline
