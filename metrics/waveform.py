"""Signal-to-noise ratios of the sound: SI-SDR and plain SNR."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..benchmark.api import Clip, MetricInfo, Score, Unavailable
from ._inputs import require, require_same_shape

if TYPE_CHECKING:
    from torch import Tensor

CAP_DB = 100.0


def availability() -> str | None:
    """Always available."""
    return None


def describe() -> Sequence[MetricInfo]:
    """`si_sdr` and `snr`, in dB."""
    at = "at the clip's sample rate, all channels as one signal"
    return (
        MetricInfo(
            name="si_sdr",
            modality="audio",
            kind="clip",
            unit="dB",
            higher_is_better=True,
            bounds=(-CAP_DB, CAP_DB),
            definition=(
                "Scale-invariant signal-to-distortion ratio: means removed, the decoded sound compared with "
                f"its projection onto the reference, {at}; kept within ±100 dB. "
                "Undefined where either is silent."
            ),
            paper="Le Roux, Wisdom, Erdogan, Hershey: SDR, half-baked or well done? ICASSP 2019",
        ),
        MetricInfo(
            name="snr",
            modality="audio",
            kind="clip",
            unit="dB",
            higher_is_better=True,
            bounds=(-CAP_DB, CAP_DB),
            definition=(
                "Plain signal-to-noise ratio 10 log10(Σ x² / Σ (x - y)²), level and mean untouched, "
                f"{at}; kept within ±100 dB. Some papers call it SDR."
            ),
            paper="",
        ),
    )


def load(device: str, infos: Sequence[MetricInfo]) -> Waveform:
    """Both metrics; they run on the CPU, whatever the device."""
    return Waveform(infos)


class Waveform:
    """SI-SDR and SNR."""

    frames_at_once = None

    def __init__(self, infos: Sequence[MetricInfo]) -> None:
        self.infos = infos

    def reference(self, clip: Clip) -> Tensor:
        """The sound as float64 (C, N). Raises Unavailable where there is none, or only silence."""
        require(clip, "audio")
        sound = clip.audio.double()
        if not sound.any():
            raise Unavailable("the reference is silent: a signal-to-noise ratio is undefined")
        return sound

    def compare(self, state: Tensor, decoded: Clip) -> Mapping[str, Score | Unavailable]:
        """Both ratios; `si_sdr` is Unavailable where either sound is constant."""
        require_same_shape(state, decoded.audio)
        sound = decoded.audio.double()
        noise = state - sound
        return {"si_sdr": _si_sdr(state, sound), "snr": _ratio_db(state.square().sum(), noise.square().sum())}


def _si_sdr(reference: Tensor, sound: Tensor) -> Score | Unavailable:
    reference = reference - reference.mean(dim=1, keepdim=True)
    sound = sound - sound.mean(dim=1, keepdim=True)
    for name, signal in (("reference", reference), ("decoded sound", sound)):
        # A constant may leave a rounding residue when its mean is taken off.
        if signal.abs().max() < 1e-12:
            return Unavailable(f"the {name} is constant: SI-SDR is undefined")
    target = (reference * sound).sum() / reference.square().sum() * reference
    return _ratio_db(target.square().sum(), (sound - target).square().sum())


def _ratio_db(signal: Tensor, noise: Tensor) -> Score:
    """10 log10(signal / noise) within ±`CAP_DB`; at least one of the energies is positive."""
    return Score(value=(10 * (signal.log10() - noise.log10())).clamp(-CAP_DB, CAP_DB).item())
