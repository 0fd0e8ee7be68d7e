"""Rate-distortion curves and what is read off them: BD-rates and matched points. Numbers in, numbers out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Mask = NDArray[np.bool_]

Status = Literal["ok", "low_overlap", "no_overlap", "non_monotone", "too_few_points"]

MIN_POINTS = 3
"""Fewer points than this on either curve give no BD-rate: PCHIP through two is only a straight line."""
CUBIC_POINTS = 4
"""The classic cubic polynomial of VCEG-M33 needs four points; with fewer that diagnostic is absent."""
LOW_OVERLAP = 50.0
"""Percent of the joint quality range below which a BD-rate is flagged `low_overlap`."""


@dataclass(frozen=True)
class Curve:
    """The monotone envelope of measured points: rising rate, strictly rising quality.

    kbps: rates, all > 0; quality: higher is better (lower-is-better metrics come negated);
    monotone: False when a ladder's own points had to be dropped because a cheaper one is as good.
    """

    kbps: Array
    quality: Array
    monotone: bool

    @classmethod
    def of(cls, kbps: Sequence[float] | Array, quality: Sequence[float] | Array, grid: bool = False) -> Curve:
        """Keep the points of which no cheaper (or equally cheap) one is as good: the Pareto front.

        The points of a grid (video setting × audio setting) are no ladder, so dropping some is no flaw of it
        and leaves `monotone` True. Raises ValueError for rates that are not positive or values not finite.
        """
        import numpy as np

        rate, value = np.asarray(kbps, dtype=float), np.asarray(quality, dtype=float)
        if rate.shape != value.shape or rate.ndim != 1:
            raise ValueError(f"a curve needs as many rates as qualities, got {rate.shape} and {value.shape}")
        if not (np.all(np.isfinite(rate)) and np.all(np.isfinite(value)) and np.all(rate > 0)):
            raise ValueError("a curve needs finite qualities and positive finite rates")
        if not len(rate):
            return cls(rate, value, True)
        rate, value, keep = _envelope(rate[None], value[None])
        return cls(rate[keep], value[keep], grid or bool(keep.all()))

    def __len__(self) -> int:
        return len(self.kbps)


@dataclass(frozen=True)
class BdRate:
    """A BD-rate with what it rests on. `value` is None exactly when `status` says why there is none.

    value, akima, cubic: percent of rate against the anchor at equal quality, negative is less rate
    (PCHIP, and the two diagnostics); overlap: percent of the joint quality range, None without two curves;
    points, anchor_points: on the two curves.
    """

    status: Status
    value: float | None
    akima: float | None
    cubic: float | None
    overlap: float | None
    points: int
    anchor_points: int

    def swapped(self) -> BdRate:
        """The headline seen from the anchor (a ratio r becomes 1 / r); the diagnostics are left out."""
        value = None if self.value is None else 100 * (1 / (1 + self.value / 100) - 1)
        return BdRate(self.status, value, None, None, self.overlap, self.anchor_points, self.points)


@dataclass(frozen=True)
class Matched:
    """A value read off a curve, or None with the reason: `below range`, `above range` or `too few points`."""

    value: float | None
    reason: str = ""


def bd_rate(test: Curve, anchor: Curve, diagnostics: bool = True) -> BdRate:
    """Mean difference of log10 rate over the common quality range, in percent (Bjøntegaard, VCEG-M33).

    Interpolates log rate over quality: PCHIP as in the JVET common test conditions, Akima (Herglotz et al.,
    ICIP 2022) and one cubic polynomial (VCEG-M33) beside it. No overlap gives no number.
    """
    count, anchor_count = len(test), len(anchor)
    overlap = overlap_percent(test, anchor)
    if min(count, anchor_count) < MIN_POINTS:
        return BdRate("too_few_points", None, None, None, overlap, count, anchor_count)
    if not overlap:
        return BdRate("no_overlap", None, None, None, 0.0, count, anchor_count)
    status: Status = "ok" if overlap >= LOW_OVERLAP else "low_overlap"
    if not (test.monotone and anchor.monotone):
        status = "non_monotone"
    one = (test.kbps, test.quality, anchor.kbps, anchor.quality)
    value = float(batch_bd_rate(*(row[None] for row in one))[0])
    akima = cubic = None
    if diagnostics:
        akima = _library(test, anchor, "akima")
        cubic = _library(test, anchor, "cubic") if min(count, anchor_count) >= CUBIC_POINTS else None
    return BdRate(status, value, akima, cubic, overlap, count, anchor_count)


def overlap_percent(test: Curve, anchor: Curve) -> float | None:
    """Common part of the two quality ranges, in percent of the range that they span together."""
    if not len(test) or not len(anchor):
        return None
    span = max(test.quality[-1], anchor.quality[-1]) - min(test.quality[0], anchor.quality[0])
    common = min(test.quality[-1], anchor.quality[-1]) - max(test.quality[0], anchor.quality[0])
    return float(100 * max(common, 0) / span) if span > 0 else 0.0


def _library(test: Curve, anchor: Curve, method: str) -> float | None:
    """`bjontegaard.bd_rate`; the cubic's qualities are mapped to [0, 1], which changes its conditioning only.

    Akima and the cubic may overshoot without bound; None where that leaves the range of a float.
    """
    import bjontegaard
    import numpy as np

    low, span = 0.0, 1.0
    if method == "cubic":
        low = min(test.quality[0], anchor.quality[0])
        span = max(test.quality[-1], anchor.quality[-1]) - low
    with np.errstate(over="ignore"):
        value = bjontegaard.bd_rate(
            anchor.kbps,
            (anchor.quality - low) / span,
            test.kbps,
            (test.quality - low) / span,
            method=method,
            require_matching_points=False,
            min_overlap=0,
        )
    assert not isinstance(value, tuple)
    return float(value) if np.isfinite(value) else None


def batch_bd_rate(test_kbps: Array, test_quality: Array, anchor_kbps: Array, anchor_quality: Array) -> Array:
    """PCHIP BD-rates of many curve pairs at once, in percent: what `bd_rate` gives for each row.

    Rates and qualities are (B, points), points in any order; the envelope is taken per row. Returns (B,),
    NaN where a pair has no number (too few points on an envelope, no overlap, or a NaN among its points).
    """
    import numpy as np

    finite = np.full(len(test_kbps), test_kbps.shape[1] > 0 and anchor_kbps.shape[1] > 0)
    for values in (test_kbps, test_quality, anchor_kbps, anchor_quality):
        finite &= np.isfinite(values).all(axis=1)
    result = np.full(len(test_kbps), np.nan)
    if not finite.any():
        return result
    test = _envelope(test_kbps[finite], test_quality[finite])
    anchor = _envelope(anchor_kbps[finite], anchor_quality[finite])
    # Qualities rise along an envelope that starts at the cheapest point, so the ends are first and best.
    low = np.maximum(test[1][:, 0], anchor[1][:, 0])
    high = np.minimum(test[1].max(axis=1), anchor[1].max(axis=1))
    enough = np.minimum(test[2].sum(axis=1), anchor[2].sum(axis=1)) >= MIN_POINTS
    width = np.where(enough & (high > low), high - low, np.nan)
    difference = _pchip_integral(*test, low, high) - _pchip_integral(*anchor, low, high)
    result[finite] = 100 * (10 ** (difference / width) - 1)
    return result


def _envelope(kbps: Array, quality: Array) -> tuple[Array, Array, Mask]:
    """Rates and qualities (B, n) in order of rate, and the mask (B, n) of each row's Pareto front."""
    import numpy as np

    order = np.lexsort((-quality, kbps), axis=-1)
    kbps = np.take_along_axis(kbps, order, axis=-1)
    quality = np.take_along_axis(quality, order, axis=-1)
    keep = np.ones(quality.shape, dtype=bool)
    best = np.maximum.accumulate(quality, axis=-1)
    # Equal means differ by rounding: what rises by less than a billionth of the range has not risen.
    least = np.maximum(1e-9 * np.ptp(quality, axis=-1), 1e-12 * np.abs(quality).max(axis=-1))
    keep[:, 1:] = quality[:, 1:] > best[:, :-1] + least[:, None]
    return kbps, quality, keep


