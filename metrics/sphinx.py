"""Word error rates by pocketsphinx and the English model in its package: they need no download."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING

from ..benchmark.errors import Unavailable
from ..benchmark.metric import MetricInfo, Score
from ..benchmark.types import Clip
from ._english import normalise
from ._inputs import mono, require, require_same_shape

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
    recogniser = (
        "pocketsphinx with the US English model of its package, at 16 kHz on the mean of the channels, each "
        "sound recognised by itself; words after English normalisation; over clips as errors per word of the "
        "whole corpus"
    )
    definitions = {
        "wer_sphinx": f"Word error rate against the clip's transcript: {recogniser}.",
        "dwer_sphinx": f"Word error rate against what is recognised in the reference sound: {recogniser}.",
    }
    return tuple(
        MetricInfo(
            name=name,
            modality="audio",
            kind="clip",
            unit="errors/word",
            higher_is_better=False,
            bounds=(0.0, None),
            definition=definition,
            paper="Huggins-Daines et al.: Pocketsphinx, ICASSP 2006",
            aggregate="weighted",
            build={package: metadata.version(package) for package in ("pocketsphinx", "jiwer", "soxr")},
            options={"maxhmmpf": MAX_HMMS_PER_FRAME},
        )
        for name, definition in definitions.items()
    )


def load(device: str) -> Sphinx:
    """Both metrics; they run on the CPU, whatever the device."""
    return Sphinx()


@dataclass(frozen=True)
class Reference:
    """The reference's sound (C, N) and rate, and by metric its words or why there are none."""

    audio: Tensor
    sample_rate: int
    words: Mapping[str, Sequence[str] | Unavailable]


class Sphinx:
    """Word error rates with pocketsphinx."""

    scope = "clip"

    def __init__(self) -> None:
        self.infos = describe()

    def reference(self, clip: Clip) -> Reference:
        """Words of the transcript and of the reference sound. Raises Unavailable where there are neither."""
        require(clip, "audio")
        spoken = normalise(clip.transcript or "")
        heard = normalise(recognise(clip.audio, clip.spec.sample_rate))
        words = {
            "wer_sphinx": spoken or Unavailable("the clip has no transcript"),
            "dwer_sphinx": heard or Unavailable("the recogniser hears no words in the reference sound"),
        }
        if not spoken and not heard:
            raise Unavailable("the clip has no transcript, and the recogniser hears no words in its sound")
        return Reference(clip.audio, clip.spec.sample_rate, words)

    def compare(self, state: Reference, decoded: Clip) -> Mapping[str, Score | Unavailable]:
        """Both rates, weighted by the reference's words."""
        require_same_shape(state.audio, decoded.audio)
        heard = normalise(recognise(decoded.audio, state.sample_rate))
        return {
            name: words if isinstance(words, Unavailable) else word_error_rate(words, heard)
            for name, words in state.words.items()
        }


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


def word_error_rate(reference: Sequence[str], hypothesis: Sequence[str]) -> Score:
    """(substitutions + deletions + insertions) / reference words, weighted by the latter (at least one)."""
    import jiwer

    alignment = jiwer.process_words(" ".join(reference), " ".join(hypothesis))
    counts = {kind: getattr(alignment, kind) for kind in ("substitutions", "deletions", "insertions")}
    errors = sum(counts.values())
    detail = {
        "reference": " ".join(reference),
        "hypothesis": " ".join(hypothesis),
        "errors": errors,
        "words": len(reference),
        **counts,
    }
    return Score(value=errors / len(reference), weight=float(len(reference)), detail=detail)
