"""BD-rates of a store: which curves are compared, over which clips, and how sure the numbers are."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from ..util.errors import UsageError
from .bootstrap import RESAMPLES
from .clip_curves import RATES, ClipCurves, load
from .paired import all_pairs
from .pairs import BdRow, Pairs

if TYPE_CHECKING:
    import duckdb


def write(connection: duckdb.DuckDBPyConnection, boards: Iterable[Pairs] | None = None) -> None:
    """Recompute the table `bd_rates` with all pairs of systems, in one transaction.

    boards: the pairs of every board with their diagnostics, where they are known already.
    """
    if boards is None:
        curves = load(connection)
        defaults = default_anchors(connection, curves)
        boards = (all_pairs(group, anchor_of(group, defaults)) for group in groups(curves))
    connection.begin()
    try:
        connection.execute("DELETE FROM bd_rates")
        for pairs in boards:
            if len(pairs.systems) > 1:
                _insert(connection, pairs)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


def _insert(connection: duckdb.DuckDBPyConnection, pairs: Pairs) -> None:
    """One statement for all pairs of a board; NaN becomes NULL."""
    names = [field.name for field in fields(BdRow)]
    columns = pairs.columns()
    cells = [
        f"CASE WHEN isnan({name}) THEN NULL ELSE {name} END" if columns[name].dtype.kind == "f" else name
        for name in names
    ]
    connection.register("bd_rate_columns", columns)
    connection.execute(
        f"INSERT INTO bd_rates ({', '.join(names)}) SELECT {', '.join(cells)} FROM bd_rate_columns"
    )
    connection.unregister("bd_rate_columns")


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
        default = anchor_of(group, defaults)
        anchor = next((curve for curve in group if curve.system == asked), None) if asked else default
        if anchor is not None:
            found = all_pairs(group, anchor, resamples, star=True).against(anchor.system)
            rows += [replace(row, default_anchor=anchor is default) for row in found]
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
    anchors = latest_suite(connection).get("anchors")
    wanted = anchors if isinstance(anchors, dict) else {}
    present: dict[tuple[str, str], set[str]] = {}
    for curve in curves:
        present.setdefault((curve.dataset, curve.rate), set()).add(curve.system)
    return {
        key: wanted[key[1]] if wanted.get(key[1]) in systems else min(systems)
        for key, systems in present.items()
    }


def latest_suite(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """The latest run's suite after overrides; empty where none is recorded, or no suite."""
    latest = connection.execute("SELECT suite_resolved FROM runs ORDER BY started_at DESC LIMIT 1").fetchone()
    suite = json.loads(latest[0]) if latest and latest[0] else {}
    return suite if isinstance(suite, dict) else {}


def anchor_of(group: list[ClipCurves], defaults: Mapping[tuple[str, str], str]) -> ClipCurves:
    """The default anchor's curve, or the first system's by name where that one lacks this metric."""
    name = defaults[group[0].dataset, group[0].rate]
    return next((curve for curve in group if curve.system == name), group[0])


def _check_names(
    curves: list[ClipCurves], anchors: Mapping[str, str] | str | None, metrics: Collection[str] | None
) -> None:
    if isinstance(anchors, str):
        anchors = {"*": anchors}
    for rate, system in (anchors or {}).items():
        if rate not in (*RATES, "*"):
            raise UsageError(f"anchors: {rate!r} is not a rate; use one of {', '.join(RATES)}")
        known = sorted({curve.system for curve in curves if rate in ("*", curve.rate)})
        if system not in known:
            raise UsageError(
                f"anchor {system!r} has no scored points; there are: {', '.join(known) or 'none'}"
            )
    scored = sorted({curve.metric for curve in curves})
    for metric in metrics or ():
        if metric not in scored:
            raise UsageError(f"metric {metric!r} has no scores; there are: {', '.join(scored) or 'none'}")
