"""BD-rates of every system of a board against every other: number, interval, and what it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import combinations
from typing import TYPE_CHECKING, Any

from .clip_curves import ClipCurves
from .curve_batch import CurveBatch, to_percent
from .curves import NO_NUMBER, STATUSES, Curve, Status, diagnose, relation
from .resample import INTERVAL, INTERVAL_SHARE, RESAMPLES, draws, percent_quantile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Counts = NDArray[np.int64]
    Mask = NDArray[np.bool_]

MANY_SYSTEMS = 60
"""Above so many systems on a board, only pairs with its default anchor have an interval."""
CHUNK = 500
"""Pairs that are integrated together: some 20 MB with 1000 resamples."""


@dataclass(frozen=True)
class BdRow:
    """A row of the table `bd_rates`; the fields are its columns, in its order. None is NULL."""

    dataset: str
    system: str
    anchor: str
    rate: str
    metric: str
    fingerprint: str
    status: Status
    bd_rate: float | None
    ci_low: float | None
    ci_high: float | None
    bd_rate_median: float | None
    bd_rate_akima: float | None
    bd_rate_cubic: float | None
    overlap: float | None
    points: int
    anchor_points: int
    clips: int
    median_clips: int
    default_anchor: bool


@dataclass(frozen=True, eq=False)
class Pairs:
    """A board's BD-rates as arrays (S, S): row = system, column = the anchor that it is seen from.

    bd_rate, ci_low, ci_high, median, overlap: percent, NaN where there is none; status: index into STATUSES,
    -1 for a system with itself and for a pair that was not asked for; points: of the row's curve in the
    pair; clips: that both cover; median_clips: whose own two curves give a number.
    anchor: the default one; akima, cubic: (S,), against it only. pooled: one value stands for all clips;
    star: only pairs with the anchor were resampled.
    """

    dataset: str
    rate: str
    metric: str
    fingerprint: str
    systems: tuple[str, ...]
    anchor: str
    bd_rate: Array
    ci_low: Array
    ci_high: Array
    median: Array
    overlap: Array
    status: Counts
    points: Counts
    clips: Counts
    median_clips: Counts
    akima: Array
    cubic: Array
    pooled: bool
    star: bool

    @cached_property
    def index(self) -> dict[str, int]:
        """Place of each system along both axes."""
        return {system: at for at, system in enumerate(self.systems)}

    @property
    def tested(self) -> Mask:
        """(S, S): where there is an interval."""
        import numpy as np

        return np.isfinite(self.ci_low)

    def row(self, system: str, anchor: str) -> BdRow:
        """One pair. Raises KeyError for a name that is not here, or for a pair that is not."""
        at = self.index[system], self.index[anchor]
        if self.status[at] < 0:
            raise KeyError((system, anchor))
        default = anchor == self.anchor

        def number(values: Array) -> float | None:
            return float(values[at]) if values[at] == values[at] else None  # NaN is not equal to itself

        def diagnostic(values: Array) -> float | None:
            return float(values[at[0]]) if default and values[at[0]] == values[at[0]] else None

        return BdRow(
            dataset=self.dataset,
            system=system,
            anchor=anchor,
            rate=self.rate,
            metric=self.metric,
            fingerprint=self.fingerprint,
            status=STATUSES[self.status[at]],
            bd_rate=number(self.bd_rate),
            ci_low=number(self.ci_low),
            ci_high=number(self.ci_high),
            bd_rate_median=number(self.median),
            bd_rate_akima=diagnostic(self.akima),
            bd_rate_cubic=diagnostic(self.cubic),
            overlap=number(self.overlap),
            points=int(self.points[at]),
            anchor_points=int(self.points[at[1], at[0]]),
            clips=int(self.clips[at]),
            median_clips=int(self.median_clips[at]),
            default_anchor=default,
        )

    def against(self, anchor: str) -> list[BdRow]:
        """Every other system seen from one anchor."""
        column = self.status[:, self.index[anchor]]
        return [self.row(self.systems[at], anchor) for at in (column >= 0).nonzero()[0]]

    def columns(self) -> dict[str, Any]:
        """All pairs as columns named as those of the table `bd_rates`, in one order; NaN is NULL there."""
        import numpy as np

        row, column = np.nonzero(self.status >= 0)
        default = column == self.index[self.anchor]
        names = np.array(self.systems, dtype=object)
        board = ("dataset", "rate", "metric", "fingerprint")
        return {name: np.full(len(row), getattr(self, name), dtype=object) for name in board} | {
            "system": names[row],
            "anchor": names[column],
            "status": np.array(STATUSES, dtype=object)[self.status[row, column]],
            "bd_rate": self.bd_rate[row, column],
            "ci_low": self.ci_low[row, column],
            "ci_high": self.ci_high[row, column],
            "bd_rate_median": self.median[row, column],
            "bd_rate_akima": np.where(default, self.akima[row], np.nan),
            "bd_rate_cubic": np.where(default, self.cubic[row], np.nan),
            "overlap": self.overlap[row, column],
            "points": self.points[row, column],
            "anchor_points": self.points[column, row],
            "clips": self.clips[row, column],
            "median_clips": self.median_clips[row, column],
            "default_anchor": default,
        }


def all_pairs(
    group: Sequence[ClipCurves],
    anchor: ClipCurves,
    resamples: int = RESAMPLES,
    star: bool = False,
    diagnostics: bool = True,
) -> Pairs:
    """BD-rates between the curves of one dataset, rate and metric, `anchor` being the default one among them.

    The headline is that of the two mean curves over the clips that both cover at all used points; the
    median is over clips whose own two curves give a number; the 95 % interval is the percentile bootstrap
    over clips, paired: both curves are made of the same drawn clips, the same for every system. A `pooled`
    metric has one curve and neither. With more than MANY_SYSTEMS curves only pairs with the anchor have
    intervals, since their number grows with the square; the others have the number without one.
    star: only pairs with the anchor; diagnostics: Akima's and the cubic's numbers too.
    """
    import numpy as np

    size = len(group)
    center = next(at for at, curve in enumerate(group) if curve is anchor)
    spokes = [(at, center) for at in range(size) if at != center]
    rest = [] if star else [pair for pair in combinations(range(size), 2) if center not in pair]
    many = size > MANY_SYSTEMS
    rounds = [(spokes, resamples), (rest, 0)] if many else [(spokes + rest, resamples)]
    tables = {name: np.full((size, size), missing) for name, missing in _MISSING.items()}
    akima, cubic = np.full((2, size), np.nan)
    usable = [curve.usable().without_dominated() for curve in group]
    for pairs, drawn in rounds:
        for clips, chunk in _by_clips(usable, pairs):
            sampled = {at: _Sampled.of(usable[at].only(clips), drawn) for at in sorted({*sum(chunk, ())})}
            tests, anchors = np.array(chunk).T
            for name, found in _compare(sampled, chunk, int(clips.sum()), drawn).items():
                tables[name][tests, anchors], tables[name][anchors, tests] = found
            asked = (anchors == center) & np.isfinite(tables["bd_rate"][tests, anchors])
            for test in tests[asked] if diagnostics else ():
                both = diagnose(sampled[test].mean, sampled[center].mean)
                akima[test], cubic[test] = (np.nan if value is None else value for value in both)
    if anchor.pooled:
        tables["clips"] = np.minimum.outer(*2 * [np.array([curve.pooled for curve in group])])
    return Pairs(
        dataset=anchor.dataset,
        rate=anchor.rate,
        metric=anchor.metric,
        fingerprint=anchor.fingerprint,
        systems=tuple(curve.system for curve in group),
        anchor=anchor.system,
        akima=akima,
        cubic=cubic,
        pooled=bool(anchor.pooled),
        star=star or many,
        **tables,
    )


_MISSING: dict[str, float | int] = {
    **dict.fromkeys(("bd_rate", "ci_low", "ci_high", "median", "overlap"), float("nan")),
    **dict.fromkeys(("points", "clips", "median_clips"), 0),
    "status": -1,
}
"""What stands in a pair's cell before it is compared."""


