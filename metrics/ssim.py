"""SSIM and MS-SSIM in one pass, with the reference's local moments computed once for all variants.

With d = y - x, the two factors of SSIM (Wang et al. 2004, equations 6 and 9) are

    l  = 1 - μd² / (μx² + μy² + C1)        cs = 1 - σd² / (σx² + σy² + C2),

because 2 μx μy = μx² + μy² - μd² and 2 σxy = σx² + σy² - σd². In this form an exact copy gives
exactly 1, and float32 loses nothing where x and y are close. A variant costs three blurs
(d, d², y²) instead of five, and scale 1 of MS-SSIM is the map that SSIM needs anyway.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from ..benchmark.api import Clip, MetricInfo, Score, Unavailable
from ._inputs import require, require_same_shape

if TYPE_CHECKING:
    from torch import Tensor

WINDOW, SIGMA = 11, 1.5
C1, C2 = 0.01**2, 0.03**2  # for pictures in [0, 1]
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
MS_SSIM_MIN_SIDE = (WINDOW - 1) * 2 ** (len(SCALE_WEIGHTS) - 1) + 1


def availability() -> str | None:
    """Always available."""
    return None


def describe() -> Sequence[MetricInfo]:
    """`ssim` and `ms_ssim`."""
    return (
        MetricInfo(
            name="ssim",
            modality="video",
            kind="frame",
            unit="",
            higher_is_better=True,
            bounds=(-1.0, 1.0),
            definition=(
                "Structural similarity per RGB channel, then their mean: 11×11 Gaussian window with σ 1.5, "
                "valid positions only, K1 0.01, K2 0.03, population variances, no downscaling. "
                f"Needs a shorter side of {WINDOW} pixels."
            ),
            paper="Wang, Bovik, Sheikh, Simoncelli: Image quality assessment, IEEE TIP 13(4), 2004",
        ),
        MetricInfo(
            name="ms_ssim",
            modality="video",
            kind="frame",
            unit="",
            higher_is_better=True,
            bounds=(0.0, 1.0),
            definition=(
                "Five-scale SSIM per RGB channel (negative factors count as 0), then their mean: same "
                "window, 2×2 mean between scales (odd sides zero-padded), weights .0448 .2856 .3001 .2363 "
                f".1333. Needs a shorter side of {MS_SSIM_MIN_SIDE} pixels."
            ),
            paper="Wang, Simoncelli, Bovik: Multiscale structural similarity, Asilomar 2003",
        ),
    )


def load(device: str, infos: Sequence[MetricInfo]) -> Ssim:
    """Both metrics, on `device`."""
    return Ssim(device, infos)


@dataclass(frozen=True)
class Moments:
    """One scale of the reference: pictures (n, 3, h, w) in [0, 1], local moments (n, 3, h-10, w-10)."""

    pictures: Tensor
    mean: Tensor
    variance: Tensor


@dataclass(frozen=True)
class Reference:
    """The uint8 frames (T, 3, H, W) and, for each piece of frames, the moments of every scale."""

    frames: Tensor
    pieces: Sequence[Sequence[Moments]]


class Ssim:
    """SSIM and MS-SSIM of uint8 frames."""

    frames_at_once = 16

    def __init__(self, device: str, infos: Sequence[MetricInfo]) -> None:
        self.infos = infos
        self._device = device

    def reference(self, clip: Clip) -> Reference:
        """Local moments of every scale. Raises Unavailable without a picture, or with one under 11 pixels."""
        require(clip, "video")
        side = min(clip.spec.height, clip.spec.width)
        if side < WINDOW:
            raise Unavailable(f"ssim needs a shorter side of at least {WINDOW} pixels, the clip has {side}")
        scales = len(SCALE_WEIGHTS) if side >= MS_SSIM_MIN_SIDE else 1
        pieces = []
        for pictures in self._pieces(clip.video):
            pyramid = []
            for scale in range(scales):
                pictures = halve(pictures) if scale else pictures
                mean = blur(pictures)
                pyramid.append(Moments(pictures, mean, variance(pictures, mean)))
            pieces.append(pyramid)
        return Reference(clip.video, pieces)

    def compare(self, state: Reference, decoded: Clip) -> Mapping[str, Score | Unavailable]:
        """Both metrics per frame; `ms_ssim` is Unavailable for small pictures."""
        import torch

        require_same_shape(state.frames, decoded.video)
        ssim, ms_ssim = [], []
        for pyramid, pictures in zip(state.pieces, self._pieces(decoded.video), strict=True):
            factors = []
            for scale, moments in enumerate(pyramid):
                pictures = halve(pictures) if scale else pictures
                luminance, contrast = similarity(moments, pictures)
                last = scale == len(SCALE_WEIGHTS) - 1
                if scale == 0:
                    ssim.append((luminance * contrast).mean(dim=(2, 3)))
                factors.append((luminance * contrast if last else contrast).mean(dim=(2, 3)))
            ms_ssim.append(torch.stack(factors))
        scores: dict[str, Score | Unavailable] = {"ssim": Score(frame_values=_frame_values(torch.cat(ssim)))}
        if len(state.pieces[0]) == 1:
            side = min(state.frames.shape[2:])
            reason = (
                f"ms_ssim needs a shorter side of at least {MS_SSIM_MIN_SIDE} pixels, the clip has {side}"
            )
            return scores | {"ms_ssim": Unavailable(reason)}
        factors = torch.cat(ms_ssim, dim=1).clamp(min=0).double()
        weights = torch.tensor(SCALE_WEIGHTS, dtype=torch.float64, device=factors.device).view(-1, 1, 1)
        return scores | {"ms_ssim": Score(frame_values=_frame_values((factors**weights).prod(dim=0)))}

    def _pieces(self, video: Tensor) -> Iterator[Tensor]:
        """Float frames in [0, 1]; on a CPU one by one: a frame's planes fit its cache, a chunk's do not."""
        for frames in video.split(1 if self._device == "cpu" else len(video)):
            yield frames.to(self._device).float() / 255


def _frame_values(values: Tensor) -> list[float]:
    """Values (T, 3) averaged over channels."""
    return values.double().mean(dim=1).tolist()


def similarity(moments: Moments, pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Maps (n, 3, h-10, w-10) of SSIM's luminance factor l and contrast-structure factor cs."""
    difference = pictures - moments.pictures
    mean_difference = blur(difference)
    mean = moments.mean + mean_difference
    variance_difference = blur(difference.square_()).addcmul_(mean_difference, mean_difference, value=-1)
    contrast = 1 - variance_difference.div_(variance(pictures, mean).add_(moments.variance).add_(C2))
    luminance = 1 - mean_difference.square_().div_(
        mean.square_().addcmul_(moments.mean, moments.mean).add_(C1)
    )
    return luminance, contrast


