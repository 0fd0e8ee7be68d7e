"""What a recipe leaves: weights as safetensors, and their card beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..util import environment

if TYPE_CHECKING:
    from torch import nn

    from .state import Progress


def file_of(weights: str, folder: Path) -> Path:
    """Where a recipe's weights are; the card is beside them, as JSON."""
    return folder / f"{weights.replace('-', '_')}.safetensors"


def identity(method: str, learned_from: str) -> dict[str, str]:
    """What a card says that weights are. method: as its authors write it; learned_from: 'rendered heads'."""
    return {
        "method": method,
        "what": f"A small {method}, trained on this project's {learned_from}. "
        f"It stands for the method; it is not the published {method}.",
    }


def recipe_name(weights: str) -> str:
    """What `talkbench train` calls the recipe of weights.

    >>> recipe_name("my-net-synthetic")
    'my-net'
    """
    return weights.removesuffix("-synthetic")


def write(
    weights: str,
    network: nn.Module,
    folder: Path,
    device: str,
    progress: Progress,
    facts: Mapping[str, Any],
    **shape: Any,
) -> Path:
    """Writes both; returns the weights' path.

    facts: what only the recipe knows, JSON-ready: what it is, the command, the data, the batch; shape: what
    else there is to say of the network. The card adds its size, steps, time, machine, commit and curve.
    """
    from safetensors.torch import save_file

    path = file_of(weights, folder)
    tensors = {
        name: value.detach().cpu().contiguous()
        for name, value in network.state_dict().items()
        if not name.endswith("num_batches_tracked")  # counts steps of training, of no use afterwards
    }
    save_file(tensors, path)
    path.chmod(0o644)  # safetensors makes files that only their owner can read
    machine = environment.describe([device])
    commits = list(dict.fromkeys(commit for commit, _ in progress.commits))
    card = {
        "weights": weights,
        **facts,
        "network": {**shape, "parameters": sum(value.numel() for value in network.parameters())},
        "steps": progress.step,
        "seconds": round(progress.seconds),
        "hardware": {name: machine[name] for name in ("cpu", "cores", "gpus") if name in machine},
        "torch": machine["libraries"].get("torch"),
        "commit": commits[0] if commits else None,
        "uncommitted_changes": any(changed for _, changed in progress.commits),
        **({"resumed_at_commits": commits[1:]} if commits[1:] else {}),
        "curve": progress.curve,
    }
    save(path, card)
    return path


def read(weights: Path) -> dict[str, Any]:
    """The card beside weights."""
    return json.loads(weights.with_suffix(".json").read_text(encoding="utf-8"))


def save(weights: Path, card: Mapping[str, Any]) -> None:
    """Writes the card beside weights."""
    weights.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
