"""The columns of the headline tables, and the views that the first page opens with."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .leaderboards import Leaderboard, LeaderRow

if TYPE_CHECKING:
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
