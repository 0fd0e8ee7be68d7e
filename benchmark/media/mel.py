"""Triangular mel filters."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    pass


def mel_edges(high_hz: float, bins: int) -> Any:
    """Edges and middles of `bins` bands, Hz, evenly spaced in Slaney's mel from 0 to high_hz: (bins + 2,).

    Band i goes from edge i over its middle i + 1 to edge i + 2. The scale is linear below 1 kHz (15 mel)
    and logarithmic above (27 mel to a factor of 6.4). Source: Slaney, Auditory Toolbox version 2, 1998;
    librosa's default.
    """
    import numpy as np

    knee_hz, knee_mel, hz_per_mel, mel_per_log = 1000.0, 15.0, 200 / 3, 27 / np.log(6.4)
    top = knee_mel + mel_per_log * np.log(high_hz / knee_hz) if high_hz > knee_hz else high_hz / hz_per_mel
    mels = np.linspace(0, top, bins + 2)
    return np.where(mels < knee_mel, mels * hz_per_mel, knee_hz * np.exp((mels - knee_mel) / mel_per_log))


@cache
def mel_filters(sample_rate: int, window: int, bins: int, high_hz: float | None = None) -> Any:
    """Triangular filters of unit area, on `mel_edges` (to half the sample rate, or to high_hz).

    float32 array (bins, window // 2 + 1).
    """
    import numpy as np

    edges = mel_edges(high_hz or sample_rate / 2, bins)
    lower, centre, upper = (edges[i : i + bins, None] for i in range(3))
    frequencies = np.fft.rfftfreq(window, 1 / sample_rate)
    rising = (frequencies - lower) / (centre - lower)
    falling = (upper - frequencies) / (upper - centre)
    triangles = np.maximum(0, np.minimum(rising, falling))
    return (triangles * 2 / (upper - lower)).astype(np.float32)
