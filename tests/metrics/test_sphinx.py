import doctest
import re

import pytest
import torch
from talkbench.benchmark.util.errors import Unavailable
from talkbench.metrics import _english, sphinx

SENTENCE = "he was not an ill disposed young man"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("has never been surpassed.", "has never been surpassed"),
        ("Don't, won't, it'll: I'm — they’ve!", "do not will not it will i am they have"),
        ("the “forty-two line Bible”", "the forty two line bible"),
        ("1,034,560", "one million thirty four thousand five hundred sixty"),
        ("3.14", "three point one four"),
        ("1455, 1905, 1900", "fourteen fifty five nineteen oh five nineteen hundred"),
        ("2000, 2010", "two thousand twenty ten"),
        ("1st, 2nd, 3rd, 12th", "first second third twelfth"),
        ("20th, 21st, 100th", "twentieth twenty first one hundredth"),
        ("agent 007 paid $5 & 10%", "agent zero zero seven paid five dollars and ten percent"),
        ("[laughs] um, Mrs. O'Neil (sighs)", "missus oneil"),
        ("bin blue at f2 now", "bin blue at f two now"),
        ("", ""),
        ("... !?", ""),
    ],
)
def test_normalised_words(text, words):
    assert _english.normalise(text) == words.split()
    assert _english.normalise(words) == words.split()


def test_documented_example():
    assert doctest.testmod(_english).attempted == 1
    assert doctest.testmod(_english).failed == 0


@pytest.fixture(scope="module")
def librivox(read_speech):
    return read_speech("sense_and_sensibility_01_austen_64kb-0880.wav", SENTENCE)


def test_known_speech(score, librivox):
    scores = score(sphinx, librivox, librivox)
    assert scores["wer_sphinx"].value <= 0.5
    assert scores["wer_sphinx"].weight == 8
    assert scores["wer_sphinx"].detail["reference"] == SENTENCE
    assert scores["dwer_sphinx"].value == 0


def test_hypotheses_do_not_depend_on_what_was_heard_before(read_speech, librivox):
    other = read_speech("LJ001-0008.wav")
    alone = sphinx.recognise(librivox.audio, 16000)
    sphinx.recognise(other.audio, 22050)
    assert sphinx.recognise(librivox.audio, 16000) == alone
    assert re.search("young man", alone)


def test_without_transcript_or_words(score, make_clip, librivox):
    silence = make_clip(audio=torch.zeros(1, 16000))
    with pytest.raises(Unavailable, match="no transcript"):
        sphinx.load("cpu", sphinx.describe()).reference(silence)
    spoken = make_clip(audio=torch.zeros(1, 16000), transcript="Hello, world")
    scores = score(sphinx, spoken, silence)
    assert scores["wer_sphinx"].value == 1.0
    assert isinstance(scores["dwer_sphinx"], Unavailable)
    unspoken = make_clip(audio=librivox.audio)
    scores = score(sphinx, unspoken, make_clip(audio=torch.zeros_like(librivox.audio)))
    assert isinstance(scores["wer_sphinx"], Unavailable)
    assert scores["dwer_sphinx"].value == 1.0
    assert scores["dwer_sphinx"].detail["hypothesis"] == ""
