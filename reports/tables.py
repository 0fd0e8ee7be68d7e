"""Leaderboards and BD tables as plain rows, for pages, LaTeX and the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import text
from .bd_rate import BdRow, anchor_of, compare, compute, default_anchors, groups
from .clip_curves import ClipCurves
from .curves import Matched, quality_at_rate, rate_at_quality

if TYPE_CHECKING:
    import duckdb

MATCHED_KBPS = (2, 5, 10, 20)

# The metric that stands for a rate where nobody chose another; the first one that has scores.
HEADLINES = {
    "video": ("dists", "lpips_vgg", "lpips_alex", "vmaf", "ms_ssim", "ssim", "psnr"),
    "audio": ("visqol_speech", "pesq", "wer_whisper", "wer_sphinx", "estoi", "stoi", "mel_dac_eval"),
    "total": ("lse_c", "lse_d", "dists", "lpips_vgg", "lpips_alex", "vmaf", "psnr", "visqol_speech"),
}


@dataclass(frozen=True)
class LeaderRow:
    """One system of a leaderboard.

    rank: 1 + the systems that are surely better (interval wholly below this one's), None without a number;
    tied: others share the rank; bd: None for the anchor; quality: at MATCHED_KBPS;
    kbps: rate at the board's quality; low_kbps, high_kbps: the curve's ends; covered: clips of the curve;
    pooled: one value stands for all clips (a set metric), so there is nothing to resample.
    """

    system: str
    rank: int | None
    tied: bool
    bd: BdRow | None
    quality: tuple[Matched, ...]
    kbps: Matched
    low_kbps: float | None
    high_kbps: float | None
    points: int
    covered: int
    expected: int
    pooled: bool

    @property
    def is_anchor(self) -> bool:
        return self.bd is None

    @property
    def bd_text(self) -> str:
        if self.bd is None:
            return "0 % (anchor)"
        if self.bd.bd_rate is None:
            return text.missing(text.STATUS_WORDS[self.bd.status])
        return text.percent(self.bd.bd_rate)

    @property
    def flag(self) -> str:
        """What a reader must know of a number that is there."""
        return "" if self.bd is None or self.bd.bd_rate is None else text.STATUS_WORDS[self.bd.status]


@dataclass(frozen=True)
class Leaderboard:
    """The systems of one dataset, rate and metric, best first; `target` is the quality of `LeaderRow.kbps`.

    tested: there are intervals, so that equal ranks are ties and different ones differences.
    """

    dataset: str
    rate: str
    metric: str
    fingerprint: str
    higher_is_better: bool
    anchor: str
    target: float | None
    tested: bool
    rows: tuple[LeaderRow, ...]

    @property
    def best(self) -> tuple[LeaderRow, ...]:
        """The system that needs the least rate, with all that tie with it."""
        return tuple(row for row in self.rows if row.rank == 1)


def leaderboards(connection: duckdb.DuckDBPyConnection, curves: list[ClipCurves]) -> list[Leaderboard]:
    """All leaderboards of the store against its default anchors, headline metrics first within a rate."""
    anchors = default_anchors(connection, curves)
    expected = dict(connection.execute("SELECT dataset, n_expected FROM expected_clips").fetchall())
    boards = []
    for group in groups(curves):
        first = group[0]
        boards.append(_leaderboard(group, anchor_of(group, anchors), expected.get(first.dataset, 0)))
    return sorted(boards, key=lambda b: (b.dataset, text_order(b.rate), headline_order(b.rate, b.metric)))


def text_order(rate: str) -> int:
    """Place of a rate on the page: what a viewer gets last."""
    return tuple(text.RATE_WORDS).index(rate)


def headline_order(rate: str, metric: str) -> tuple[int, str]:
    """Sorting key of the metrics of a rate: the headline first, unknown ones last by name."""
    known = HEADLINES[rate]
    return (known.index(metric) if metric in known else len(known), metric)


def _leaderboard(group: list[ClipCurves], anchor: ClipCurves, expected: int) -> Leaderboard:
    sign = 1 if anchor.higher_is_better else -1
    target = _target(anchor)
    bds = {curve.system: None if curve is anchor else compare(curve, anchor) for curve in group}
    spans = {name: span for name, bd in bds.items() if (span := _span(bd, len(group[0].clips))) is not None}
    ranks = {
        name: 1 + sum(high < low for other, (_, high) in spans.items() if other != name)
        for name, (low, _) in spans.items()
    }
    rows = []
    for curve in group:
        usable = curve.usable()
        complete = usable.only(usable.complete())
        mean = complete.mean_curve()
        rank = ranks.get(curve.system)
        rows.append(
            LeaderRow(
                system=curve.system,
                rank=rank,
                tied=rank is not None and list(ranks.values()).count(rank) > 1,
                bd=bds[curve.system],
                quality=tuple(_signed(quality_at_rate(mean, kbps), sign) for kbps in MATCHED_KBPS),
                kbps=Matched(None, "no target") if target is None else rate_at_quality(mean, sign * target),
                low_kbps=float(mean.kbps[0]) if len(mean) else None,
                high_kbps=float(mean.kbps[-1]) if len(mean) else None,
                points=len(mean),
                covered=curve.pooled or len(complete.clips),
                expected=expected,
                pooled=bool(curve.pooled),
            )
        )
    rows.sort(key=lambda row: (_worth(row), row.system))
    return Leaderboard(
        dataset=anchor.dataset,
        rate=anchor.rate,
        metric=anchor.metric,
        fingerprint=anchor.fingerprint,
        higher_is_better=anchor.higher_is_better,
        anchor=anchor.system,
        target=target,
        tested=any(row.bd is not None and row.bd.ci_low is not None for row in rows),
        rows=tuple(rows),
    )


def _worth(row: LeaderRow) -> float:
    if row.bd is None:
        return 0.0
    return float("inf") if row.bd.bd_rate is None else row.bd.bd_rate


def _span(bd: BdRow | None, clips: int) -> tuple[float, float] | None:
    """Where a BD-rate lies with 95 %: exactly 0 for the anchor, the number itself where nothing is resampled.

    None (no rank) without a number, or where too many resamples had none to give an interval.
    """
    if bd is None:
        return 0.0, 0.0
    if bd.bd_rate is None:
        return None
    if bd.ci_low is not None and bd.ci_high is not None:
        return bd.ci_low, bd.ci_high
    return (bd.bd_rate, bd.bd_rate) if clips == 1 else None


def _target(anchor: ClipCurves) -> float | None:
    """The anchor's value at the middle point of its curve, to three digits: a quality that it surely has."""
    usable = anchor.usable()
    curve = usable.only(usable.complete()).mean_curve()
    if not len(curve):
        return None
    middle = float(curve.quality[len(curve) // 2])
    return float(f"{middle if anchor.higher_is_better else -middle:.3g}")


def _signed(found: Matched, sign: int) -> Matched:
    return found if found.value is None else Matched(sign * found.value)


Table = tuple[list[str], list[list[str]]]
"""Column heads, and the rows' texts."""


def bd_table(rows: Sequence[BdRow]) -> Table:
    """BD-rates as texts, for a terminal or LaTeX: never a number without what it rests on."""
    heads = ["dataset", "rate", "metric", "system", "anchor", "BD-rate", "95 % interval", "median of clips"]
    heads += ["overlap", "points", "clips", "status"]
    return heads, [
        [
            row.dataset,
            row.rate,
            row.metric,
            row.system,
            row.anchor,
            text.DASH if row.bd_rate is None else text.percent(row.bd_rate),
            text.interval(row.ci_low, row.ci_high),
            text.DASH if row.bd_rate_median is None else text.percent(row.bd_rate_median),
            text.DASH if row.overlap is None else f"{row.overlap:.0f} %",
            f"{row.points} / {row.anchor_points}",
            str(row.clips),
            text.STATUS_WORDS[row.status] or "ok",
        ]
        for row in rows
    ]


def bd_rate_text(connection: duckdb.DuckDBPyConnection, anchor: str, metrics: Sequence[str] = ()) -> str:
    """BD-rates of all systems against `anchor` as aligned plain text, for a terminal.

    metrics: empty means all. Raises UsageError for names of which the store has no scores.
    """
    return aligned(bd_table(compute(connection, anchors=anchor, metrics=metrics or None)))


def aligned(table: Table) -> str:
    """A table as lines of text with columns of even width."""
    heads, rows = table
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = ([cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in (heads, *rows))
    return "\n".join("  ".join(line).rstrip() for line in lines)


def leaderboard_table(board: Leaderboard) -> Table:
    """One leaderboard as texts."""
    heads = ["rank", "system", "BD-rate", "95 % interval", "overlap"]
    heads += [f"{board.metric} at {kbps} kbit/s" for kbps in MATCHED_KBPS]
    heads += ["" if board.target is None else f"kbit/s at {text.number(board.target)}", "clips"]
    table = []
    for row in board.rows:
        rank = text.DASH if row.rank is None else f"{row.rank}{'=' if row.tied else ''}"
        bd = row.bd_text + (f" ({row.flag})" if row.flag else "")
        ci = text.DASH if row.bd is None else text.interval(row.bd.ci_low, row.bd.ci_high)
        overlap = text.DASH if row.bd is None or row.bd.overlap is None else f"{row.bd.overlap:.0f} %"
        cells = [text.matched(found) for found in (*row.quality,)]
        covered = f"{row.covered} of {row.expected}"
        table.append([rank, row.system, bd, ci, overlap, *cells, text.matched(row.kbps, 3), covered])
    return heads, table
