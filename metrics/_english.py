"""English text as plain words, so that spelling is not counted as an error of the speech recogniser."""

from __future__ import annotations

import re

# fmt: off
_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
# fmt: on
_SCALES = ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_EXPANSIONS = (
    (r"\bmr\b\.?", "mister"),
    (r"\bmrs\b\.?", "missus"),
    (r"\bms\b\.?", "miss"),
    (r"\bdr\b\.?", "doctor"),
    (r"\bprof\b\.?", "professor"),
    (r"\bwon't\b", "will not"),
    (r"\bcan't\b", "can not"),
    (r"\bcannot\b", "can not"),
    (r"\bshan't\b", "shall not"),
    (r"\bain't\b", "is not"),
    (r"\blet's\b", "let us"),
    (r"n't\b", " not"),
    (r"'re\b", " are"),
    (r"'ve\b", " have"),
    (r"'ll\b", " will"),
    (r"'m\b", " am"),
    (r"\bok\b", "okay"),
    (r"&", " and "),
    (r"%", " percent "),
)
_CURRENCIES = {"$": "dollars", "£": "pounds", "€": "euros"}
_FILLERS = frozenset({"uh", "um", "uhm", "hm", "hmm", "mm", "mhm", "er", "erm"})


def normalise(text: str) -> list[str]:
    """Words of `text`: lower case, no punctuation, contractions and titles written out, numbers in words.

    Text in brackets ([laughter], (applause)) and hesitations are left out. A possessive 's stays with its
    word ("chinas"), as it cannot be told from "is".

    >>> " ".join(normalise("Mr. Dashwood's 42nd letter, of 1455, wasn't $3.50!"))
    'mister dashwoods forty second letter of fourteen fifty five was not three point five zero dollars'
    """
    text = re.sub(r"\[[^\]]*\]|\([^)]*\)|<[^>]*>", " ", text.lower().replace("’", "'"))
    text = re.sub(r"([$£€])(\d[\d,]*(?:\.\d+)?)", lambda m: f"{m[2]} {_CURRENCIES[m[1]]}", text)
    for pattern, words in _EXPANSIONS:
        text = re.sub(pattern, words, text)
    text = re.sub(r"\d[\d,]*(?:\.\d+)?(?:st|nd|rd|th)?(?![a-z])", lambda m: f" {number(m[0])} ", text)
    text = re.sub(r"(\d)", r" \1 ", text)  # digits inside a word, such as b4
    text = re.sub(r"\d", lambda m: _ONES[int(m[0])], text)
    words = re.sub(r"[^\w\s]|_", " ", text.replace("'", "")).split()
    return [word for word in words if word not in _FILLERS]


def number(digits: str) -> str:
    """Words of a number: '1,234', '3.14', '42nd', '007' (digit by digit), '1455' (as a year)."""
    ordinal = digits[-1].isalpha()
    whole, _, fraction = (digits[:-2] if ordinal else digits).rstrip(",").partition(".")
    words = _whole(whole)
    if fraction:
        return f"{words} point {_spelled(fraction)}"
    if ordinal:
        head, _, last = words.rpartition(" ")
        last = _ORDINALS.get(last) or (f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th")
        return f"{head} {last}".strip()
    return words


def _whole(digits: str) -> str:
    value = int(digits.replace(",", ""))
    if (len(digits) > 1 and digits[0] == "0") or value >= 10**12:
        return _spelled(digits.replace(",", ""))
    is_year = digits.isdigit() and (1100 <= value < 2000 or 2010 <= value < 2100)
    if is_year and value % 100:
        low = value % 100
        return f"{_cardinal(value // 100)} {'oh ' if low < 10 else ''}{_cardinal(low)}"
    if is_year and value % 1000:
        return f"{_cardinal(value // 100)} hundred"
    return _cardinal(value)


def _spelled(digits: str) -> str:
    return " ".join(_ONES[int(digit)] for digit in digits)


def _cardinal(value: int) -> str:
    for size, name in _SCALES:
        if value >= size:
            rest = value % size
            return f"{_cardinal(value // size)} {name}" + (f" {_cardinal(rest)}" if rest else "")
    if value < 20:
        return _ONES[value]
    return _TENS[value // 10] + (f" {_ONES[value % 10]}" if value % 10 else "")
