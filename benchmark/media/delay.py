"""How late a decoded sound is, to a fraction of a sample: what a codec's own delay is measured with."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.floating]

BAND = (500.0, 3000.0)  # Hz: speech codecs keep it, and their high-pass filters hardly turn its phase
_WINDOW_S = 0.032
_STEP_S, _ENVELOPE_S = 0.001, 0.008


@dataclass(frozen=True)
class Delay:
    """samples: by which a sound is late (negative: early); likeness: from 0 to 1, how reliable that is.

    error: standard error of `samples`, from the likeness; likeness is the mean coherence of the waveforms,
    or the correlation of the envelopes.
    """

    samples: float
    error: float
    likeness: float


def of_waveform(reference: Samples, decoded: Samples, rate: int, band: tuple[float, float] = BAND) -> Delay:
    """Delay of `decoded` against `reference`, both (N,) at `rate` Hz, by the slope of the phase in `band`.

    The peak of the cross-correlation gives whole samples. The rest is the slope of the cross-spectrum's
    phase, each frequency weighted by c / (1 - c), c being its squared coherence: the maximum-likelihood
    estimate of Hannan and Thomson (Biometrika, 1971). The sound has to fill its band: a steady tone
    has no delay.
    Raises ValueError for sounds of other lengths, of less than 0.1 s, or silent ones.
    """
    import numpy as np

    if reference.shape != decoded.shape or reference.ndim != 1 or len(reference) < rate // 10:
        raise ValueError(f"sounds of {reference.shape} and {decoded.shape} samples have no delay")
    size = 2 * len(reference)
    kept = _within(size, rate, band)
    spectra = [np.fft.rfft(sound, size) * kept for sound in (reference, decoded)]
    if not all(np.abs(spectrum).any() for spectrum in spectra):
        raise ValueError("a silent sound has no delay")
    whole = int(np.fft.irfft(np.conj(spectra[0]) * spectra[1]).argmax())
    whole -= size if whole > size // 2 else 0
    common = len(reference) - abs(whole)
    early, late = reference[max(-whole, 0) :][:common], decoded[max(whole, 0) :][:common]
    length = round(_WINDOW_S * rate)
    if common < length:
        return Delay(whole, float("inf"), 0.0)
    first, second = (_spectra(sound, length, length // 2) for sound in (early, late))
    kept = _within(length, rate, band)
    cross = (np.conj(first) * second).sum(0)[kept]
    energy = ((np.abs(first) ** 2).sum(0) * (np.abs(second) ** 2).sum(0))[kept]
    coherence = np.clip(np.abs(cross) ** 2 / np.maximum(energy, 1e-30), 0, 0.9999)
    weight = coherence / (1 - coherence)
    slope = 2 * np.pi * np.fft.rfftfreq(length)[kept]
    spread = max(float((weight * slope**2).sum()), 1e-30)
    rest = -float((weight * slope * np.angle(cross)).sum()) / spread
    # A Hann window makes one bin of 1.5.
    error = (2 * common / length * spread / 1.5) ** -0.5
    return Delay(whole + rest, error, float(coherence.mean()))


def of_envelope(reference: Samples, decoded: Samples, rate: int) -> Delay:
    """Delay by loudness over time in eight bands, to about a millisecond: for sounds whose waveforms differ.

    Parameters and errors are those of `of_waveform`. Likeness is the correlation of the envelopes.
    """
    import numpy as np

    if reference.shape != decoded.shape or reference.ndim != 1 or len(reference) < rate // 10:
        raise ValueError(f"sounds of {reference.shape} and {decoded.shape} samples have no delay")
    if not (reference.any() and decoded.any()):
        raise ValueError("a silent sound has no delay")
    step = max(round(_STEP_S * rate), 1)
    first, second = (_envelopes(sound, rate, step) for sound in (reference, decoded))
    size = 2 * len(first)
    cross = np.conj(np.fft.rfft(first, size, axis=0)) * np.fft.rfft(second, size, axis=0)
    likeness = np.fft.irfft(cross, axis=0).sum(1) / max(np.linalg.norm(first) * np.linalg.norm(second), 1e-30)
    peak = int(likeness.argmax())
    before, top, after = likeness[peak - 1], likeness[peak], likeness[(peak + 1) % len(likeness)]
    curve = before - 2 * top + after
    lag = peak - (size if peak > size // 2 else 0) + (0.5 * (before - after) / curve if curve else 0.0)
    return Delay(float(lag) * step, float(step), float(max(top, 0)))


def _within(size: int, rate: int, band: tuple[float, float]) -> NDArray[np.bool_]:
    import numpy as np

    frequencies = np.fft.rfftfreq(size, 1 / rate)
    return (frequencies >= band[0]) & (frequencies <= band[1])


def _spectra(sound: Samples, length: int, step: int) -> NDArray[np.complexfloating]:
    """(windows, frequencies), under a Hann window."""
    import numpy as np

    windows = np.lib.stride_tricks.sliding_window_view(sound, length)[::step]
    return np.fft.rfft(windows * np.hanning(length), axis=1)


def _envelopes(sound: Samples, rate: int, step: int) -> NDArray[np.floating]:
    """(steps, bands): log loudness in eight bands up to 3.4 kHz, no less than 40 dB below the loudest."""
    import numpy as np

    length = round(_ENVELOPE_S * rate)
    power = np.abs(_spectra(np.pad(sound, length // 2), length, step)) ** 2
    edges = np.linspace(200, 3400, 9)
    bands = [power[:, _within(length, rate, (low, high))].sum(1) for low, high in itertools.pairwise(edges)]
    loud = np.log10(np.maximum(bands, 1e-4 * np.max(bands))).T
    return loud - loud.mean(0)