@dataclass(frozen=True)
class _Sampled:
    """A system over some clips: its mean curve, and the batch of the mean, each clip alone, each resample."""

    mean: Curve
    batch: CurveBatch

    @classmethod
    def of(cls, curve: ClipCurves, resamples: int) -> _Sampled:
        import numpy as np

        if not len(curve.clips):
            return cls(Curve.of([], [], curve.grid), CurveBatch.of(*np.empty((2, 1, 0))))
        kbps, quality = curve.averages(_counts(len(curve.clips), resamples))
        points = np.isfinite(quality[0])  # a corpus metric may have a point without a single word
        kbps, quality = kbps[:, points], quality[:, points]
        return cls(Curve.of(kbps[0], quality[0], curve.grid), CurveBatch.of(kbps, quality))


@lru_cache(maxsize=32)
def _counts(clips: int, resamples: int) -> Array:
    """How often each clip counts: all once, each alone, each resample; one clip has the first row only."""
    import numpy as np

    if clips == 1:
        return np.ones((1, 1))
    return np.concatenate([np.ones((1, clips)), np.eye(clips), draws(clips, resamples)])


def _by_clips(
    usable: Sequence[ClipCurves], pairs: Sequence[tuple[int, int]]
) -> Iterator[tuple[Mask, list[tuple[int, int]]]]:
    """The pairs in chunks that have their common clips (a mask) in common."""
    import numpy as np

    complete = [curve.complete() for curve in usable]
    found: dict[bytes, list[tuple[int, int]]] = {}
    for test, anchor in pairs:
        found.setdefault((complete[test] & complete[anchor]).tobytes(), []).append((test, anchor))
    for clips, same in found.items():
        for start in range(0, len(same), CHUNK):
            yield np.frombuffer(clips, dtype=bool), same[start : start + CHUNK]


