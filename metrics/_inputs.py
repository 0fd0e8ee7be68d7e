"""Checks and conversions that the metrics share: what a clip must hold before it can be scored."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ..benchmark.api import Clip, InvalidClip, Modality, Unavailable

if TYPE_CHECKING:
    from torch import Tensor


def require(clip: Clip, modality: Modality) -> None:
    """Raise Unavailable when `clip` has no picture, or no sound, at all, or sound that is not finite.

    Native libraries answer NaN with numbers: PESQ, for one, finds no utterance in it.
    """
    if modality == "video" and clip.spec.frames == 0:
        raise Unavailable("the clip has no picture")
    if modality == "audio" and clip.spec.samples * clip.spec.channels == 0:
        raise Unavailable("the clip has no sound")
    if modality == "audio" and not clip.audio.isfinite().all():
        raise Unavailable("the reference's sound holds values that are not finite (NaN or infinity)")


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


@dataclass(frozen=True)
class SpeechReference:
    """A reference sound for a metric of one channel at a rate of its own.

    audio: (C, N) at `sample_rate` Hz, as in the clip; speech: float64 (n,) at `rate` Hz.
    """

    audio: Tensor
    sample_rate: int
    rate: int
    speech: Any

    @classmethod
    def of(cls, clip: Clip, rate: int, if_silent: str) -> SpeechReference:
        """Prepare a clip's sound. Raises Unavailable where there is none, or (`if_silent`) only silence."""
        require(clip, "audio")
        if not clip.audio.any():
            raise Unavailable(f"the reference is silent: {if_silent}")
        sample_rate = clip.spec.sample_rate
        return cls(clip.audio, sample_rate, rate, mono(clip.audio, sample_rate, rate))

    def prepared(self, decoded: Clip) -> Any:
        """A decoded sound as `speech` is. Raises InvalidClip where the shapes differ or it is not finite."""
        require_same_shape(self.audio, decoded.audio)
        return mono(decoded.audio, self.sample_rate, self.rate)


def frames_at(frames: int, fps: Fraction, rate: int) -> list[int]:
    """Which of `frames` pictures at `fps` to show `rate` times a second: the nearest in time, at least one.

    Picture n stands for the time n / fps; at the same rate it is every picture once.
    """
    count = max(1, round(frames * rate / fps))
    return [min(frames - 1, round(number * fps / rate)) for number in range(count)]
