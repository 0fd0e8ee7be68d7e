"""AVCC Table 3 from a store: any two variants, at equal points or at equal rates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from .. import words
from .bd_and_sync import CLIPS, bd_cell, clips_cell, mean_cell, metric_head, read_cell
from .cells import Cell, Head, Line, PaperTable, absent, missing, number
from .choices import Book, Choice, Variants
from .curves import Board, Mean, SystemCurve

if TYPE_CHECKING:
    from ...benchmark.analysis.curves import Matched

HOW = {
    "points": "at the points that both have by name, each at its own measured rate",
    "rates": "at the rates of the first one's points; values are interpolated on the mean curves (PCHIP over "
    "log rate), never extrapolated",
}
CAPTION = (
    "{first} and {second} on {dataset}, {how}. Means over clips, {rate} rate. Difference: second minus "
    "first, and whether that is better by the metric's own direction; a single difference has no interval. "
    "BD-rate of the second against the first: over the whole curves, with its 95 % bootstrap interval over "
    "clips."
)


def ablation_table(book: Book, dataset: str, rate: str, variants: Variants, choice: Choice) -> PaperTable:
    """AVCC Table 3: two variants, at points of one name, or at the rates of the first one's points."""
    there = book.on(dataset, rate)
    shown = [there[label] for label in choice.labels]
    rows = (_at_points if variants.mode == "points" else _at_rates)(shown, variants)
    lines = list(rows) or [missing("points", _no_rows(variants), "text")]
    if rows and variants.first != variants.second:
        cells = [bd_cell(board, variants.second, variants.first) for board in shown]
        start = (Cell("BD-rate, second to first", "text"), Cell("", "text"), Cell(""))
        lines.append(Line((*start, *cells, Cell("")), "whole"))
    lines += [missing(*gap) for gap in choice.absent]
    return PaperTable(
        heads=(
            Head("variant", "text"),
            Head("point", "text"),
            Head("kbit/s", "number"),
            *(metric_head(board) for board in shown),
            CLIPS,
        ),
        lines=tuple(lines),
        caption=CAPTION,
        said={
            "first": variants.first,
            "second": variants.second,
            "dataset": dataset,
            "rate": rate,
            "how": HOW[variants.mode],
        },
    )


def _no_rows(variants: Variants) -> str:
    if variants.mode == "points":
        return "no point of one has the name of a point of the other: compare at equal rates"
    return f"{variants.first} has no curve of these metrics to take rates from"


def _at_points(shown: Sequence[Board], variants: Variants) -> list[Line]:
    first, second = (
        [_by_point(board, name) for board in shown] for name in (variants.first, variants.second)
    )
    rates = [{p: m for by in reversed(side) for p, m in by.items()} for side in (first, second)]
    common = sorted(rates[0].keys() & rates[1].keys(), key=lambda point: (rates[0][point].kbps, point))
    lines = []
    for point in common:
        pairs = [(a.get(point), b.get(point)) for a, b in zip(first, second, strict=True)]
        kbps = rates[0][point].kbps, rates[1][point].kbps
        values = [[*map(mean_cell, side), _clips(shown, side)] for side in zip(*pairs, strict=True)]
        steps = [
            absent("") if a is None or b is None else difference(board, b.value - a.value, _others(a, b))
            for board, (a, b) in zip(shown, pairs, strict=True)
        ]
        lines += _three(point, variants, [number(rate, 4) for rate in kbps], values, steps, kbps)
    return lines


def _clips(shown: Sequence[Board], means: Iterable[Mean | SystemCurve | None]) -> Cell:
    return clips_cell((mean.clips for mean in means if mean is not None), shown[0].expected)


def _by_point(board: Board, system: str) -> dict[str, Mean]:
    found = board.curves.get(system)
    return {} if found is None else {mean.point: mean for mean in found.means}


def _at_rates(shown: Sequence[Board], variants: Variants) -> list[Line]:
    sides = [[board.curves.get(name) for board in shown] for name in (variants.first, variants.second)]
    curve = next((found for found in sides[0] if found is not None and len(found.curve)), None)
    if curve is None:
        return []
    lines = []
    for point, kbps in zip(curve.points, curve.curve.kbps.tolist(), strict=True):
        found = [[None if one is None else one.at(kbps) for one in side] for side in sides]
        values = [
            [*map(read_cell, side), _clips(shown, curves)] for side, curves in zip(found, sides, strict=True)
        ]
        steps = [
            _step(board, first, second, curves)
            for board, first, second, curves in zip(shown, *found, zip(*sides, strict=True), strict=True)
        ]
        lines += _three(point, variants, [number(kbps, 4)] * 2, values, steps, (kbps, kbps))
    return lines


def _step(
    board: Board,
    first: Matched | None,
    second: Matched | None,
    curves: Sequence[SystemCurve | None],
) -> Cell:
    if first is None or second is None or first.value is None or second.value is None:
        return absent("")
    return difference(board, second.value - first.value, _others(curves[0], curves[1]))


def _others(first: Mean | SystemCurve | None, second: Mean | SystemCurve | None) -> bool:
    """Whether two means are over different clips."""
    if first is None or second is None:
        return True
    return (first.which, first.clips) != (second.which, second.clips)


def difference(board: Board, step: float, other_clips: bool) -> Cell:
    """A signed difference and the better side's word; other_clips: the two means are over different clips."""
    better = (step > 0) == board.of.higher_is_better
    word = "" if step == 0 else "better" if better else "worse"
    return Cell(
        ("+" if step > 0 else "") + words.number(step, 3),
        notes=(word,) if word else ("equal",),
        flag="clips differ" if other_clips else "",
        look=word,
        sort=step,
    )


def _three(
    point: str,
    variants: Variants,
    rates: Sequence[Cell],
    values: Sequence[Sequence[Cell]],
    steps: Sequence[Cell],
    kbps: tuple[float, float],
) -> list[Line]:
    """A point's rows: first, second, and the difference."""
    again = Cell(point, "text", look="again")
    change = Cell("")
    if kbps[0] != kbps[1]:
        change = Cell(words.percent(100 * (kbps[1] / kbps[0] - 1))) if kbps[0] > 0 else absent("no bits")
    return [
        Line((Cell(variants.first, "system"), Cell(point, "text"), rates[0], *values[0])),
        Line((Cell(variants.second, "system"), again, rates[1], *values[1])),
        Line((Cell("difference", "text"), again, change, *steps, Cell("")), "difference"),
    ]
