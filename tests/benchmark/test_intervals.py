"""The jackknife's interval, p-value and Holm's adjustment, against scipy and statsmodels' definition."""

from typing import Any

import numpy as np
import pytest
from scipy import stats
from talkbench.benchmark.analysis.intervals import LEAST_CLIPS, MOST_GROUPS, holm, interval, leave_out


def means(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    return values @ counts.T / counts.sum(axis=1)


@pytest.mark.parametrize("clips", [6, 9, 40])
def test_of_a_mean_it_is_students_interval(clips):
    values = np.random.default_rng(clips).normal(0.4, 1, (5, clips))
    low, high, p = interval(values.mean(axis=1), means(values, leave_out([None] * clips)))
    expected = stats.t.interval(
        0.95, clips - 1, values.mean(axis=1), values.std(axis=1, ddof=1) / np.sqrt(clips)
    )
    np.testing.assert_allclose([low, high], expected, rtol=1e-10)
    tested: Any = stats.ttest_1samp(values, 0, axis=1)
    np.testing.assert_allclose(p, tested.pvalue, rtol=1e-10)


def test_equal_clips_of_one_speaker_count_as_one():
    values = np.random.default_rng(1).normal(0.4, 1, (1, 7))
    speakers = [f"S{at}" for at in range(7)]
    alone = interval(values.mean(axis=1), means(values, leave_out(speakers)))
    twice = np.repeat(values, 4, axis=1)
    together = interval(twice.mean(axis=1), means(twice, leave_out(np.repeat(speakers, 4).tolist())))
    np.testing.assert_allclose(together, alone)
    apart = interval(twice.mean(axis=1), means(twice, leave_out([None] * 28)))
    assert apart[1] - apart[0] < 0.6 * (alone[1] - alone[0])


def test_too_few_have_no_interval():
    for speakers in ([None] * (LEAST_CLIPS - 1), ["one"] * 50, [*"abcde"] * 9):
        counts = leave_out(speakers)
        assert counts.shape == (0, len(speakers))
        assert np.isnan(interval(np.array([1.0]), np.empty((1, 0)))).all()


def test_a_name_is_never_taken_for_a_clip_without_one():
    assert len(leave_out(["clip 0", None, "clip 2", None, "a", "b"])) == 6


def test_many_speakers_are_left_out_in_groups():
    counts = leave_out([None] * 1000)
    assert counts.shape == (MOST_GROUPS, 1000)
    assert (counts.sum(axis=1) == 990).all()
    values = np.random.default_rng(2).normal(0, 1, (1, 1000))
    low, high, _ = interval(values.mean(axis=1), means(values, counts))
    assert (high - low).item() == pytest.approx(2 * 1.96 / np.sqrt(1000), rel=0.25)


def test_missing_figures_have_no_interval_and_no_difference_is_no_evidence():
    without = np.array([[1.0, 2, 3, 4, 5, np.nan], [0.0] * 6, [2.0] * 6])
    low, high, p = interval(np.array([3.0, 0, 2]), without)
    assert np.isnan([low[0], high[0], p[0]]).all()
    assert (low[1], high[1], p[1]) == (0, 0, 1)
    assert (low[2], high[2], p[2]) == (2, 2, 0)


def test_holm():
    found = holm(np.array([0.01, 0.04, np.nan, 0.03, 0.005]))
    np.testing.assert_allclose(found, [0.03, 0.06, np.nan, 0.06, 0.02])
    assert len(holm(np.array([]))) == 0
    assert holm(np.array([0.9, 0.8])).tolist() == [1, 1]
