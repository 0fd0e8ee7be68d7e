"""BD-rates of all pairs against an independent, plain computation, and their invariants."""

from dataclasses import asdict, replace
from itertools import permutations

import numpy as np
import pytest
from scipy.interpolate import PchipInterpolator
from talkbench.benchmark.analysis import paired
from talkbench.benchmark.analysis.clip_curves import ClipCurves
from talkbench.benchmark.analysis.curves import STATUSES
from talkbench.benchmark.analysis.paired import all_pairs

SHAPE = (14, 5)
RESAMPLES = 300


def curves(system="a", factor=1.0, seed=0, shape=SHAPE, noise=0.15, lift=0.0, **settings):
    """A ladder over clips of unequal difficulty; `factor`: how much rate it takes; `lift`: of its quality."""
    rng = np.random.default_rng(seed)
    clips, points = shape
    rate = 3.0 * 2.0 ** np.arange(points) * (1 + 0.5 * np.random.default_rng(1).random((clips, 1)))
    value = np.log10(rate) + lift + noise * rng.standard_normal(shape)
    fields = {
        "dataset": "d",
        "rate": "video",
        "metric": "m",
        "fingerprint": "f",
        "system": system,
        "higher_is_better": True,
        "weighted": False,
        "grid": False,
        "pooled": 0,
        "clips": tuple(f"c{i:02}" for i in range(clips)),
        "points": tuple(f"p{i}" for i in range(points)),
        "kbps": rate * factor,
        "value": value,
        "weight": np.ones(shape),
    }
    return ClipCurves(**(fields | settings))


def naive(test, anchor, resamples):
    """(number, low, high, median) by loops, scipy's PCHIP and numpy's percentile."""

    def front(kbps, quality):
        kept = []
        for rate, value in sorted(zip(kbps, quality, strict=True)):
            if not kept or value > kept[-1][1]:
                kept.append((rate, value))
        return kept

    def number(weights):
        averages = []
        for curve in (test, anchor):
            counted = weights[:, None] * (curve.weight if curve.weighted else 1)
            kbps = np.average(curve.kbps, axis=0, weights=weights)
            value = (counted * curve.value).sum(axis=0) / (counted * np.ones_like(curve.value)).sum(axis=0)
            averages.append(front(kbps, value if curve.higher_is_better else -value))
        if min(map(len, averages)) < 3:
            return None
        low, high = max(a[0][1] for a in averages), min(a[-1][1] for a in averages)
        if low >= high:
            return None
        areas = []
        for points in averages:
            rate, value = np.array(points).T
            areas.append(PchipInterpolator(value, np.log10(rate)).integrate(low, high))
        return 100 * (10 ** ((areas[0] - areas[1]) / (high - low)) - 1)

    count = len(test.clips)
    rng = np.random.default_rng(0)
    draws = rng.multinomial(count, np.full(count, 1 / count), size=resamples)
    found = [value for drawn in draws if (value := number(drawn.astype(float))) is not None]
    alone = [value for clip in np.eye(count) if (value := number(clip)) is not None]
    return number(np.ones(count)), *np.percentile(found, [2.5, 97.5]), np.median(alone)


def check(board, result, tests=None):
    """Every pair of the board (or those of `tests`) equals the plain computation."""
    for test, anchor in permutations(board, 2):
        if tests and test.system not in tests:
            continue
        row = result.row(test.system, anchor.system)
        expected = naive(test, anchor, RESAMPLES)
        found = (row.bd_rate, row.ci_low, row.ci_high, row.bd_rate_median)
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_all_pairs_equal_a_plain_computation():
    board = [curves("a"), curves("b", 0.7, 1), curves("c", 1.4, 2, noise=0.3), curves("d", 2.0, 3, lift=0.4)]
    check(board, all_pairs(board, board[0], RESAMPLES))


def test_lower_is_better_and_corpus_metrics_too():
    rng = np.random.default_rng(5)
    weight = np.repeat(rng.integers(1, 30, (SHAPE[0], 1)).astype(float), SHAPE[1], axis=1)
    board = [
        replace(c, value=3 - c.value, higher_is_better=False, weighted=True, weight=weight)
        for c in (curves("a"), curves("b", 0.6, 1, noise=0.4))
    ]
    check(board, all_pairs(board, board[0], RESAMPLES))
    plain = [replace(curve, weighted=False) for curve in board]
    assert all_pairs(plain, plain[0], 0).bd_rate[1, 0] != all_pairs(board, board[0], 0).bd_rate[1, 0]


