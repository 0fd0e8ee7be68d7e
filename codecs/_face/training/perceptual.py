"""The loss that FOMM was trained with, where VGG-16's weights are: pictures should look alike to it."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as functional
from torch import Tensor

from ....benchmark import weights
from ....benchmark.api import UsageError
from ....benchmark.training.state import Progress
from ....benchmark.weights.imagenet import VGG16, normalised, read

NAME, WEIGHTS = "perceptual", "vgg16"
_SCALES = 2  # the picture, and its half


class Perceptual:
    """Mean absolute difference of features: Johnson et al., ECCV 2016; at several sizes as in FOMM, 4.

    Features are those after the first convolution of each of VGG-16's five stages.
    """

    def __init__(self, device: str) -> None:
        """Raises Unavailable where the weights are missing, with the command that fetches them."""
        tensors = {name: value.to(device) for name, value in read(WEIGHTS, VGG16).items()}
        self._stages = [
            [
                (tensors[f"features.{part.index}.weight"], tensors[f"features.{part.index}.bias"])
                for part in stage
            ]
            for stage in VGG16.stages
        ]

    def features(self, pictures: Tensor) -> Iterator[Tensor]:
        """Of pictures (B, 3, H, W), 0 to 1; H and W: 16 at least."""
        x = normalised(pictures)
        for stage, pooled in zip(self._stages, VGG16.pooled, strict=True):
            x = functional.max_pool2d(x, 2) if pooled else x
            for place, (weight, bias) in enumerate(stage):
                x = functional.conv2d(x, weight, bias, padding=1).relu()
                if not place:
                    yield x
                    if stage is self._stages[-1]:
                        return

    def __call__(self, made: Tensor, target: Tensor) -> Tensor:
        """The loss of pictures (B, 3, H, W), 0 to 1."""
        terms = []
        for _ in range(_SCALES):
            wanted = [feature.detach() for feature in self.features(target)]
            terms += [(a - b).abs().mean() for a, b in zip(self.features(made), wanted, strict=True)]
            made, target = functional.avg_pool2d(made, 2), functional.avg_pool2d(target, 2)
        return torch.stack(terms).mean()


def choose(progress: Progress, asked: bool | None, device: str) -> Perceptual | None:
    """The loss, or None where a run does without: one that was begun continues as it began.

    asked: None for as it is here, with the weights or without. Raises Unavailable where they are needed and
    not here, and UsageError where the run was begun otherwise than asked.
    """
    if progress.step:
        used = NAME in progress.losses
        if asked not in (None, used):
            raise UsageError(
                f"--{'no-' if used else ''}perceptual: the checkpoint was trained "
                f"{'with' if used else 'without'} that loss; continue like that, or choose another --out"
            )
    else:
        used = weights.missing([WEIGHTS]) is None if asked is None else asked
        progress.losses = [NAME] if used else []
    return Perceptual(device) if used else None
