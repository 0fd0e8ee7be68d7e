"""Where the bits go: the ledger of each codec, and its speed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import facts
from ..figures import short
from ..page import Page

if TYPE_CHECKING:
    from ..source import Source


def pages(source: Source) -> list[Page]:
    """The page of bits and speed."""
    ledger = facts.ledger(source.connection)
    return [
        Page(
            name="bits",
            kind="bits",
            title="Bits and speed",
            plotly=bool(ledger),
            context={"has_ledger": bool(ledger), "speed": facts.speed(source.connection)},
            data={
                "ledger": [
                    {**row, "parts": {name: short(kbps) for name, kbps in row["parts"].items()}}
                    for row in ledger
                ]
            },
        )
    ]
