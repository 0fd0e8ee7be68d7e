"""LPIPS and DISTS: distances between the features that two pictures have in a network for recognition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...benchmark.api import MetricInfo

if TYPE_CHECKING:
    from .scoring import Perceptual

LPIPS_PAPER = "Zhang et al.: The unreasonable effectiveness of deep features, CVPR 2018; lpips 0.1.4"
DISTS_PAPER = "Ding, Ma, Wang, Simoncelli: Unifying structure and texture similarity, IEEE TPAMI 44(5), 2022"
LPIPS = (
    "LPIPS v0.1 on {network}'s five ReLU layers: squared differences of features of unit length, weighted "
    "by channel, averaged over positions and added up; pictures in {range}. "
    "Needs a shorter side of {side} pixels."
)
DISTS = (
    "One minus the weighted similarities of means (structure) and covariances (texture) of the picture in "
    "[0, 1] and of five VGG-16 layers with L2 pooling. A shorter side above 256 pixels is first resized to "
    "256 as the authors' prepare_image does: antialiased bilinear, rounded to 8 bits."
)
ALEX_MIN_SIDE, VGG_MIN_SIDE = 31, 16  # below, the networks' pooling would leave nothing


def availability() -> str | None:
    """Available wherever their weights are."""
    return None


def describe() -> Sequence[MetricInfo]:
    """`lpips_alex`, `lpips_vgg`, `lpips_alex_unnormalized` and `dists`."""
    alex = LPIPS.format(network="AlexNet", range="[-1, 1]", side=ALEX_MIN_SIDE)
    fed_wrongly = LPIPS.format(network="AlexNet", range="[0, 1] instead of [-1, 1]", side=ALEX_MIN_SIDE)
    return (
        _info("lpips_alex", alex, LPIPS_PAPER, ("alexnet", "lpips-alex")),
        _info(
            "lpips_vgg",
            LPIPS.format(network="VGG-16", range="[-1, 1]", side=VGG_MIN_SIDE),
            LPIPS_PAPER,
            ("vgg16", "lpips-vgg"),
        ),
        _info(
            "lpips_alex_unnormalized",
            f"{fed_wrongly} Only to reproduce results that were made so; 0.13 to 0.16 times lpips_alex.",
            LPIPS_PAPER,
            ("alexnet", "lpips-alex"),
        ),
        _info(
            "dists",
            DISTS,
            DISTS_PAPER,
            ("vgg16", "dists"),
            {"resize": "shorter side above 256 to 256, antialiased bilinear, 8 bits"},
        ),
    )


def _info(
    name: str,
    definition: str,
    paper: str,
    weights: tuple[str, ...],
    options: dict[str, int | float | str] | None = None,
) -> MetricInfo:
    return MetricInfo(
        name=name,
        modality="video",
        kind="frame",
        unit="",
        higher_is_better=False,
        bounds=(0.0, None),
        definition=definition,
        paper=paper,
        options=options or {},
        weights=weights,
        has_quick=True,
    )


def load(device: str, infos: Sequence[MetricInfo]) -> Perceptual:
    """The metrics in `infos`, on `device`, and only the networks that they need.

    Raises Unavailable where weights are absent or are not those of the network.
    """
    from .scoring import Perceptual

    return Perceptual(device, infos)
