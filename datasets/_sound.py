"""Sound placed on the pictures' clock: one channel, resampled, every sample where its time stamp says."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from ..benchmark.api import DatasetError

if TYPE_CHECKING:
    import av
    import numpy as np
    from numpy.typing import NDArray

# Time stamps of some containers are rounded (Matroska: 1 ms), so blocks that follow each other are
# joined without a seam until they are this far from their time, and only then moved.
_JITTER = Fraction(1, 100)


# Channels cancel when their mean has this share of the energy that it has where only one of them sounds.
# For two channels that is a correlation below -0.8; unrelated channels have the full share.
_CANCEL = 0.2
_GAP = 0.25  # seconds of silence in place of missing sound that are worth a word
_RATES = range(1000, 768001)  # samples/s


class SoundTrack:
    """Collects decoded sound for `duration` seconds from `origin` (seconds on the file's clock)."""

    def __init__(self, origin: Fraction, duration: Fraction) -> None:
        self._origin, self._duration = origin, duration
        self._rate = 0
        self._samples: NDArray[np.float32] | None = None  # (2, samples): mean of channels, first channel
        self._next = 0
        self._begin = 0
        self._gaps = 0
        self._energy = [0.0, 0.0, 0.0]  # of mean times channels, of channels on average, of the first channel
        self._planes: dict[tuple[str, str], av.AudioResampler] = {}

    @property
    def full(self) -> bool:
        """Whether the sound reaches the end of the track."""
        return self._samples is not None and self._next >= self._samples.shape[1]

    def add(self, time: Fraction, frame: av.AudioFrame) -> None:
        """Place one block; what is outside the track is dropped. Raises DatasetError."""
        import av
        import numpy as np

        if self._samples is None:
            self._rate = frame.sample_rate
            if self._rate not in _RATES:
                raise DatasetError(
                    f"its sound has {self._rate} samples/s; {_RATES.start} to {_RATES.stop - 1} are read"
                )
            self._samples = np.zeros((2, int(self._duration * self._rate) + 1), np.float32)
            self._next = self._begin = self._position(time)
        elif frame.sample_rate != self._rate:
            raise DatasetError(
                f"its sound changes from {self._rate} to {frame.sample_rate} samples/s on the way"
            )
        layout = (frame.format.name, frame.layout.name)
        if layout not in self._planes:
            self._planes[layout] = av.AudioResampler(format="fltp")
        frame.pts = None
        blocks = [block.to_ndarray() for block in self._planes[layout].resample(frame)]
        channels = np.concatenate(blocks, axis=1)
        position = self._position(time)
        if abs(position - self._next) <= _JITTER * self._rate:
            position = self._next
        self._gaps += max(0, min(position, self._samples.shape[1]) - max(self._next, 0))
        self._next = position + channels.shape[1]
        start, stop = max(position, 0), min(self._next, self._samples.shape[1])
        if start < stop:
            channels = channels[:, start - position : stop - position]
            # The mean over channels cannot overflow; libswresample's own downmix of floats can.
            mean = channels.mean(0)
            self._samples[:, start:stop] = mean, channels[0]
            squares = np.square(channels, dtype=np.float64).sum(1)
            mean_square = len(channels) * np.square(mean, dtype=np.float64).sum()
            for kind, energy in enumerate((mean_square, squares.mean(), squares[0])):
                self._energy[kind] += float(energy)

    def finish(self, samples: int, sample_rate: int) -> NDArray[np.float32] | None:
        """Exactly `samples` values in [-1, 1] at `sample_rate` Hz, or None when nothing was added."""
        import numpy as np
        import soxr

        if self._samples is None:
            return None
        sound = self._samples[int(self._cancels)]
        if self._rate != sample_rate:
            sound = soxr.resample(sound, self._rate, sample_rate, "VHQ")
        sound = np.nan_to_num(np.clip(sound[:samples], -1, 1))
        return np.pad(sound, (0, samples - len(sound))).astype(np.float32)

    def notes(self) -> list[str]:
        """What a reader must know of the sound."""
        if self._samples is None:
            return []
        found = []
        if self._cancels:
            found.append("the channels of its sound cancel in their mean: only the first is used")
        if len({layout for _, layout in self._planes}) > 1:
            found.append("the number of sound channels changes on the way")
        for samples, words in (
            (self._begin, "sound begins {:.2f} s after the pictures"),
            (int(self._duration * self._rate) - self._next, "sound ends {:.2f} s before the pictures"),
            (self._gaps, "{:.2f} s of sound are missing on the way"),
        ):
            seconds = min(samples / self._rate, float(self._duration))
            found += [words.format(seconds)] if seconds > _GAP else []
        return found

    @property
    def _cancels(self) -> bool:
        mean, channels, first = self._energy
        return mean < _CANCEL * channels and first > _CANCEL * channels

    def _position(self, time: Fraction) -> int:
        return round((time - self._origin) * self._rate)
