"""What was run, what failed, and how every number is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import facts
from ..page import Page

if TYPE_CHECKING:
    from ..source import Source


def pages(source: Source) -> list[Page]:
    """The page of coverage, failures, identities and definitions."""
    return [
        Page(
            name="trust",
            kind="trust",
            title="How it was made",
            context={
                "runs": source.runs,
                "datasets": source.datasets,
                "noted_clips": facts.noted_clips(source.connection),
                "codecs": source.codecs,
                "ladders": facts.ladders(source.connection),
                "metrics": source.metrics,
                "coverage": coverage_rows(facts.coverage(source.connection)),
                "problems": source.problems,
            },
        )
    ]


def coverage_rows(cells: list[facts.Row]) -> list[dict[str, Any]]:
    """Coverage cells gathered per dataset and codec, points in order of rate."""
    found: dict[tuple[str, str], list[facts.Row]] = {}
    for cell in cells:
        found.setdefault((cell["dataset"], cell["codec"]), []).append(cell)
    return [{"dataset": dataset, "codec": codec, "cells": row} for (dataset, codec), row in found.items()]
