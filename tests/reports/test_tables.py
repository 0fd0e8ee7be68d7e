"""Leaderboards: order, ties, matched values and coverage; and how values are written."""

from dataclasses import replace

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import PchipInterpolator
from store_factory import METRICS, FakeCodec, StoreFactory
from talkbench.benchmark.analysis.bd_rate import compute
from talkbench.benchmark.analysis.clip_curves import load
from talkbench.benchmark.analysis.curves import Matched
from talkbench.benchmark.util.errors import UsageError
from talkbench.reports import words
from talkbench.reports.boards.leaderboards import bd_rate_text, bd_table, leaderboard_table, leaderboards

PSNR = tuple(metric for metric in METRICS if metric.name == "psnr")
RATES = (4, 8, 16, 32, 64)


def codec(name, gain):
    return FakeCodec(name, "video", tuple(rate / gain for rate in RATES), gain=gain, floor=-9, ceiling=9)


PLAIN = StoreFactory(
    video=(codec("anchor", 1.0), codec("close", 1.01), codec("good", 2.0), codec("poor", 0.5)),
    audio=(),
    metrics=PSNR,
    anchors={"video": "anchor"},
    clips=tuple(f"c{i}" for i in range(10)),
    noise=0.04,
)


def boards(tmp_path, factory):
    with duckdb.connect(str(factory.build(tmp_path / "store.duckdb"))) as connection:
        return leaderboards(connection, load(connection))


def test_the_order_is_by_bd_rate_and_small_differences_are_ties(tmp_path):
    (board,) = boards(tmp_path, PLAIN)
    assert (board.rows[0].system, board.rows[-1].system) == ("good", "poor")
    ranks = {row.system: (row.rank, row.tied) for row in board.rows}
    assert ranks == {"good": (1, False), "anchor": (2, True), "close": (2, True), "poor": (4, False)}
    assert [row.system for row in board.best] == ["good"]
    assert board.tested
    close = next(row for row in board.rows if row.system == "close")
    assert close.bd.ci_low < 0 < close.bd.ci_high


def test_one_clip_is_ordered_but_not_tested(tmp_path):
    (board,) = boards(tmp_path, replace(PLAIN, clips=("only",)))
    assert not board.tested
    assert [row.rank for row in board.rows] == [1, 2, 3, 4]


def test_systems_without_a_number_have_no_rank_and_come_last(tmp_path):
    short = replace(codec("short", 4.0), rates=(2.0, 4.0))
    (board,) = boards(tmp_path, replace(PLAIN, video=(*PLAIN.video, short)))
    last = board.rows[-1]
    assert (last.system, last.rank, last.bd_text) == ("short", None, "— fewer than 3 points")


def test_matched_values_equal_scipys_on_the_mean_curve(tmp_path):
    (board,) = boards(tmp_path, PLAIN)
    with duckdb.connect(str(tmp_path / "store.duckdb"), read_only=True) as connection:
        points = connection.execute(
            "SELECT kbps_video, value FROM rd_points WHERE system = 'anchor' ORDER BY kbps_video"
        ).fetchall()
    rate, value = np.array(points).T
    row = next(row for row in board.rows if row.is_anchor)
    curve = PchipInterpolator(np.log10(rate), value)
    assert [found.reason for found in row.quality[:1]] == ["below range"]
    for found, kbps in zip(row.quality[1:], (5, 10, 20), strict=True):
        assert found.value == pytest.approx(float(curve(np.log10(kbps))))
    assert row.kbps.value is not None
    assert curve(np.log10(row.kbps.value)) == pytest.approx(board.target, abs=0.01)


def test_rates_of_matched_quality_are_the_suites(tmp_path):
    store = PLAIN.build(tmp_path / "store.duckdb")
    with duckdb.connect(str(store)) as connection:
        connection.execute(
            """UPDATE runs SET suite_resolved = '{"matched_kbps": [7.5, 30], "anchors": {"video": "good"}}'"""
        )
        (board,) = leaderboards(connection, load(connection))
        points = connection.execute(
            "SELECT kbps_video, value FROM rd_points WHERE system = 'close' ORDER BY kbps_video"
        ).fetchall()
    assert (board.matched_kbps, board.anchor) == ((7.5, 30), "good")
    rate, value = np.array(points).T
    row = next(row for row in board.rows if row.system == "close")
    expected = PchipInterpolator(np.log10(rate), value)(np.log10([7.5, 30]))
    assert [found.value for found in row.quality] == pytest.approx(expected)
    assert any("7.5 kbit/s" in head for head in leaderboard_table(board)[0])


