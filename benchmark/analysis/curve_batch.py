"""BD-rates of many curves at once: envelopes and their PCHIP polynomials as arrays, made once per curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Mask = NDArray[np.bool_]
    Places = NDArray[np.int64]

MIN_POINTS = 3
"""Fewer points than this on either curve give no BD-rate: PCHIP through two is only a straight line."""


@dataclass(frozen=True)
class CurveBatch:
    """B monotone envelopes with log10 rate as a PCHIP over quality, ready to be integrated.

    low, high: (B,), the ends of each quality range, NaN for a row that is not a curve (fewer than MIN_POINTS
    points on its envelope, or a NaN among its points); segments: (K, 6, B), per piece its start, its width
    and the four coefficients of the antiderivative. Pieces that a row does not have are of width 0.
    """

    low: Array
    high: Array
    segments: Array

    @classmethod
    def of(cls, kbps: Array, quality: Array) -> CurveBatch:
        """From rates and qualities (B, points), points in any order; the envelope is taken per row."""
        import numpy as np

        low, high = np.full((2, len(kbps)), np.nan)
        if not kbps.shape[1]:
            return cls(low, high, np.zeros((0, 6, len(kbps))))
        usable = np.isfinite(kbps).all(axis=1) & np.isfinite(quality).all(axis=1)
        log_rate = np.log10(kbps[usable])
        order, value, keep = fronts(log_rate, quality[usable])
        log_rate = np.take_along_axis(log_rate, order, axis=-1)
        counts = np.zeros(len(kbps), dtype=int)
        counts[usable] = keep.sum(axis=1)
        segments = np.zeros((max(int(counts.max(initial=0)) - 1, 0), 6, len(kbps)))
        of_usable = counts[usable]
        for count in np.unique(counts[counts >= MIN_POINTS]):  # equally many points form a dense batch
            rows = of_usable == count
            x = value[rows][keep[rows]].reshape(-1, count)
            y = log_rate[rows][keep[rows]].reshape(-1, count)
            # A slice writes several times faster than a list of places.
            at = slice(None) if len(x) == len(kbps) else np.flatnonzero(counts == count)
            low[at], high[at] = x[:, 0], x[:, -1]
            step = np.diff(x)
            slope = np.diff(y) / step
            d = _pchip_slopes(step, slope)
            square = (3 * slope - 2 * d[:, :-1] - d[:, 1:]) / step
            cube = (d[:, :-1] + d[:, 1:] - 2 * slope) / step**2
            pieces = (x[:, :-1], step, y[:, :-1], d[:, :-1] / 2, square / 3, cube / 4)
            for row, piece in enumerate(pieces):
                segments[: count - 1, row, at] = piece.T
        return cls(low, high, segments)

    def integral(self, low: Array, high: Array) -> Array:
        """Integral (…, B) of log10 rate over quality from `low` to `high` (…, B), both within the range."""
        import numpy as np

        total = np.zeros(low.shape)
        s, sum_ = np.empty(low.shape), np.empty(low.shape)
        for start, step, y, half_d, third_square, quarter_cube in self.segments:
            for at, sign in ((high, np.add), (low, np.subtract)):
                np.subtract(at, start, out=s)
                np.clip(s, 0, step, out=s)
                np.multiply(s, quarter_cube, out=sum_)
                for coefficient in (third_square, half_d, y):
                    sum_ += coefficient
                    sum_ *= s
                sign(total, sum_, out=total)
        return total


def log_ratio(test: CurveBatch, anchor: CurveBatch) -> Array:
    """Mean difference (B,) of log10 rate over the common quality range; NaN where there is none."""
    import numpy as np

    low, high = np.maximum(test.low, anchor.low), np.minimum(test.high, anchor.high)
    width = np.where(high > low, high - low, np.nan)
    return (test.integral(low, high) - anchor.integral(low, high)) / width


def to_percent(log_ratios: Array) -> Array:
    """BD-rates in percent from mean differences of log10 rate."""
    return 100 * (10**log_ratios - 1)


def batch_bd_rate(test_kbps: Array, test_quality: Array, anchor_kbps: Array, anchor_quality: Array) -> Array:
    """PCHIP BD-rates of many curve pairs at once, in percent: what `curves.bd_rate` gives for each row.

    Rates and qualities are (B, points), points in any order; the envelope is taken per row. Returns (B,),
    NaN where a pair has no number (too few points on an envelope, no overlap, or a NaN among its points).
    """
    test, anchor = CurveBatch.of(test_kbps, test_quality), CurveBatch.of(anchor_kbps, anchor_quality)
    return to_percent(log_ratio(test, anchor))


def fronts(log_kbps: Array, quality: Array) -> tuple[Places, Array, Mask]:
    """Each row's points in order of rate: places, qualities and the mask of its Pareto front, all (B, n).

    On the front is a point of which no cheaper (or equally cheap) one is as good. Rates come as logarithms:
    settings whose rates differ by a rounding that those do not see have one rate.
    """
    import numpy as np

    order = np.lexsort((-quality, log_kbps), axis=-1)
    quality = np.take_along_axis(quality, order, axis=-1)
    keep = np.ones(quality.shape, dtype=bool)
    best = np.maximum.accumulate(quality, axis=-1)
    # Equal means differ by rounding: what rises by less than a billionth of the range has not risen.
    least = np.maximum(1e-9 * (best[:, -1] - quality.min(axis=-1)), 1e-12 * np.abs(quality).max(axis=-1))
    keep[:, 1:] = quality[:, 1:] > best[:, :-1] + least[:, None]
    return order, quality, keep


def _pchip_slopes(step: Array, slope: Array) -> Array:
    """Derivatives at the knots (Fritsch & Butland 1984, as in scipy) of rows that rise everywhere."""
    import numpy as np

    left, right = 2 * step[:, 1:] + step[:, :-1], step[:, 1:] + 2 * step[:, :-1]
    # Two log rates that round to one: slope 0, and 1 / inf is its derivative.
    with np.errstate(divide="ignore"):
        inner = (left + right) / (left / slope[:, :-1] + right / slope[:, 1:])

    def end(h0: Array, h1: Array, m0: Array, m1: Array) -> Array:
        return np.maximum(((2 * h0 + h1) * m0 - h0 * m1) / (h0 + h1), 0)[:, None]

    first = end(step[:, 0], step[:, 1], slope[:, 0], slope[:, 1])
    last = end(step[:, -1], step[:, -2], slope[:, -1], slope[:, -2])
    return np.concatenate([first, inner, last], axis=1)
