"""AVCC's Table 2 from a store: every codec that codes sound, at each of its points, lowest rate first."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from .cells import Cell, Head, Line, PaperTable, absent
from .choices import Book
from .curves import Board, Mean


@dataclass(frozen=True)
class Column:
    """A head, the metrics that stand under it, and the decimals that they are written with."""

    name: str
    metrics: tuple[str, ...]
    decimals: int = 3
    optional: bool = False


COLUMNS = (
    Column("MEL", ("mel_dac_eval",)),
    Column("STFT", ("stft_dac_eval",)),
    Column("ViSQOL", ("visqol_speech",)),
    Column("WER", ("wer_whisper", "wer_sphinx"), 1),
    Column("dWER", ("dwer_whisper", "dwer_sphinx"), 1, optional=True),
    Column("PESQ", ("pesq",)),
    Column("STOI", ("stoi",)),
    Column("DNSMOS", ("dnsmos_ovrl",)),
)
"""The paper's columns, and further ones; optional ones are shown only if they were requested."""
NEAR = 1.05
"""Rates up to this many times a point's own compete with it."""

CAPTION = (
    "All audio codecs at all operating points: means over {clips} of {dataset}; a number over fewer clips "
    "shows how many. kbit/s is the measured audio rate, joint parts included, not the codec's nominal "
    "rate. mel_dac_eval and stft_dac_eval are descript-audio-codec's evaluation.{wer}{truth}"
)
WER = (
    " WER is of the whole corpus, all errors over all words: against the transcript, or, as dWER, against "
    "what the recogniser hears in the uncoded sound."
)
TRUTH = " Ground truth: the uncoded clips; a dash stands where a metric compares with them."


@dataclass(frozen=True)
class Shown:
    """A board as a column of the table."""

    column: Column
    board: Board

    @property
    def key(self) -> str:
        return self.board.key

    @property
    def percent(self) -> bool:
        """Error rates are shown in percent, as in the paper."""
        return self.board.unit == "errors/word"

    @property
    def decimals(self) -> int:
        """An error rate that is not in percent needs more."""
        return self.column.decimals if self.percent else 3

    def rounded(self, value: float) -> float:
        """A value as it is written."""
        return round(value * (100 if self.percent else 1), self.decimals)

    def cell(self, value: float, clips: int | None, look: str = "") -> Cell:
        """A value; clips: how many it is over where the row does not say it."""
        few = clips is not None and clips < self.board.expected
        notes = (f"{clips} of {self.board.expected}",) if few else ()
        shown = f"{self.rounded(value):.{self.decimals}f}".replace("-", "−")
        return Cell(shown, notes=notes, look=look, sort=value)

    @property
    def head(self) -> Head:
        unit = "" if self.percent or not self.board.unit else f", {self.board.unit}"
        direction = "higher" if self.board.of.higher_is_better else "lower"
        return Head(
            f"{self.column.name}{', %' if self.percent else ''} {self.board.arrow}",
            hint=f"{direction} is better",
            marks=self.board.marks,
            small=f"{self.board.label}{unit}",
        )


@dataclass
class Point:
    """One row: a system at a point, and its means by board."""

    system: str
    name: str
    means: dict[str, Mean] = field(default_factory=dict)

    @property
    def kbps(self) -> float:
        """Mean rate over the clips of the metric that covers most."""
        return max(self.means.values(), key=lambda mean: mean.clips).kbps


def speech_table(book: Book, dataset: str) -> PaperTable:
    """The table of one dataset; without lines where nothing that codes sound has a value of these metrics."""
    there = book.on(dataset, "audio").values()
    shown = [
        Shown(column, board)
        for column in COLUMNS
        for metric in column.metrics
        for board in there
        if board.of.metric == metric
    ]
    points = _points(shown)
    best = {one.key: _best(one, points) for one in shown}
    lines = [Line(tuple(_cells(book, shown, point, best))) for point in points]
    truth = bool(lines) and any(one.board.reference is not None for one in shown)
    if truth:
        lines.insert(0, _uncoded(shown))
    expected = max((one.board.expected for one in shown), default=0)
    return PaperTable(
        heads=(
            Head("codec", "text"),
            Head("point", "text"),
            Head("kbit/s", hint="audio rate, joint parts included, mean over clips", small="measured"),
            *(one.head for one in shown),
        ),
        lines=tuple(lines),
        caption=CAPTION,
        said={
            "clips": f"the {expected} clips" if expected != 1 else "the one clip",
            "dataset": dataset,
            "wer": WER if any("WER" in one.column.name for one in shown) else "",
            "truth": TRUTH if truth else "",
        },
        gaps=tuple(_gaps(book, shown, points, truth)),
    )


