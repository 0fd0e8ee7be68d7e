"""Sentences from a small grammar of everyday English, with the splits disjoint by construction.

A sentence belongs to exactly one split: the one that its own hash names. So no test sentence can occur in
training, whatever the seeds are, and nothing has to be stored to keep it so.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from numpy.random import Generator

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)

_WORDS: dict[str, str] = {
    "person": (
        "my brother|my sister|my mother|my father|our teacher|the doctor|your neighbor|"
        "the farmer|the baker|the captain|my friend|the painter|the driver|our family|"
        "the new student|the young woman|the old man|the little boy|the manager|the visitor|"
        "the lawyer|the pilot|the nurse|the police officer"
    ),
    "did": (
        "found|moved|opened|bought|borrowed|wanted|remembered|left|carried|brought|painted|"
        "cleaned|fixed|sold|liked|described|picked up|gave away|looked at|waited for|"
        "talked about|paid for"
    ),
    "do": (
        "find|move|open|buy|borrow|remember|leave|carry|bring|paint|clean|fix|sell|describe|pick up|look at"
    ),
    "thing": (
        "the blue boat|a warm coat|the big window|an old piano|the paper map|a box of apples|"
        "the front door|a pair of shoes|the black umbrella|some fresh bread|the morning paper|"
        "a small table|the brown bag|a bottle of milk|the broken lamp|the wooden bridge|"
        "a good book|the family picture|the red bicycle|a cup of coffee|the heavy suitcase|"
        "a piece of music|the birthday present|the empty bottle"
    ),
    "place": (
        "in the park|at the market|by the river|near the station|behind the house|in the kitchen|"
        "at school|on the beach|under the bridge|in the garden|above the shop|at the airport|"
        "in the village|on the farm|beside the museum|in the office|at the corner|"
        "on the mountain"
    ),
    "time": (
        "this morning|last summer|before lunch|after the movie|on Monday|every Friday|"
        "in the evening|a week ago|at five o'clock|last winter|before the meeting|in September|"
        "yesterday|on my birthday|two years ago|at the weekend|before breakfast|late at night"
    ),
    "weather": "cold|warm|windy|beautiful|cloudy|wet|bright|dark|pleasant|quiet",
    "number": "two|three|four|five|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|fifty",
    "many": (
        "people|windows|apples|minutes|pictures|letters|tickets|bottles|chairs|stories|flowers|questions"
    ),
    "feeling": "happy|sorry|proud|ready|surprised|afraid|careful|patient|hungry|worried",
    "please": "please|maybe you should|remember to|you have to|never|always|we must|try to",
}
WORDS: dict[str, tuple[str, ...]] = {name: tuple(words.split("|")) for name, words in _WORDS.items()}

# Sorted by length, so that a short clip gets a fitting one at once.
LONG: tuple[str, ...] = (
    "{person} {did} {thing} {place}",
    "{time} {person} {did} {thing}",
    "{person} {did} {thing} {place} {time}",
    "it was {weather} {place} when {person} {did} {thing}",
    "I think {person} {did} {thing} {time}",
    "we saw {number} {many} {place} {time}",
    "{please} {do} {thing} and {do} {thing}",
    "{person} was {feeling} because {person} {did} {thing}",
)
SHORT: tuple[str, ...] = (
    "{person} {did} {thing}",
    "{please} {do} {thing}",
    "{person} was {feeling} {time}",
    "we need {number} {many} {time}",
    "it was {weather} {place}",
    "there are {number} {many} {place}",
)
TINY: tuple[str, ...] = ("{number} {many}", "{number} {weather} {many}", "I am {feeling}", "it is {weather}")


def split_of(sentence: str) -> Split:
    """The one split that a sentence belongs to: 20 % test, 10 % validation, the rest train."""
    slot = hashlib.sha256(sentence.lower().encode()).digest()[0] % 10
    return "test" if slot < 2 else "validation" if slot < 3 else "train"


def sentence(rng: Generator, split: Split, templates: tuple[str, ...]) -> str:
    """One sentence of `split`, without final punctuation, its first letter in upper case."""
    while True:
        text = templates[rng.integers(len(templates))]
        for name, words in WORDS.items():
            while "{" + name + "}" in text:
                text = text.replace("{" + name + "}", words[rng.integers(len(words))], 1)
        text = text[0].upper() + text[1:]
        if split_of(text) == split:
            return text


def count() -> int:
    """How many different sentences the grammar derives, all splits and lengths together."""
    total = 0
    for template in LONG + SHORT + TINY:
        ways = 1
        for name, words in WORDS.items():
            ways *= len(words) ** template.count("{" + name + "}")
        total += ways
    return total