def test_grids_equal_a_plain_computation_with_or_without_points_that_cannot_win():
    """A metric of the picture over a grid of pictures and sounds: three sounds for each of five pictures."""
    board = []
    for at, base in enumerate((curves("a"), curves("b", 0.8, 1))):
        sounds = np.array([1.0, 2.5, 6.0])
        kbps = (base.kbps[:, :, None] + sounds).reshape(len(base.clips), -1)
        value = np.repeat(base.value, 3, axis=1)
        if at:  # a joint codec's picture may gain from a dearer sound
            value = value + np.tile([0.0, 0.01, 0.05], 5)
        points = tuple(f"{p}|{s}" for p in base.points for s in range(3))
        fields = {"kbps": kbps, "value": value, "points": points, "grid": True}
        board.append(replace(base, weight=np.ones_like(kbps), **fields))
    assert len(board[0].without_dominated().points) == 5
    assert len(board[1].without_dominated().points) == 15
    result = all_pairs(board, board[0], RESAMPLES)
    check(board, result)
    assert result.row("a", "b").status == "ok"


def test_a_board_gives_what_each_pair_alone_gives():
    board = [curves("a"), curves("b", 0.7, 1), curves("c", 1.3, 2, lift=0.1)]
    together = all_pairs(board, board[0], RESAMPLES)
    for test, anchor in permutations(board, 2):
        alone = all_pairs([test, anchor], anchor, RESAMPLES).row(test.system, anchor.system)
        of_board = together.row(test.system, anchor.system)
        if anchor is not board[0]:  # the diagnostics are against the default anchor only
            assert (of_board.bd_rate_akima, of_board.bd_rate_cubic) == (None, None)
            alone = replace(alone, bd_rate_akima=None, bd_rate_cubic=None, default_anchor=False)
        for name, value in asdict(alone).items():
            assert getattr(of_board, name) == (
                pytest.approx(value, rel=1e-9) if isinstance(value, float) else value
            ), name


def test_uneven_coverage_compares_each_pair_over_its_own_clips():
    a, b, c = curves("a"), curves("b", 0.7, 1), curves("c", 1.3, 2)
    holes = [value.value.copy() for value in (b, c)]
    holes[0][2, 1] = holes[1][2, 0] = holes[1][9, 4] = np.nan
    b, c = replace(b, value=holes[0]), replace(c, value=holes[1])
    result = all_pairs([a, b, c], a, RESAMPLES)
    assert result.clips.tolist() == [[0, 13, 12], [13, 0, 12], [12, 12, 0]]
    without = np.array([at not in (2, 9) for at in range(len(a.clips))])
    row = result.row("b", "c")
    assert (row.bd_rate, row.ci_low, row.ci_high, row.bd_rate_median) == pytest.approx(
        naive(b.only(without), c.only(without), RESAMPLES), rel=1e-9
    )
    only_two = np.arange(len(a.clips)) != 2
    row = result.row("b", "a")
    assert row.ci_low == pytest.approx(naive(b.only(only_two), a.only(only_two), RESAMPLES)[1], rel=1e-9)


def test_swapped_pairs_invert_the_ratio():
    board = [curves("a"), curves("b", 0.7, 1), curves("c", 1.3, 2, lift=0.1)]
    found = all_pairs(board, board[1], RESAMPLES)
    apart = ~np.eye(3, dtype=bool)
    assert (1 + found.bd_rate / 100)[apart] == pytest.approx((1 / (1 + found.bd_rate.T / 100))[apart])
    # The ends change places; percentiles of the inverted values are near, but not at, the inverses.
    inverses = 1 / (1 + found.ci_high.T / 100)
    assert (1 + found.ci_low / 100)[apart] == pytest.approx(inverses[apart], rel=1e-2)
    for name in ("overlap", "status", "clips", "median_clips"):
        table = getattr(found, name)
        assert np.array_equal(table[apart], table.T[apart])


