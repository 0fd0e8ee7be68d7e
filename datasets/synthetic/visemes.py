"""From phonemes to mouth shapes: targets per phoneme, blended in time by dominance.

The blend is the one of Cohen & Massaro (1993), "Modeling coarticulation in synthetic visual speech": every
phoneme pulls the mouth towards its target with a bell-shaped weight; the mouth is where the pulls balance.
Lip closure is not blended: a bilabial closes the lips fully, as it does in speech.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .voice import Phoneme

if TYPE_CHECKING:
    import numpy as np

BILABIALS = frozenset("pbm")
FEATURES = ("open", "wide", "tuck", "tongue")

# open: jaw and lips, 0..1; wide: -1 rounded .. 1 spread; tuck: lower lip under the upper teeth, 0..1;
# tongue: tip raised to the teeth, 0..1; strength: how much it insists against its neighbours.
_TARGETS: dict[str, tuple[float, float, float, float, float]] = {
    "p": (0.0, 0.0, 0.0, 0.0, 2.0), "b": (0.0, 0.0, 0.0, 0.0, 2.0), "m": (0.0, 0.0, 0.0, 0.0, 2.0),
    "f": (0.13, 0.1, 1.0, 0.0, 2.0), "v": (0.13, 0.1, 1.0, 0.0, 2.0),
    "T": (0.24, 0.1, 0.0, 1.0, 1.2), "D": (0.24, 0.1, 0.0, 1.0, 1.0),
    "t": (0.20, 0.15, 0.0, 0.6, 0.7), "d": (0.20, 0.15, 0.0, 0.6, 0.7), "n": (0.22, 0.1, 0.0, 0.6, 0.6),
    "l": (0.28, 0.1, 0.0, 0.9, 0.8), "s": (0.13, 0.35, 0.0, 0.3, 1.1), "z": (0.13, 0.35, 0.0, 0.3, 1.1),
    "S": (0.20, -0.6, 0.0, 0.2, 1.3), "Z": (0.20, -0.6, 0.0, 0.2, 1.3), "r": (0.22, -0.4, 0.0, 0.2, 0.8),
    "w": (0.10, -0.95, 0.0, 0.0, 1.6), "j": (0.22, 0.45, 0.0, 0.2, 0.8), "h": (0.35, 0.0, 0.0, 0.0, 0.3),
    "k": (0.28, 0.0, 0.0, 0.0, 0.5), "g": (0.28, 0.0, 0.0, 0.0, 0.5), "N": (0.28, 0.0, 0.0, 0.0, 0.5),
    "x": (0.28, 0.0, 0.0, 0.0, 0.5), "a": (0.85, 0.15, 0.0, 0.0, 1.2), "A": (0.95, -0.05, 0.0, 0.0, 1.2),
    "V": (0.70, 0.05, 0.0, 0.0, 1.1), "E": (0.62, 0.35, 0.0, 0.0, 1.1), "e": (0.50, 0.45, 0.0, 0.0, 1.1),
    "I": (0.38, 0.45, 0.0, 0.1, 1.0), "i": (0.30, 0.80, 0.0, 0.2, 1.1), "0": (0.78, -0.35, 0.0, 0.0, 1.2),
    "O": (0.66, -0.6, 0.0, 0.0, 1.2), "o": (0.50, -0.7, 0.0, 0.0, 1.2), "U": (0.32, -0.7, 0.0, 0.0, 1.1),
    "u": (0.24, -0.95, 0.0, 0.0, 1.3), "@": (0.42, 0.0, 0.0, 0.0, 0.7), "3": (0.42, -0.3, 0.0, 0.0, 1.0),
}  # fmt: skip
_REST_STRENGTH = 0.02  # the closed mouth wins where nobody speaks
_SPREAD = 0.55  # of a phoneme's duration: standard deviation of its bell
_MIN_SPREAD_S = 0.028
_LEAD_S = 0.02  # the mouth takes its shape a little before the sound is heard
_CLOSED_S = 0.05  # lips stay shut at least this long, so that a frame of 40 ms always shows it
_CLOSING_S = 0.045  # and take this long to close or open


def sounds(symbol: str) -> tuple[str, ...]:
    """The mouth targets in an espeak-ng mnemonic: `'aI` -> a, I; `tS` -> t, S; `@L` -> @, l; `I2` -> I."""
    found: list[str] = []
    for letter in symbol.lstrip("',%=_"):
        letter = "l" if letter == "L" else letter
        # Digits after the first letter number espeak-ng's allophones (I2, @5); alone, 3 and 0 are vowels.
        if letter in _TARGETS and not (found and letter.isdigit()):
            found.append(letter)
    return tuple(found)


def mouth_shapes(phonemes: Sequence[Phoneme], times_s: np.ndarray) -> dict[str, np.ndarray]:
    """Mouth parameters at `times_s` (T,), seconds: FEATURES and `press`, float64 (T,) each.

    press: 1 where the lips are pressed together (p, b, m), 0 elsewhere; `open` is 0 where `press` is 1.
    """
    import numpy as np

    weight = np.full(len(times_s), _REST_STRENGTH)
    total = np.zeros((len(FEATURES), len(times_s)))
    press = np.zeros(len(times_s))
    for phoneme in phonemes:
        letters = sounds(phoneme.symbol)
        for index, letter in enumerate(letters):
            *target, strength = _TARGETS[letter]
            length = (phoneme.end_s - phoneme.start_s) / len(letters)
            centre = phoneme.start_s + (index + 0.5) * length
            spread = max(_SPREAD * length, _MIN_SPREAD_S)
            bell = strength * np.exp(-0.5 * ((times_s - centre + _LEAD_S) / spread) ** 2)
            weight += bell
            total += np.outer(target, bell)
            if letter in BILABIALS:
                half = max(length, _CLOSED_S) / 2
                outside = np.abs(times_s - centre) - half
                press = np.maximum(press, 0.5 + 0.5 * np.cos(np.pi * np.clip(outside / _CLOSING_S, 0, 1)))
    shapes = dict(zip(FEATURES, total / weight, strict=True))
    shapes["open"] = shapes["open"] * (1 - press)
    return {**shapes, "press": press}
