"""Mel filterbank energies and cepstra as SyncNet and AV-HuBERT were trained on.

Both used the library python_speech_features with its defaults: 16 kHz, pre-emphasis 0.97, windows of 25 ms
every 10 ms without a taper, an FFT of 512, 26 triangular filters from 0 to 8 kHz on the mel scale
2595·log10(1 + f/700) with edges floored to FFT bins, natural logarithm. Sound is expected on the scale of
16-bit integers (`int16_scale`), for that is what a WAV file gave them.
"""

from __future__ import annotations

from functools import cache
from typing import Any

SAMPLE_RATE = 16000
_FFT = 512
_WINDOW = 400
_HOP = 160
_FILTERS = 26
_CEPSTRA = 13
_LIFTER = 22
_PREEMPHASIS = 0.97


def int16_scale(speech: Any) -> Any:
    """Sound in [-1, 1] as the values of a 16-bit WAV file, rounded and clipped: float64, same shape."""
    import numpy as np

    return np.clip(np.rint(np.asarray(speech, dtype=np.float64) * 32768), -32768, 32767)


def log_filterbank(signal: Any) -> Any:
    """Log mel energies: (n,) samples at 16 kHz, n > 0, to float64 (windows, 26).

    windows = 1 + ceil((n - 400) / 160), at least 1; the last one is filled up with zeros.
    """
    import numpy as np

    return np.log(_positive(_power(signal) @ _filters().T))


def mfcc(signal: Any) -> Any:
    """13 cepstra a window, liftered (22), the first replaced by the log energy: (n,) to (windows, 13)."""
    import numpy as np
    from scipy.fft import dct

    power = _power(signal)
    log_mel = np.log(_positive(power @ _filters().T))
    lifter = 1 + _LIFTER / 2 * np.sin(np.pi * np.arange(_CEPSTRA) / _LIFTER)
    cepstra = np.asarray(dct(log_mel, type=2, axis=1, norm="ortho"))[:, :_CEPSTRA] * lifter
    cepstra[:, 0] = np.log(_positive(power.sum(axis=1)))
    return cepstra


def _power(signal: Any) -> Any:
    """Power spectrum of each window: (n,) to (windows, 257)."""
    import numpy as np

    signal = np.asarray(signal, dtype=np.float64)
    signal = np.concatenate([signal[:1], signal[1:] - _PREEMPHASIS * signal[:-1]])
    windows = 1 + max(0, -(-(len(signal) - _WINDOW) // _HOP))
    padded = np.pad(signal, (0, (windows - 1) * _HOP + _WINDOW - len(signal)))
    framed = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
    return np.abs(np.fft.rfft(framed, _FFT)) ** 2 / _FFT


def _positive(energies: Any) -> Any:
    """Energies with the smallest step of float64 in place of zeros, which have no logarithm."""
    import numpy as np

    return np.where(energies == 0, np.finfo(float).eps, energies)


@cache
def _filters() -> Any:
    """Triangular filters: (26, 257)."""
    import numpy as np

    top = 2595 * np.log10(1 + SAMPLE_RATE / 2 / 700)
    hertz = 700 * (10 ** (np.linspace(0, top, _FILTERS + 2) / 2595) - 1)
    edges = np.floor((_FFT + 1) * hertz / SAMPLE_RATE)
    bins = np.arange(_FFT // 2 + 1)
    low, centre, high = (edges[start : start + _FILTERS, None] for start in range(3))
    rising, falling = (bins - low) / (centre - low), (high - bins) / (high - centre)
    return np.where(bins < centre, rising, falling).clip(min=0)
