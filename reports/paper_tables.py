"""The tables of the AVCC and AV3D papers, made from a store: BD-rates, sound and lip sync."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from . import text
from .paper_choices import AUDIO_COLUMNS, MORE_AUDIO_COLUMNS, Book, Choice
from .paper_curves import Board, Mean, SystemCurve
from .paper_model import Cell, Head, Line, PaperTable, absent, missing, number

if TYPE_CHECKING:
    from .bd_rate import BdRow
    from .curves import Matched

BD_CAPTION = (
    "BD-rate of {test} against the system of each column, over the {rate} rate at equal quality; "
    "negative: {test} needs less rate. Below it the 95 % bootstrap interval over clips, and how much of"
    " the joint quality range both curves have. Curves are means over the clips that both systems "
    "cover, PCHIP over log rate; nothing is averaged over datasets or metrics."
)
AUDIO_CAPTION = (
    "Every system that codes sound, at each of its points: means over the clips of {dataset} that have "
    "a score there; rate: audio and joint parts. Error rates are of the whole corpus. The papers do not "
    "publish the exact setting of their MEL and STFT: mel_dac_eval and stft_dac_eval are "
    "descript-audio-codec's evaluation, and not to be compared with the printed numbers. Ground truth: the "
    "uncoded clips; a dash stands where a metric compares with them."
)
SYNC_CAPTION = (
    "All systems at {kbps} kbit/s of {rate} rate, on {dataset}: interpolated on each system's own mean "
    "curve over the clips that all of its points cover (PCHIP over log rate), never extrapolated; "
    "“below range” and “above range” lie outside what was measured. Each metric has its own curve, so "
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
        lines = [missing(test, "the only system with a curve: nothing to compare it with", "system")]
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
    """A metric's name with its direction and what marks it; a set metric with its N."""
    notes = (board.unit,) if board.pooled and board.unit else ()
    name = f"{before}{board.label}"
    return Cell(f"{name} {board.arrow}", "metric", notes, sort=name, marks=board.marks)


def metric_head(board: Board, unit: str | None = None) -> Head:
    """A column of a metric's values; unit: instead of its own."""
    shown = board.unit if unit is None else unit
    return Head(f"{board.label}{f', {shown}' if shown else ''} {board.arrow}", marks=board.marks)


def bd_cell(board: Board, test: str, anchor: str) -> Cell:
    """One BD-rate with its interval, overlap, clips where some are missing, and status."""
    if not {test, anchor} <= set(board.of.pairs.index):
        return absent("not scored")
    bd = board.of.pairs.row(test, anchor)
    overlap = [] if bd.overlap is None else [f"overlap {bd.overlap:.0f} %"]
    if bd.bd_rate is None:
        return absent(text.STATUS_WORDS[bd.status])
    fewer = [f"{bd.clips} of {board.expected} clips"] if bd.clips < board.expected else []
    return Cell(
        text.percent(bd.bd_rate),
        notes=(_interval(board, bd), *overlap, *fewer),
        flag=text.STATUS_WORDS[bd.status],
        look=text.tint(bd.bd_rate),
        sort=bd.bd_rate,
    )


def _interval(board: Board, bd: BdRow) -> str:
    if bd.ci_low is not None:
        return text.interval(bd.ci_low, bd.ci_high)
    if board.pooled:
        return "no interval: one value for all clips"
    return "no interval: one clip" if bd.clips == 1 else "no interval"


