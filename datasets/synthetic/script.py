"""What is said in a clip: sentences of a split that fit its length, spoken, with every phoneme's time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...benchmark.api import DatasetError
from .grammar import LONG, SHORT, TINY, Split, sentence
from .voice import SAMPLE_RATE, Phoneme, Voice, speak

if TYPE_CHECKING:
    import numpy as np
    from numpy.random import Generator

_LEAD_S, _TAIL_S = (0.10, 0.20), 0.08
_TRIES = 6  # per length of sentence, before a shorter kind is tried
_QUICKEST_WPM_S = 8.5  # seconds per letter × words/min: what would be longer even then need not be spoken
_ROOM_NOISE = 4e-4  # of full scale: a room is never digitally silent


@dataclass(frozen=True)
class Speech:
    """audio: float32 (N,) at 16 kHz; phonemes: their times count from the clip's beginning."""

    audio: np.ndarray
    transcript: str
    phonemes: tuple[Phoneme, ...]


def recite(rng: Generator, split: Split, voice: Voice, samples: int) -> Speech:
    """Speech of exactly `samples` samples. Raises DatasetError when not even two words fit."""
    import numpy as np

    audio = rng.normal(0, _ROOM_NOISE, samples).astype(np.float32)
    phonemes: list[Phoneme] = []
    sentences: list[str] = []
    end_s = samples / SAMPLE_RATE - _TAIL_S
    at_s = float(rng.uniform(*_LEAD_S))
    kinds = [LONG] * _TRIES + [SHORT] * _TRIES + [TINY] * (4 * _TRIES)
    while kinds:
        text = sentence(rng, split, kinds[0])
        room_s = end_s - at_s
        if (sentences and kinds[0] is TINY) or len(text) * _QUICKEST_WPM_S / voice.rate > room_s:
            kinds.pop(0)
            continue
        utterance = speak(text + ".", voice)
        if utterance.seconds > room_s:
            kinds.pop(0)
            continue
        first = round(at_s * SAMPLE_RATE)
        audio[first : first + len(utterance.samples)] += utterance.samples
        for phoneme in utterance.phonemes:
            start, stop = round(phoneme.start_s + at_s, 4), round(phoneme.end_s + at_s, 4)
            phonemes.append(replace(phoneme, start_s=start, end_s=stop))
        sentences.append(text + ".")
        at_s += utterance.seconds + float(rng.uniform(0.25, 0.45))
    if not sentences:
        raise DatasetError(
            f"no sentence fits into {samples / SAMPLE_RATE:g} s; "
            "set the synthetic dataset's option 'seconds' to 1.5 or more"
        )
    return Speech(audio, " ".join(sentences), tuple(phonemes))
