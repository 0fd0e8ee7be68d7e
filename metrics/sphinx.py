"""Word error rates by pocketsphinx and the English model in its package: they need no download."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib import metadata
from typing import TYPE_CHECKING

from ..benchmark.api import MetricInfo
from . import _words
from ._english import normalise
from ._inputs import mono

if TYPE_CHECKING:
    from torch import Tensor

SAMPLE_RATE = 16000
# No limit of active states a frame: costs 10 % time, and hard passages lose fewer words.
MAX_HMMS_PER_FRAME = -1


def availability() -> str | None:
    """Always available."""
    return None


def describe() -> Sequence[MetricInfo]:
    """`wer_sphinx` and `dwer_sphinx`."""
    infos = _words.describe(
        "sphinx",
        "pocketsphinx with the US English model of its package, at 16 kHz on the mean of the channels, each "
        "sound recognised by itself; words after English normalisation",
        paper="Huggins-Daines et al.: Pocketsphinx, ICASSP 2006",
        build={package: metadata.version(package) for package in ("pocketsphinx", "jiwer", "soxr")},
        options={"maxhmmpf": MAX_HMMS_PER_FRAME},
    )
    # 2: decades, money, times, and numbers beside letters in transcripts are read as speakers read them.
    # What is recognised has no digits, so that dwer_sphinx is as it was.
    return [replace(info, version="2") if info.name == "wer_sphinx" else info for info in infos]


def load(device: str, infos: Sequence[MetricInfo]) -> _words.WordErrors:
    """The metrics; they run on the CPU, whatever the device."""
    return _words.WordErrors(infos, recognise, normalise)


def recognise(audio: Tensor, sample_rate: int) -> str:
    """What pocketsphinx hears in the sound (C, N); '' when nothing.

    A decoder keeps means and nearest Gaussians from one utterance to the next, so that results would
    depend on the order of clips: each sound gets its own (0.3 s). In digital silence it hears words;
    a dither of one 16-bit step, always the same, prevents that.
    """
    import numpy as np
    from pocketsphinx import Decoder

    samples = mono(audio, sample_rate, SAMPLE_RATE)
    dither = np.random.default_rng(0).triangular(-1, 0, 1, len(samples))
    pcm = np.clip(np.round(samples * 32768 + dither), -32768, 32767).astype("<i2").tobytes()
    decoder = Decoder(samprate=SAMPLE_RATE, maxhmmpf=MAX_HMMS_PER_FRAME, loglevel="FATAL")
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)
    decoder.end_utt()
    hypothesis = decoder.hyp()
    return hypothesis.hypstr if hypothesis else ""
