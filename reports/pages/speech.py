"""All audio codecs at all operating points, in the layout of AVCC's Table 2, with the printed one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..page import Page
from ..papers import published
from ..papers.defaults import PaperSet

if TYPE_CHECKING:
    from ..source import Source

TALL = 45
"""Rows above which a table scrolls in its own box, under its heads."""


def pages(source: Source) -> list[Page]:
    """The page of the tables of sound."""
    papers = PaperSet.of(source)
    tables = {name: papers.speech(name) for name in papers.book.datasets}
    return [
        Page(
            name="speech",
            kind="speech",
            title="Speech",
            context={
                "tables": tables,
                "marked": {
                    name
                    for name, table in tables.items()
                    if any(cell.look == "best" for line in table.lines for cell in line.cells)
                },
                "TALL": TALL,
                "printed": published.tables(),
                "PRINTED_LABEL": published.LABEL,
            },
        )
    ]
