"""Checks and conversions that the metrics share: what a clip must hold before it can be scored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..benchmark.errors import InvalidClip, Unavailable
from ..benchmark.types import Clip, Modality

if TYPE_CHECKING:
    from torch import Tensor


def require(clip: Clip, modality: Modality) -> None:
    """Raise Unavailable when `clip` has no picture, or no sound, at all."""
    if modality == "video" and clip.spec.frames == 0:
        raise Unavailable("the clip has no picture")
    if modality == "audio" and clip.spec.samples * clip.spec.channels == 0:
        raise Unavailable("the clip has no sound")


def require_same_shape(reference: Tensor, decoded: Tensor) -> None:
    """Raise InvalidClip unless both tensors have one shape, and `decoded` is finite.

    Metrics neither align nor resize, and a NaN in a sound would be one in every number.
    """
    if reference.shape != decoded.shape:
        raise InvalidClip(
            f"decoded is {tuple(decoded.shape)} but the reference is {tuple(reference.shape)}; "
            "the codec must return exactly what its ClipSpec says"
        )
    if decoded.is_floating_point() and not decoded.isfinite().all():
        raise InvalidClip("the decoded sound holds values that are not finite (NaN or infinity)")


def mono(audio: Tensor, sample_rate: int, target_rate: int) -> Any:
    """Sound (C, N) as one channel at `target_rate` Hz: float64 array (n,), the mean of the channels.

    Resampled with soxr (very high quality), which keeps time: sample n stays at n / rate seconds.
    """
    return resampled(audio.mean(dim=0, keepdim=True), sample_rate, target_rate)[0]


def resampled(audio: Tensor, sample_rate: int, target_rate: int) -> Any:
    """Sound (C, N) at `target_rate` Hz: float64 array (C, n)."""
    import numpy as np
    import soxr

    samples = audio.numpy().astype(np.float64)
    if sample_rate == target_rate:
        return samples
    # soxr wants (n, channels)
    return np.ascontiguousarray(soxr.resample(samples.T, sample_rate, target_rate, quality="VHQ").T)
