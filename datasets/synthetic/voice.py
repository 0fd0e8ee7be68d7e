"""The voice: espeak-ng, which also says when each phoneme begins."""

from __future__ import annotations

import ctypes
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...benchmark.api import DatasetError
from ...benchmark.util import helper_process
from .grammar import Split

if TYPE_CHECKING:
    import numpy as np
    from numpy.random import Generator

SAMPLE_RATE = 16_000
# espeak-ng's timbres, masculine and feminine: no split shares one with another. Those of the test split are
# among the ones that a small recogniser understands best, so that its word error rate has room to rise.
_TIMBRES: dict[Split, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "test": (("m1", "m6"), ("f2", "anika")),
    "validation": (("Henrique",), ("f5",)),
    "train": (("m3", "m4", "Alex", "Diogo", "adam"), ("f1", "f4", "linda")),
}
_ACCENTS: dict[Split, tuple[str, ...]] = {
    "test": ("en-us",),
    "validation": ("en-us",),
    "train": ("en-us", "en-gb-x-rp"),
}
_PEAK = 0.6  # of full scale: espeak-ng's own level clips with some variants
_SILENCE = 2e-3  # of full scale
_PROCESS = Path(__file__).with_name("espeak_process.py")


@dataclass(frozen=True)
class Voice:
    """accent and variant: espeak-ng names; rate: words/min; pitch, pitch_range: espeak-ng's 0..100."""

    accent: str
    variant: str
    rate: int
    pitch: int
    pitch_range: int

    @property
    def name(self) -> str:
        """espeak-ng's voice name, `accent+variant`."""
        return f"{self.accent}+{self.variant}"


@dataclass(frozen=True)
class Phoneme:
    """One phoneme: espeak-ng's mnemonic and its interval in seconds."""

    symbol: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Utterance:
    """samples: float32 (N,) in [-1, 1] at 16 kHz, no silence at either end; phonemes in order of time."""

    samples: np.ndarray
    phonemes: tuple[Phoneme, ...]

    @property
    def seconds(self) -> float:
        return len(self.samples) / SAMPLE_RATE


def voice_names(split: Split, feminine: bool) -> tuple[tuple[str, str], ...]:
    """The (accent, variant) pairs of a split; no pair belongs to two splits."""
    return tuple((accent, timbre) for timbre in _TIMBRES[split][feminine] for accent in _ACCENTS[split])


def random_voice(rng: Generator, split: Split, feminine: bool) -> Voice:
    """A voice of the split, with its own rate and pitch."""
    pairs = voice_names(split, feminine)
    accent, variant = pairs[rng.integers(len(pairs))]
    pitch = int(rng.integers(45, 72) if feminine else rng.integers(25, 58))
    return Voice(accent, variant, int(rng.integers(140, 176)), pitch, int(rng.integers(35, 66)))


def espeak_version() -> str:
    """The library's own version, as in '1.52.0'. Raises ImportError or OSError where it is not installed."""
    import espeakng_loader

    library = ctypes.CDLL(str(espeakng_loader.get_library_path()))
    library.espeak_Info.restype = ctypes.c_char_p
    return library.espeak_Info(None).decode().split()[0]


def speak(text: str, voice: Voice) -> Utterance:
    """Says `text`: the same samples whenever and in whatever order it is asked. Raises DatasetError."""
    import espeakng_loader
    import numpy as np
    import soxr

    request = {
        "library": str(espeakng_loader.get_library_path()),
        "data": str(espeakng_loader.get_data_path()),
        "text": text,
        "voice": voice.name,
        "rate": voice.rate,
        "pitch": voice.pitch,
        "range": voice.pitch_range,
        "volume": 90,
    }
    command = [sys.executable, "-I", "-S", str(_PROCESS)]
    done = helper_process.finished(command, json.dumps(request).encode())
    if done.returncode != 0:
        raise DatasetError(f"espeak-ng ended with code {done.returncode}: {done.stderr.decode()[-500:]}")
    line, _, samples = done.stdout.partition(b"\n")
    head = json.loads(line)
    if "error" in head:
        raise DatasetError(head["error"])
    raw, rate = np.frombuffer(samples, "<i2").astype(np.float32) / 32768.0, head["rate"]
    loud = np.flatnonzero(np.abs(raw) > _SILENCE)
    if not len(loud):
        raise DatasetError(f"espeak-ng made no sound for {text!r} with voice {voice.name}")
    first, last = int(loud[0]), int(loud[-1]) + 1
    resampled = soxr.resample(raw[first:last], rate, SAMPLE_RATE)
    resampled = (resampled * (_PEAK / np.abs(resampled).max())).astype(np.float32)
    return Utterance(resampled, _intervals(head["events"], first / rate, last / rate))


def _intervals(events: list[tuple[float, str]], first_s: float, last_s: float) -> tuple[Phoneme, ...]:
    """Each phoneme lasts until the next begins; pauses ('_') and empty symbols only end their predecessor."""
    ends = [start for start, _ in events[1:]] + [last_s]
    phonemes = []
    for (start, symbol), end in zip(events, ends, strict=True):
        start, end = max(start, first_s) - first_s, min(end, last_s) - first_s
        if symbol.strip("_:; ") and end > start:
            phonemes.append(Phoneme(symbol, round(start, 4), round(end, 4)))
    return tuple(phonemes)
