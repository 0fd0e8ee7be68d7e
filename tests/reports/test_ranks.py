"""Places from paired differences: by rule, on constructed results."""

import numpy as np
import pytest
from talkbench.benchmark.analysis.curves import STATUSES
from talkbench.benchmark.analysis.pairs import Pairs
from talkbench.benchmark.analysis.ranks import places


def board(names, intervals, numbers=None, clips=20, pooled=False, star=False, anchor=None, statuses=()):
    """Pairs from {(system, other): (low, high)} in percent; what is not given has no number."""
    size = len(names)
    tables = {name: np.full((size, size), np.nan) for name in ("bd_rate", "ci_low", "ci_high")}

    def swapped(value):
        return 100 / (1 + value / 100) - 100

    for (one, other), (low, high) in intervals.items():
        i, j = names.index(one), names.index(other)
        tables["ci_low"][i, j], tables["ci_high"][i, j] = low, high
        tables["ci_low"][j, i], tables["ci_high"][j, i] = swapped(high), swapped(low)
    given = {pair: sum(ends) / 2 for pair, ends in intervals.items()} | (numbers or {})
    for (one, other), value in given.items():
        i, j = names.index(one), names.index(other)
        tables["bd_rate"][i, j], tables["bd_rate"][j, i] = value, swapped(value)
    status = np.where(np.isfinite(tables["bd_rate"]), 0, STATUSES.index("no_overlap"))
    for (one, other), word in dict(statuses).items():
        i, j = names.index(one), names.index(other)
        status[i, j] = status[j, i] = STATUSES.index(word)
    np.fill_diagonal(status, -1)
    counts = np.full((size, size), clips)
    return Pairs(
        dataset="d",
        rate="video",
        metric="m",
        fingerprint="f",
        systems=tuple(names),
        anchor=anchor or names[0],
        status=status,
        median=np.full((size, size), np.nan),
        overlap=np.full((size, size), np.nan),
        points=counts,
        clips=counts,
        median_clips=counts,
        akima=np.full(size, np.nan),
        cubic=np.full(size, np.nan),
        pooled=pooled,
        star=star,
        **tables,
    )


def ranks(pairs, **options):
    return {name: (place.rank, place.tied) for name, place in places(pairs, **options).items()}


def test_a_clear_order_has_no_ties():
    found = ranks(board("abc", {("a", "b"): (-20, -10), ("b", "c"): (-20, -10), ("a", "c"): (-40, -20)}))
    assert found == {"a": (1, False), "b": (2, False), "c": (3, False)}


def test_what_is_not_significantly_different_is_not_ordered():
    """a beats c, and b is different from neither: b could be first as well as last."""
    found = ranks(board("abc", {("a", "b"): (-9, 3), ("b", "c"): (-9, 3), ("a", "c"): (-15, -1)}))
    assert found == {"a": (1, True), "b": (1, True), "c": (2, True)}


def test_a_group_that_ties_shares_its_place():
    pairs = board("abc", {("b", "c"): (-3, 2), ("a", "b"): (-20, -10), ("a", "c"): (-20, -10)})
    assert ranks(pairs) == {"a": (1, False), "b": (2, True), "c": (2, True)}


def test_paired_differences_order_what_two_intervals_against_an_anchor_could_not():
    """Against z both reach from −30 to −10, but on every clip a takes a little less than b."""
    pairs = board("abz", {("a", "z"): (-30, -10), ("b", "z"): (-29, -9), ("a", "b"): (-2, -1)})
    assert ranks(pairs) == {"a": (1, False), "b": (2, False), "z": (3, False)}


def test_a_circle_has_no_winner_but_places():
    pairs = board("abc", {("a", "b"): (-9, -1), ("b", "c"): (-9, -1), ("c", "a"): (-9, -1)})
    assert ranks(pairs) == {"a": (2, True), "b": (2, True), "c": (2, True)}


def test_who_shares_a_rank_is_marked_even_when_the_other_is_significantly_different():
    """v beats h, h beats a, but a was not seen to lose against v: one system beats each of a and h."""
    pairs = board("vha", {("v", "h"): (-9, -1), ("h", "a"): (-9, -1), ("v", "a"): (-9, 1)})
    assert ranks(pairs) == {"v": (1, True), "h": (2, True), "a": (2, True)}