def _compare(
    sampled: Mapping[int, _Sampled], pairs: Sequence[tuple[int, int]], clips: int, resamples: int
) -> dict[str, Array]:
    """Per column of `Pairs` an array (2, N): of the test against the anchor, and the other way round."""
    import numpy as np

    found = {name: np.full((2, len(pairs)), missing) for name, missing in _MISSING.items()}
    for at, (test, anchor) in enumerate(pairs):
        status, overlap = relation(sampled[test].mean, sampled[anchor].mean)
        found["status"][:, at] = STATUSES.index(status)
        found["overlap"][:, at] = np.nan if overlap is None else overlap
        found["points"][:, at] = len(sampled[test].mean), len(sampled[anchor].mean)
    found["clips"][:] = clips
    ratios = _log_ratios(sampled, pairs)
    numbered = ~np.isin(found["status"][0], [STATUSES.index(status) for status in NO_NUMBER])
    ratios[~numbered, 0] = np.nan
    found["bd_rate"][:] = to_percent(ratios[:, 0]), to_percent(-ratios[:, 0])
    if clips > 1:
        alone, resampled = np.sort(ratios[:, 1 : 1 + clips]), np.sort(ratios[:, 1 + clips :])
        counts = np.isfinite(alone).sum(axis=1)
        found["median_clips"][:] = counts
        found["median"][:] = [percent_quantile(alone, counts, 0.5, swapped) for swapped in (False, True)]
        counts = np.isfinite(resampled).sum(axis=1)
        known = numbered & (counts >= INTERVAL_SHARE * resamples) & (counts > 0)
        for name, share in zip(("ci_low", "ci_high"), INTERVAL, strict=True):
            for row, swapped in enumerate((False, True)):
                found[name][row, known] = percent_quantile(resampled[known], counts[known], share, swapped)
    return found


def _log_ratios(sampled: Mapping[int, _Sampled], pairs: Sequence[tuple[int, int]]) -> Array:
    """Mean differences of log10 rate (N, B) of each pair's two batches, as `curve_batch.log_ratio`.

    Each system integrates its polynomials for all its partners at once.
    """
    import numpy as np

    tests, anchors = np.array(pairs).T
    order = {at: row for row, at in enumerate(sampled)}
    first, second = [order[at] for at in tests], [order[at] for at in anchors]
    lows = np.stack([one.batch.low for one in sampled.values()])
    highs = np.stack([one.batch.high for one in sampled.values()])
    low, high = np.maximum(lows[first], lows[second]), np.minimum(highs[first], highs[second])
    difference = np.zeros(low.shape)
    for at, one in sampled.items():
        for side, sign in ((tests, np.add), (anchors, np.subtract)):
            rows = side == at
            if rows.any():
                difference[rows] = sign(difference[rows], one.batch.integral(low[rows], high[rows]))
    return difference / np.where(high > low, high - low, np.nan)
