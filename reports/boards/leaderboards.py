"""Leaderboards and BD tables as plain rows, for pages, LaTeX and the terminal."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...benchmark.analysis import statuses
from ...benchmark.analysis.bd_rate import BdRow, anchor_of, compute, default_anchors, groups, latest_suite
from ...benchmark.analysis.clip_curves import ClipCurves
from ...benchmark.analysis.curves import Matched, quality_at_rate, rate_at_quality
from ...benchmark.analysis.paired import all_pairs
from ...benchmark.analysis.pairs import Pairs
from ...benchmark.analysis.ranks import Place, places
from .. import words

if TYPE_CHECKING:
    import duckdb

MATCHED_KBPS = (2, 5, 10, 20)
"""The rates of matched quality, in kbit/s, where no suite is recorded that names others."""

# The default metric of a rate: the first one that has scores.
HEADLINES = {
    "video": ("dists", "lpips_vgg", "lpips_alex", "vmaf", "ms_ssim", "ssim", "psnr"),
    "audio": ("visqol_speech", "pesq", "wer_whisper", "wer_sphinx", "estoi", "stoi", "mel_dac_eval"),
    "total": ("lse_c", "lse_d", "dists", "lpips_vgg", "lpips_alex", "vmaf", "psnr", "visqol_speech"),
}


@dataclass(frozen=True)
class LeaderRow:
    """One system of a leaderboard.

    place: its rank, whether others could have it too, and why there is none; bd: against the board's default
    anchor, None for that anchor (`Leaderboard.pairs` has the others); quality: at the board's `matched_kbps`;
    kbps: rate at the board's quality; low_kbps, high_kbps: the curve's ends; covered: clips of the curve;
    pooled: one value stands for all clips (a distribution metric), so there is nothing to resample.
    """

    system: str
    place: Place
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
    def rank(self) -> int | None:
        return self.place.rank

    @property
    def tied(self) -> bool:
        return self.place.tied

    @property
    def is_anchor(self) -> bool:
        return self.bd is None

    @property
    def bd_text(self) -> str:
        if self.bd is None:
            return "0 % (anchor)"
        if self.bd.bd_rate is None:
            return words.missing(statuses.STATUS_WORDS[self.bd.status])
        return words.percent(self.bd.bd_rate)

    @property
    def flag(self) -> str:
        """What a reader must know of a number that is there."""
        return "" if self.bd is None or self.bd.bd_rate is None else statuses.STATUS_WORDS[self.bd.status]


@dataclass(frozen=True, eq=False)
class Leaderboard:
    """The systems of one dataset, rate and metric, best first; `target` is the quality of `LeaderRow.kbps`.

    anchor: the default one, which `LeaderRow.bd` is against; pairs: every system against every other;
    matched_kbps: rates of `LeaderRow.quality`, in kbit/s.
    tested: there are intervals, so that different ranks are differences; else the numbers alone order.
    """

    dataset: str
    rate: str
    metric: str
    fingerprint: str
    higher_is_better: bool
    anchor: str
    target: float | None
    matched_kbps: tuple[float, ...]
    tested: bool
    pairs: Pairs
    rows: tuple[LeaderRow, ...]

    @property
    def best(self) -> tuple[LeaderRow, ...]:
        """The systems of the first rank, which is 1 unless each is significantly worse than another one."""
        first = min((row.rank for row in self.rows if row.rank is not None), default=None)
        return tuple(row for row in self.rows if row.rank is not None and row.rank == first)


_BASELINES = """
SELECT DISTINCT s.system FROM systems s JOIN codecs c ON c.codec IN (s.video_codec, s.audio_codec)
WHERE s.selected AND c.selected AND c.family = 'floor'
"""


def leaderboards(
    connection: duckdb.DuckDBPyConnection, curves: list[ClipCurves], diagnostics: bool = False
) -> list[Leaderboard]:
    """All leaderboards of the store, headline metrics first within a rate.

    diagnostics: with Akima's and the cubic's BD-rates against the default anchors, for the table `bd_rates`.
    """
    anchors = default_anchors(connection, curves)
    matched = tuple(latest_suite(connection).get("matched_kbps") or MATCHED_KBPS)
    expected = dict(connection.execute("SELECT dataset, n_expected FROM expected_clips").fetchall())
    baselines = {system for (system,) in connection.execute(_BASELINES).fetchall()}
    boards = [
        _leaderboard(
            group,
            anchor_of(group, anchors),
            expected.get(group[0].dataset, 0),
            matched,
            baselines,
            diagnostics,
        )
        for group in groups(curves)
    ]
    looks_at = {
        (metric, fingerprint): modality
        for metric, fingerprint, modality in connection.execute(
            "SELECT metric, fingerprint, modality FROM metrics"
        ).fetchall()
    }

    def place(board: Leaderboard) -> tuple[object, ...]:
        # Over the audio rate, an audio metric precedes an audio-visual one.
        strange = board.rate != "total" and looks_at[board.metric, board.fingerprint] != board.rate
        return board.dataset, text_order(board.rate), strange, headline_order(board.rate, board.metric)

    return sorted(boards, key=place)


def text_order(rate: str) -> int:
    """Place of a rate on the page: what a viewer gets last."""
    return tuple(words.RATE_WORDS).index(rate)


def headline_order(rate: str, metric: str) -> tuple[int, str]:
    """Sorting key of the metrics of a rate: the headline first, unknown ones last by name."""
    known = HEADLINES[rate]
    return (known.index(metric) if metric in known else len(known), metric)


def _leaderboard(
    group: list[ClipCurves],
    anchor: ClipCurves,
    expected: int,
    matched: tuple[float, ...],
    baselines: Collection[str],
    diagnostics: bool,
) -> Leaderboard:
    sign = 1 if anchor.higher_is_better else -1
    target = _target(anchor)
    pairs = all_pairs(group, anchor, diagnostics=diagnostics)
    found = places(pairs, baselines)
    rows = []
    for curve in group:
        usable = curve.usable()
        complete = usable.only(usable.complete())
        mean = complete.mean_curve()
        rows.append(
            LeaderRow(
                system=curve.system,
                place=found[curve.system],
                bd=None if curve is anchor else pairs.row(curve.system, anchor.system),
                quality=tuple(_signed(quality_at_rate(mean, kbps), sign) for kbps in matched),
                kbps=Matched(None, "no target") if target is None else rate_at_quality(mean, sign * target),
                low_kbps=float(mean.kbps[0]) if len(mean) else None,
                high_kbps=float(mean.kbps[-1]) if len(mean) else None,
                points=len(mean),
                covered=curve.pooled or len(complete.clips),
                expected=expected,
                pooled=bool(curve.pooled),
            )
        )
    return Leaderboard(
        dataset=anchor.dataset,
        rate=anchor.rate,
        metric=anchor.metric,
        fingerprint=anchor.fingerprint,
        higher_is_better=anchor.higher_is_better,
        anchor=anchor.system,
        target=target,
        matched_kbps=matched,
        tested=bool(pairs.tested.any()),
        pairs=pairs,
        rows=tuple(sorted(rows, key=_order)),
    )


def _order(row: LeaderRow) -> tuple[float, float, str]:
    """By rank; within one, and without any, by the number against the anchor."""
    missing = float("inf")
    worth = 0.0 if row.bd is None else missing if row.bd.bd_rate is None else row.bd.bd_rate
    return missing if row.rank is None else row.rank, worth, row.system


def _target(anchor: ClipCurves) -> float | None:
    """The anchor's value at the middle point of its curve, to three digits: a quality that it reaches."""
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
            words.DASH if row.bd_rate is None else words.percent(row.bd_rate),
            words.interval(row.ci_low, row.ci_high),
            words.DASH if row.bd_rate_median is None else words.percent(row.bd_rate_median),
            words.DASH if row.overlap is None else f"{row.overlap:.0f} %",
            f"{row.points} / {row.anchor_points}",
            str(row.clips),
            statuses.STATUS_WORDS[row.status] or "ok",
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
    heads += [f"{board.metric} at {kbps} kbit/s" for kbps in map(words.number, board.matched_kbps)]
    heads += ["" if board.target is None else f"kbit/s at {words.number(board.target)}", "clips"]
    table = []
    for row in board.rows:
        rank = words.DASH if row.rank is None else f"{row.rank}{'=' if row.tied else ''}"
        bd = row.bd_text + (f" ({row.flag})" if row.flag else "")
        ci = words.DASH if row.bd is None else words.interval(row.bd.ci_low, row.bd.ci_high)
        overlap = words.DASH if row.bd is None or row.bd.overlap is None else f"{row.bd.overlap:.0f} %"
        cells = [words.matched(found) for found in (*row.quality,)]
        covered = f"{row.covered} of {row.expected}"
        table.append([rank, row.system, bd, ci, overlap, *cells, words.matched(row.kbps, 3), covered])
    return heads, table
