"""Weights into networks, all tensors in their places or none: published checkpoints and our own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import torch
from torch import Tensor, nn

from ..benchmark import weights
from ..benchmark.api import Unavailable

Network = TypeVar("Network", bound=nn.Module)

_COUNTER = (
    "num_batches_tracked"  # batches seen in training, of no use afterwards; older checkpoints have none
)
_TOLD = 4


def same(name: str) -> str:
    """Names of this project's own weights."""
    return name


def load(build: Callable[[], Network], name: str, device: str, ours: Callable[[str], str] = same) -> Network:
    """The network that `build` makes, on `device`, to evaluate, with the registered weights `name`.

    ours: from a tensor's name in the file to that in the network. Raises Unavailable where the file is
    absent, is not a checkpoint, or is of another network: then it names file and tensors.
    """
    tensors = weights.state_dict(name)
    network = _built(build)
    places = {key: value for key, value in network.state_dict().items() if not key.endswith(_COUNTER)}
    found = {key: value for key, value in tensors.items() if not key.endswith(_COUNTER)}
    renamed = {ours(key): value for key, value in found.items()}
    twice = len(found) - len(renamed)
    if faults := _faults(places, renamed) + ([f"{twice} twice"] if twice else []):
        raise Unavailable(
            f"{weights.path(name)}: of another network than {name}: tensors {'; '.join(faults)}"
        )
    counters = {key: torch.tensor(0) for key in network.state_dict() if key.endswith(_COUNTER)}
    state = {key: value.float() for key, value in renamed.items()}
    network.load_state_dict({**state, **counters}, strict=True, assign=True)
    return network.to(device).eval().requires_grad_(False)


def _built(build: Callable[[], Network]) -> Network:
    """The network without memory, and so without random numbers: every tensor will be the file's.

    One with tensors that no file holds is built as it is, without a trace in the random numbers of others.
    """
    with torch.device("meta"):
        network = build()
    if {key for key, _ in network.named_buffers()} <= network.state_dict().keys():
        return network
    with torch.random.fork_rng(devices=[]):
        return build()


def _faults(places: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> list[str]:
    shapes = [
        f"{key} is {_shape(found[key])}, not {_shape(places[key])}"
        for key in sorted(places.keys() & found.keys())
        if places[key].shape != found[key].shape
    ]
    faults = {
        "missing": sorted(places.keys() - found.keys()),
        "unexpected": sorted(found.keys() - places.keys()),
        "of another shape": shapes,
    }
    return [
        f"{len(names)} {fault} ({', '.join(names[:_TOLD])}{', …' if len(names) > _TOLD else ''})"
        for fault, names in faults.items()
        if names
    ]


def _shape(tensor: Tensor) -> str:
    return "×".join(map(str, tensor.shape)) or "a single number"