def test_an_end_at_zero_is_not_sure():
    assert ranks(board("ab", {("a", "b"): (-9, 0)})) == {"a": (1, True), "b": (1, True)}


def test_who_has_no_result_has_no_place_and_a_reason():
    pairs = board("abc", {("a", "b"): (-20, -10)}, statuses={("a", "c"): "too_few_points"})
    found = places(pairs)
    assert (found["c"].rank, found["c"].compared) == (None, 0)
    assert found["c"].reason == "no overlap or fewer than 3 points"
    assert found["a"].rank == 1


def test_no_common_clip_is_its_own_reason():
    pairs = board("abc", {("a", "b"): (-20, -10)}, statuses={("a", "c"): "too_few_points"})
    pairs.clips[2, :] = pairs.clips[:, 2] = 0
    assert places(pairs)["c"].reason == "no common clip"


def test_a_system_hardly_compared_is_not_ranked():
    """e was only seen against d, the worst, and beat it: that does not make it a winner."""
    pairs = dict.fromkeys(("ab", "ac", "ad", "bc", "bd", "cd", "ed"), (-20, -10))
    found = places(board("abcde", pairs))
    assert (found["e"].rank, found["e"].reason) == (None, "comparable with only 1 of 4 systems")
    assert [found[name].rank for name in "abcd"] == [1, 2, 3, 4]


def test_two_halves_without_a_common_quality_are_each_ordered():
    found = places(board("abcd", {("a", "b"): (-20, -10), ("c", "d"): (-20, -10)}))
    assert [(found[name].rank, found[name].compared) for name in "abcd"] == [(1, 1), (2, 1), (1, 1), (2, 1)]
    assert all(place.tied for place in found.values())


def test_a_number_without_an_interval_orders_nothing_beside_tested_ones():
    pairs = board("abc", {("a", "b"): (-20, -10)}, numbers={("c", "a"): -50.0, ("c", "b"): -60.0})
    assert places(pairs)["c"].reason == "no interval"


@pytest.mark.parametrize("settings", [{"clips": 1}, {"clips": 50, "pooled": True}])
def test_one_clip_and_pooled_metrics_are_ordered_by_the_numbers(settings):
    numbers = {("a", "b"): -5.0, ("b", "c"): -5.0, ("a", "c"): -9.8, ("d", "c"): 0.0, ("a", "d"): -3.0}
    found = ranks(board("abcd", {}, numbers | {("b", "d"): -4.0}, **settings))
    assert found == {"a": (1, False), "b": (2, False), "c": (3, True), "d": (3, True)}


def test_many_clips_without_any_interval_have_no_order():
    found = places(board("ab", {}, {("a", "b"): -5.0}))
    assert [place.reason for place in found.values()] == ["no interval", "no interval"]


def test_a_system_alone_has_nothing_to_be_ranked_among():
    assert places(board("a", {}))["a"].reason == "nothing to compare with"


def test_with_very_many_systems_intervals_against_the_anchor_stand_in():
    """Only pairs with z were resampled: a and b overlap, c is apart from both; e never met z."""
    pairs = board(
        "abcze",
        {("a", "z"): (-30, -20), ("b", "z"): (-25, -10), ("c", "z"): (5, 9)},
        numbers={("a", "b"): -5.0, ("e", "a"): -50.0},
        star=True,
        anchor="z",
    )
    assert ranks(pairs) == {
        "a": (1, True),
        "b": (1, True),
        "z": (3, False),
        "c": (4, False),
        "e": (None, False),
    }
    assert places(pairs)["e"].reason == "no interval"


def test_floors_neither_win_nor_push_others_down():
    pairs = board("abf", {("a", "b"): (-20, -10), ("f", "a"): (-20, -10), ("f", "b"): (-30, -20)})
    found = places(pairs, baselines={"f"})
    assert {name: place.rank for name, place in found.items()} == {"a": 1, "b": 2, "f": None}
    assert found["f"].reason == "lower-bound baseline"
