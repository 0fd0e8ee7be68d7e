"""Word error rates of what a recogniser hears, the same for every recogniser."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..benchmark.api import Clip, MetricInfo, Score, Unavailable
from ._inputs import require, require_same_shape

if TYPE_CHECKING:
    from torch import Tensor

SHORTEST_S = 0.1  # no word is shorter


def describe(
    recogniser: str,
    how: str,
    paper: str,
    build: Mapping[str, str],
    options: Mapping[str, int | float | str],
    weights: tuple[str, ...] = (),
    has_quick: bool = False,
) -> Sequence[MetricInfo]:
    """`wer_NAME` (against the transcript) and `dwer_NAME` (against what is heard in the reference)."""
    against = {
        f"wer_{recogniser}": "the clip's transcript",
        f"dwer_{recogniser}": "what is recognised in the reference sound",
    }
    return tuple(
        MetricInfo(
            name=name,
            modality="audio",
            kind="clip",
            unit="errors/word",
            higher_is_better=False,
            bounds=(0.0, None),
            definition=(
                f"Word error rate against {words}: {how}; over clips as errors per word of the whole corpus."
            ),
            paper=paper,
            aggregate="weighted",
            build=build,
            options=options,
            weights=weights,
            has_quick=has_quick,
            of_reference=words == "the clip's transcript",
        )
        for name, words in against.items()
    )


@dataclass(frozen=True)
class Reference:
    """The reference's sound (C, N) and rate, what was heard in it, and by metric its words or why none.

    heard: None where no metric asked for it.
    """

    audio: Tensor
    sample_rate: int
    heard: Sequence[str] | None
    words: Mapping[str, Sequence[str] | Unavailable]


class WordErrors:
    """Word error rates of one recogniser, for any of its `wer_` and `dwer_` metrics.

    recognise: the text heard in a sound (C, N) at a rate in Hz, '' for none; it must not depend on what was
    heard before; words: a text's words, normalised.
    """

    frames_at_once = None

    def __init__(
        self,
        infos: Sequence[MetricInfo],
        recognise: Callable[[Tensor, int], str],
        words: Callable[[str], Sequence[str]],
    ) -> None:
        self.infos = infos
        self._recognise = recognise
        self._words = words

    def reference(self, clip: Clip) -> Reference:
        """The words to compare with. Raises Unavailable where there are none, or hardly any sound."""
        require(clip, "audio")
        seconds = clip.spec.samples / clip.spec.sample_rate
        if seconds < SHORTEST_S:
            raise Unavailable(f"the sound lasts {seconds:.4f} s: too short for a word")
        rate = clip.spec.sample_rate
        spoken = self._words(clip.transcript or "")
        wants_heard = any(_of_reference_sound(info) for info in self.infos)
        heard = self._words(self._recognise(clip.audio, rate)) if wants_heard else None
        words = {
            info.name: (heard or Unavailable("the recogniser hears no words in the reference sound"))
            if _of_reference_sound(info)
            else (spoken or Unavailable("the clip has no transcript"))
            for info in self.infos
        }
        reasons = [str(reason) for reason in words.values() if isinstance(reason, Unavailable)]
        if len(reasons) == len(words):
            raise Unavailable(", and ".join(reasons))
        return Reference(clip.audio, rate, heard, words)

    def compare(self, state: Reference, decoded: Clip) -> Mapping[str, Score | Unavailable]:
        """The rates, weighted by the reference's words."""
        require_same_shape(state.audio, decoded.audio)
        heard = state.heard
        if heard is None or not decoded.audio.equal(state.audio):
            heard = self._words(self._recognise(decoded.audio, state.sample_rate))
        return {
            name: words if isinstance(words, Unavailable) else word_error_rate(words, heard)
            for name, words in state.words.items()
        }


def _of_reference_sound(info: MetricInfo) -> bool:
    return info.name.startswith("dwer_")


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
