"""Fréchet inception distance of all frames of a codec's point to all frames of their references."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from ...benchmark import weights
from ...benchmark.api import Clip, MetricInfo, SetScore, Unavailable, full_precision
from .._inputs import require

if TYPE_CHECKING:
    import numpy as np

WEIGHTS = "pt-inception"
DIMENSIONS = 2048


def availability() -> str | None:
    """Available wherever its weights are."""
    return None


def describe() -> Sequence[MetricInfo]:
    """`fid`."""
    return (
        MetricInfo(
            name="fid",
            modality="video",
            kind="set",
            unit="",
            higher_is_better=False,
            bounds=(0.0, None),
            definition=(
                "Fréchet distance |m₁ - m₂|² + tr(S₁ + S₂ - 2 √(S₁S₂)) between means and sample covariances "
                "of Inception features (pytorch-fid's network of 2015-12-05, the 2048 means of pool3): all "
                "frames of all clips of one codec and point against all frames of their references; frames "
                "resized to 299×299, bilinear without antialiasing, in [-1, 1]. Biased upward for few "
                "frames: compare values of the same number of frames only."
            ),
            paper=(
                "Heusel et al.: GANs trained by a two time-scale update rule, NeurIPS 2017; "
                "Seitzer: pytorch-fid 0.3.0, 2020"
            ),
            weights=(WEIGHTS,),
            has_quick=True,
        ),
    )


def load(device: str, infos: Sequence[MetricInfo]) -> Fid:
    """The metric, on `device`. Raises Unavailable where the weights are absent."""
    return Fid(device, infos)


class Fid:
    """FID; in bfloat16 where the info says quick."""

    frames_at_once = 16

    def __init__(self, device: str, infos: Sequence[MetricInfo]) -> None:
        import torch

        from . import network

        self.infos = infos
        self._device = device
        self._precision = torch.bfloat16 if any(info.quick for info in infos) else torch.float32
        self._network = network.load(weights.state_dict(WEIGHTS), self._precision).to(device)

    def embed(self, clip: Clip) -> np.ndarray:
        """pool3 features, float32 (frames, 2048). Raises Unavailable without a picture."""
        from . import network

        require(clip, "video")
        with full_precision():
            pictures = network.prepared(clip.video.to(self._device)).to(self._precision)
            return self._network(pictures).float().cpu().numpy()

    def distance(
        self, reference: Iterable[np.ndarray], decoded: Iterable[np.ndarray]
    ) -> Mapping[str, SetScore | Unavailable]:
        """FID of two sets of features (n, 2048), given in pieces; Unavailable under two frames a side."""
        from .frechet import FeatureSet, frechet_distance

        first, second = FeatureSet(reference), FeatureSet(decoded)
        n = min(first.n, second.n)
        if n < 2:
            return {"fid": Unavailable(f"fid needs at least 2 frames on each side, there are {n}")}
        few = f"{n} frames, fewer than the {DIMENSIONS} dimensions of a feature: biased upward"
        return {"fid": SetScore(frechet_distance(first, second), n, few if n < DIMENSIONS else None)}
