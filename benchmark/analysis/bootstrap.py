"""The bootstrap over clips: seeded draws, shared by every system and every figure, and percentiles."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from .curve_batch import to_percent

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

RESAMPLES = 1000
SEED = 0
INTERVAL_SHARE = 0.95
"""An interval is given when at least this share of the resamples has a BD-rate at all."""
INTERVAL = (0.025, 0.975)
_ONE_THREAD = 200_000
"""Multiplications of a product that OpenBLAS (whose limit is 2¹⁸) is known to do in one thread."""


@lru_cache(maxsize=32)
def draws(count: int, resamples: int) -> Array:
    """How often each clip occurs in each resample (resamples, clips): drawing with replacement, seeded."""
    import numpy as np

    found = np.random.default_rng(SEED).multinomial(count, np.full(count, 1 / count), size=resamples)
    return found.astype(float)


def percent_quantile(ordered: Array, counts: Array, share: float, swapped: bool = False) -> Array:
    """A percentile (N,) of BD-rates in percent, from log ratios (N, B) sorted with their NaN last.

    counts: (N,) of values that are not NaN; share: 0 to 1; between two values linear, as `numpy.percentile`.
    swapped: of the BD-rates seen from the anchor, those of the negated log ratios. NaN without values.
    """
    import numpy as np

    last = np.maximum(counts - 1, 0)
    place = share * last
    if swapped:
        place = last - place
    rows = np.arange(len(ordered))
    # The order of the swapped values is the reverse one, so the lower neighbour is the upper one here.
    below = np.ceil(place) if swapped else np.floor(place)
    above = np.clip(below + (-1 if swapped else 1), 0, last)
    sign = -1 if swapped else 1
    low = to_percent(sign * ordered[rows, below.astype(int)])
    high = to_percent(sign * ordered[rows, above.astype(int)])
    return np.where(counts > 0, low + (high - low) * np.abs(place - below), np.nan)


def weighted_sums(counts: Array, values: Array) -> Array:
    """`counts @ values`, (B, C) and (C, P), in blocks of rows so small that BLAS takes one thread for each.

    On matrices of this size its threads cost more than they save as soon as another program runs.
    """
    import numpy as np

    sums = np.empty((len(counts), values.shape[1]))
    step = max(_ONE_THREAD // max(values.size, 1), 1)
    for start in range(0, len(counts), step):
        np.dot(counts[start : start + step], values, out=sums[start : start + step])
    return sums
