"""What a table of the papers' page is made of: texts with what they rest on, for HTML, script and LaTeX."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from string import Formatter
from typing import Literal

from .. import words as text
from ..boards.leaderboards import Table

CellKind = Literal["number", "text", "system", "metric"]
LineKind = Literal["", "reference", "missing", "difference", "whole"]


@dataclass(frozen=True)
class Cell:
    """One cell. notes: small print beside its text; flag: a warning; look: a CSS class; marks: keys of
    `text.MARKS`; sort: what its column sorts by, '' for what is missing.
    """

    text: str
    kind: CellKind = "number"
    notes: tuple[str, ...] = ()
    flag: str = ""
    look: str = ""
    sort: float | str = ""
    marks: tuple[str, ...] = ()

    @property
    def plain(self) -> str:
        """All that it says, on one line."""
        beside = "; ".join(filter(None, (*self.marks, *self.notes, self.flag)))
        if self.text == text.DASH:
            return text.missing(beside)
        return f"{self.text} ({beside})" if beside else self.text


@dataclass(frozen=True)
class Line:
    """One row. kind `missing`: a name, and why there is nothing; `whole`: of curves, not of points."""

    cells: tuple[Cell, ...]
    kind: LineKind = ""


@dataclass(frozen=True)
class Head:
    """The head of a column; hint: on hover; marks: keys of `text.MARKS`; small: a second line."""

    text: str
    kind: CellKind = "number"
    hint: str = ""
    marks: tuple[str, ...] = ()
    small: str = ""


@dataclass(frozen=True)
class PaperTable:
    """A table with its caption, a format string of the names in `said`; gaps: footnotes of what is not in it
    and why.
    """

    heads: tuple[Head, ...]
    lines: tuple[Line, ...]
    caption: str
    said: Mapping[str, str] = field(default_factory=dict)
    gaps: tuple[tuple[str, str], ...] = ()

    @property
    def caption_parts(self) -> Iterator[tuple[str, str, str]]:
        """(literal, name, what it stands for) of the caption; name '' after the last literal."""
        for literal, name, _, _ in Formatter().parse(self.caption):
            yield literal, name or "", self.said[name] if name else ""

    @property
    def caption_text(self) -> str:
        """The caption with the footnotes."""
        whole = "".join(literal + value for literal, _, value in self.caption_parts)
        missed = "; ".join(f"{name}: {reason}" for name, reason in self.gaps)
        return f"{whole} Not here: {missed}." if missed else whole

    def texts(self) -> Table:
        """Heads and rows as texts; the last cell of a shorter row is for all columns that are left."""
        heads = [" ".join(filter(None, (head.text, head.small, *head.marks))) for head in self.heads]
        return heads, [[cell.plain for cell in line.cells] for line in self.lines]


def number(value: float | None, digits: int = 4, reason: str = "", **more: object) -> Cell:
    """A number, or a dash with its reason."""
    if value is None:
        return absent(reason)
    return Cell(text.number(value, digits), sort=value, **more)  # pyright: ignore[reportArgumentType]


def absent(reason: str) -> Cell:
    """A dash with its reason."""
    return Cell(text.DASH, notes=(reason,))


def missing(name: str, reason: str, kind: CellKind = "metric") -> Line:
    """A row that says why it has no numbers."""
    return Line((Cell(name, kind, sort=name), Cell(reason, "text")), "missing")
