"""VGG-16 and AlexNet up to their last convolution, as torchvision's files of them are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import weights
from ..util.errors import Unavailable

if TYPE_CHECKING:
    from torch import Tensor

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Convolution:
    """A layer in torchvision's file: its place in `features`, and its shape."""

    index: int
    in_channels: int
    out_channels: int
    size: int = 3
    stride: int = 1
    padding: int = 1


@dataclass(frozen=True)
class Architecture:
    """Stages end at the features that LPIPS and DISTS read; `pooled` says before which stages is a pooling.

    classifier: shapes of the fully connected layers, which are in the file and not needed, by place.
    """

    stages: Sequence[Sequence[Convolution]]
    pooled: Sequence[bool]
    classifier: Mapping[int, tuple[int, int]]


VGG16 = Architecture(
    (
        (Convolution(0, 3, 64), Convolution(2, 64, 64)),
        (Convolution(5, 64, 128), Convolution(7, 128, 128)),
        (Convolution(10, 128, 256), Convolution(12, 256, 256), Convolution(14, 256, 256)),
        (Convolution(17, 256, 512), Convolution(19, 512, 512), Convolution(21, 512, 512)),
        (Convolution(24, 512, 512), Convolution(26, 512, 512), Convolution(28, 512, 512)),
    ),
    (False, True, True, True, True),
    {0: (4096, 25088), 3: (4096, 4096), 6: (1000, 4096)},
)
ALEXNET = Architecture(
    (
        (Convolution(0, 3, 64, 11, 4, 2),),
        (Convolution(3, 64, 192, 5, 1, 2),),
        (Convolution(6, 192, 384),),
        (Convolution(8, 384, 256),),
        (Convolution(10, 256, 256),),
    ),
    (False, True, True, False, False),
    {1: (4096, 9216), 4: (4096, 4096), 6: (1000, 4096)},
)


def read(name: str, architecture: Architecture) -> Mapping[str, Tensor]:
    """The tensors of `features`. Raises Unavailable unless the file holds exactly the architecture's."""
    shapes: dict[str, tuple[int, ...]] = {}
    for part in (part for stage in architecture.stages for part in stage):
        shapes[f"features.{part.index}.weight"] = (part.out_channels, part.in_channels, part.size, part.size)
        shapes[f"features.{part.index}.bias"] = (part.out_channels,)
    features = list(shapes)
    for index, shape in architecture.classifier.items():
        shapes[f"classifier.{index}.weight"] = shape
        shapes[f"classifier.{index}.bias"] = shape[:1]
    tensors = strictly(name, shapes)
    return {key: tensors[key].float() for key in features}


def strictly(name: str, shapes: Mapping[str, tuple[int, ...]]) -> Mapping[str, Tensor]:
    """A file's tensors. Raises Unavailable, naming the first difference, unless they have these shapes."""
    tensors = weights.state_dict(name)
    found = {key: tuple(value.shape) for key, value in tensors.items()}
    for key in sorted(shapes.keys() | found.keys()):
        if shapes.get(key) != found.get(key):
            raise Unavailable(
                f"weights {name}: the file is of another network: {key} is {found.get(key, 'missing')}, "
                f"expected {shapes.get(key, 'nothing of this name')}"
            )
    return tensors


def normalised(pictures: Tensor) -> Tensor:
    """Pictures (N, 3, H, W) in [0, 1] as the networks want them, in channels-last memory.

    LPIPS's own constants for [-1, 1] (shift -.030 -.088 -.188, scale .458 .448 .450) say the same.
    """
    import torch

    mean = torch.tensor(IMAGENET_MEAN, device=pictures.device).view(3, 1, 1)
    std = torch.tensor(IMAGENET_STD, device=pictures.device).view(3, 1, 1)
    return ((pictures - mean) / std).contiguous(memory_format=torch.channels_last)