def test_a_scaled_rate_is_certain_and_an_identical_curve_is_zero():
    base = curves("a", noise=0.3)
    board = [base, replace(base, system="tenth", kbps=base.kbps * 1.1), replace(base, system="same")]
    found = all_pairs(board, base, RESAMPLES)
    for value in ("bd_rate", "ci_low", "ci_high", "median"):
        table = getattr(found, value)
        assert table[1, 0] == pytest.approx(10, abs=1e-9)
        assert table[0, 1] == pytest.approx(100 / 1.1 - 100, abs=1e-9)
        assert table[2, 0] == pytest.approx(0, abs=1e-9)


def test_one_clip_has_numbers_without_intervals():
    board = [curves("a", shape=(1, 5), noise=0), curves("b", 0.5, shape=(1, 5), noise=0)]
    found = all_pairs(board, board[0])
    row = found.row("b", "a")
    assert row.bd_rate == pytest.approx(-50)
    assert (row.ci_low, row.ci_high, row.bd_rate_median, row.clips) == (None, None, None, 1)
    assert not found.tested.any()


def test_a_pooled_metric_has_numbers_and_the_clips_it_stands_for():
    board = [
        replace(curves(name, factor, shape=(1, 5), noise=0), pooled=clips)
        for name, factor, clips in (("a", 1.0, 50), ("b", 0.5, 48))
    ]
    row = all_pairs(board, board[0]).row("b", "a")
    assert (row.clips, row.ci_low, row.bd_rate) == (48, None, pytest.approx(-50))


def test_no_common_clip_and_too_few_points_have_a_status_and_no_number():
    a, b = curves("a", shape=(4, 5)), curves("b", shape=(4, 5))
    halves = [c.value.copy() for c in (a, b)]
    halves[0][:2, 0] = halves[1][2:, 0] = np.nan
    short = curves("short", shape=(4, 2))
    board = [replace(a, value=halves[0]), replace(b, value=halves[1]), short]
    found = all_pairs(board, board[0], RESAMPLES)
    assert found.clips[0, 1] == 0
    assert {STATUSES[status] for status in found.status[found.status >= 0]} == {"too_few_points"}
    assert np.isnan(found.bd_rate).all()
    assert found.row("short", "a").points == 2


def test_an_interval_needs_nearly_all_resamples():
    """Two ladders that overlap by a hair: the means do, many resamples do not."""
    low = curves("low", noise=0.3, lift=0.0)
    high = curves("high", seed=1, noise=0.3, lift=1.05)
    found = all_pairs([low, high], low, RESAMPLES)
    assert np.isfinite(found.bd_rate[1, 0])
    assert np.isnan(found.ci_low[1, 0])
    assert found.row("high", "low").status == "low_overlap"


def test_many_systems_have_intervals_against_the_anchor_only(monkeypatch):
    board = [curves(f"s{at}", 1 + at / 10, at) for at in range(5)]
    full = all_pairs(board, board[2], RESAMPLES)
    monkeypatch.setattr(paired, "MANY_SYSTEMS", 4)
    found = all_pairs(board, board[2], RESAMPLES)
    assert found.star
    assert np.array_equal(found.bd_rate, full.bd_rate, equal_nan=True)
    assert np.array_equal(found.median, full.median, equal_nan=True)
    expected = np.zeros((5, 5), dtype=bool)
    expected[2, :] = expected[:, 2] = True
    expected[2, 2] = False
    assert np.array_equal(found.tested, expected)
    assert found.ci_low[0, 2] == full.ci_low[0, 2]


def test_small_chunks_change_nothing(monkeypatch):
    board = [curves(f"s{at}", 1 + at / 10, at) for at in range(5)]
    expected = all_pairs(board, board[0], RESAMPLES)
    monkeypatch.setattr(paired, "CHUNK", 3)
    found = all_pairs(board, board[0], RESAMPLES)
    for name in ("bd_rate", "ci_low", "ci_high", "median", "akima"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=1e-12, nan_ok=True)


def test_a_pair_that_was_not_asked_for_is_an_error():
    board = [curves("a"), curves("b", 0.7, 1), curves("c", 1.3, 2)]
    star = all_pairs(board, board[0], 0, star=True)
    assert [row.system for row in star.against("a")] == ["b", "c"]
    for pair in (("b", "c"), ("a", "a"), ("a", "nobody")):
        with pytest.raises(KeyError):
            star.row(*pair)
