"""The first page: who wins, at what rate, with what certainty; curves and pairs below."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .. import facts
from ..figures import board_data
from ..page import Page
from ..tables import Leaderboard

if TYPE_CHECKING:
    from ..source import Source


def pages(source: Source) -> list[Page]:
    """The index."""
    boards = source.boards
    return [
        Page(
            name="index",
            kind="index",
            title="Leaderboard",
            plotly=bool(boards),
            context={
                "datasets": source.datasets,
                "codecs": source.codecs,
                "metrics": source.metrics,
                "references": source.references,
                "set_sizes": facts.set_sizes(source.connection),
                "boards": boards,
                "headlines": headlines(boards),
                "overviews": overviews(boards),
                "scales": {board: Scale(board) for board in boards},
                "synthetic_codecs": [row["codec"] for row in source.codecs if row["weights"] == "synthetic"],
                "problems": source.problems,
            },
            data={"boards": board_data(source.curves, source.references)},
        )
    ]


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


def headlines(boards: list[Leaderboard]) -> list[Leaderboard]:
    """The first board of each dataset and rate: what the page says at its top."""
    found: dict[tuple[str, str], Leaderboard] = {}
    for board in boards:
        found.setdefault((board.dataset, board.rate), board)
    return list(found.values())


def overviews(boards: list[Leaderboard]) -> list[dict[str, Any]]:
    """Per dataset and rate, every system's row in every metric's board."""
    found: dict[tuple[str, str], list[Leaderboard]] = {}
    for board in boards:
        found.setdefault((board.dataset, board.rate), []).append(board)
    result = []
    for (dataset, rate), group in found.items():
        names = dict.fromkeys(row.system for board in group for row in board.rows)
        cells = {name: [next((r for r in b.rows if r.system == name), None) for b in group] for name in names}
        result.append({"dataset": dataset, "rate": rate, "boards": group, "systems": cells})
    return result
