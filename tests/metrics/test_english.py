"""Numbers in transcripts, read as English speakers read them.

The second check is independent: transformers' EnglishTextNormalizer writes spoken numbers as digits, so that
it must make the same of our words as of the text, wherever it knows the form at all.
"""

import pytest
from talkbench.metrics import sphinx
from talkbench.metrics._english import normalise
from transformers.models.whisper.english_normalizer import EnglishTextNormalizer

SPOKEN = {
    "in the 1990s": "in the nineteen nineties",
    "the '80s, the 60's": "the eighties the sixties",
    "1800s": "eighteen hundreds",
    "1000s of them": "thousands of them",
    "66s": "sixty sixes",
    "20mm": "twenty millimeters",
    "1 km, 10km": "one kilometer ten kilometers",
    "1.5km": "one point five kilometers",
    "100m in 20 ms": "one hundred meters in twenty milliseconds",
    "25 °C": "twenty five degrees celsius",
    "60mph": "sixty miles per hour",
    "3rd, 22nd, 101st": "third twenty second one hundred first",
    "4x the 747": "four x the seven hundred forty seven",
    "50p for an mp3": "fifty p for an mp three",
    "$5": "five dollars",
    "$1": "one dollar",
    "£1m": "one million pounds",
    "$2 million": "two million dollars",
    "$1,250.75": "one thousand two hundred fifty dollars and seventy five cents",
    "£0.05": "five pence",
    "50%": "fifty percent",
    "1,000.5": "one thousand point five",
    ".25": "point two five",
    "1,2,3": "one two three",
    "12,000,000": "twelve million",
    "2:30": "two thirty",
    "12:05pm": "twelve oh five p m",
    "10:00": "ten oclock",
    "8 a.m.": "eight a m",
    "1066, 1905 and 2024": "one thousand sixty six nineteen oh five and twenty twenty four",
    "version 1.2.3": "version one point two point three",
    "2½ miles": "two and one half miles",
    "#1": "number one",
    "-5": "minus five",
    "covid-19": "covid nineteen",
    "007": "zero zero seven",
}


@pytest.mark.parametrize("text", SPOKEN)
def test_numbers_as_spoken(text: str) -> None:
    assert normalise(text) == SPOKEN[text].split()
    assert normalise(SPOKEN[text]) == SPOKEN[text].split()


# fmt: off
WRITTEN = (
    "in the 1970s", "the '90s", "the 20s", "1700s", "2000s", "5th", "33rd", "112th", "4x", "3d", "b4",
    "mp3", "the 747s", "50p", "10k", "5g", "$7", "$2 million", "75%", "12,345.25", "0.5", "1995",
    "2005", "in 2024", "1066", "covid-19", "1,000,000", "20,000", "1e5", "h9",
)
# fmt: on


@pytest.mark.parametrize("text", WRITTEN)
def test_whispers_normaliser_finds_the_same_numbers(text: str) -> None:
    written = EnglishTextNormalizer({})
    assert written(" ".join(normalise(text))) == written(text)


def test_texts_without_words() -> None:
    for text in ("", "  ", "...", "[laughter] (applause)", "um, mm"):
        assert normalise(text) == []


def test_what_follows_from_transcripts_has_another_fingerprint() -> None:
    assert {info.name: info.version for info in sphinx.describe()} == {"wer_sphinx": "2", "dwer_sphinx": "1"}