def _points(shown: Sequence[Shown]) -> list[Point]:
    """All points with a value, lowest rate first."""
    found: dict[tuple[str, str], Point] = {}
    for one in shown:
        for system, curve in one.board.curves.items():
            for mean in curve.means:
                point = found.setdefault((system, mean.point), Point(system, mean.point))
                point.means[one.key] = mean
    return sorted(found.values(), key=lambda point: (point.kbps, point.system, point.name))


def _best(one: Shown, points: Sequence[Point]) -> set[tuple[str, str]]:
    """(system, point) of the values that none is better than at NEAR times their rate or less, among those
    over the same clips as most; nothing where one system stands alone. What is written alike is equal.
    """
    rated = [(point, point.means[one.key]) for point in points if one.key in point.means]
    if len({point.system for point, _ in rated}) < 2:
        return set()
    sign = 1 if one.board.of.higher_is_better else -1
    sets = Counter((mean.which, mean.clips) for _, mean in rated)
    usual, _ = max(sets, key=lambda clips: (sets[clips], clips[1]))
    rows = [(point, sign * one.rounded(mean.value)) for point, mean in rated if mean.which == usual]
    rates = [point.kbps for point, _ in rows]
    tops = list(accumulate((worth for _, worth in rows), max))
    return {
        (point.system, point.name)
        for point, worth in rows
        if worth >= tops[bisect_right(rates, NEAR * point.kbps) - 1]
    }


def _cells(
    book: Book, shown: Sequence[Shown], point: Point, best: dict[str, set[tuple[str, str]]]
) -> Iterator[Cell]:
    weights = {row["codec"]: row["weights"] for row in book.source.codecs}
    codecs = {row["system"]: row["audio_codec"] for row in book.source.systems}
    official = ("official",) if weights.get(codecs.get(point.system)) == "official" else ()
    marks = (*book.source.marks.get(point.system, ()), *official)
    yield Cell(point.system, "system", sort=point.system, marks=marks)
    yield Cell(point.name, "text", sort=point.name)
    # Where all values of a row are over the same number of clips, the rate says it for all.
    counts = {mean.clips for mean in point.means.values()}
    expected = shown[0].board.expected
    fewer = (f"{min(counts)} of {expected}",) if len(counts) == 1 and min(counts) < expected else ()
    yield Cell(f"{point.kbps:.2f}", notes=fewer, sort=point.kbps)
    for one in shown:
        mean = point.means.get(one.key)
        if mean is None:
            yield absent("not scored")
            continue
        look = "best" if (point.system, point.name) in best[one.key] else ""
        yield one.cell(mean.value, None if len(counts) == 1 else mean.clips, look)


def _uncoded(shown: Sequence[Shown]) -> Line:
    """What the clips themselves score."""
    start = (Cell("Ground truth", "text", notes=("uncoded",)), Cell("", "text"), absent("uncoded"))
    scores = [(one, one.board.reference, one.board.reference_clips) for one in shown]
    cells = [absent("") if value is None else one.cell(value, clips) for one, value, clips in scores]
    return Line((*start, *cells), "reference")


def _gaps(
    book: Book, shown: Sequence[Shown], points: Sequence[Point], truth: bool
) -> Iterator[tuple[str, str]]:
    """What is not in the table, and why: metrics, codecs, the uncoded clips."""
    there = {one.board.of.metric for one in shown}
    asked = {row["metric"] for row in book.source.metrics}
    for column in COLUMNS:
        missed = [metric for metric in column.metrics if metric not in there]
        wanted = [metric for metric in missed if metric in asked]
        if not wanted and len(missed) == len(column.metrics) and not column.optional:
            wanted = missed[:1]
        for metric in wanted:
            yield f"{column.name} ({metric})", book.why(metric)
    coded = {point.system for point in points}
    for row in book.source.codecs:
        if row["codec"] not in coded and "audio" in (row["modalities"] or ()):
            why = f"{row['status']}: {row['error'] or 'no message was recorded'}"
            yield row["codec"], "no value of these metrics" if row["status"] == "ok" else why
    if points and not truth:
        yield "Ground truth", "the uncoded clips have no score of these metrics"
