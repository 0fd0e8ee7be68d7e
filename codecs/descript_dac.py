"""Descript's audio codec at 16 kHz with its published weights: 50 frames a second of up to 12 tokens."""

from __future__ import annotations

from collections.abc import Sequence

from ._tokens.speech_codec import SpeechModel
from ._tokens.speech_module import SpeechModule


def _network(weights: Sequence[str], device: str) -> SpeechModel:
    from ._tokens import hub_model

    # All else is as in `DacConfig`.
    return hub_model.dac(weights[0], device, downsampling_ratios=(2, 4, 5, 8), n_codebooks=12)


CODEC = SpeechModule(
    "descript-dac",
    weights=["descript-dac"],
    network=_network,
    rate=16000,  # clips are at 16 kHz: the models of 24 and 44.1 kHz would spend bits on what is not there
    hop=320,
    sizes=(1024,) * 12,
    books=(1, 2, 4, 8, 12),
    parameters=74_141_697,
    licence="MIT",
    paper="Kumar et al., High-Fidelity Audio Compression with Improved RVQGAN, NeurIPS 2023",
    libraries=["transformers"],
)
availability, describe, load, timeline = CODEC.availability, CODEC.describe, CODEC.load, CODEC.timeline