def test_ranks_do_not_depend_on_the_anchor(tmp_path):
    found = []
    for anchor in ("anchor", "poor", "good"):
        folder = tmp_path / anchor
        folder.mkdir()
        (board,) = boards(folder, replace(PLAIN, anchors={"video": anchor}))
        assert board.anchor == anchor
        assert next(row for row in board.rows if row.is_anchor).system == anchor
        found.append({row.system: row.place for row in board.rows})
        for row in board.rows:
            assert row.bd is None or row.bd == board.pairs.row(row.system, anchor)
    assert found[0] == found[1] == found[2]


def test_a_board_of_one_system_ranks_nobody(tmp_path):
    (board,) = boards(tmp_path, replace(PLAIN, video=PLAIN.video[:1]))
    (row,) = board.rows
    reason = "nothing to compare with"
    assert (row.rank, row.place.reason, board.best, board.tested) == (None, reason, (), False)


def test_a_lower_is_better_metric_keeps_its_sign(tmp_path):
    dists = tuple(metric for metric in METRICS if metric.name == "dists")
    (board,) = boards(tmp_path, replace(PLAIN, metrics=dists))
    assert not board.higher_is_better
    assert board.rows[0].system == "good"
    assert board.target > 0
    values = [found.value for found in board.rows[0].quality if found.value is not None]
    assert values == sorted(values, reverse=True)
    assert min(values) > 0


def test_coverage_counts_the_clips_of_the_curve(tmp_path):
    (board,) = boards(tmp_path, replace(PLAIN, failures={("good", "p1", "c3"): ("failed", "boom")}))
    covered = {row.system: (row.covered, row.expected) for row in board.rows}
    assert covered == {"good": (9, 10), "anchor": (10, 10), "close": (10, 10), "poor": (10, 10)}


def test_the_texts_hold_the_numbers(tmp_path):
    with duckdb.connect(str(PLAIN.build(tmp_path / "store.duckdb"))) as connection:
        rows = compute(connection)
        (board,) = leaderboards(connection, load(connection))
    heads, lines = bd_table(rows)
    assert all(len(line) == len(heads) for line in lines)
    good = next(row.bd_rate for row in rows if row.system == "good")
    assert good is not None
    assert next(line[5] for line in lines if line[3] == "good") == words.percent(good)
    heads, lines = leaderboard_table(board)
    assert all(len(line) == len(heads) for line in lines)
    assert lines[1][0] == "2="


def test_the_terminals_table_lines_up_and_names_what_there_is(tmp_path):
    with duckdb.connect(str(PLAIN.build(tmp_path / "store.duckdb"))) as connection:
        lines = bd_rate_text(connection, "good", ["psnr"]).splitlines()
        with pytest.raises(UsageError, match="there are: psnr"):
            bd_rate_text(connection, "good", ["dists"])
    assert len(lines) == 4
    start = lines[0].index("BD-rate")
    assert all(line[start - 2 : start] == "  " and line[start] in "+−" for line in lines[1:])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (-31.23, "−31.2 %"),
        (145.4, "+145 %"),
        (0.01, "0 %"),
        (-0.04, "0 %"),
        (12345.6, "+12\u202f346 %"),
        (99.97, "+100 %"),
    ],
)
def test_percent(value, expected):
    assert words.percent(value) == expected


@pytest.mark.parametrize(
    ("value", "digits", "expected"),
    [
        (31.2456, 4, "31.25"),
        (-0.5, 4, "−0.5"),
        (0, 4, "0"),
        (12345.6, 3, "12346"),
        (0.00012345, 3, "0.000123"),
    ],
)
def test_number(value, digits, expected):
    assert words.number(value, digits) == expected


@given(st.floats(-1e8, 1e8), st.integers(1, 6))
def test_a_written_number_is_the_number(value, digits):
    written = float(words.number(value, digits).replace("−", "-"))
    assert written == pytest.approx(value, rel=0.51 * 10 ** (1 - digits), abs=1e-12)


def test_missing_is_a_dash_with_its_reason():
    assert words.matched(Matched(None, "below range")) == "— below range"
    assert words.interval(None, None) == "—"
    assert words.sized(None) == "—"


@given(st.text())
def test_latex_leaves_nothing_active(raw):
    import re

    escaped = words.latex(raw)
    bare = re.sub(r"\\(text\w+|dots)\{\}|\$-\$|\$\\(times|uparrow|downarrow)\$|\\[#$%&_{},]|--", "", escaped)
    assert not set(bare) & set("\\{}$&#%_^~\n")
