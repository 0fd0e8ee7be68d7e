"""Curves for the papers' tables: a board's systems at their points, read off at any rate, and as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ...benchmark.analysis.bd_rate import groups
from ...benchmark.analysis.clip_curves import ClipCurves
from ...benchmark.analysis.curves import Curve, Matched, quality_at_rate
from ..boards.leaderboards import Leaderboard
from ..boards.series import short
from ..queries.facts import Row, metric_marks, set_sizes

if TYPE_CHECKING:
    from ..source import Source


@dataclass(frozen=True)
class Mean:
    """A point: means over its scored clips. which: equal for points of equal clips, within a board."""

    point: str
    kbps: float
    value: float
    clips: int
    which: int


@dataclass(frozen=True)
class SystemCurve:
    """A system on a board. means: its points, lowest rate first; curve: over the `clips` that all of them
    cover; points: the names of the curve's points; which: as in `Mean`.
    """

    system: str
    higher_is_better: bool
    means: tuple[Mean, ...]
    curve: Curve
    points: tuple[str, ...]
    clips: int
    which: int

    def at(self, kbps: float) -> Matched:
        """The metric's value at a rate, interpolated on the curve, never extrapolated."""
        found = quality_at_rate(self.curve, kbps)
        return found if found.value is None or self.higher_is_better else Matched(-found.value)

    @cached_property
    def knots(self) -> list[tuple[float, float, float]]:
        """(log10 kbps, value, slope) of the curve's points: with them a script interpolates as `at` does."""
        import numpy as np
        from scipy.interpolate import PchipInterpolator

        if len(self.curve) < 2:
            slopes = np.zeros(len(self.curve))
        else:
            at = np.log10(self.curve.kbps)
            slopes = PchipInterpolator(at, self.curve.quality)(at, 1)
        sign = 1 if self.higher_is_better else -1
        x, y, slope = (
            [float(f"{value:.10g}") for value in values]
            for values in (np.log10(self.curve.kbps), sign * self.curve.quality, sign * slopes)
        )
        return list(zip(x, y, slope, strict=True))


@dataclass(frozen=True, eq=False)
class Board:
    """A leaderboard with its curves. key: its part's name; label: the metric's name, with the fingerprint
    where two have that name; marks: keys of `text.MARKS`; pooled: one value stands for all clips;
    unit: of a distribution metric how many frames it is over; reference: what the clips score uncoded, over
    `reference_clips`.
    """

    key: str
    of: Leaderboard
    label: str
    unit: str
    marks: tuple[str, ...]
    pooled: bool
    reference: float | None
    reference_clips: int
    expected: int
    group: tuple[ClipCurves, ...]

    @cached_property
    def curves(self) -> dict[str, SystemCurve]:
        """System → its curve."""
        sets: dict[bytes, int] = {}
        return {curve.system: _curve(curve, sets) for curve in self.group}

    @property
    def arrow(self) -> str:
        return "↑" if self.of.higher_is_better else "↓"

    def part(self) -> list[dict[str, Any]]:
        """What a script needs of the curves."""
        return [
            {
                "system": curve.system,
                "means": [[m.point, short(m.kbps), short(m.value), m.clips, m.which] for m in curve.means],
                "knots": curve.knots,
                "points": curve.points,
                "clips": curve.clips,
                "which": curve.which,
            }
            for curve in self.curves.values()
        ]


def _curve(curve: ClipCurves, sets: dict[bytes, int]) -> SystemCurve:
    import numpy as np

    def which(clips: Any) -> int:
        return sets.setdefault(clips.tobytes(), len(sets))

    means = [
        Mean(name, kbps, value, curve.pooled or clips, which(np.isfinite(curve.value[:, at])))
        for at, (name, kbps, value, clips) in enumerate(
            zip(curve.points, *(column.tolist() for column in curve.means()), strict=True)
        )
        if np.isfinite(value)
    ]
    usable = curve.usable()
    complete = usable.complete()
    over = usable.only(complete)
    front = over.mean_curve()
    names: dict[tuple[float, float], str] = {}
    if len(over.clips):
        kbps, quality = over.averages(np.ones((1, len(over.clips))))
        names = dict(zip(zip(kbps[0].tolist(), quality[0].tolist(), strict=True), over.points, strict=True))
    return SystemCurve(
        system=curve.system,
        higher_is_better=curve.higher_is_better,
        means=tuple(sorted(means, key=lambda mean: (mean.kbps, mean.point))),
        curve=front,
        points=tuple(names[at] for at in zip(front.kbps.tolist(), front.quality.tolist(), strict=True)),
        clips=curve.pooled or int(complete.sum()),
        which=which(complete),
    )


def boards(source: Source) -> list[Board]:
    """The store's leaderboards in their order, with their curves."""
    found = {
        (group[0].dataset, group[0].rate, group[0].metric, group[0].fingerprint): group
        for group in groups(source.curves)
    }
    names = [(board.dataset, board.rate, board.metric) for board in source.boards]
    sizes = set_sizes(source.connection)
    result = []
    for at, board in enumerate(source.boards):
        key = (board.dataset, board.rate, board.metric, board.fingerprint)
        fact = source.metric_facts.get((board.metric, board.fingerprint), {})
        alone = names.count(key[:3]) == 1
        reference = source.references.get((board.dataset, board.metric, board.fingerprint), {})
        result.append(
            Board(
                key=f"board-{at}",
                of=board,
                label=board.metric if alone else f"{board.metric} {board.fingerprint[:8]}",
                unit=_frames(sizes.get((board.dataset, board.metric, board.fingerprint)))
                or fact.get("unit")
                or "",
                marks=tuple(metric_marks(fact)) if fact else (),
                pooled=any(curve.pooled for curve in found[key]),
                reference=reference.get("value"),
                reference_clips=reference.get("n_scored") or 0,
                expected=max((row.expected for row in board.rows), default=0),
                group=tuple(found[key]),
            )
        )
    return result


def _frames(size: Row | None) -> str:
    """'N = 500': frames on each side of a distribution metric."""
    if size is None:
        return ""
    return f"N = {size['low']}" + (f" to {size['high']}" if size["high"] != size["low"] else "")


@dataclass(frozen=True)
class CommonRate:
    """A rate in kbit/s that `covered` of `systems` curves reach; None without a curve."""

    kbps: float | None
    covered: int
    systems: int


def common_rate(curves: Sequence[Iterable[SystemCurve]]) -> CommonRate:
    """The largest rate that all systems cover, or the one that most do.

    curves: per system those that count, all of which have to cover it; systems whose curves have fewer than
    two points are left out. Rounded down to three digits where it stays within all ranges.
    """
    ranges = []
    for several in curves:
        lengths = [curve.curve.kbps for curve in several]
        if lengths and all(len(kbps) >= 2 for kbps in lengths):
            ranges.append((max(float(k[0]) for k in lengths), min(float(k[-1]) for k in lengths)))
    if not ranges:
        return CommonRate(None, 0, 0)

    def covered(kbps: float) -> int:
        return sum(low <= kbps <= high for low, high in ranges)

    best = max((high for _, high in ranges), key=lambda kbps: (covered(kbps), kbps))
    rounded = floor_to(best, 3)
    found = rounded if covered(rounded) >= covered(best) else best
    return CommonRate(found, covered(found), len(ranges))


def floor_to(value: float, digits: int) -> float:
    """Rounded down to so many significant digits; value > 0."""
    unit = 10.0 ** (math.floor(math.log10(value)) - digits + 1)
    return float(f"{math.floor(value / unit + 1e-9) * unit:.{digits}g}")
