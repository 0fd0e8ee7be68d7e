"""What was run, what failed, and how every number is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import facts, provenance
from ..cautions import cautions
from ..page import Page

if TYPE_CHECKING:
    from ..source import Source

OPEN_ROWS = 40
"""Longer tables of codecs, metrics and coverage start closed."""

AVERAGES = {"frame": "frames, then clips", "clip": "clips", "pair": "clips", "set": "none: one value for all"}
"""Kind of a metric → what its value at a point is averaged over."""
WEIGHTED = "clips, by their words"


def pages(source: Source) -> list[Page]:
    """The page of warnings, coverage, failures, identities and definitions."""
    return [
        Page(
            name="trust",
            kind="trust",
            title="How it was made",
            context={
                "cautions": cautions(source),
                "citation": provenance.citation(source),
                "runs": source.runs,
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
                "problems": gathered(source.problems),
                "suite_toml": provenance.suite_toml(source.suite),
                "OPEN_ROWS": OPEN_ROWS,
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
