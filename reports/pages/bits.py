"""Where the bits go: the ledger of each codec and of systems side by side, and how fast they are made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..boards.series import short
from ..page import Page
from ..queries import facts
from ..queries.ledger import KINDS, kind, ledger, pace

if TYPE_CHECKING:
    from ..source import Source


def pages(source: Source) -> list[Page]:
    """The page of bits and speed."""
    modalities = {row["codec"]: tuple(row["modalities"] or ()) for row in source.codecs}
    rows = [
        {
            "dataset": row["dataset"],
            "codec": row["codec"],
            "point": row["point"],
            "clips": row["clips"],
            "parts": [
                [name, kind(name, modalities.get(row["codec"], ())), short(kbps)]
                for name, kbps in row["parts"].items()
            ],
        }
        for row in ledger(source.connection)
    ]
    paces = [
        {name: short(value) if isinstance(value, float) else value for name, value in row.items()}
        for row in pace(source.connection)
    ]
    return [
        Page(
            name="bits",
            kind="bits",
            title="Bits and speed",
            plotly=bool(rows),
            context={
                "has_ledger": bool(rows),
                "has_pace": any(row["encode_realtime"] or row["decode_realtime"] for row in paces),
                "speed": facts.speed(source.connection),
                "parameters": {row["codec"]: row.get("parameters") for row in source.codecs},
                "timed_together": max((run["workers"] or 1 for run in source.runs), default=1),
            },
            data={"ledger": rows, "kinds": list(KINDS.items()), "pace": paces},
        )
    ]
