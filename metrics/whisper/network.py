"""OpenAI's checkpoints of Whisper in transformers' network: key names, and a shape that the tensors tell."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from transformers import WhisperForConditionalGeneration

HEAD_WIDTH = 64  # of every Whisper

# In order: later patterns see what earlier ones made.
_RENAMED = (
    (r"^(encoder|decoder)\.positional_embedding$", r"\1.embed_positions.weight"),
    (r"^decoder\.token_embedding\.", "decoder.embed_tokens."),
    (r"^encoder\.ln_post\.", "encoder.layer_norm."),
    (r"^decoder\.ln\.", "decoder.layer_norm."),
    (r"\.blocks\.", ".layers."),
    (r"\.attn_ln\.", ".self_attn_layer_norm."),
    (r"\.cross_attn_ln\.", ".encoder_attn_layer_norm."),
    (r"\.mlp_ln\.", ".final_layer_norm."),
    (r"\.mlp\.0\.", ".fc1."),
    (r"\.mlp\.2\.", ".fc2."),
    (r"\.attn\.", ".self_attn."),
    (r"\.cross_attn\.", ".encoder_attn."),
    (r"_attn\.(query|key|value)\.", lambda match: f"_attn.{match[1][0]}_proj."),
    (r"_attn\.out\.", "_attn.out_proj."),
)


def renamed(key: str) -> str:
    """A key of OpenAI's state dict as transformers calls it.

    >>> renamed("decoder.blocks.0.cross_attn.query.weight")
    'model.decoder.layers.0.encoder_attn.q_proj.weight'
    """
    for pattern, replacement in _RENAMED:
        key = re.sub(pattern, replacement, key)
    return f"model.{key}"


def build(tensors: Mapping[str, Tensor], device: str, dtype: torch.dtype) -> WhisperForConditionalGeneration:
    """The network in evaluation mode, from the tensors of an OpenAI checkpoint.

    Raises KeyError or RuntimeError where tensors are missing, unknown or of another shape.
    """
    import torch
    from transformers import WhisperConfig, WhisperForConditionalGeneration

    width, mel_bins, _ = tensors["encoder.conv1.weight"].shape
    heads = width // HEAD_WIDTH
    config = WhisperConfig(
        vocab_size=len(tensors["decoder.token_embedding.weight"]),
        num_mel_bins=mel_bins,
        d_model=width,
        encoder_layers=_blocks(tensors, "encoder"),
        decoder_layers=_blocks(tensors, "decoder"),
        encoder_attention_heads=heads,
        decoder_attention_heads=heads,
        encoder_ffn_dim=len(tensors["encoder.blocks.0.mlp.0.weight"]),
        decoder_ffn_dim=len(tensors["decoder.blocks.0.mlp.0.weight"]),
        max_source_positions=len(tensors["encoder.positional_embedding"]),
        max_target_positions=len(tensors["decoder.positional_embedding"]),
    )
    with torch.device("meta"):
        network = WhisperForConditionalGeneration(config)
    state = {renamed(key): value.to(device, dtype) for key, value in tensors.items()}
    state["proj_out.weight"] = state["model.decoder.embed_tokens.weight"]
    network.load_state_dict(state, strict=True, assign=True)
    network.tie_weights()
    return network.eval().requires_grad_(False)


def _blocks(tensors: Mapping[str, Tensor], side: str) -> int:
    return len({key.split(".")[2] for key in tensors if key.startswith(f"{side}.blocks.")})
