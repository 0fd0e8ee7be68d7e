"""One thread, and weights that are the same wherever numpy's legacy generator is."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from talkbench.datasets.synthetic.sculpt import one_thread


@pytest.fixture(scope="package", autouse=True)
def single_thread() -> Iterator[None]:
    """Small networks gain nothing from threads, which wait for each other on a busy machine."""
    with one_thread(torch.device("cpu")):
        yield


def drawn(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Tensors for all of a network's weights, of a size that keeps its features finite."""
    draw, found = np.random.RandomState(0), {}
    for name, value in sorted(network.state_dict().items()):
        if name.endswith("num_batches_tracked"):
            continue
        numbers = draw.standard_normal(tuple(value.shape)).astype(np.float32)
        fan_in = value[0].numel() if value.dim() > 1 else 1
        if name.endswith("running_var"):
            numbers = 1 + numbers * numbers
        elif name.startswith(("loc", "conf")):  # a detector's heads
            numbers = 0.08 * numbers * (2 / fan_in) ** 0.5 if value.dim() > 1 else 1.5 * numbers
        elif value.dim() > 1:
            numbers = numbers * (2 / fan_in) ** 0.5
        else:
            numbers = 5 + numbers if "Norm" in name else 0.1 * numbers
        found[name] = torch.from_numpy(np.asarray(numbers, dtype=np.float32))
    return found


@pytest.fixture(scope="session")
def draw_weights() -> Callable[[torch.nn.Module], dict[str, torch.Tensor]]:
    return drawn