def _pchip_integral(kbps: Array, quality: Array, keep: Mask, low: Array, high: Array) -> Array:
    """Integral of each row's log10 rate over quality from low to high (B,); NaN for a single point."""
    import numpy as np

    counts = keep.sum(axis=1)
    result = np.full(len(kbps), np.nan)
    for count in np.unique(counts[counts > 1]):  # rows with equally many points form a dense batch
        rows = counts == count
        x = quality[rows][keep[rows]].reshape(-1, count)
        y = np.log10(kbps[rows][keep[rows]]).reshape(-1, count)
        start, step = x[:, :-1], np.diff(x)
        slope = np.diff(y) / step
        d = _pchip_slopes(step, slope)
        square = (3 * slope - 2 * d[:, :-1] - d[:, 1:]) / step
        cube = (d[:, :-1] + d[:, 1:] - 2 * slope) / step**2

        def antiderivative(
            at: Array,
            start: Array = start,
            step: Array = step,
            y: Array = y,
            d: Array = d,
            square: Array = square,
            cube: Array = cube,
        ) -> Array:
            s = np.clip(at[:, None] - start, 0, step)
            return s * (y[:, :-1] + s * (d[:, :-1] / 2 + s * (square / 3 + s * cube / 4)))

        result[rows] = (antiderivative(high[rows]) - antiderivative(low[rows])).sum(axis=1)
    return result


