"""All of the papers' tables with their defaults: what the page shows first, and LaTeX gets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from .ablation import ablation_table
from .bd_and_sync import bd_table, sync_table
from .cells import PaperTable
from .choices import ABLATION_METRICS, BD_METRICS, SYNC_METRICS, Book
from .cost import cost_table, points
from .curves import Board, CommonRate
from .speech import speech_table

if TYPE_CHECKING:
    from ..queries.facts import Row
    from ..source import Source


@dataclass(frozen=True)
class PaperSet:
    """The default tables of a store; None where there is nothing to make one from."""

    book: Book

    @classmethod
    def of(cls, source: Source) -> PaperSet:
        return cls(Book(source))

    @property
    def dataset(self) -> str | None:
        """The dataset that is shown first."""
        return next(iter(self.book.datasets), None)

    @property
    def rate(self) -> str | None:
        """The rate that is shown first."""
        return next(iter(self.book.rates), None)

    @cached_property
    def points(self) -> list[Row]:
        return points(self.book.source)

    @cached_property
    def bd(self) -> PaperTable | None:
        test = None if self.rate is None else self.book.test_system(self.rate)
        if self.rate is None or test is None:
            return None
        return bd_table(self.book, self.rate, test, self.book.choose(BD_METRICS[self.rate], self.rate))

    def speech(self, dataset: str) -> PaperTable:
        return speech_table(self.book, dataset)

    def ablation_rate(self, dataset: str) -> str | None:
        """The first rate with two systems to compare."""
        return next((rate for rate in self.book.rates if len(self.book.on_rate(rate, dataset)) > 1), None)

    def ablation(self, dataset: str) -> PaperTable | None:
        rate = self.ablation_rate(dataset)
        variants = self.book.variants(dataset, rate) if rate else None
        if rate is None or variants is None:
            return None
        choice = self.book.choose(ABLATION_METRICS[rate], rate, dataset)
        return ablation_table(self.book, dataset, rate, variants, choice)

    def cost_rate(self, board: Board) -> CommonRate:
        """The rate near which codecs are compared."""
        return self.book.common(board.of.dataset, board.of.rate, [board.label])

    def cost(self, dataset: str) -> PaperTable | None:
        board = self.book.cost_board(dataset)
        if board is None:
            return None
        return cost_table(self.book, dataset, board, self.cost_rate(board).kbps, self.points)

    def sync(self, dataset: str) -> PaperTable | None:
        rate = self.book.sync_rate(dataset)
        if rate is None:
            return None
        choice = self.book.choose(SYNC_METRICS[rate], rate, dataset)
        return sync_table(
            self.book, dataset, rate, choice, self.book.common(dataset, rate, choice.labels).kbps
        )

    def all(self) -> dict[str, list[PaperTable]]:
        """File name → its tables, for LaTeX."""
        names = self.book.datasets
        found = {
            "paper_bd_rates": [self.bd],
            "paper_audio": [table for name in names if (table := self.speech(name)).lines],
            "paper_ablation": [self.ablation(name) for name in names],
            "paper_complexity": [self.cost(name) for name in names],
            "paper_lip_sync": [self.sync(name) for name in names],
        }
        return {name: [table for table in tables if table is not None] for name, tables in found.items()}
