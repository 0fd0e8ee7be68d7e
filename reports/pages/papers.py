"""The tables of the AVCC and AV3D papers: ours, made from the store, beside the printed numbers."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from ..boards.series import short
from ..page import Page
from ..papers import published
from ..papers.ablation import HOW
from ..papers.choices import ABLATION_METRICS, BD_METRICS, SYNC_METRICS, Book, Wanted
from ..papers.cost import devices, hardware, memory, parameters
from ..papers.curves import Board
from ..papers.defaults import PaperSet

if TYPE_CHECKING:
    from ..source import Source


def pages(source: Source) -> list[Page]:
    """The page of the papers' tables."""
    papers = PaperSet.of(source)
    book = papers.book
    first = papers.dataset
    return [
        Page(
            name="papers",
            kind="papers",
            title="Papers' tables",
            context={
                "bd": papers.bd,
                "ablation": first and papers.ablation(first),
                "cost": first and papers.cost(first),
                "sync": first and papers.sync(first),
                "dataset_names": book.datasets,
                "printed": published.tables(),
                "PRINTED_LABEL": published.LABEL,
                "PAPERS": published.PAPERS,
            },
            data=_data(papers) if book.boards else {},
            parts={board.key: board.part for board in book.boards}
            | {
                f"bd-{rate}-{book.systems.index(test)}": partial(_bd_part, book, rate, test)
                for rate in book.rates
                for test in book.on_rate(rate)
            },
        )
    ]


def _data(papers: PaperSet) -> dict[str, Any]:
    """What the script needs to make every other choice of the tables."""
    book = papers.book
    index = {name: at for at, name in enumerate(book.systems)}
    return {
        "datasets": book.datasets,
        "systems": book.systems,
        "rates": book.rates,
        "boards": [_board(board, index) for board in book.boards],
        "choices": {
            "bd": {rate: _choice(book, BD_METRICS, rate, None) for rate in book.rates},
            "ablation": _choices(book, ABLATION_METRICS),
            "sync": _choices(book, SYNC_METRICS),
        },
        "first": {
            "bd": {rate: index[book.test_system(rate) or ""] for rate in book.rates},
            "ablation": [
                {"rate": papers.ablation_rate(name), "variants": _variants(book, name)}
                for name in book.datasets
            ],
            "sync": [book.sync_rate(name) for name in book.datasets],
            "cost": [board.key if (board := book.cost_board(name)) else None for name in book.datasets],
        },
        "codecs": [
            {
                "codec": row["codec"],
                "modalities": row["modalities"],
                "problem": ""
                if row["status"] == "ok"
                else f"{row['status']}: {row['error'] or 'no message was recorded'}",
                "parameters": asdict(parameters(row)),
            }
            for row in book.source.codecs
        ],
        "points": [
            {
                name: short(value) if isinstance(value, float) else value
                for name, value in row.items()
                if not name.endswith(("_devices", "_bytes"))
            }
            | {"device": devices(row), "memory": asdict(memory(row))}
            for row in papers.points
        ],
        "hardware": hardware(book.source),
        "how": HOW,
    }


def _board(board: Board, index: dict[str, int]) -> dict[str, Any]:
    return {
        "key": board.key,
        "dataset": board.of.dataset,
        "rate": board.of.rate,
        "label": board.label,
        "unit": board.unit,
        "higher": board.of.higher_is_better,
        "marks": board.marks,
        "pooled": board.pooled,
        "reference": short(board.reference),
        "referenceClips": board.reference_clips,
        "expected": board.expected,
        "systems": sorted(index[row.system] for row in board.of.rows),
    }


def _choice(book: Book, wanted: dict[str, Wanted], rate: str, dataset: str | None) -> dict[str, Any]:
    return asdict(book.choose(wanted[rate], rate, dataset))


def _choices(book: Book, wanted: dict[str, Wanted]) -> list[dict[str, Any]]:
    """Per dataset (in their order) and rate."""
    return [{rate: _choice(book, wanted, rate, name) for rate in book.rates} for name in book.datasets]


def _variants(book: Book, dataset: str) -> dict[str, Any]:
    """Rate → the two systems that are compared first, and how."""
    found = {rate: book.variants(dataset, rate) for rate in book.rates}
    return {rate: asdict(pair) for rate, pair in found.items() if pair is not None}


def _bd_part(book: Book, rate: str, test: str) -> list[dict[str, Any]]:
    """One system's BD-rates over a rate: per board anchor, value, interval, overlap, status and clips."""
    index = {name: at for at, name in enumerate(book.systems)}
    found = []
    for board in book.boards:
        pairs = board.of.pairs
        if board.of.rate != rate or test not in pairs.index:
            continue
        at = pairs.index[test]
        columns = [pairs.bd_rate, pairs.ci_low, pairs.ci_high, pairs.overlap]
        rows = [
            [
                index[anchor],
                *(short(float(values[at, to])) for values in columns),
                int(pairs.status[at, to]),
                int(pairs.clips[at, to]),
            ]
            for to, anchor in enumerate(pairs.systems)
            if to != at
        ]
        found.append({"board": board.key, "rows": rows})
    return found
