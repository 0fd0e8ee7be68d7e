"""How values are written in tables and pages. Missing is an em dash with its reason, never 0 or NaN."""

from __future__ import annotations

import math

from ..benchmark.analysis.curves import Matched

DASH = "—"


MARKS = {
    "synthetic": "uses small in-house weights; not indicative of the published model",
    "official": "uses the weights that its authors published",
    "in-house": "computed by a small in-house network; values are not comparable with the published metric",
    "quick": "computed in bfloat16: not the official value",
    "baseline": "a lower-bound baseline to compare with, not a codec to use",
}

RATE_WORDS = {"video": "Video", "audio": "Audio", "total": "Video and audio"}


def missing(reason: str) -> str:
    """An em dash and the reason for the missing number."""
    return f"{DASH} {reason}" if reason else DASH


def percent(value: float) -> str:
    """Signed, with a true minus: '−31.2 %', '+145 %', '0 %'."""
    digits = 1 if abs(value) < 99.95 else 0
    text = f"{value:+,.{digits}f}".replace(",", "\u202f").replace("-", "−")
    return "0 %" if float(f"{value:.1f}") == 0 else f"{text} %"


def interval(low: float | None, high: float | None) -> str:
    """'−38.0 to −25.1 %', or an em dash."""
    if low is None or high is None:
        return DASH
    return f"{percent(low).removesuffix(' %')} to {percent(high)}"


def number(value: float, digits: int = 4) -> str:
    """Plain decimal with so many significant digits and a true minus; no exponent for usual sizes."""
    if value == 0:
        return "0"
    text = f"{value:.{digits}g}"
    if "e" in text and 1e-4 <= abs(value) < 1e9:
        text = f"{value:.0f}"
    return text.replace("-", "−")


def matched(found: Matched, digits: int = 4) -> str:
    """A matched value, or the dash with its reason."""
    return missing(found.reason) if found.value is None else number(found.value, digits)


def sized(count: float | None) -> str:
    """Bytes as '612 MB', '1.9 GB' or '48 kB'."""
    if count is None:
        return DASH
    if 0 < count < 1e6:
        return f"{count / 1e3:.0f} kB"
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def tint(bd_rate: float) -> str:
    """CSS class of a BD-rate: how far the rate ratio is from 1, in five steps to either side."""
    distance = math.log10(max(1 + bd_rate / 100, 1e-3))
    step = min(int(abs(distance) / 0.06 + 0.5), 5)
    return "" if not step else f"{'less' if distance < 0 else 'more'}-{step}"


def latex(text: str) -> str:
    """Escape every character that LaTeX would act on, and name the ones that its fonts lack."""
    names = {
        "\\": r"\textbackslash{}",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "−": "$-$",
        "—": "---",
        "–": "--",
        "…": r"\dots{}",
        "↑": r"$\uparrow$",
        "↓": r"$\downarrow$",
        "×": r"$\times$",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        '"': r"\textquotedbl{}",
        "\u202f": r"\,",
        "\n": " ",
        "\r": " ",
    }
    return "".join(names.get(c, f"\\{c}" if c in "#$%&_" else c) for c in text)
