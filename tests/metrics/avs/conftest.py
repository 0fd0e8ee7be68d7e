"""A small AV-HuBERT, its weights under fairseq's names and the same wherever they are made."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from talkbench.metrics.avs import checkpoint
from talkbench.metrics.avs.network import Encoder, Shape

WIDTH, LAYERS, FEED_FORWARD, KERNEL, GROUPS, CLUSTERS = 32, 2, 48, 16, 4, 10
SMALL = Shape(
    width=WIDTH,
    layers=LAYERS,
    heads=4,
    feed_forward=FEED_FORWARD,
    position_kernel=KERNEL,
    position_groups=GROUPS,
)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Networks this small gain nothing by threads, and on a busy machine lose by them."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def uniform() -> Callable[..., torch.Tensor]:
    """`uniform(name, shape)`: numbers in [0, 1) that belong to a name."""
    return numbers


@pytest.fixture(scope="session")
def small() -> Shape:
    return SMALL


@pytest.fixture(scope="session")
def tensors() -> dict[str, torch.Tensor]:
    """Uniform numbers, which torch makes alike everywhere; each tensor's seed is the CRC of its name."""
    return {name: _tensor(name, shape) for name, shape in names_and_shapes(SMALL.lips)}


@pytest.fixture
def state(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The state dict, to add to and take from."""
    return dict(tensors)


@pytest.fixture(scope="session")
def encoder(tensors: dict[str, torch.Tensor]) -> Encoder:
    return checkpoint.encoder(tensors, SMALL)


@pytest.fixture(scope="session")
def light_encoder() -> Encoder:
    """The same with a narrow ResNet, which takes a hundredth of the time."""
    tensors = {name: _tensor(name, shape) for name, shape in names_and_shapes(4)}
    return checkpoint.encoder(tensors, replace(SMALL, lips=4))


@pytest.fixture(scope="session")
def moving_face() -> Callable[[int], np.ndarray]:
    """Landmarks (T, 68, 2) of something like a face of 120 pixels, that nods, turns and speaks."""

    def landmarks(frames: int) -> np.ndarray:
        random = np.random.default_rng(7)
        points = random.uniform(-45, 45, (68, 2))
        points[[33, 36, 39, 42, 45]] = [(1, 25), (-33, -9), (-15, -8), (15, -7), (34, -8)]
        points[48:68] = random.uniform((-18, 40), (18, 60), (20, 2))
        t = np.arange(frames) / 25
        angle, size = 0.2 * np.sin(3 * t), 1 + 0.1 * np.sin(2 * t)
        turned = (points[:, 0] + 1j * points[:, 1]) * (size * np.exp(1j * angle))[:, None]
        turned += (115 + 8 * np.sin(4 * t) + 1j * (85 + 5 * np.cos(5 * t)))[:, None]
        opening = 4 * np.abs(np.sin(12 * t))[:, None] * (np.arange(68) >= 55)
        return np.stack([turned.real, turned.imag + opening], axis=-1)

    return landmarks


def names_and_shapes(channels: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """What the original's state dict holds, the tensors of its pre-training task included."""
    yield "mask_emb", (104,)
    yield "label_embs_concat", (CLUSTERS, 8)
    yield from _linear("feature_extractor_audio.proj", 104, WIDTH)
    resnet = "feature_extractor_video.resnet"
    yield f"{resnet}.frontend3D.0.weight", (channels, 1, 5, 7, 7)
    yield from _batch_norm(f"{resnet}.frontend3D.1", channels)
    yield f"{resnet}.frontend3D.2.weight", (channels,)
    for stage in range(1, 5):
        width = channels * 2 ** (stage - 1)
        for block in range(2):
            before = width if stage == 1 or block else width // 2
            at = f"{resnet}.trunk.layer{stage}.{block}"
            for part, inputs in (1, before), (2, width):
                yield f"{at}.conv{part}.weight", (width, inputs, 3, 3)
                yield from _batch_norm(f"{at}.bn{part}", width)
                yield f"{at}.relu{part}.weight", (width,)
            if before != width:
                yield f"{at}.downsample.0.weight", (width, before, 1, 1)
                yield from _batch_norm(f"{at}.downsample.1", width)
    yield from _linear("feature_extractor_video.proj", 8 * channels, WIDTH)
    yield from _norm("layer_norm", 2 * WIDTH)
    yield from _linear("post_extract_proj", 2 * WIDTH, WIDTH)
    yield "encoder.pos_conv.0.bias", (WIDTH,)
    yield "encoder.pos_conv.0.weight_g", (1, 1, KERNEL)
    yield "encoder.pos_conv.0.weight_v", (WIDTH, WIDTH // GROUPS, KERNEL)
    for layer in range(LAYERS):
        at = f"encoder.layers.{layer}"
        for part in "kvq":
            yield from _linear(f"{at}.self_attn.{part}_proj", WIDTH, WIDTH)
        yield from _linear(f"{at}.self_attn.out_proj", WIDTH, WIDTH)
        yield from _norm(f"{at}.self_attn_layer_norm", WIDTH)
        yield from _linear(f"{at}.fc1", WIDTH, FEED_FORWARD)
        yield from _linear(f"{at}.fc2", FEED_FORWARD, WIDTH)
        yield from _norm(f"{at}.final_layer_norm", WIDTH)
    yield from _norm("encoder.layer_norm", WIDTH)
    yield from _linear("final_proj", WIDTH, 8)


def numbers(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(zlib.crc32(name.encode())))


def _tensor(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    if name.endswith("num_batches_tracked"):
        return torch.tensor(0)
    values = numbers(name, shape)
    if name.endswith((".bias", ".running_mean")):
        return values - 0.5
    if len(shape) == 1 or name.endswith("weight_g"):
        return values + 0.5
    return (2 * values - 1) * math.sqrt(3 / math.prod(shape[1:]))


def _linear(name: str, inputs: int, outputs: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.weight", (outputs, inputs)
    yield f"{name}.bias", (outputs,)


def _norm(name: str, width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.weight", (width,)
    yield f"{name}.bias", (width,)


def _batch_norm(name: str, width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield from _norm(name, width)
    yield f"{name}.running_mean", (width,)
    yield f"{name}.running_var", (width,)
    yield f"{name}.num_batches_tracked", ()
