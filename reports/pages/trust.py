"""What was run, what failed, and how every number is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..page import Page
from ..queries import facts
from ..trust import provenance
from ..trust.cautions import cautions

if TYPE_CHECKING:
    from ..source import Source

OPEN_ROWS = 40
"""Longer tables of codecs and coverage start closed."""
MOST_ROWS = 300
"""So many different problems are listed, and so many runs."""
LONG_MESSAGE = 500
"""Characters of a message that are shown before it is opened."""

AVERAGES = {"frame": "frames, then clips", "clip": "clips", "pair": "clips", "set": "none: one value for all"}
"""Kind of a metric → what its value at a point is averaged over."""
WEIGHTED = "clips, weighted by words"


def pages(source: Source) -> list[Page]:
    """The page of warnings, coverage, failures, identities and definitions."""
    problems = gathered(source.problems)
    return [
        Page(
            name="trust",
            kind="trust",
            title="How it was made",
            context={
                "cautions": cautions(source),
                "citation": provenance.citation(source),
                "runs": source.runs[:MOST_ROWS],
                "more_runs": max(len(source.runs) - MOST_ROWS, 0),
                "datasets": source.datasets,
                "noted_clips": facts.noted_clips(source.connection),
                "codecs": source.codecs,
                "ladders": facts.ladders(source.connection),
                "metrics": source.metrics,
                "averages": {
                    (row["metric"], row["fingerprint"]): WEIGHTED
                    if row["aggregate"] == "weighted"
                    else AVERAGES.get(row["kind"], row["kind"])
                    for row in source.metrics
                },
                "weights": provenance.weights(source),
                "coverage": coverage_rows(facts.coverage(source.connection)),
                "problems": problems[:MOST_ROWS],
                "more_problems": sum(row["n"] for row in problems[MOST_ROWS:]),
                "suite_toml": provenance.suite_toml(source.suite),
                "OPEN_ROWS": OPEN_ROWS,
                "LONG_MESSAGE": LONG_MESSAGE,
            },
        )
    ]


def gathered(problems: list[facts.Row]) -> list[facts.Row]:
    """Problems, with the codecs and metrics that are away for one reason in one row."""
    found: dict[tuple[str, ...], facts.Row] = {}
    for row in problems:
        alike = row["stage"] in ("codec", "metric")
        name = (row["stage"], row["status"], row["message"], "" if alike else row["subject"])
        if name in found:
            found[name]["subjects"].append(row["subject"])
            found[name]["n"] += row["n"]
        else:
            found[name] = {**row, "subjects": [row["subject"]]}
    return list(found.values())


def coverage_rows(cells: list[facts.Row]) -> list[dict[str, Any]]:
    """Coverage cells gathered per dataset and codec, points in order of rate; full: nothing is missing."""
    found: dict[tuple[str, str], list[facts.Row]] = {}
    for cell in cells:
        found.setdefault((cell["dataset"], cell["codec"]), []).append(cell)
    return [
        {
            "dataset": dataset,
            "codec": codec,
            "cells": row,
            "full": all(cell["decoded"] == (cell["expected"] or cell["tried"]) for cell in row),
        }
        for (dataset, codec), row in found.items()
    ]
