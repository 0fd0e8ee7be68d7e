"""BD-rates of a store: which curves are compared, over which clips, and how sure the numbers are."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import astuple, dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING

from ..benchmark.errors import UsageError
from .clip_curves import RATES, ClipCurves, load
from .curves import BdRate, Status, batch_bd_rate, bd_rate

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

RESAMPLES = 1000
SEED = 0
INTERVAL_SHARE = 0.95
"""An interval is given when at least this share of the resamples has a BD-rate at all."""


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


def write(connection: duckdb.DuckDBPyConnection) -> list[BdRow]:
    """Make the table `bd_rates` anew against the default anchors, in one transaction. Returns its rows."""
    rows = compute(connection)
    names = [field.name for field in fields(BdRow)]
    connection.begin()
    try:
        connection.execute("DELETE FROM bd_rates")
        if rows:
            insert = f"INSERT INTO bd_rates ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
            connection.executemany(insert, [astuple(row) for row in rows])
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    return rows


def compute(
    connection: duckdb.DuckDBPyConnection,
    anchors: Mapping[str, str] | str | None = None,
    metrics: Collection[str] | None = None,
    resamples: int = RESAMPLES,
) -> list[BdRow]:
    """BD-rates of every system against its anchor, the anchor itself left out. Only reads.

    anchors: rate ('video', 'audio', 'total') → system, or one system for every rate that it has;
    rates that are not given keep the default (`default_anchors`). metrics: None means all.
    Raises UsageError for an anchor or a metric of which the store has no scores.
    """
    curves = load(connection)
    _check_names(curves, anchors, metrics)
    chosen = anchors if isinstance(anchors, Mapping) else {}
    defaults = default_anchors(connection, curves)
    rows = []
    for group in groups(curves):
        first = group[0]
        if metrics is not None and first.metric not in metrics:
            continue
        asked = anchors if isinstance(anchors, str) else chosen.get(first.rate)
        if asked:
            anchor = next((curve for curve in group if curve.system == asked), None)
        else:
            anchor = anchor_of(group, defaults)
        if anchor is not None:
            rows += [compare(curve, anchor, resamples) for curve in group if curve is not anchor]
    return rows


def groups(curves: list[ClipCurves]) -> Iterator[list[ClipCurves]]:
    """The curves that can be compared: of one dataset, rate and metric fingerprint."""
    found: dict[tuple[str, ...], list[ClipCurves]] = {}
    for curve in curves:
        found.setdefault((curve.dataset, curve.rate, curve.metric, curve.fingerprint), []).append(curve)
    yield from found.values()


def default_anchors(
    connection: duckdb.DuckDBPyConnection, curves: list[ClipCurves]
) -> dict[tuple[str, str], str]:
    """(dataset, rate) → system: the latest suite's `anchors` where it has curves, else the first by name."""
    latest = connection.execute("SELECT suite_resolved FROM runs ORDER BY started_at DESC LIMIT 1").fetchone()
    suite = json.loads(latest[0]) if latest and latest[0] else {}
    wanted = suite.get("anchors") or {}
    present: dict[tuple[str, str], set[str]] = {}
    for curve in curves:
        present.setdefault((curve.dataset, curve.rate), set()).add(curve.system)
    return {
        key: wanted[key[1]] if wanted.get(key[1]) in systems else min(systems)
        for key, systems in present.items()
    }


def anchor_of(group: list[ClipCurves], defaults: Mapping[tuple[str, str], str]) -> ClipCurves:
    """The default anchor's curve, or the first system's by name where that one lacks this metric."""
    name = defaults[group[0].dataset, group[0].rate]
    return next((curve for curve in group if curve.system == name), group[0])


def compare(test: ClipCurves, anchor: ClipCurves, resamples: int = RESAMPLES) -> BdRow:
    """BD-rate of one system against another over the clips that both cover at all used points.

    The headline is that of the two mean curves; the median is over clips whose own two curves give a number;
    the 95 % interval is the percentile bootstrap over clips. A `pooled` metric has one curve and neither.
    """
    import numpy as np

    test, anchor = common_clips(test, anchor)
    result = bd_rate(test.mean_curve(), anchor.mean_curve())
    count = len(test.clips)
    low = high = median = None
    median_clips = 0
    if count > 1:
        each = _batch(test, anchor, np.eye(count))
        each = each[np.isfinite(each)]
        median_clips = len(each)
        median = float(np.median(each)) if median_clips else None
        low, high = _interval(test, anchor, result, count, resamples)
    return BdRow(
        test.dataset,
        test.system,
        anchor.system,
        test.rate,
        test.metric,
        test.fingerprint,
        result.status,
        result.value,
        low,
        high,
        median,
        result.akima,
        result.cubic,
        result.overlap,
        result.points,
        result.anchor_points,
        min(test.pooled, anchor.pooled) if test.pooled and anchor.pooled else count,
        median_clips,
    )


def common_clips(test: ClipCurves, anchor: ClipCurves) -> tuple[ClipCurves, ClipCurves]:
    """The usable points of both, over the clips that have a score at all of them."""
    test, anchor = test.usable(), anchor.usable()
    clips = test.complete() & anchor.complete()
    return test.only(clips), anchor.only(clips)


def matrix(group: list[ClipCurves]) -> list[list[BdRate | None]]:
    """BD-rate of each system (row) against each other (column), without intervals; None on the diagonal."""
    result: list[list[BdRate | None]] = [[None] * len(group) for _ in group]
    for row, test in enumerate(group):
        for column in range(row):
            pair = common_clips(test, group[column])
            found = bd_rate(pair[0].mean_curve(), pair[1].mean_curve(), diagnostics=False)
            result[row][column], result[column][row] = found, found.swapped()
    return result


def _batch(test: ClipCurves, anchor: ClipCurves, counts: Array) -> Array:
    """BD-rates (B,) of the curves averaged with each row of `counts` (B, clips)."""
    return batch_bd_rate(*test.averages(counts), *anchor.averages(counts))


def _interval(
    test: ClipCurves, anchor: ClipCurves, result: BdRate, count: int, resamples: int
) -> tuple[float | None, float | None]:
    """95 % percentile bootstrap over clips; the same resamples of the clips for every system."""
    import numpy as np

    if result.value is None or not resamples:
        return None, None
    values = _batch(test, anchor, _draws(count, resamples))
    values = values[np.isfinite(values)]
    if len(values) < INTERVAL_SHARE * resamples:
        return None, None
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


@lru_cache(maxsize=8)
def _draws(count: int, resamples: int) -> Array:
    """How often each clip occurs in each resample (resamples, clips): drawing with replacement, seeded."""
    import numpy as np

    draws = np.random.default_rng(SEED).multinomial(count, np.full(count, 1 / count), size=resamples)
    return draws.astype(float)


def _check_names(
    curves: list[ClipCurves], anchors: Mapping[str, str] | str | None, metrics: Collection[str] | None
) -> None:
    if isinstance(anchors, str):
        anchors = {"*": anchors}
    for rate, system in (anchors or {}).items():
        if rate not in (*RATES, "*"):
            raise UsageError(f"anchors: {rate!r} is no rate; use one of {', '.join(RATES)}")
        known = sorted({curve.system for curve in curves if rate in ("*", curve.rate)})
        if system not in known:
            raise UsageError(
                f"anchor {system!r} has no scored points; there are: {', '.join(known) or 'none'}"
            )
    scored = sorted({curve.metric for curve in curves})
    for metric in metrics or ():
        if metric not in scored:
            raise UsageError(f"metric {metric!r} has no scores; there are: {', '.join(scored) or 'none'}")
