"""Defaults of the papers' tables: which system, metrics, variants and rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

from .curves import Board, CommonRate, boards, common_rate

if TYPE_CHECKING:
    from ..source import Source

Wanted = tuple[tuple[str, ...], ...]
"""Columns of a paper's table, each with the metrics that can stand for it, the closest first."""

_PICTURE: Wanted = (("dists",), ("psnr",), ("lpips_alex", "lpips_vgg"), ("fid",))
AUDIO_COLUMNS: Wanted = (
    ("mel_dac_eval",),
    ("stft_dac_eval",),
    ("visqol_speech",),
    ("wer_whisper", "wer_sphinx"),
)
BD_METRICS: dict[str, Wanted] = {
    "video": _PICTURE,
    "audio": AUDIO_COLUMNS,
    "total": _PICTURE,
}
SYNC: Wanted = (("lse_c", "lse_c_synthetic"), ("avs_u",))
ABLATION_METRICS: dict[str, Wanted] = {
    "video": (("fid",), SYNC[0], ("psnr",)),
    "audio": (("visqol_speech",), ("wer_whisper", "wer_sphinx"), ("pesq",)),
    "total": (("fid",), SYNC[0], ("psnr",), ("visqol_speech",)),
}
SYNC_METRICS: dict[str, Wanted] = dict.fromkeys(("video", "audio", "total"), SYNC)
COST_METRICS = ("lpips_alex", "lpips_vgg", "dists", "ms_ssim", "psnr")


@dataclass(frozen=True)
class Choice:
    """Metrics of a table over one rate. labels: those that are there; absent: (name, reason)."""

    labels: tuple[str, ...]
    absent: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Variants:
    """Two systems and how they are compared: at equal `points`, or at equal `rates`."""

    first: str
    second: str
    mode: str


@dataclass(frozen=True)
class Book:
    """All boards of a store, and what is chosen among them."""

    source: Source

    @cached_property
    def boards(self) -> list[Board]:
        return boards(self.source)

    @cached_property
    def systems(self) -> list[str]:
        """All systems in the report's order."""
        return [row["system"] for row in self.source.systems]

    @cached_property
    def datasets(self) -> list[str]:
        """All datasets, those with a board first."""
        scored = {board.of.dataset for board in self.boards}
        return sorted((row["dataset"] for row in self.source.datasets), key=lambda name: name not in scored)

    @cached_property
    def rates(self) -> list[str]:
        """The rates that have a board, picture first."""
        return list(dict.fromkeys(board.of.rate for board in self.boards))

    def on(self, dataset: str | None, rate: str) -> dict[str, Board]:
        """Label → board of a dataset (None: the first that has one) and rate, headline metrics first."""
        found: dict[str, Board] = {}
        for board in self.boards:
            if board.of.rate == rate and dataset in (None, board.of.dataset):
                found.setdefault(board.label, board)
        return found

    def order(self, names: set[str]) -> list[str]:
        """Systems in the report's order."""
        return [name for name in self.systems if name in names]

    def on_rate(self, rate: str, dataset: str | None = None) -> list[str]:
        """Systems that have a curve over a rate."""
        return self.order(
            {
                row.system
                for board in self.boards
                if board.of.rate == rate and dataset in (None, board.of.dataset)
                for row in board.of.rows
            }
        )

    def why(self, metric: str) -> str:
        """Why a metric has no curve."""
        rows = [row for row in self.source.metrics if row["metric"] == metric]
        if not rows:
            return "not requested by this suite"
        for row in rows:
            if row["status"] != "ok":
                return f"{row['status']}: {row['error'] or 'no message was recorded'}"
        return "no system has a value of it over this rate"

    def choose(self, wanted: Wanted, rate: str, dataset: str | None = None) -> Choice:
        """The first metric of each column that is there; where none is at all, the rate's first three."""
        there = self.on(dataset, rate)
        labels, absent = [], []
        for column in wanted:
            found = next(
                (label for name in column for label in there if there[label].of.metric == name), None
            )
            if found is not None:
                labels.append(found)
            if found is None:
                absent.append((column[0], self.why(column[0])))
            elif there[found].of.metric != column[0]:
                absent.append((column[0], f"{self.why(column[0])}; {found} is shown instead"))
        return Choice(tuple(labels or list(there)[:3]), tuple(absent))

    def test_system(self, rate: str) -> str | None:
        """What a paper would propose: a joint codec, else a generative or neural one, else the best."""
        names = self.on_rate(rate)
        families = {row["codec"]: row["family"] for row in self.source.codecs}
        kinds = {row["system"]: row for row in self.source.systems}
        joint = [name for name in names if kinds[name]["kind"] == "joint"]
        side = "audio_codec" if rate == "audio" else "video_codec"
        learned = [name for name in names if families.get(kinds[name][side]) in ("generative", "neural")]
        best = [row.system for board in self.boards if board.of.rate == rate for row in board.of.rows]
        return next(iter(joint + learned + best), None)

    def variants(self, dataset: str, rate: str) -> Variants | None:
        """Two systems of which the names begin alike and the points are called alike, else the first two."""
        names = self.on_rate(rate, dataset)
        if len(names) < 2:
            return None
        points = {name: self.points(dataset, rate, name) for name in names}

        def kin(pair: tuple[str, str]) -> int:
            head = _stem(pair[0])
            return len(points[pair[0]] & points[pair[1]]) if head == _stem(pair[1]) else 0

        # Only neighbours by name can be kin: not all pairs of 200 systems.
        near = sorted(names)
        best = max(pairwise(near), key=kin)
        if kin(best):
            return Variants(*best, mode="points")
        return Variants(names[0], names[1], mode="rates")

    def points(self, dataset: str, rate: str, system: str) -> set[str]:
        """Names of a system's points over a rate."""
        return {
            mean.point
            for board in self.on(dataset, rate).values()
            if system in board.curves
            for mean in board.curves[system].means
        }

    def common(self, dataset: str, rate: str, labels: Sequence[str]) -> CommonRate:
        """The rate at which a table of these metrics compares."""
        there = self.on(dataset, rate)
        shown = [there[label] for label in labels if label in there]
        return common_rate(
            [
                [board.curves[name] for board in shown if name in board.curves]
                for name in self.on_rate(rate, dataset)
            ]
        )

    def sync_rate(self, dataset: str) -> str | None:
        """The rate of the lip-sync table: what a viewer gets where that is scored."""
        has = [rate for rate in ("total", "video", "audio") if self.on(dataset, rate)]
        wanted = {name for column in SYNC for name in column}
        scored = [
            rate
            for rate in has
            if any(board.of.metric in wanted for board in self.on(dataset, rate).values())
        ]
        return next(iter(scored + has), None)

    def cost_board(self, dataset: str) -> Board | None:
        """The metric of the complexity table: LPIPS as in the paper, or the closest that is there."""
        there = self.on(dataset, "video") or self.on(dataset, "audio")
        by_name = {board.of.metric: board for board in reversed(there.values())}
        found = next((by_name[name] for name in COST_METRICS if name in by_name), None)
        return found or next(iter(there.values()), None)


def _stem(name: str) -> str:
    return name.split("-")[0].split("+")[0]
