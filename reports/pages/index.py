"""The first page: who wins, at what rate, with what certainty; curves and pairs below."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

from ...benchmark.analysis import statuses
from ...benchmark.analysis.bd_rate import groups
from ...benchmark.analysis.curves import STATUSES
from .. import words
from ..boards.columns import Column, all_columns, views
from ..boards.leaderboards import Leaderboard
from ..boards.series import board_part, clip_part, curve_part
from ..page import Page
from ..queries import facts

if TYPE_CHECKING:
    from ..queries.facts import Row
    from ..source import Source


def pages(source: Source) -> list[Page]:
    """The index."""
    columns = all_columns(source)
    found = views(columns)
    places = {column.key: at for view in found for at, column in enumerate(view.columns)}
    sizes = facts.set_sizes(source.connection)
    return [
        Page(
            name="index",
            kind="index",
            title="Leaderboard",
            plotly=bool(columns),
            context={
                "datasets": source.datasets,
                "codecs": source.codecs,
                "metrics": source.metrics,
                "references": source.references,
                "set_sizes": sizes,
                "views": found,
                "scales": {view.board: Scale(view.board) for view in found},
                "synthetic_codecs": [row["codec"] for row in source.codecs if row["weights"] == "synthetic"],
                "problems": source.problems,
            },
            data={
                "boards": [_header(column, places.get(column.key), source) for column in columns],
                "matched": list(columns[0].board.matched_kbps) if columns else [],
                "statuses": list(STATUSES),
                "words": statuses.STATUS_WORDS,
                "rates": words.RATE_WORDS,
                "manyDatasets": len(source.datasets) > 1,
            },
            parts=_parts(source, columns, sizes),
        )
    ]


def _header(column: Column, headline: int | None, source: Source) -> dict[str, Any]:
    """What the script knows of a board before it loads it. headline: its place in the headline table."""
    board = column.board
    fact = source.metric_facts[board.metric, board.fingerprint]
    return {
        "key": column.key,
        "dataset": board.dataset,
        "rate": board.rate,
        "metric": board.metric,
        "label": column.label,
        "modality": column.modality,
        "unit": fact["unit"] or "",
        "higher": board.higher_is_better,
        "marks": facts.metric_marks(fact),
        "anchor": board.anchor,
        "target": board.target,
        "tested": board.tested,
        "headline": headline,
    }


def _parts(
    source: Source, columns: list[Column], sizes: dict[tuple[str, str, str], Row]
) -> dict[str, partial[Any]]:
    curves = {
        (group[0].dataset, group[0].rate, group[0].metric, group[0].fingerprint): group
        for group in groups(source.curves)
    }
    names = {row["clip_id"]: row["name"] for row in source.query("SELECT clip_id, name FROM clips")}
    parts = {}
    for column in columns:
        board = column.board
        fact = (board.dataset, board.metric, board.fingerprint)
        group = curves[board.dataset, board.rate, board.metric, board.fingerprint]
        parts[f"board/{column.key}"] = partial(
            board_part, board, source.references.get(fact), sizes.get(fact)
        )
        parts[f"curves/{column.key}"] = partial(curve_part, group)
        parts[f"clips/{column.key}"] = partial(clip_part, group, names)
    return parts


class Scale:
    """Places of BD-rates on a board's interval plot, in percent of its width; 0 % is always on it.

    The scale is the log of the rate ratio, so −50 % and +100 % are equally far from the anchor.
    """

    def __init__(self, board: Leaderboard) -> None:
        values = [0.0]
        for row in board.rows:
            if row.bd is not None:
                values += [v for v in (row.bd.bd_rate, row.bd.ci_low, row.bd.ci_high) if v is not None]
        self.low, self.high = self._log(min(values)) - 0.02, self._log(max(values)) + 0.02

    @staticmethod
    def _log(value: float) -> float:
        return math.log10(max(1 + value / 100, 1e-3))

    def __call__(self, value: float) -> str:
        return f"{100 * (self._log(value) - self.low) / (self.high - self.low):.2f}"
