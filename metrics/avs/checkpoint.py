"""AV-HuBERT's pre-training checkpoint, whose tensors fairseq named, into our encoder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from ...benchmark.api import Unavailable
from .network import Encoder, Shape

# Of the pre-training task: what masked sound is replaced by, and the clusters to be predicted.
_TASK = frozenset({"mask_emb", "label_embs_concat", "final_proj.weight", "final_proj.bias"})
_RESNET = "feature_extractor_video.resnet"
_BLOCK = {
    "first.0": "conv1",
    "first.1": "bn1",
    "first.2": "relu1",
    "second.0": "conv2",
    "second.1": "bn2",
    "shortcut.0": "downsample.0",
    "shortcut.1": "downsample.1",
    "activation": "relu2",
}
_LAYER = {
    "attention_norm": "self_attn_layer_norm",
    "query": "self_attn.q_proj",
    "key": "self_attn.k_proj",
    "value": "self_attn.v_proj",
    "out": "self_attn.out_proj",
    "forward_norm": "final_layer_norm",
    "wide": "fc1",
    "narrow": "fc2",
}


def encoder(state: Mapping[str, Tensor], shape: Shape) -> Encoder:
    """The encoder that a checkpoint's `model` tensors describe, ready to evaluate.

    The task's own tensors are left out by name; every other one must have its place, and every place its
    tensor. Raises Unavailable naming those that do not.
    """
    # No memory, so no random numbers either: every tensor is the checkpoint's.
    with torch.device("meta"):
        network = Encoder(shape).eval().requires_grad_(False)
    expected = {name: tensor.shape for name, tensor in network.state_dict().items()}
    found, unexpected = _renamed(state, shape)
    faults = {
        "unexpected": unexpected + sorted(found.keys() - expected.keys()),
        "missing": sorted(expected.keys() - found.keys()),
        "of another shape": sorted(
            name for name in expected.keys() & found.keys() if expected[name] != found[name].shape
        ),
    }
    listed = [f"{len(names)} {fault} ({', '.join(names[:4])})" for fault, names in faults.items() if names]
    if listed:
        raise Unavailable(
            "the weights are not a pre-training checkpoint of AV-HuBERT of this size: "
            f"tensors {'; '.join(listed)}"
        )
    network.load_state_dict(
        {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in found.items()},
        assign=True,
    )
    return network


def _renamed(state: Mapping[str, Tensor], shape: Shape) -> tuple[dict[str, Tensor], list[str]]:
    """The tensors under our names, and the names that have none."""
    ours = {theirs: own for own, theirs in _modules(shape)}
    found, unexpected = {}, []
    for name, tensor in state.items():
        module, _, leaf = name.rpartition(".")
        if module in ours:
            found[f"{ours[module]}.{leaf}"] = tensor
        elif name not in _TASK:
            unexpected.append(name)
    if {"positions.weight_g", "positions.weight_v"} <= found.keys():
        gain, direction = found.pop("positions.weight_g").float(), found.pop("positions.weight_v").float()
        # Weight normalisation for each step of the kernel: over outputs and inputs.
        found["positions.weight"] = (
            gain * direction / torch.linalg.vector_norm(direction, dim=(0, 1), keepdim=True)
        )
    return found, unexpected


def _modules(shape: Shape) -> Iterator[tuple[str, str]]:
    """Our modules that hold tensors, with the names that fairseq's AVHubertModel gives them."""
    yield "sound", "feature_extractor_audio.proj"
    yield "lips.projection", "feature_extractor_video.proj"
    for part in range(3):
        yield f"lips.stem.{part}", f"{_RESNET}.frontend3D.{part}"
    for stage in range(4):
        for block in range(2):
            for own, theirs in _BLOCK.items():
                yield (
                    f"lips.stages.{stage}.{block}.{own}",
                    f"{_RESNET}.trunk.layer{stage + 1}.{block}.{theirs}",
                )
    yield "fused_norm", "layer_norm"
    yield "fused", "post_extract_proj"
    yield "positions", "encoder.pos_conv.0"
    for layer in range(shape.layers):
        for own, theirs in _LAYER.items():
            yield f"layers.{layer}.{own}", f"encoder.layers.{layer}.{theirs}"
    yield "norm", "encoder.layer_norm"
