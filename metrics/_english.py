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
_CURRENCIES = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"),
}
_MULTIPLES = {"k": "thousand", "m": "million", "mn": "million", "bn": "billion", "b": "billion"}
# One and several of what is written behind a number; letters that also stand for something else (g, k, l, s)
# are left as they are.
_UNITS = {
    "mm": ("millimeter", "millimeters"),
    "cm": ("centimeter", "centimeters"),
    "km": ("kilometer", "kilometers"),
    "mg": ("milligram", "milligrams"),
    "kg": ("kilogram", "kilograms"),
    "ml": ("milliliter", "milliliters"),
    "lb": ("pound", "pounds"),
    "lbs": ("pound", "pounds"),
    "oz": ("ounce", "ounces"),
    "ft": ("foot", "feet"),
    "mph": ("mile per hour", "miles per hour"),
    "kph": ("kilometer per hour", "kilometers per hour"),
    "km/h": ("kilometer per hour", "kilometers per hour"),
    "hz": ("hertz", "hertz"),
    "khz": ("kilohertz", "kilohertz"),
    "mhz": ("megahertz", "megahertz"),
    "ghz": ("gigahertz", "gigahertz"),
    "ms": ("millisecond", "milliseconds"),
    "sec": ("second", "seconds"),
    "min": ("minute", "minutes"),
    "hr": ("hour", "hours"),
    "hrs": ("hour", "hours"),
    "kb": ("kilobyte", "kilobytes"),
    "mb": ("megabyte", "megabytes"),
    "gb": ("gigabyte", "gigabytes"),
    "bn": ("billion", "billion"),
    "°": ("degree", "degrees"),
    "°c": ("degree celsius", "degrees celsius"),
    "°f": ("degree fahrenheit", "degrees fahrenheit"),
}
_FRACTIONS = {"½": "one half", "¼": "one quarter", "¾": "three quarters"}
_FILLERS = frozenset({"uh", "um", "uhm", "hm", "hmm", "mm", "mhm", "er", "erm"})

_DIGITS = r"(?>\d{1,3}(?:,\d{3})+(?!\d)|\d+)"  # a comma stands before three digits, or between two numbers
_NUMBER = rf"(?>{_DIGITS}(?:\.\d+)?)"
_MONEY = re.compile(
    rf"([$£€])\s?({_NUMBER}|\.\d\d)(?:\s?({'|'.join(_MULTIPLES)})\b|\s(hundred|thousand|million|billion)\b)?"
)
_TIME = re.compile(r"(?<![\d:.])([01]?\d|2[0-4]):([0-5]\d)(?![\d:])(?:\s?([ap])\.?m\b\.?)?")
_HALF_DAY = re.compile(rf"(?<![\w.])({_DIGITS})\s?([ap])\.?m\b\.?")
_MEASURE = re.compile(
    rf"(?<![\w.])({_NUMBER})(?:\s?({'|'.join(sorted(_UNITS, key=len, reverse=True))})|(m))(?![\w/])"
)
_DOTTED = re.compile(r"(?<![\d.])\d+(?:\.\d+){2,}(?![\d.])")  # versions, addresses
_PLAIN = re.compile(rf"(\.\d+|{_NUMBER})(?:(st|nd|rd|th)|('?s))?(?![a-z])|({_DIGITS})")


