"""A very small Whisper, laid out as OpenAI's checkpoints, with made-up weights, the same everywhere."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

WIDTH, BLOCKS, TEXTS = 128, 2, 50257


def tensors_of(languages: int, mel_bins: int) -> dict[str, torch.Tensor]:
    """Tensors of half precision, as OpenAI stores them."""
    shapes = {
        "encoder.conv1.weight": (WIDTH, mel_bins, 3),
        "encoder.conv1.bias": (WIDTH,),
        "encoder.conv2.weight": (WIDTH, WIDTH, 3),
        "encoder.conv2.bias": (WIDTH,),
        "encoder.positional_embedding": (1500, WIDTH),
        "encoder.ln_post.weight": (WIDTH,),
        "encoder.ln_post.bias": (WIDTH,),
        "decoder.positional_embedding": (448, WIDTH),
        "decoder.token_embedding.weight": (TEXTS + 2 + languages + 6 + 1501, WIDTH),
        "decoder.ln.weight": (WIDTH,),
        "decoder.ln.bias": (WIDTH,),
    }
    for side in ("encoder", "decoder"):
        for block in range(BLOCKS):
            name = f"{side}.blocks.{block}"
            for attention in ("attn", "cross_attn")[: 1 if side == "encoder" else 2]:
                for part in ("query", "key", "value", "out"):
                    shapes[f"{name}.{attention}.{part}.weight"] = (WIDTH, WIDTH)
                    if part != "key":
                        shapes[f"{name}.{attention}.{part}.bias"] = (WIDTH,)
                shapes |= {f"{name}.{attention}_ln.{part}": (WIDTH,) for part in ("weight", "bias")}
            shapes |= {f"{name}.mlp.0.weight": (4 * WIDTH, WIDTH), f"{name}.mlp.0.bias": (4 * WIDTH,)}
            shapes |= {f"{name}.mlp.2.weight": (WIDTH, 4 * WIDTH), f"{name}.mlp.2.bias": (WIDTH,)}
            shapes |= {f"{name}.mlp_ln.{part}": (WIDTH,) for part in ("weight", "bias")}
    tensors = {name: made_up(seed, shape) for seed, (name, shape) in enumerate(sorted(shapes.items()))}
    for name, tensor in tensors.items():
        if "ln" in name:
            tensor.mul_(0.1).add_(name.endswith("weight"))
        elif name == "decoder.positional_embedding":
            tensor.mul_(1.5)
        elif name == "decoder.token_embedding.weight":
            tensor.mul_(0.09)
            tensor[TEXTS] *= 2.5  # so that it comes to an end now and then, and has times to tell
            tensor[-1501:] *= 1.6
        else:
            tensor.mul_(0.45)
    return {name: tensor.half() for name, tensor in tensors.items()}


def made_up(seed: int, shape: tuple[int, ...]) -> torch.Tensor:
    """Values in [-1, 1] that look random: the fractional part of a large multiple of a sine."""
    steps = torch.arange(int(torch.tensor(shape).prod()), dtype=torch.float64)
    return (torch.sin(steps * 12.9898 + seed) * 43758.5453).frac().float().reshape(shape)


@pytest.fixture(scope="session")
def checkpoint() -> dict[str, torch.Tensor]:
    """As of the sizes up to large-v2: 99 languages, 80 mel bands."""
    return tensors_of(99, 80)


@pytest.fixture(scope="session")
def checkpoint_v3() -> dict[str, torch.Tensor]:
    """As of large-v3: 100 languages, 128 mel bands."""
    return tensors_of(100, 128)


@pytest.fixture
def give(random_weights: Callable[..., None], tmp_path: Path) -> Callable[[str, Any], None]:
    """`give(size, tensors)`: that size has these weights; the vocabulary and spellings are made up."""
    spelling = tmp_path / "english.json"
    spelling.write_text(json.dumps({"colour": "color", "grey": "gray"}))
    random_weights("whisper-spelling", spelling)
    random_weights("whisper-vocabulary", write_vocabulary(tmp_path / "multilingual.tiktoken"))

    def here(size: str, tensors: Any) -> None:
        random_weights(f"whisper-{size}", tensors)

    return here


def write_vocabulary(path: Path) -> Path:
    """Tokens " w0", " w1" … with 220 a blank, as Whisper has it, and an empty last one."""
    texts = [f" w{rank}".encode() for rank in range(TEXTS)]
    texts[220], texts[-1] = b" ", b""
    lines = [f"{base64.b64encode(text).decode() or '='} {rank}" for rank, text in enumerate(texts)]
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
    return path
