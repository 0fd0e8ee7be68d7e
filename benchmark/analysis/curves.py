"""Rate-distortion curves and what is read off them: BD-rates and matched points. Numbers in, numbers out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from .curve_batch import MIN_POINTS, batch_bd_rate, fronts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from scipy.interpolate import PchipInterpolator

    Array = NDArray[np.float64]

Status = Literal["ok", "low_overlap", "no_overlap", "non_monotone", "too_few_points"]
STATUSES: tuple[Status, ...] = ("ok", "low_overlap", "no_overlap", "non_monotone", "too_few_points")
NO_NUMBER: tuple[Status, ...] = ("no_overlap", "too_few_points")

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

        The points of a grid (video setting × audio setting) are not a ladder, so dropping some is not a flaw
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
        (order,), (value,), (keep,) = fronts(np.log10(rate)[None], value[None])
        return cls(rate[order][keep], value[keep], grid or bool(keep.all()))

    def __len__(self) -> int:
        return len(self.kbps)

    @cached_property
    def over_rate(self) -> PchipInterpolator:
        """Quality over log10 rate; of two points or more."""
        import numpy as np
        from scipy.interpolate import PchipInterpolator

        return PchipInterpolator(np.log10(self.kbps), self.quality)

    @cached_property
    def over_quality(self) -> PchipInterpolator:
        """log10 rate over quality; of two points or more."""
        import numpy as np
        from scipy.interpolate import PchipInterpolator

        return PchipInterpolator(self.quality, np.log10(self.kbps))


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


@dataclass(frozen=True)
class Matched:
    """A value read off a curve, or None with the reason: `below range`, `above range` or `too few points`."""

    value: float | None
    reason: str = ""


def bd_rate(test: Curve, anchor: Curve) -> BdRate:
    """Mean difference of log10 rate over the common quality range, in percent (Bjøntegaard, VCEG-M33).

    Interpolates log rate over quality: PCHIP as in the JVET common test conditions, Akima (Herglotz et al.,
    ICIP 2022) and one cubic polynomial (VCEG-M33) beside it. No overlap gives no number.
    """
    count, anchor_count = len(test), len(anchor)
    status, overlap = relation(test, anchor)
    if status in NO_NUMBER:
        return BdRate(status, None, None, None, overlap, count, anchor_count)
    one = (test.kbps, test.quality, anchor.kbps, anchor.quality)
    value = float(batch_bd_rate(*(row[None] for row in one))[0])
    return BdRate(status, value, *diagnose(test, anchor), overlap, count, anchor_count)


def relation(test: Curve, anchor: Curve) -> tuple[Status, float | None]:
    """What a BD-rate of two curves rests on: its status, and the overlap in percent."""
    overlap = overlap_percent(test, anchor)
    if min(len(test), len(anchor)) < MIN_POINTS:
        return "too_few_points", overlap
    if not overlap:
        return "no_overlap", 0.0
    if not (test.monotone and anchor.monotone):
        return "non_monotone", overlap
    return ("ok" if overlap >= LOW_OVERLAP else "low_overlap"), overlap


def diagnose(test: Curve, anchor: Curve) -> tuple[float | None, float | None]:
    """The BD-rates by Akima and by the cubic of two curves that have one by PCHIP, or None."""
    enough = min(len(test), len(anchor)) >= CUBIC_POINTS
    return _library(test, anchor, "akima"), _library(test, anchor, "cubic") if enough else None


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


def quality_at_rate(curve: Curve, kbps: float) -> Matched:
    """Quality at a rate, by PCHIP over log10 rate; never extrapolated."""
    import numpy as np

    return _read_off(np.log10(curve.kbps), float(np.log10(kbps)), lambda: curve.over_rate)


def rate_at_quality(curve: Curve, quality: float) -> Matched:
    """Rate in kbit/s at a quality (higher is better), by PCHIP of log10 rate; never extrapolated."""
    found = _read_off(curve.quality, quality, lambda: curve.over_quality)
    return found if found.value is None else Matched(10**found.value)


def _read_off(x: Array, at: float, line: Callable[[], PchipInterpolator]) -> Matched:
    if not len(x):
        return Matched(None, "too few points")
    if at < x[0]:
        return Matched(None, "below range")
    if at > x[-1]:
        return Matched(None, "above range")
    if len(x) < 2:
        return Matched(None, "too few points")
    return Matched(float(line()(at)))
