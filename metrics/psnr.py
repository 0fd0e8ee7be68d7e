"""PSNR of the RGB picture, as JVET's generative face video coding group reports it, and of its luma."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..benchmark.api import Clip, MetricInfo, Score, Unavailable
from ._inputs import require, require_same_shape

if TYPE_CHECKING:
    from torch import Tensor

CAP_DB = 100.0
LUMA_BT709 = (0.2126, 0.7152, 0.0722)


def availability() -> str | None:
    """Always available."""
    return None


def describe() -> Sequence[MetricInfo]:
    """`psnr` and `psnr_y`, in dB."""
    return (
        MetricInfo(
            name="psnr",
            modality="video",
            kind="frame",
            unit="dB",
            higher_is_better=True,
            bounds=(0.0, CAP_DB),
            definition=(
                "Mean of the PSNRs of R, G and B of one frame (8-bit full range, peak 255), "
                "each at most 100 dB, which is also the value of an exact copy."
            ),
            paper="JVET's generative face video tests; Chen et al., arXiv 2410.15105, 2024",
        ),
        MetricInfo(
            name="psnr_y",
            modality="video",
            kind="frame",
            unit="dB",
            higher_is_better=True,
            bounds=(0.0, CAP_DB),
            definition=(
                "PSNR of BT.709 luma Y' = 0.2126 R' + 0.7152 G' + 0.0722 B' in full range "
                "(0 to 255, not rounded), peak 255, at most 100 dB. Not comparable with `psnr`."
            ),
            paper="ITU-R BT.709-6, section 3",
        ),
    )


def load(device: str, infos: Sequence[MetricInfo]) -> Psnr:
    """Both metrics, on `device`."""
    return Psnr(device, infos)


class Psnr:
    """PSNRs of uint8 frames."""

    frames_at_once = 16

    def __init__(self, device: str, infos: Sequence[MetricInfo]) -> None:
        self.infos = infos
        self._device = device

    def reference(self, clip: Clip) -> Tensor:
        """The frames on the device, uint8 (T, 3, H, W). Raises Unavailable without a picture."""
        require(clip, "video")
        return clip.video.to(self._device)

    def compare(self, state: Tensor, decoded: Clip) -> Mapping[str, Score | Unavailable]:
        """PSNRs per frame. Raises InvalidClip when the shapes differ."""
        import torch

        require_same_shape(state, decoded.video)
        luma = torch.tensor(LUMA_BT709, dtype=torch.float32, device=state.device).view(3, 1, 1)
        rgb_mse, luma_mse = [], []
        for reference, frame in zip(state, decoded.video.to(self._device), strict=True):
            # Integers up to 255 and their squares are exact in float32; only the sum needs float64.
            difference = frame.float() - reference.float()
            rgb_mse.append(difference.square().mean(dim=(1, 2), dtype=torch.float64))
            luma_mse.append((luma * difference).sum(dim=0).square().mean(dtype=torch.float64))
        return {
            "psnr": Score(frame_values=psnr(torch.stack(rgb_mse)).mean(dim=1).tolist()),
            "psnr_y": Score(frame_values=psnr(torch.stack(luma_mse)).tolist()),
        }


def psnr(mse: Tensor) -> Tensor:
    """10 log10(255² / mse) dB, at most `CAP_DB` (also where mse is 0)."""
    return (10 * (255.0**2 / mse).log10()).clamp(max=CAP_DB)
