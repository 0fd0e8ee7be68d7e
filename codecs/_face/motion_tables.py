"""Whole-number tables of Student's t distribution over bins of width 1, for many scales and positions.

The density with 7 degrees of freedom is proportional to (7 s² + x²)^−4: rational, so that whole numbers give
the same tables on every machine. Heavier tails than a Gaussian's allow for scales that are only estimated.
"""

from __future__ import annotations

from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

PARTS = 16  # positions of the mean within a bin
REACH = 32  # bins to either side that a symbol can name
DRIFT = 16  # bins by which a table's mean may be off the middle symbol
MASS = 1 << 16  # what a table adds up to, over all bins up to infinity
PER_OCTAVE = 4  # scales per doubling
SPREAD = 3  # a step of the scale index to the next narrower or wider component
LAST = 7 * PER_OCTAVE  # the widest middle scale: 8 bins
_FREEDOM, _TAIL = 7, 256


@cache
def student() -> np.ndarray:
    """Masses int64 (scales, PARTS, bins): [i + SPREAD, part, REACH + DRIFT + bin], bin ≥ −(REACH + DRIFT).

    Scale i is 2^(i / 4) / 16 bins, i from −SPREAD to LAST + SPREAD; the mean is part / 16 above bin 0's.
    """
    import numpy as np

    half = REACH + DRIFT
    tables = []
    for scale in range(-SPREAD, LAST + SPREAD + 1):
        spread = _FREEDOM * _squared(scale)
        # Densities in the middle of 32nds of a bin on one side of the mean; twice PARTS, so that a bin's
        # bounds fall between them for every part.
        side = [(1 << 256) // (spread + (2 * at + 1) ** 2 * 2**16) ** 4 for at in range(2 * PARTS * _TAIL)]
        below = list(accumulate(side, initial=0))
        whole = 2 * below[-1]

        def cumulative(at: int, below: list[int] = below, whole: int = whole) -> int:
            """Mass below `at` 32nds of a bin from the mean, out of MASS."""
            mass = below[-1] + (below[at] if at >= 0 else -below[-at])
            return mass * MASS // whole

        bounds = [
            [cumulative(2 * (PARTS * edge - part) - PARTS) for edge in range(-half, half + 2)]
            for part in range(PARTS)
        ]
        tables.append(np.diff(np.array(bounds, np.int64), axis=1))
    return np.stack(tables)


def _squared(scale: int) -> int:
    """The square of a scale, in 64ths of a bin (as `2 · at + 1` 64ths above), times 2^16."""
    from math import isqrt

    # (64 · 2^(i / 4) / 16)² = 2^(4 + i / 2)
    return isqrt(1 << 2 * (4 + 16) + scale)
