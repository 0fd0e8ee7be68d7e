"""Spectral distances of descript-audio-codec (DAC): its evaluation's MEL and STFT, and its training loss.

All of them take the magnitudes of a few short-time Fourier transforms of the sound at 44.1 kHz; each
transform is made once for all metrics, and the reference's features once for all variants.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING

from ..benchmark.api import Clip, MetricInfo, Score, Unavailable
from ..benchmark.media.mel import mel_filters
from ._inputs import require, require_same_shape, resampled

if TYPE_CHECKING:
    from torch import Tensor

SAMPLE_RATE = 44100
CLAMP = 1e-5  # of magnitudes, before the power


@dataclass(frozen=True)
class Scale:
    """One term: a window (samples), mel bins (0: none, the linear spectrum), and what is compared.

    The difference is L1(log10 clamp(m)^power), plus L1(m) where `magnitude`.
    """

    window: int
    mel_bins: int
    power: int
    magnitude: bool


SCALES: Mapping[str, Sequence[Scale]] = {
    "mel_dac_eval": (Scale(2048, 150, 2, True), Scale(512, 80, 2, True)),
    "stft_dac_eval": (Scale(2048, 0, 2, True), Scale(512, 0, 2, True)),
    "mel_dac_train7": tuple(Scale(32 << i, 5 << i, 1, False) for i in range(7)),
}
# 1 clamped the square of the magnitude.
VERSIONS = {"mel_dac_eval": "2", "stft_dac_eval": "2"}
WINDOWS = sorted({scale.window for scales in SCALES.values() for scale in scales})


def availability() -> str | None:
    """Always available."""
    return None


def describe() -> Sequence[MetricInfo]:
    """`mel_dac_eval`, `stft_dac_eval` and `mel_dac_train7`."""
    common = (
        "Hann windows, hop a quarter of the window, centred with reflection, mean over channels. At "
        "44.1 kHz, to which soxr (very high quality) resamples: another resampler leaves other values in the "
        "empty band above half the clip's own rate."
    )
    mel = "Slaney mel filters with unit area from 0 Hz to 22.05 kHz"
    definitions = {
        "mel_dac_eval": (
            "DAC's evaluation MEL: L1 of log10 max(m, 1e-5)² plus L1 of m, summed over windows of 2048 "
            f"samples (150 bins) and 512 (80 bins); {mel}; {common}"
        ),
        "stft_dac_eval": (
            "DAC's evaluation STFT: L1 of log10 max(m, 1e-5)² plus L1 of m, summed over windows of 2048 and "
            f"512 samples; {common}"
        ),
        "mel_dac_train7": (
            "DAC's training mel loss: L1 of log10 max(m, 1e-5), summed over seven windows from 32 samples "
            f"(5 bins) to 2048 (320 bins), both doubling; {mel}; {common}"
        ),
    }
    return tuple(
        MetricInfo(
            name=name,
            modality="audio",
            kind="clip",
            unit="",
            higher_is_better=False,
            bounds=(0.0, None),
            definition=definition,
            paper="Kumar et al.: High-fidelity audio compression with improved RVQGAN, NeurIPS 2023",
            version=VERSIONS.get(name, "1"),
            build={"soxr": metadata.version("soxr")},
        )
        for name, definition in definitions.items()
    )


def load(device: str, infos: Sequence[MetricInfo]) -> Spectral:
    """All three metrics, on `device`."""
    return Spectral(device, infos)


@dataclass(frozen=True)
class Reference:
    """The reference's sound (C, N) at its own rate, that rate, and the features of all scales."""

    audio: Tensor
    sample_rate: int
    features: Mapping[Scale, Tensor]


class Spectral:
    """Spectral distances at 44.1 kHz."""

    frames_at_once = None

    def __init__(self, device: str, infos: Sequence[MetricInfo]) -> None:
        self.infos = infos
        self._device = device

    def reference(self, clip: Clip) -> Reference:
        """Features of all scales. Raises Unavailable for sound too short for the longest window."""
        require(clip, "audio")
        features = self._features(clip.audio, clip.spec.sample_rate)
        return Reference(clip.audio, clip.spec.sample_rate, features)

    def compare(self, state: Reference, decoded: Clip) -> Mapping[str, Score | Unavailable]:
        """All three distances."""
        require_same_shape(state.audio, decoded.audio)
        features = self._features(decoded.audio, state.sample_rate)
        return {
            name: Score(value=sum(_distance(s, state.features[s], features[s]) for s in scales))
            for name, scales in SCALES.items()
        }

    def _features(self, audio: Tensor, sample_rate: int) -> Mapping[Scale, Tensor]:
        """Magnitudes (C, frames, bins) of every scale."""
        import torch

        sound = torch.from_numpy(resampled(audio, sample_rate, SAMPLE_RATE)).float().to(self._device)
        if sound.shape[1] <= WINDOWS[-1] // 2:
            raise Unavailable(
                f"the sound lasts {sound.shape[1] / SAMPLE_RATE:.3f} s; a window of {WINDOWS[-1]} samples at "
                f"{SAMPLE_RATE} Hz needs more than {WINDOWS[-1] / 2 / SAMPLE_RATE:.3f} s"
            )
        magnitudes = {window: _magnitudes(sound, window) for window in WINDOWS}
        features = {}
        for scale in dict.fromkeys(scale for scales in SCALES.values() for scale in scales):
            magnitude = magnitudes[scale.window]
            if scale.mel_bins:
                filters = torch.from_numpy(mel_filters(SAMPLE_RATE, scale.window, scale.mel_bins))
                magnitude = magnitude @ filters.to(magnitude).T
            features[scale] = magnitude
        return features


def _magnitudes(sound: Tensor, window: int) -> Tensor:
    """|STFT| of (C, N): (C, frames, window / 2 + 1)."""
    import torch

    hann = torch.hann_window(window, device=sound.device)
    return torch.stft(sound, window, window // 4, window=hann, return_complex=True).abs().transpose(1, 2)


def _distance(scale: Scale, reference: Tensor, decoded: Tensor) -> float:
    logs = [magnitude.clamp(min=CLAMP).pow(scale.power).log10() for magnitude in (reference, decoded)]
    total = (logs[0] - logs[1]).abs().mean()
    if scale.magnitude:
        total = total + (reference - decoded).abs().mean()
    return total.item()