def audio_table(book: Book, dataset: str) -> PaperTable:
    """AVCC Table 2: every point of every codec that codes sound."""
    there = book.on(dataset, "audio")
    first = book.choose(AUDIO_COLUMNS, "audio", dataset)
    more = book.choose(MORE_AUDIO_COLUMNS, "audio", dataset)
    asked = {row["metric"] for row in book.source.metrics}
    shown = [there[label] for label in dict.fromkeys((*first.labels, *more.labels))]
    lines = [uncoded(shown, 2, 0, scaled=True)] if shown else []
    for name in book.on_rate("audio", dataset):
        found: dict[str, dict[str, Mean]] = {}
        for board in shown:
            if name in board.curves:
                for mean in board.curves[name].means:
                    found.setdefault(mean.point, {})[board.key] = mean
        points = [(max(by.values(), key=lambda m: m.clips).kbps, point, by) for point, by in found.items()]
        for kbps, point, by in sorted(points, key=lambda row: row[:2]):
            cells = [mean_cell(by.get(board.key), _scale(board)) for board in shown]
            cells.append(clips_cell((mean.clips for mean in by.values()), shown[0].expected))
            start = (Cell(name, "system", sort=name), Cell(point, "text", sort=point), number(kbps, 3))
            lines.append(Line((*start, *cells)))
    lines += [missing(*gap) for gap in (*first.absent, *(g for g in more.absent if g[0] in asked))]
    if not any(line.kind == "" for line in lines):
        lines.insert(0, missing("sound", "no codec that codes sound has a score in this store", "text"))
    return PaperTable(
        heads=(
            Head("system", "text"),
            Head("point", "text"),
            Head("kbit/s", "number", "measured rate of the sound, joint parts included"),
            *(metric_head(board, "%" if board.unit == "errors/word" else None) for board in shown),
            CLIPS,
        ),
        lines=tuple(lines),
        caption=AUDIO_CAPTION,
        said={"dataset": dataset},
    )


def _scale(board: Board) -> float:
    """Error rates are shown in percent, as in the paper."""
    return 100.0 if board.unit == "errors/word" else 1.0


def uncoded(shown: Sequence[Board], before: int, after: int, scaled: bool = False) -> Line:
    """The row of the clips themselves; before, after: how many columns it leaves empty on either side."""
    if all(board.reference is None for board in shown):
        reason = "the uncoded clips have no score of these metrics"
        return missing("Ground truth", reason, "text")
    cells = [
        absent("") if board.reference is None else number(board.reference * (_scale(board) if scaled else 1))
        for board in shown
    ]
    counts = [board.reference_clips for board in shown if board.reference is not None]
    empty = Cell("", "text")
    return Line(
        (
            Cell("Ground truth", "text", notes=("uncoded",)),
            *[empty] * before,
            *cells,
            *[empty] * after,
            clips_cell(counts, shown[0].expected),
        ),
        "reference",
    )


def mean_cell(mean: Mean | None, scale: float = 1.0) -> Cell:
    """A point's mean."""
    return absent("not scored") if mean is None else number(mean.value * scale)


def clips_cell(counts: Iterable[int], expected: int) -> Cell:
    """Over how many of the plan's clips a row's numbers are: '48 of 50'; a range where they differ."""
    found = sorted(set(counts))
    if not found:
        return absent("")
    text_ = f"{found[0]} of {expected}" if len(found) == 1 else f"{found[0]}–{found[-1]} of {expected}"
    return Cell(text_, look="short" if found[0] < expected else "", sort=found[0])


CLIPS = Head("clips", "number", "clips with a score, of the clips in the plan")


def read_cell(found: Matched | None) -> Cell:
    """What was read off a curve; None: there is no curve."""
    if found is None:
        return absent("not scored")
    return number(found.value, reason=found.reason)


def sync_table(book: Book, dataset: str, rate: str, choice: Choice, kbps: float | None) -> PaperTable:
    """AV3D Table 2: lip sync at one rate."""
    there = book.on(dataset, rate)
    shown = [there[label] for label in choice.labels]
    lines = [uncoded(shown, 0, 1)] if shown else []
    for name in book.on_rate(rate, dataset):
        curves = [board.curves.get(name) for board in shown]
        if kbps is not None and any(curve is not None for curve in curves):
            cells = [read_cell(None if curve is None else curve.at(kbps)) for curve in curves]
            counts = clips_cell((curve.clips for curve in curves if curve is not None), shown[0].expected)
            lines.append(Line((Cell(name, "system", sort=name), *cells, _range(curves), counts)))
    if not any(line.kind == "" for line in lines):
        lines.append(missing("lip sync", "no system has a curve to read off at a rate", "text"))
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
        said={"kbps": text.DASH if kbps is None else text.number(kbps), "rate": rate, "dataset": dataset},
    )


def _range(curves: Sequence[SystemCurve | None]) -> Cell:
    known = [curve.curve.kbps for curve in curves if curve is not None and len(curve.curve)]
    if not known:
        return absent("no clip has every point")
    low, high = max(float(k[0]) for k in known), min(float(k[-1]) for k in known)
    if low > high:
        return absent("no common range")
    return Cell(f"{text.number(low, 3)}–{text.number(high, 3)}", sort=low)
