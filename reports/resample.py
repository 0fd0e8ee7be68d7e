"""The bootstrap over clips: seeded draws, shared by every system and every figure, and percentiles."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from .curve_batch import to_percent

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .clip_curves import ClipCurves

    Array = NDArray[np.float64]

RESAMPLES = 1000
SEED = 0
INTERVAL_SHARE = 0.95
"""An interval is given when at least this share of the resamples has a BD-rate at all."""
INTERVAL = (0.025, 0.975)
_ONE_THREAD = 200_000
"""Multiplications of a product that OpenBLAS (whose limit is 2¹⁸) surely does in one thread."""


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


def bands(curve: ClipCurves, resamples: int = RESAMPLES) -> tuple[Array, Array]:
    """95 % percentile bootstrap over clips of the value at each point of a curve: (low, high), each (P,).

    Values as measured (not negated), means or, for a corpus metric, means by weight. Each point is resampled
    over the clips that it has, as its plotted mean. NaN where fewer than two clips cover it, or where a value
    stands for all clips (a set metric).
    """
    import numpy as np

    low, high = np.full((2, len(curve.points)), np.nan)
    if curve.pooled:
        return low, high
    # A metric of the picture is the same for every sound of a grid: equal columns are resampled once.
    columns = [curve.value[:, at].tobytes() for at in range(len(curve.points))]
    if curve.weighted:
        columns = [value + curve.weight[:, at].tobytes() for at, value in enumerate(columns)]
    covered = np.isfinite(curve.value)
    groups: dict[bytes, dict[bytes, list[int]]] = {}
    for at, column in enumerate(columns):
        groups.setdefault(covered[:, at].tobytes(), {}).setdefault(column, []).append(at)
    for equal in groups.values():
        points = [same[0] for same in equal.values()]
        clips = covered[:, points[0]]
        if clips.sum() < 2:
            continue
        value, counts = curve.value[clips][:, points], draws(int(clips.sum()), resamples)
        if curve.weighted:
            weight = curve.weight[clips][:, points]
            with np.errstate(invalid="ignore", divide="ignore"):  # no word in any drawn clip: NaN, no number
                means = weighted_sums(counts, value * weight) / weighted_sums(counts, weight)
        else:
            means = weighted_sums(counts, value) / clips.sum()
        ends = _percentiles(means)
        for same, *end in zip(equal.values(), *ends, strict=True):
            low[same], high[same] = end
    return low, high


def _percentiles(values: Array) -> Array:
    """Both ends (2, P) of the INTERVAL of values (B, P); NaN where too few are numbers (INTERVAL_SHARE)."""
    import numpy as np

    numbers = np.isfinite(values)
    shares = [100 * share for share in INTERVAL]
    if numbers.all():  # much faster than the other one
        return np.percentile(values, shares, axis=0)
    enough = numbers.mean(axis=0) >= INTERVAL_SHARE
    ends = np.full((2, values.shape[1]), np.nan)
    if enough.any():
        ends[:, enough] = np.nanpercentile(values[:, enough], shares, axis=0)
    return ends


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