def _pchip_slopes(step: Array, slope: Array) -> Array:
    """Derivatives at the knots (Fritsch & Butland 1984, as in scipy) of rows that rise everywhere."""
    import numpy as np

    if slope.shape[1] == 1:
        return np.repeat(slope, 2, axis=1)
    left, right = 2 * step[:, 1:] + step[:, :-1], step[:, 1:] + 2 * step[:, :-1]
    with np.errstate(
        divide="ignore"
    ):  # two log rates that round to one: slope 0, and 1 / inf is its derivative
        inner = (left + right) / (left / slope[:, :-1] + right / slope[:, 1:])

    def end(h0: Array, h1: Array, m0: Array, m1: Array) -> Array:
        return np.maximum(((2 * h0 + h1) * m0 - h0 * m1) / (h0 + h1), 0)[:, None]

    first = end(step[:, 0], step[:, 1], slope[:, 0], slope[:, 1])
    last = end(step[:, -1], step[:, -2], slope[:, -1], slope[:, -2])
    return np.concatenate([first, inner, last], axis=1)


def quality_at_rate(curve: Curve, kbps: float) -> Matched:
    """Quality at a rate, by PCHIP over log10 rate; never extrapolated."""
    import numpy as np

    return _read_off(np.log10(curve.kbps), curve.quality, float(np.log10(kbps)))


def rate_at_quality(curve: Curve, quality: float) -> Matched:
    """Rate in kbit/s at a quality (higher is better), by PCHIP of log10 rate; never extrapolated."""
    import numpy as np

    found = _read_off(curve.quality, np.log10(curve.kbps), quality)
    return found if found.value is None else Matched(10**found.value)


def _read_off(x: Array, y: Array, at: float) -> Matched:
    from scipy.interpolate import PchipInterpolator

    if not len(x):
        return Matched(None, "too few points")
    if at < x[0]:
        return Matched(None, "below range")
    if at > x[-1]:
        return Matched(None, "above range")
    if len(x) < 2:
        return Matched(None, "too few points")
    return Matched(float(PchipInterpolator(x, y)(at)))