def normalise(text: str) -> list[str]:
    """Words of `text`: lower case, no punctuation, contractions and titles written out, numbers in words.

    Numbers are read as English speakers read them: years, sums of money, times of day, decades, and units
    that stand behind them. Digits beside letters are a number of their own ("mp3", "4x"). Text in brackets
    ([laughter], (applause)) and hesitations are left out. A possessive 's stays with its word ("chinas"), as
    it cannot be told from "is".

    >>> " ".join(normalise("Mr. Dashwood's 42nd letter, of 1455, wasn't $3.50!"))
    'mister dashwoods forty second letter of fourteen fifty five was not three dollars and fifty cents'
    """
    text = re.sub(r"\[[^\]]*\]|\([^)]*\)|<[^>]*>", " ", text.lower().replace("’", "'"))
    text = _MONEY.sub(_money, text)
    text = _TIME.sub(_time, text)
    text = _HALF_DAY.sub(lambda found: f" {number(found[1])} {found[2]} m ", text)
    text = _MEASURE.sub(_measure, text)
    for pattern, words in _EXPANSIONS:
        text = re.sub(pattern, words, text)
    text = re.sub(r"(\d)([½¼¾])", r"\1 and \2", text)
    text = re.sub("[½¼¾]", lambda found: f" {_FRACTIONS[found[0]]} ", text)
    text = re.sub(r"#(?=\d)", " number ", text)
    text = re.sub(r"\+(?=\d)", " plus ", text)
    text = re.sub(r"(?<!\S)[-−](?=\.?\d)", " minus ", text)
    text = _DOTTED.sub(lambda found: " point ".join(map(_whole, found[0].split("."))), text)
    text = _PLAIN.sub(_plain, text)
    words = re.sub(r"[^\w\s]|_", " ", text.replace("'", "")).split()
    return [word for word in words if word not in _FILLERS]


def number(digits: str) -> str:
    """Words of a number: '1,234', '3.14', '.5', '42nd', '007' (digit by digit), '1455' (as a year)."""
    ordinal = digits[-1].isalpha()
    whole, _, fraction = (digits[:-2] if ordinal else digits).partition(".")
    words = _whole(whole) if whole else ""
    if fraction:
        return f"{words} point {_spelled(fraction)}".strip()
    if ordinal:
        head, _, last = words.rpartition(" ")
        last = _ORDINALS.get(last) or (f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th")
        return f"{head} {last}".strip()
    return words


def _plain(found: re.Match[str]) -> str:
    digits, ordinal, plural, beside_letters = found.groups()
    if plural:
        return f" {_plural(number(digits))} "
    return f" {number(beside_letters or digits + (ordinal or ''))} "


def _plural(words: str) -> str:
    """Of a number's words: 'nineteen nineties', 'twenties', 'sixes', 'eighteen hundreds', 'thousands'."""
    if words in ("one hundred", "one thousand", "one million"):
        return f"{words.removeprefix('one ')}s"
    if words.endswith("y"):
        return f"{words[:-1]}ies"
    return f"{words}es" if words.endswith("x") else f"{words}s"


def _money(found: re.Match[str]) -> str:
    sign, amount, letter, multiple = found.groups()
    one, several, cent, cents = _CURRENCIES[sign]
    if multiple or letter:
        return f" {_amount(amount)} {multiple or _MULTIPLES[letter]} {several} "
    whole, _, fraction = amount.partition(".")
    if len(fraction) != 2:
        return f" {_amount(amount)} {one if amount == '1' else several} "
    small = f"{_cardinal(int(fraction))} {cent if fraction == '01' else cents}" if int(fraction) else ""
    large = f"{_amount(whole)} {one if whole == '1' else several}" if whole.strip("0") else ""
    return f" {' and '.join(part for part in (large, small) if part) or f'zero {several}'} "


def _time(found: re.Match[str]) -> str:
    hour, minute, half = found.groups()
    words = _cardinal(int(hour))
    if int(minute):
        words += f" {'oh ' if minute[0] == '0' else ''}{_cardinal(int(minute))}"
    elif not half:
        words += " oclock"
    return f" {words} {half} m " if half else f" {words} "


def _measure(found: re.Match[str]) -> str:
    amount, unit, metres = found.groups()
    one, several = ("meter", "meters") if metres else _UNITS[unit]
    return f" {_amount(amount)} {one if amount == '1' else several} "


def _amount(digits: str) -> str:
    """Words of a number that counts something, which is never a year."""
    whole, _, fraction = digits.replace(",", "").partition(".")
    words = _cardinal(int(whole)) if int(whole) < 10**12 else _spelled(whole)
    return f"{words} point {_spelled(fraction)}" if fraction else words


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
