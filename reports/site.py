"""Writes the report: a static page that opens from a file, with no network."""

from __future__ import annotations

import importlib.util
import json
import math
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..benchmark.errors import UsageError
from . import facts, text
from .clip_curves import load
from .figures import figures, script_json, styles
from .tables import MATCHED_KBPS, Leaderboard, leaderboards

if TYPE_CHECKING:
    import duckdb

HERE = Path(__file__).parent

MARKS = {
    "synthetic": "runs on synthetic weights: a small in-house model of the method, not the published one",
    "in-house": "made by a small in-house network: it stands for the method, and is not the published metric",
    "quick": "computed in bfloat16: not the official value",
    "floor": "a floor to compare with, not a codec to use",
}


def write_report(directory: Path, connection: duckdb.DuckDBPyConnection | None = None) -> Path:
    """Write `directory/report/index.html` and its assets from `directory/talkbench.duckdb`; returns the page.

    connection: an open store to read instead. Raises UsageError where there is no store.
    """
    import duckdb

    if connection is None:
        store = directory / "talkbench.duckdb"
        if not store.is_file():
            raise UsageError(f"{store}: no such store; run `talkbench sweep --out {directory}` first")
        with duckdb.connect(str(store), read_only=True) as connection:
            page = render(connection)
    else:
        page = render(connection)
    assets = directory / "report" / "assets"
    assets.mkdir(parents=True, exist_ok=True)
    for source in (HERE / "static" / "report.css", HERE / "static" / "report.js", _plotly()):
        shutil.copyfile(source, assets / source.name)
    index = directory / "report" / "index.html"
    index.write_text(page, encoding="utf-8")
    return index


def _plotly() -> Path:
    """plotly.js as the Python package ships it; found without importing the package."""
    spec = importlib.util.find_spec("plotly")
    if spec is None or not spec.submodule_search_locations:
        raise UsageError("the package plotly is not installed; run `pip install plotly`")
    return Path(spec.submodule_search_locations[0]) / "package_data" / "plotly.min.js"


def render(connection: duckdb.DuckDBPyConnection) -> str:
    """The page as HTML."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    curves = load(connection)
    systems, metrics = facts.systems(connection), facts.metrics(connection)
    codecs, datasets, ledger = facts.codecs(connection), facts.datasets(connection), facts.ledger(connection)
    boards = leaderboards(connection, curves)
    runs = facts.runs(connection)
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": text.percent,
        "number": text.number,
        "matched": text.matched,
        "sized": text.sized,
        "tint": tint,
        "json": lambda value: json.dumps(value, ensure_ascii=False, default=str) if value else "",
    }
    return environment.get_template("index.html").render(
        run=runs[0] if runs else None,
        runs=runs,
        datasets=datasets,
        noted_clips=facts.noted_clips(connection),
        codecs=codecs,
        ladders=facts.ladders(connection),
        metrics=metrics,
        references=facts.references(connection),
        set_sizes=facts.set_sizes(connection),
        metric_facts={(row["metric"], row["fingerprint"]): row for row in metrics},
        systems={row["system"]: row for row in systems},
        looks=styles(systems),
        boards=boards,
        headlines=headlines(boards),
        overviews=overviews(boards),
        scales={board: Scale(board) for board in boards},
        marks=marks(systems, codecs),
        many_datasets=len(datasets) > 1,
        synthetic_codecs=[row["codec"] for row in codecs if row["weights"] == "synthetic"],
        speed=facts.speed(connection),
        coverage=coverage_rows(facts.coverage(connection)),
        problems=facts.problems(connection),
        has_ledger=bool(ledger),
        data=Markup(script_json(figures(curves, systems, metrics, ledger, facts.references(connection)))),
        interval=text.interval,
        MARKS=MARKS,
        RATE_WORDS=text.RATE_WORDS,
        STATUS_WORDS=text.STATUS_WORDS,
        MATCHED_KBPS=MATCHED_KBPS,
        DASH=text.DASH,
    )


class Scale:
    """Places of BD-rates on a board's interval plot, in percent of its width; 0 % is always on it.

    The scale is the log of the rate ratio, so −50 % and +100 % are equally far from the anchor.
    """

    def __init__(self, board: Leaderboard) -> None:
        values = [0.0]
        for row in board.rows:
            if row.bd is not None:
                values += [v for v in (row.bd.bd_rate, row.bd.ci_low, row.bd.ci_high) if v is not None]
        self.low, self.high = self._log(min(values)) - 0.02, self._log(max(values)) + 0.02

    @staticmethod
    def _log(value: float) -> float:
        return math.log10(max(1 + value / 100, 1e-3))

    def __call__(self, value: float) -> str:
        return f"{100 * (self._log(value) - self.low) / (self.high - self.low):.2f}"


def marks(systems: list[facts.Row], codecs: list[facts.Row]) -> dict[str, list[str]]:
    """What a reader must know of a system wherever its name stands."""
    words = {}
    for row in codecs:
        found = ["synthetic"] if row["weights"] == "synthetic" else []
        words[row["codec"]] = found + (["floor"] if row["family"] == "floor" else [])
    result = {codec: found for codec, found in words.items() if found}
    for row in systems:
        parts = dict.fromkeys((row["video_codec"], row["audio_codec"]))
        if found := [word for part in parts for word in words.get(part, ())]:
            result[row["system"]] = list(dict.fromkeys(found))
    return result


def tint(bd_rate: float) -> str:
    """CSS class of a BD-rate: how far the rate ratio is from 1, in five steps to either side."""
    distance = math.log10(max(1 + bd_rate / 100, 1e-3))
    step = min(int(abs(distance) / 0.06 + 0.5), 5)
    return "" if not step else f"{'less' if distance < 0 else 'more'}-{step}"


def headlines(boards: list[Leaderboard]) -> list[Leaderboard]:
    """The first board of each dataset and rate: what the page says at its top."""
    found: dict[tuple[str, str], Leaderboard] = {}
    for board in boards:
        found.setdefault((board.dataset, board.rate), board)
    return list(found.values())


def overviews(boards: list[Leaderboard]) -> list[dict[str, Any]]:
    """Per dataset and rate, every system's row in every metric's board."""
    found: dict[tuple[str, str], list[Leaderboard]] = {}
    for board in boards:
        found.setdefault((board.dataset, board.rate), []).append(board)
    result = []
    for (dataset, rate), group in found.items():
        names = dict.fromkeys(row.system for board in group for row in board.rows)
        cells = {name: [next((r for r in b.rows if r.system == name), None) for b in group] for name in names}
        result.append({"dataset": dataset, "rate": rate, "boards": group, "systems": cells})
    return result


def coverage_rows(cells: list[facts.Row]) -> list[dict[str, Any]]:
    """Coverage cells gathered per dataset and codec, points in order of rate."""
    found: dict[tuple[str, str], list[facts.Row]] = {}
    for cell in cells:
        found.setdefault((cell["dataset"], cell["codec"]), []).append(cell)
    return [{"dataset": dataset, "codec": codec, "cells": row} for (dataset, codec), row in found.items()]
