"""Checkpoints in the layout of the authors of FOMM, DAC and CFTE, with the same numbers on every machine.

Each tensor is drawn from its name alone, by Philox's raw bits, which no version of numpy changes.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

# How strong a layer is, so that nothing explodes, saturates or dies; the others keep the variance.
GAINS = {
    "jacobian.weight": 0.2,
    "kp.weight": 1.2,
    "mask.weight": 1.0,
    "final.weight": 0.3,
    "conv2.weight": 0.5,
    "flow.weight": 2.0,
}
# DAC's heads are layers of their own.
HEADS = ("kp_detector.kp.", "dense_motion.mask.", "dense_motion.occlusion.", "generator.final.")


def uniform(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """float32, -1 to 1."""
    draw = np.random.Philox(key=int.from_bytes(hashlib.sha256(name.encode()).digest()[:16], "little"))
    count = int(np.prod(shape, dtype=np.int64))
    bits = draw.random_raw((count + 1) // 2).view(np.uint32)[:count]
    return ((bits >> 8).astype(np.float32) * np.float32(2**-23) - 1).reshape(shape)


def tensor(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """What a checkpoint holds under `generator.…` or `kp_detector.…`."""
    drawn = uniform(name, shape)
    plain = name.replace("kp.conv.", "kp.").replace("mask.conv.", "mask.").replace("final.conv.", "final.")
    if name.endswith(("running_var", "beta")) or (".norm" in name and name.endswith("weight")):
        drawn = 1 + 0.3 * drawn
    elif name.endswith("down.weight"):  # near what it is in truth, but not symmetric
        drawn = (1 + drawn) / np.prod(shape[1:])
    elif name.endswith("gamma"):
        drawn = 0.3 + 0.1 * drawn
    elif len(shape) > 1:
        gain = next((value for end, value in GAINS.items() if plain.endswith(end)), 1.0)
        drawn = drawn * (gain * (6 / np.prod(shape[1:])) ** 0.5)
    elif plain.endswith("jacobian.bias"):
        drawn = np.tile([1.0, 0, 0, 1], len(drawn) // 4) + 0.1 * drawn
    elif ".norm" in name and name.endswith("bias"):
        drawn = 0.2 + 0.2 * drawn
    else:
        drawn = 0.2 * drawn
    return torch.from_numpy(np.ascontiguousarray(drawn, dtype=np.float32))


def picture(name: str) -> torch.Tensor:
    """(1, 3, 256, 256), 0 to 1: coarse patches with some noise; any two have much in common."""
    patches = 0.4 * uniform("patches", (3, 16, 16)) + 0.45 * uniform(name, (3, 16, 16))
    noise = 0.15 * uniform(f"{name} noise", (3, 256, 256))
    drawn = 0.5 + 0.5 * (np.kron(patches, np.ones((1, 16, 16))) + noise)
    return torch.from_numpy(drawn.astype(np.float32))[None]


def theirs(name: str, nested: bool) -> str:
    """The authors' name of a tensor of ours. nested: as DAC names its heads."""
    for head in HEADS if nested else ():
        if name.startswith(head):
            name = f"{head}conv.{name.removeprefix(head)}"
    if name.startswith(("down.", "dense_motion.")):
        name = f"generator.dense_motion_network.{name.removeprefix('dense_motion.')}"
    return name


def layout(network: torch.nn.Module, nested: bool) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the authors' tensors, without the counters of training."""
    shapes = {theirs(name, nested): tuple(value.shape) for name, value in network.state_dict().items()}
    return {name: shape for name, shape in shapes.items() if not name.endswith("num_batches_tracked")}


def checkpoint(
    shapes: Mapping[str, tuple[int, ...]], module: bool = False, counters: bool = True
) -> dict[str, Any]:
    """As the authors' training saves it.

    module: names as of several GPUs; counters: with batches seen, as newer PyTorch saves them.
    """
    made: dict[str, Any] = {"generator": {}, "kp_detector": {}}
    for name, shape in shapes.items():
        part, _, inner = name.partition(".")
        inner = f"module.{inner}" if module else inner
        made[part][inner] = tensor(name, shape)
        if counters and name.endswith("running_var"):
            made[part][inner.replace("running_var", "num_batches_tracked")] = torch.tensor(1000)
    state = {0: {"step": 3, "exp_avg": torch.ones(3)}}
    made["optimizer_generator"] = {"state": state, "param_groups": [{"lr": 2e-4, "params": [0]}]}
    made["epoch"] = 99
    return made


def digest(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """sha256 of all names and shapes."""
    lines = [f"{name} {'x'.join(map(str, shapes[name]))}" for name in sorted(shapes)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
