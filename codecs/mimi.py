"""Mimi with its published weights: 12.5 frames a second of one semantic and up to 31 acoustic tokens."""

from __future__ import annotations

from collections.abc import Sequence

from ._tokens.speech_codec import SpeechModel
from ._tokens.speech_module import SpeechModule


def _network(weights: Sequence[str], device: str) -> SpeechModel:
    from ._tokens import hub_model

    # All else is as in `MimiConfig`, whose defaults are those of this model.
    return hub_model.mimi(weights[0], device, sampling_rate=24000, num_quantizers=32, codebook_size=2048)


CODEC = SpeechModule(
    "mimi",
    weights=["mimi"],
    network=_network,
    rate=24000,
    hop=1920,
    sizes=(2048,) * 32,
    books=(2, 4, 8, 16, 32),  # 8 are what Moshi uses: 1.1 kbit/s
    parameters=96_085_825,
    licence="MIT (code), CC-BY-4.0 (weights)",
    paper="Défossez et al., Moshi: a speech-text foundation model for real-time dialogue, arXiv 2410.00037",
    libraries=["transformers"],
)
availability, describe, load, timeline = CODEC.availability, CODEC.describe, CODEC.load, CODEC.timeline