def variance(pictures: Tensor, mean: Tensor) -> Tensor:
    """Local variance (n, 3, h-10, w-10), given the local mean.

    E[x²] - μ² cancels badly in float32; taken about mid-grey both terms are at most a quarter.
    """
    return blur((pictures - 0.5).square_()).sub_((mean - 0.5).square_()).clamp_(min=0)


def blur(planes: Tensor) -> Tensor:
    """Valid 11×11 Gaussian window over (..., h, w): (..., h-10, w-10).

    Symmetric taps are added in pairs of shifted views. On one core and planes that fit into the
    cache this is several times faster than a depthwise convolution.
    """
    for dim in (-1, -2):
        size = planes.shape[dim] - WINDOW + 1
        *pairs, middle = gaussian_taps()
        total = planes.narrow(dim, WINDOW // 2, size) * middle
        for offset, tap in enumerate(pairs):
            mirrored = planes.narrow(dim, WINDOW - 1 - offset, size)
            total.add_(planes.narrow(dim, offset, size) + mirrored, alpha=tap)
        planes = total
    return planes


@cache
def gaussian_taps() -> tuple[float, ...]:
    """The first half of the 11 taps and the middle one; all 11 add up to 1."""
    from math import exp

    half = WINDOW // 2
    taps = [exp(-((i - half) ** 2) / (2 * SIGMA**2)) for i in range(WINDOW)]
    return tuple(tap / sum(taps) for tap in taps[: half + 1])


def halve(pictures: Tensor) -> Tensor:
    """2×2 mean of (n, 3, h, w); an odd side is zero-padded on both ends, as pytorch-msssim does."""
    from torch.nn.functional import avg_pool2d

    height, width = pictures.shape[2:]
    return avg_pool2d(pictures, kernel_size=2, padding=(height % 2, width % 2))
