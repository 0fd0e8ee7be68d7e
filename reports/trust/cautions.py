"""What a reader must know before quoting a number, gathered from the whole store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...benchmark.analysis import statuses
from .. import words as text
from ..queries import facts, ledger
from . import provenance

if TYPE_CHECKING:
    from ..source import Source

FEW_CLIPS = 10
"""Below so many clips a bootstrap interval is rough, and too narrow more often than not."""
SMALL_SET = 2048
"""Frames below which FID is biased: the dimension of its features."""


@dataclass(frozen=True)
class Caution:
    """One warning: what it is about, in a few words; why it matters; where the page tells more."""

    about: str
    says: str
    section: str = ""


def cautions(source: Source) -> list[Caution]:
    """All warnings of a store, what concerns every number first."""
    return [
        found for part in (_runs, _data, _models, _scores, _curves, _cells, _speed) for found in part(source)
    ]


def _few(names: list[str], limit: int = 8) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _runs(source: Source) -> Iterator[Caution]:
    if not source.runs:
        yield Caution("No run recorded", "When, where and with what versions it was made is unknown.")
        return
    latest, shown = source.runs[0], provenance.contributing(source)
    if latest["finished_at"] is None:
        yield Caution(
            "The latest run has not finished",
            "It is still running, or was stopped. Missing results may just not have been computed yet.",
            "trust-runs",
        )
    dirty = [run for run in shown if run["git_dirty"]]
    if dirty:
        yield Caution(
            "Uncommitted changes",
            ("The run was" if len(shown) == 1 else f"{len(dirty)} of {_count(len(shown), 'run')} were")
            + " made by code with uncommitted changes: the commit alone does not say what ran.",
            "trust-runs",
        )
    if any(not run["git_commit"] for run in shown):
        yield Caution(
            "No commit", "A run was not made from a checkout: only its version is known.", "trust-runs"
        )
    for name, values in _grouped(provenance.differences(shown)).items():
        yield Caution(f"Made with several {name}", f"{values}.", "trust-runs")
    if latest["suite_resolved"] and not provenance.suite_is_whole(latest):
        yield Caution(
            "The suite does not match its hash",
            "The suite that the run recorded is not the one that its sha256 was made from.",
            "trust-suite",
        )


def _grouped(different: dict[str, list[str]]) -> dict[str, str]:
    """What differs between runs, as at most four warnings."""
    words = {"talkbench": "versions of the code", "commit": "versions of the code"}
    words |= {"cpu": "machines", "gpus": "machines", "system": "machines"}
    found: dict[str, list[str]] = {}
    for name, values in different.items():
        found.setdefault(words.get(name, "versions of libraries"), []).append(
            f"{name}: {' and '.join(values[:3])}{' and others' if len(values) > 3 else ''}"
        )
    return {name: _few(values) for name, values in found.items()}


def _data(source: Source) -> Iterator[Caution]:
    made = [row["dataset"] for row in source.datasets if row["synthetic"]]
    if made:
        yield Caution(
            f"Rendered clips: {_few(made)}",
            "Made by a renderer, not recorded. Rankings may differ on recorded video.",
            "trust-datasets",
        )
    few = [row for row in source.datasets if 0 < row["usable"] < FEW_CLIPS]
    for row in few:
        yield Caution(
            f"{_count(row['usable'], 'clip')} of {row['dataset']}",
            "One clip gives no interval: no order is tested."
            if row["usable"] == 1
            else "Intervals over so few clips are rough and tend to be too narrow.",
            "trust-datasets",
        )
    noted = sum(row["n"] for row in facts.noted_clips(source.connection))
    if noted:
        yield Caution(
            f"{_count(noted, 'clip')} changed or with a doubt in preparation",
            "Cropped, resized, or without a face: what all codecs got is the prepared clip.",
            "trust-notes",
        )


def _models(source: Source) -> Iterator[Caution]:
    synthetic = [row["codec"] for row in source.codecs if row["weights"] == "synthetic"]
    if synthetic:
        yield Caution(
            f"Synthetic weights: {_few(synthetic)}", _sentence(text.MARKS["synthetic"]), "trust-weights"
        )
    inhouse = [row["metric"] for row in source.metrics if row.get("weights") == "synthetic"]
    if inhouse:
        yield Caution(
            f"In-house metrics: {_few(inhouse)}", _sentence(text.MARKS["in-house"]), "trust-weights"
        )
    quick = [row["metric"] for row in source.metrics if (row["options"] or {}).get("precision") == "bf16"]
    if quick:
        yield Caution(f"Quick mode: {_few(quick)}", _sentence(text.MARKS["quick"]), "trust-metrics")
    for row in provenance.weights(source):
        if row["known"] and row["sha256"] and not row["same"]:
            yield Caution(
                f"Other weights than the registry's: {row['name']}",
                f"{_few(row['used_by'])} ran with another file than this version of talkbench knows.",
                "trust-weights",
            )


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def _scores(source: Source) -> Iterator[Caution]:
    for (dataset, metric, _), row in sorted(facts.set_sizes(source.connection).items()):
        if row["low"] < SMALL_SET or row["low"] != row["high"]:
            sizes = f"{row['low']}" if row["low"] == row["high"] else f"{row['low']} to {row['high']}"
            why = [f"Below {SMALL_SET} frames it is biased upward."] if row["low"] < SMALL_SET else []
            if row["low"] != row["high"]:
                why.append("Only values of equal N are comparable.")
            yield Caution(f"{metric} on {dataset}: N = {sizes} frames", " ".join(why), "trust-metrics")
    wrong = ledger.unbalanced(source.connection)
    if wrong:
        yield Caution(
            f"{_count(wrong, 'encode')} with parts that do not add up",
            "Their parts do not sum to the billed bits; the rate is from the billed bits.",
            "trust-definitions",
        )


def _curves(source: Source) -> Iterator[Caution]:
    rows = [row.bd for board in source.boards for row in board.rows if row.bd is not None]
    counts = Counter(row.status for row in rows)
    for status, why in {
        "low_overlap": "rest on less than half of the joint quality range and are valid for that part only",
        "no_overlap": "are missing: the two systems reach no common quality",
        "non_monotone": "rest on a curve on which more rate gave less quality somewhere",
        "too_few_points": "are missing: a curve has too few points",
    }.items():
        if counts[status]:
            words = statuses.STATUS_WORDS[status]
            yield Caution(
                f"{words[0].upper()}{words[1:]}",
                f"{counts[status]} of {_count(len(rows), 'BD-rate')} against the default anchors {why}.",
                "trust-definitions",
            )


def _cells(source: Source) -> Iterator[Caution]:
    stages = Counter[str]()
    for row in source.problems:
        stages[row["stage"]] += row["n"]
    absent = stages.pop("codec", 0), stages.pop("metric", 0)
    if any(absent):
        words = [_count(n, word) for n, word in zip(absent, ("codec", "metric"), strict=True) if n]
        yield Caution(f"{' and '.join(words)} could not run", "Reasons and fixes are below.", "coverage")
    if stages:
        found = ", ".join(f"{n} in {stage}" for stage, n in stages.items())
        yield Caution(
            f"{_count(sum(stages.values()), 'result')} missing",
            f"{found}. They are left out of every mean, and never counted as 0.",
            "coverage",
        )


def _speed(source: Source) -> Iterator[Caution]:
    devices: dict[str, set[str]] = {}
    for row in facts.speed(source.connection):
        devices.setdefault(row["codec"], set()).update(
            device for device in (row["encode_device"], row["decode_device"]) if device
        )
    kinds = sorted({device.partition(":")[0] for found in devices.values() for device in found})
    if len(kinds) > 1:
        yield Caution(
            f"Speeds on {' and '.join(kinds)}",
            "Codecs ran on different kinds of device: compare speeds on one device only.",
            "trust-runs",
        )
    workers = max((run["workers"] or 1 for run in source.runs), default=1)
    if workers > 1:
        yield Caution(
            f"Timed with up to {workers} jobs at a time",
            "Comparable only with each other, not with an idle machine. No other result is affected.",
            "trust-runs",
        )
