"""HiFi-Codec at 16 kHz (AcademiCodec's 16k-320d): four tokens of ten bits in 20 ms, 2.0 kbit/s."""

from __future__ import annotations

from collections.abc import Sequence

from .._tokens.speech_codec import SpeechModel
from .._tokens.speech_module import SpeechModule


def _network(weights: Sequence[str], device: str) -> SpeechModel:
    from . import network

    return network.official(weights[0], device)


CODEC = SpeechModule(
    "hifi-codec",
    weights=["hifi-codec"],
    network=_network,
    rate=16000,
    hop=320,
    sizes=(1024,) * 4,
    books=[4],  # trained with all four only
    parameters=63_630_882,
    licence="MIT (stated in AcademiCodec's readme)",
    paper="Yang et al., HiFi-Codec: Group-residual Vector Quantization for High Fidelity Audio Codec, 2023",
)
availability, describe, load, timeline = CODEC.availability, CODEC.describe, CODEC.load, CODEC.timeline
