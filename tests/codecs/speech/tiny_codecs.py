"""Encodec, Mimi and DAC in tiny, with random weights: what is checked where there are no others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from talkbench.codecs._tokens.speech_codec import SpeechModel
from talkbench.codecs._tokens.speech_module import SpeechModule

ENCODEC_CONFIG: dict[str, Any] = {
    "sampling_rate": 16000,
    "target_bandwidths": (0.4, 0.8, 1.6),  # of 4 codebooks: 100 frames of 4 bits
    "upsampling_ratios": [8, 5, 4],
    "num_filters": 4,
    "hidden_size": 8,
    "codebook_size": 16,
}
MIMI_CONFIG: dict[str, Any] = {
    "sampling_rate": 16000,
    "upsampling_ratios": [8, 5, 4],
    "num_filters": 4,
    "hidden_size": 16,
    "codebook_size": 16,
    "codebook_dim": 8,
    "vector_quantization_hidden_dimension": 8,
    "num_quantizers": 4,
    "upsample_groups": 16,
    "num_hidden_layers": 2,
    "intermediate_size": 32,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "sliding_window": 20,
}
DAC_CONFIG: dict[str, Any] = {
    "downsampling_ratios": (4, 5, 8),
    "encoder_hidden_size": 4,
    "decoder_hidden_size": 32,
    "n_codebooks": 4,
    "codebook_size": 16,
    "codebook_dim": 4,
}


def filled(network: Any) -> Any:
    """The network with random numbers everywhere, the same each time, codebooks too."""
    import torch

    dice = torch.Generator().manual_seed(5)
    for name, tensor in sorted(network.state_dict().items()):
        values = torch.randn(tensor.shape, generator=dice)
        if name.endswith(
            ("cluster_usage", "alpha", "original0", "initialized", "inited", "layernorm.weight")
        ):
            values = values.abs() + 0.5
        elif tensor.ndim > 1 and "codebook" not in name:
            values /= tensor[0].numel() ** 0.5
        elif tensor.ndim == 1:
            values *= 0.1
        tensor.copy_(values)
    return network.eval().requires_grad_(False)


def encodec(_: Sequence[str] = (), device: str = "cpu") -> SpeechModel:
    from talkbench.codecs._tokens import hub_model
    from transformers import EncodecConfig, EncodecModel

    return hub_model.Encodec(filled(EncodecModel(EncodecConfig(**ENCODEC_CONFIG))).to(device), 160)


def mimi(_: Sequence[str] = (), device: str = "cpu") -> SpeechModel:
    from talkbench.codecs._tokens import hub_model
    from transformers import MimiConfig, MimiModel

    return hub_model.Mimi(filled(MimiModel(MimiConfig(**MIMI_CONFIG))).to(device), 320)


def dac(_: Sequence[str] = (), device: str = "cpu") -> SpeechModel:
    from talkbench.codecs._tokens import hub_model
    from transformers import DacConfig, DacModel

    return hub_model.Dac(filled(DacModel(DacConfig(**DAC_CONFIG))).to(device), 160)


def _module(name: str, network: Any, hop: int) -> SpeechModule:
    return SpeechModule(
        name,
        weights=[],
        network=network,
        rate=16000,
        hop=hop,
        sizes=(16,) * 4,
        books=(1, 2, 4),
        parameters=None,
        licence="none",
        paper="",
        libraries=["transformers"],
    )


MODULES = {
    "tiny-encodec": _module("tiny-encodec", encodec, 160),
    "tiny-mimi": _module("tiny-mimi", mimi, 320),
    "tiny-dac": _module("tiny-dac", dac, 160),
}
tiny_encodec, tiny_mimi, tiny_dac = MODULES.values()
