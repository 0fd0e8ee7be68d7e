"""Encodec's architecture at 16 kHz and small: half the channels, and codebooks of 32 dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

RATE, HOP, SIZE = 16_000, 320, 1024  # 50 frames/s; 10 bits a token
BOOKS = (3, 6)  # that it learns with: 1.5 and 3 kbit/s
LADDER = (3, 4, 5, 6)  # that it is used with
SETTINGS: Mapping[str, Any] = {
    "sampling_rate": RATE,
    "num_filters": 16,
    "hidden_size": 32,
    "codebook_size": SIZE,
    "upsampling_ratios": (8, 5, 4, 2),
    "target_bandwidths": (1.5, 3.0),
}


def network() -> Any:
    """transformers' `EncodecModel` of this shape, with random weights."""
    from transformers import EncodecConfig, EncodecModel

    return EncodecModel(EncodecConfig(**SETTINGS))
