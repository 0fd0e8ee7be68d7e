"""Word error rates whatever the recogniser: counts, what is heard when, and what has no rate."""

from typing import Any

import jiwer
import pytest
import torch
from talkbench.benchmark.util.errors import InvalidClip, Unavailable
from talkbench.metrics import _words
from torchmetrics.functional.text import word_error_rate

SECOND = 16000


class Recogniser:
    """Hears "a", "b" or "c" in each second of sound by its level, and keeps count."""

    def __init__(self):
        self.calls = 0

    def __call__(self, audio, sample_rate):
        self.calls += 1
        levels = audio[0].unfold(0, sample_rate, sample_rate).mean(1)
        return " ".join(" abc"[round(level.item() * 10)] for level in levels)


def sound(text):
    levels = [" abc".index(word) / 10 for word in text.split()]
    return torch.tensor(levels).repeat_interleave(SECOND)[None]


def family(*kinds) -> tuple[Any, Recogniser]:
    infos = _words.describe("test", "by level", "", {}, {})
    chosen = [info for info in infos if info.name.removesuffix("_test") in kinds]
    recogniser = Recogniser()
    return _words.WordErrors(chosen, recogniser, str.split), recogniser


@pytest.mark.parametrize(
    ("reference", "hypothesis", "errors"),
    [("a b c d", "a x c", 2), ("a b", "", 2), ("a", "b c d", 3), ("a b c", "a b c", 0)],
)
def test_error_rate_agrees_with_torchmetrics(reference, hypothesis, errors):
    result = _words.word_error_rate(reference.split(), hypothesis.split())
    assert result.value == pytest.approx(word_error_rate(hypothesis, reference).item())
    assert result.weight == len(reference.split())
    assert result.detail["errors"] == errors
    kinds = ("substitutions", "deletions", "insertions")
    assert sum(result.detail[kind] for kind in kinds) == errors


def test_details_add_up_to_the_rate_of_the_corpus():
    references, hypotheses = ["a b c d", "a", "b b c"], ["a c d d", "b c", "b b c"]
    details = [
        _words.word_error_rate(reference.split(), hypothesis.split()).detail
        for reference, hypothesis in zip(references, hypotheses, strict=True)
    ]
    rate = sum(detail["errors"] for detail in details) / sum(detail["words"] for detail in details)
    assert rate == jiwer.wer(references, hypotheses)


def test_both_rates(make_clip):
    metric, _ = family("wer", "dwer")
    clip = make_clip(audio=sound("a b c"), transcript="a b b")
    scores = metric.compare(metric.reference(clip), make_clip(audio=sound("a a c")))
    assert scores["wer_test"].value == pytest.approx(2 / 3)
    assert scores["dwer_test"].value == pytest.approx(1 / 3)
    assert scores["wer_test"].detail["hypothesis"] == "a a c"
    assert scores["dwer_test"].detail["reference"] == "a b c"


def test_nothing_is_recognised_that_is_not_needed(make_clip):
    clip = make_clip(audio=sound("a b"), transcript="a b")
    metric, recogniser = family("wer")
    state = metric.reference(clip)
    assert recogniser.calls == 0
    assert set(metric.compare(state, clip)) == {"wer_test"}
    assert recogniser.calls == 1

    metric, recogniser = family("wer", "dwer")
    state = metric.reference(clip)
    assert metric.compare(state, clip)["dwer_test"].value == 0
    assert recogniser.calls == 1  # the untouched sound was heard already
    metric.compare(state, make_clip(audio=sound("b b")))
    assert recogniser.calls == 2


def test_what_has_no_rate_says_why(make_clip):
    metric, _ = family("wer", "dwer")
    silence = torch.zeros(1, SECOND)
    with pytest.raises(Unavailable, match="no transcript, and the recogniser hears no words"):
        metric.reference(make_clip(audio=silence))
    scores = metric.compare(metric.reference(make_clip(audio=sound("a"))), make_clip(audio=silence))
    assert isinstance(scores["wer_test"], Unavailable)
    assert scores["dwer_test"].value == 1
    spoken = make_clip(audio=silence, transcript="a b")
    scores = metric.compare(metric.reference(spoken), make_clip(audio=sound("a")))
    assert scores["wer_test"].value == 0.5
    assert isinstance(scores["dwer_test"], Unavailable)


def test_absent_short_and_other_sound(make_clip):
    metric, _ = family("wer", "dwer")
    for samples in (1, 1599):
        with pytest.raises(Unavailable, match="too short for a word"):
            metric.reference(make_clip(audio=torch.ones(1, samples), transcript="a"))
    with pytest.raises(Unavailable, match="no sound"):
        metric.reference(make_clip(audio=torch.ones(1, 0), transcript="a"))
    state = metric.reference(make_clip(audio=sound("a b"), transcript="a"))
    with pytest.raises(InvalidClip):
        metric.compare(state, make_clip(audio=sound("a")))


def test_only_the_rate_against_the_transcript_tells_of_the_reference():
    wer, dwer = _words.describe("test", "by level", "", {}, {})
    assert (wer.of_reference, dwer.of_reference) == (True, False)
    assert wer.aggregate == dwer.aggregate == "weighted"
    assert wer.fingerprint() != dwer.fingerprint()
