"""The first page: who wins, at what rate, with what certainty; curves and pairs below."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from .. import facts, text
from ..bd_rate import groups
from ..curves import STATUSES
from ..figures import board_part, clip_part, curve_part
from ..page import Page
from ..tables import Leaderboard, LeaderRow

if TYPE_CHECKING:
    from ..facts import Row
    from ..source import Source

HEADLINE_COLUMNS = {
    "video": (
        ("dists",),
        ("lpips_vgg", "lpips_alex"),
        ("vmaf",),
        ("psnr", "psnr_y"),
        ("fid",),
        ("ms_ssim", "ssim"),
    ),
    "audio": (
        ("visqol_speech",),
        ("pesq",),
        ("wer_whisper", "dwer_whisper", "wer_sphinx", "dwer_sphinx"),
        ("estoi", "stoi"),
    ),
    "pair": (("lse_c", "lse_c_synthetic"), ("lse_d", "lse_d_synthetic"), ("avs_u",)),
}
"""Modality → columns of the headline table, best known first; of each the first metric that has scores."""
BESIDE_OTHERS = {"video": 4, "audio": 3, "pair": 2}
"""Modality → how many columns it has at most over the total rate, where all of them stand side by side."""
OTHER_COLUMNS = 6
"""So many metrics stand in the headline table where a rate has none of HEADLINE_COLUMNS."""


@dataclass(frozen=True)
class Column:
    """A leaderboard as a column of the headline table.

    key: of its parts; label: its metric's name, unique within its dataset and rate.
    """

    key: str
    label: str
    modality: str
    board: Leaderboard


@dataclass(frozen=True)
class View:
    """What the page shows of one dataset and rate before anything is chosen.

    systems: in the order of the first column's rows.
    """

    dataset: str
    rate: str
    columns: tuple[Column, ...]
    systems: tuple[str, ...]

    @property
    def board(self) -> Leaderboard:
        """The board that stands for the rate."""
        return self.columns[0].board

    @property
    def rows(self) -> dict[str, list[LeaderRow | None]]:
        """System → its row of each column's board, None where it is not scored."""
        found = [{row.system: row for row in column.board.rows} for column in self.columns]
        return {system: [rows.get(system) for rows in found] for system in self.systems}

    @property
    def modalities(self) -> list[tuple[str, int]]:
        """Each modality of the columns, with how many stand side by side."""
        return list(Counter(column.modality for column in self.columns).items())


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
                "words": text.STATUS_WORDS,
                "rates": text.RATE_WORDS,
                "manyDatasets": len(source.datasets) > 1,
            },
            parts=_parts(source, columns, sizes),
        )
    ]


def all_columns(source: Source) -> list[Column]:
    """Every leaderboard with its key and its metric's name; two fingerprints of one metric are told apart."""
    counts = Counter((board.dataset, board.rate, board.metric) for board in source.boards)
    result = []
    for at, board in enumerate(source.boards):
        once = counts[board.dataset, board.rate, board.metric] == 1
        label = board.metric if once else f"{board.metric} ({board.fingerprint[:6]})"
        modality = source.metric_facts[board.metric, board.fingerprint]["modality"]
        result.append(Column(f"b{at}", label, modality, board))
    return result


def views(columns: list[Column]) -> list[View]:
    """One view a dataset and rate: its headline metrics by modality, that which stands for the rate first."""
    found: dict[tuple[str, str], list[Column]] = {}
    for column in columns:
        found.setdefault((column.board.dataset, column.board.rate), []).append(column)
    result = []
    for (dataset, rate), group in found.items():
        by_metric = {column.board.metric: column for column in reversed(group)}
        shown = []
        for modality, choices in HEADLINE_COLUMNS.items():
            wanted = (
                next((by_metric[name] for name in names if name in by_metric), None) for names in choices
            )
            most = BESIDE_OTHERS[modality] if rate == "total" else len(choices)
            shown += [column for column in wanted if column is not None][:most]
        shown = shown or group[:OTHER_COLUMNS]
        shown = [group[0], *(column for column in shown if column is not group[0])]
        modalities = dict.fromkeys([group[0].modality, *HEADLINE_COLUMNS])
        shown.sort(key=lambda column: list(modalities).index(column.modality))  # each modality together
        systems = dict.fromkeys(row.system for column in shown for row in column.board.rows)
        result.append(View(dataset, rate, tuple(shown), tuple(systems)))
    return result


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
