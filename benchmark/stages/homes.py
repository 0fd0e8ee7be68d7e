"""Which process a job may run in: one codec's own, or those in which no codec ever ran."""

from __future__ import annotations

SHARED = "shared"


def home(codec: str) -> str:
    """Where a codec's code runs, and nobody else's."""
    return f"codec:{codec}"
