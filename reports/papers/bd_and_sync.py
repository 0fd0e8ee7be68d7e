"""The tables of the AVCC and AV3D papers, made from a store: BD-rates and lip sync."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ...benchmark.analysis import statuses
from .. import words
from .cells import Cell, Head, Line, PaperTable, absent, missing, number
from .choices import Book, Choice
from .curves import Board, Mean, SystemCurve

if TYPE_CHECKING:
    from ...benchmark.analysis.bd_rate import BdRow
    from ...benchmark.analysis.curves import Matched

BD_CAPTION = (
    "BD-rate of {test} against the system of each column, over the {rate} rate at equal quality; "
    "negative: {test} needs less rate. Below it the 95 % bootstrap interval over clips, and how much of"
    " the joint quality range both curves have. Curves are means over the clips that both systems "
    "cover, PCHIP over log rate; nothing is averaged over datasets or metrics."
)
SYNC_CAPTION = (
    "All systems at {kbps} kbit/s of {rate} rate, on {dataset}: interpolated on each system's own mean "
    "curve over the clips that all of its points cover (PCHIP over log rate), never extrapolated; "
    "“below range” and “above range”: outside the measured range. Each metric has its own curve, so "
    "the values of one row may belong to different settings of the system. Ground truth: the uncoded "
    "clips; a dash stands where a metric compares with them."
)


def bd_table(book: Book, rate: str, test: str, choice: Choice) -> PaperTable:
    """AVCC Table 1 and AV3D Table 1: a system against every other, by dataset and metric."""
    anchors = [name for name in book.on_rate(rate) if name != test]
    many = len(book.datasets) > 1
    lines = []
    for dataset in book.datasets:
        there = book.on(dataset, rate)
        before = f"{dataset}: " if many else ""
        for label in choice.labels:
            board = there.get(label)
            if board is None or test not in board.of.pairs.index:
                lines.append(missing(before + label, f"{test} has no curve of it here"))
                continue
            cells = [bd_cell(board, test, anchor) for anchor in anchors]
            lines.append(Line((metric_cell(board, before), *cells)))
    lines += [missing(name, reason) for name, reason in choice.absent]
    if not anchors:
        lines = [missing(test, "the only system with a curve: no comparison possible", "system")]
    return PaperTable(
        heads=(
            Head("dataset, at equal" if many else "at equal", "text"),
            *(Head(anchor, "system") for anchor in anchors),
        ),
        lines=tuple(lines),
        caption=BD_CAPTION,
        said={"test": test, "rate": rate},
    )


def metric_cell(board: Board, before: str = "") -> Cell:
    """A metric's name with its direction and what marks it; a distribution metric with its N."""
    notes = (board.unit,) if board.pooled and board.unit else ()
    name = f"{before}{board.label}"
    return Cell(f"{name} {board.arrow}", "metric", notes, sort=name, marks=board.marks)


def metric_head(board: Board) -> Head:
    """A column of a metric's values."""
    unit = f", {board.unit}" if board.unit else ""
    return Head(f"{board.label}{unit} {board.arrow}", marks=board.marks)


def bd_cell(board: Board, test: str, anchor: str) -> Cell:
    """One BD-rate with its interval, overlap, clips where some are missing, and status."""
    if not {test, anchor} <= set(board.of.pairs.index):
        return absent("not scored")
    bd = board.of.pairs.row(test, anchor)
    overlap = [] if bd.overlap is None else [f"overlap {bd.overlap:.0f} %"]
    if bd.bd_rate is None:
        return absent(statuses.STATUS_WORDS[bd.status])
    fewer = [f"{bd.clips} of {board.expected} clips"] if bd.clips < board.expected else []
    return Cell(
        words.percent(bd.bd_rate),
        notes=(_interval(board, bd), *overlap, *fewer),
        flag=statuses.STATUS_WORDS[bd.status],
        look=words.tint(bd.bd_rate),
        sort=bd.bd_rate,
    )


def _interval(board: Board, bd: BdRow) -> str:
    if bd.ci_low is not None:
        return words.interval(bd.ci_low, bd.ci_high)
    if board.pooled:
        return "no interval: one value for all clips"
    return "no interval: one clip" if bd.clips == 1 else "no interval"


def uncoded(shown: Sequence[Board]) -> Line:
    """The row of the clips themselves, with a column of nothing before that of the clips."""
    if all(board.reference is None for board in shown):
        reason = "the uncoded clips have no score of these metrics"
        return missing("Ground truth", reason, "text")
    cells = [absent("") if board.reference is None else number(board.reference) for board in shown]
    counts = [board.reference_clips for board in shown if board.reference is not None]
    return Line(
        (
            Cell("Ground truth", "text", notes=("uncoded",)),
            *cells,
            Cell("", "text"),
            clips_cell(counts, shown[0].expected),
        ),
        "reference",
    )


def mean_cell(mean: Mean | None) -> Cell:
    """A point's mean."""
    return absent("not scored") if mean is None else number(mean.value)


def clips_cell(counts: Iterable[int], expected: int) -> Cell:
    """Over how many of the plan's clips a row's numbers are: '48 of 50'; a range where they differ."""
    found = sorted(set(counts))
    if not found:
        return absent("")
    text_ = f"{found[0]} of {expected}" if len(found) == 1 else f"{found[0]}–{found[-1]} of {expected}"
    return Cell(text_, look="short" if found[0] < expected else "", sort=found[0])


CLIPS = Head("clips", "number", "clips with a score, of the clips in the plan")


def read_cell(found: Matched | None) -> Cell:
    """A value interpolated on a curve; None: no curve."""
    if found is None:
        return absent("not scored")
    return number(found.value, reason=found.reason)


def sync_table(book: Book, dataset: str, rate: str, choice: Choice, kbps: float | None) -> PaperTable:
    """AV3D Table 2: lip sync at one rate."""
    there = book.on(dataset, rate)
    shown = [there[label] for label in choice.labels]
    lines = [uncoded(shown)] if shown else []
    for name in book.on_rate(rate, dataset):
        curves = [board.curves.get(name) for board in shown]
        if kbps is not None and any(curve is not None for curve in curves):
            cells = [read_cell(None if curve is None else curve.at(kbps)) for curve in curves]
            counts = clips_cell((curve.clips for curve in curves if curve is not None), shown[0].expected)
            lines.append(Line((Cell(name, "system", sort=name), *cells, _range(curves), counts)))
    if not any(line.kind == "" for line in lines):
        lines.append(missing("lip sync", "no system has a curve to interpolate at a rate", "text"))
    lines += [missing(*gap) for gap in choice.absent]
    return PaperTable(
        heads=(
            Head("system", "text"),
            *(metric_head(board) for board in shown),
            Head("measured, kbit/s", "number", "the rates of the curve's first and last point"),
            CLIPS,
        ),
        lines=tuple(lines),
        caption=SYNC_CAPTION,
        said={"kbps": words.DASH if kbps is None else words.number(kbps), "rate": rate, "dataset": dataset},
    )


def _range(curves: Sequence[SystemCurve | None]) -> Cell:
    known = [curve.curve.kbps for curve in curves if curve is not None and len(curve.curve)]
    if not known:
        return absent("no clip has every point")
    low, high = max(float(k[0]) for k in known), min(float(k[-1]) for k in known)
    if low > high:
        return absent("no common range")
    return Cell(f"{words.number(low, 3)}–{words.number(high, 3)}", sort=low)
