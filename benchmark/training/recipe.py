"""What a training recipe is: the request, how it says how far it is, and the functions it offers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


class Say(Protocol):
    """Says how far a recipe is: the last line stays in place on a terminal, unless it is `lasting`."""

    def __call__(self, text: str, *, lasting: bool = False) -> None: ...


@dataclass(frozen=True)
class Request:
    """minutes: of training, None for as long as the recipe plans; out: folder of checkpoint and weights.

    perceptual: whether the loss looks through VGG-16; None for where its weights are.
    """

    device: str
    out: Path
    minutes: float | None = None
    resume: bool = False
    perceptual: bool | None = None


class Recipe(Protocol):
    """What a module `train_NAME.py` offers."""

    WEIGHTS: str

    def train(self, request: Request, say: Say) -> Path:
        """Trains, resumable to the step; writes checkpoint, weights (safetensors) and card (JSON) to `out`.

        Returns the weights' path; the card is beside it.
        """
        ...

    def evaluate(self, weights: Path | None, device: str, say: Say) -> Mapping[str, Any]:
        """What the weights (None: the shipped ones) do on the test split: JSON-ready."""
        ...
