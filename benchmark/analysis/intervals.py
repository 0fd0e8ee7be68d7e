"""Confidence intervals over clips: the jackknife over speakers, with Student's t.

A figure over clips (a mean, a log ratio of rates between two mean curves) is made once with all clips, and
once more without each speaker: clips of one speaker are not independent of each other, so they are left out
together. The spread of those figures gives its standard error, and t with one degree of freedom less than
there are speakers its 95 % interval and its p-value. Of a mean this is exactly the t interval (Tukey 1958;
Efron & Tibshirani, An Introduction to the Bootstrap, 1993, ch. 11).

`tests/reliability/coverage.py` simulates how often such intervals hold the truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

LEAST_CLIPS = 6
"""With fewer clips or speakers there is no interval, no p-value and no rank."""
LEVEL = 0.95
MOST_GROUPS = 100
"""More speakers than this are left out in so many groups of them: more would cost and change nothing."""


def leave_out(speakers: Sequence[str | None]) -> Array:
    """How often each clip counts (G, clips) when one speaker is left out; G is 0 where there are too few.

    speakers: of each clip; one whose speaker is not known (None) is a speaker of its own.
    """
    import numpy as np

    names = [f"clip {at}" if name is None else f"speaker {name}" for at, name in enumerate(speakers)]
    known, group = np.unique(names, return_inverse=True)
    if len(known) < LEAST_CLIPS:
        return np.empty((0, len(names)))
    groups = min(len(known), MOST_GROUPS)
    return (np.arange(groups)[:, None] != (group % groups)[None]).astype(float)


def interval(whole: Array, without: Array) -> tuple[Array, Array, Array]:
    """(low, high, p), each (N,), of figures (N,) and what they are without each group (N, G).

    p: of the two-sided test that the figure is 0. NaN where a figure is missing with or without any group,
    or where there are too few groups.
    """
    import numpy as np
    from scipy.special import stdtr, stdtrit

    groups = without.shape[1]
    if groups < LEAST_CLIPS:
        low, high, p = np.full((3, len(whole)), np.nan)
        return low, high, p
    spread = ((without - without.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    error = np.sqrt((groups - 1) / groups * spread)
    half = stdtrit(groups - 1, (1 + LEVEL) / 2) * error
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where((whole == 0) & (error == 0), 0.0, -np.abs(whole) / error)
    return whole - half, whole + half, np.where(np.isnan(ratio), np.nan, 2 * stdtr(groups - 1, ratio))


def holm(p: Array) -> Array:
    """P-values (N,) adjusted for testing all of them at once (Holm 1979); NaN is not a test and stays."""
    import numpy as np

    found = np.full(p.shape, np.nan)
    tests = np.flatnonzero(~np.isnan(p))
    order = tests[np.argsort(p[tests], kind="stable")]
    steps = p[order] * np.arange(len(order), 0, -1)
    found[order] = np.minimum(np.maximum.accumulate(steps), 1.0) if len(order) else steps
    return found
