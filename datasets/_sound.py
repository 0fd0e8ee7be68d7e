"""Sound placed on the pictures' clock: one channel, resampled, every sample where its time stamp says."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from ..benchmark.errors import DatasetError

if TYPE_CHECKING:
    import av
    import numpy as np
    from numpy.typing import NDArray

# Time stamps of some containers are rounded (Matroska: 1 ms), so blocks that follow each other are
# joined without a seam until they are this far from their time, and only then moved.
_JITTER = Fraction(1, 100)


class SoundTrack:
    """Collects decoded sound for `duration` seconds from `origin` (seconds on the file's clock)."""

    def __init__(self, origin: Fraction, duration: Fraction) -> None:
        self._origin, self._duration = origin, duration
        self._rate = 0
        self._samples: NDArray[np.float32] | None = None
        self._next = 0
        self._planes: dict[tuple[str, str], av.AudioResampler] = {}

    @property
    def full(self) -> bool:
        """Whether the sound reaches the end of the track."""
        return self._samples is not None and self._next >= len(self._samples)

    def add(self, time: Fraction, frame: av.AudioFrame) -> None:
        """Place one block; what lies outside the track is dropped. Raises DatasetError."""
        import av
        import numpy as np

        if self._samples is None:
            self._rate = frame.sample_rate
            self._samples = np.zeros(int(self._duration * self._rate) + 1, np.float32)
            self._next = self._position(time)
        elif frame.sample_rate != self._rate:
            raise DatasetError(
                f"its sound changes from {self._rate} to {frame.sample_rate} samples/s on the way"
            )
        layout = (frame.format.name, frame.layout.name)
        if layout not in self._planes:
            self._planes[layout] = av.AudioResampler(format="fltp")
        frame.pts = None
        # The mean over channels cannot overflow; libswresample's own downmix of floats can.
        mono = np.concatenate([block.to_ndarray().mean(0) for block in self._planes[layout].resample(frame)])
        position = self._position(time)
        if abs(position - self._next) <= _JITTER * self._rate:
            position = self._next
        self._next = position + len(mono)
        start, stop = max(position, 0), min(self._next, len(self._samples))
        if start < stop:
            self._samples[start:stop] = mono[start - position : stop - position]

    def finish(self, samples: int, sample_rate: int) -> NDArray[np.float32] | None:
        """Exactly `samples` values in [-1, 1] at `sample_rate` Hz, or None when nothing was added."""
        import numpy as np
        import soxr

        if self._samples is None:
            return None
        sound = self._samples
        if self._rate != sample_rate:
            sound = soxr.resample(sound, self._rate, sample_rate, "VHQ")
        sound = np.nan_to_num(np.clip(sound[:samples], -1, 1))
        return np.pad(sound, (0, samples - len(sound))).astype(np.float32)

    def _position(self, time: Fraction) -> int:
        return round((time - self._origin) * self._rate)
