"""BD-rates and matched points against published values, the `bjontegaard` library, scipy and invariants."""

import bjontegaard
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.interpolate import PchipInterpolator
from talkbench.benchmark.analysis.curve_batch import MIN_POINTS, batch_bd_rate
from talkbench.benchmark.analysis.curves import (
    Curve,
    bd_rate,
    overlap_percent,
    quality_at_rate,
    rate_at_quality,
)

# JCTVC-E137's data with the values of its spreadsheet, as published in the tests of Netflix's VMAF.
JCTVC_E137 = [
    (
        [(108048.8736, 43.6471), (61279.976, 40.3953), (33905.6656, 37.247), (18883.6928, 34.2911)],
        [(108061.2784, 43.6768), (61299.9936, 40.4232), (33928.7472, 37.2761), (18910.912, 34.3147)],
        -0.465215420752807,
    ),
    (
        [(40433.8848, 37.5761), (7622.7456, 35.3756), (2394.488, 33.8977), (1017.6184, 32.0603)],
        [(40370.12, 37.5982), (7587.0024, 35.4025), (2390.0944, 33.9194), (1017.0984, 32.0822)],
        -1.8779823450567612,
    ),
]
# The example of the `bjontegaard` package (libx265 presets) and the one that most scripts on the web carry.
EXAMPLES = [
    (
        ([9487.76, 4593.60, 2486.44, 1358.24], [40.037, 38.615, 36.845, 34.851]),
        ([9787.80, 4469.00, 2451.52, 1356.24], [40.121, 38.651, 36.970, 34.987]),
    ),
    (
        ([686.76, 309.58, 157.11, 85.95], [40.28, 37.18, 34.24, 31.42]),
        ([893.34, 407.8, 204.93, 112.75], [40.39, 37.21, 34.17, 31.24]),
    ),
]


def curve(points):
    return Curve.of([rate for rate, _ in points], [quality for _, quality in points])


@pytest.mark.parametrize(("anchor", "test", "published"), JCTVC_E137)
def test_published_jctvc_values(anchor, test, published):
    found = bd_rate(curve(test), curve(anchor))
    assert found.status == "ok"
    assert found.value == pytest.approx(published, abs=2e-5)


@pytest.mark.parametrize(("anchor", "test"), EXAMPLES)
def test_examples_equal_the_library_and_a_fine_numeric_integral(anchor, test):
    found = bd_rate(Curve.of(*test), Curve.of(*anchor))
    for method, value in (("pchip", found.value), ("akima", found.akima), ("cubic", found.cubic)):
        assert value == pytest.approx(
            bjontegaard.bd_rate(*anchor, *test, method=method, min_overlap=0), rel=1e-9
        )
    low, high = max(anchor[1][-1], test[1][-1]), min(anchor[1][0], test[1][0])
    grid = np.linspace(low, high, 200_001)
    log_rates = [PchipInterpolator(q[::-1], np.log10(r[::-1]))(grid) for r, q in (test, anchor)]
    mean = np.trapezoid(log_rates[0] - log_rates[1], grid) / (high - low)
    assert found.value == pytest.approx(100 * (10**mean - 1), abs=1e-6)


@st.composite
def ladders(draw, min_points=MIN_POINTS, max_points=8):
    """Rising rates and qualities, with steps that interpolation can resolve."""
    count = draw(st.integers(min_points, max_points))
    steps = st.lists(st.floats(0.02, 3), min_size=count, max_size=count)
    rate = np.cumsum(draw(steps)) - 1
    return 10**rate, np.cumsum(draw(steps))


@given(ladders(), st.floats(0.1, 10))
def test_a_scaled_rate_gives_exactly_that_bd_rate(ladder, factor):
    rate, quality = ladder
    anchor, test = Curve.of(rate, quality), Curve.of(rate * factor, quality)
    found = bd_rate(test, anchor)
    assert (found.status, found.overlap) == ("ok", pytest.approx(100))
    assert found.value == pytest.approx(100 * (factor - 1), abs=1e-7)
    assert found.akima == pytest.approx(100 * (factor - 1), abs=1e-7)


def test_identical_is_zero_and_a_tenth_more_rate_is_ten_percent():
    rate, quality = np.array([2.0, 5, 10, 20]), np.array([30.0, 33, 36, 38])
    assert bd_rate(Curve.of(rate, quality), Curve.of(rate, quality)).value == 0
    assert bd_rate(Curve.of(rate * 1.1, quality), Curve.of(rate, quality)).value == pytest.approx(
        10, abs=1e-9
    )


@given(ladders(), ladders())
def test_swapping_the_curves_inverts_the_ratio(one, other):
    a, b = Curve.of(*one), Curve.of(*other)
    assume((overlap_percent(a, b) or 0) > 1e-3)
    there, back = bd_rate(a, b), bd_rate(b, a)
    assert there.value is not None
    assert back.value is not None
    # Near -100 % the percentage itself has too few digits left to tell one ratio from another.
    assume(1e-4 < 1 + there.value / 100 < 1e4)
    assert 1 + back.value / 100 == pytest.approx(1 / (1 + there.value / 100), rel=1e-6)
    assert there.overlap == pytest.approx(back.overlap)
    assert (there.status, there.points, there.anchor_points) == (back.status, back.anchor_points, back.points)


@given(ladders(), ladders(), st.floats(0.001, 1000), st.floats(-100, 100))
def test_an_affine_change_of_the_metric_changes_nothing(one, other, scale, shift):
    """So −D and 1 − D of a lower-is-better D give the same BD-rate."""
    before = bd_rate(Curve.of(*one), Curve.of(*other))
    assume(before.overlap is None or before.overlap == 0 or before.overlap > 1)
    test, anchor = (Curve.of(rate, scale * quality + shift) for rate, quality in (one, other))
    after = bd_rate(test, anchor)
    assert after.status == before.status or abs((before.overlap or 0) - 50) < 1e-6
    assert (after.value is None) == (before.value is None)
    if before.value is not None:
        assert 1 + after.value / 100 == pytest.approx(1 + before.value / 100, rel=1e-5)


@given(st.data())
def test_the_batch_equals_the_scalar_and_the_library(data):
    """Rows of any order and shape, non-monotone and non-overlapping ones among them."""
    rows, tests, anchors = data.draw(st.integers(1, 6)), 5, 7
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    spread = data.draw(st.sampled_from([0.0, 0.3, 2.0]))

    def some(points):
        rate = 10 ** rng.uniform(-1, 3, (rows, points))
        return rate, np.log10(rate) * rng.uniform(0.5, 2) + spread * rng.standard_normal((rows, points))

    test, anchor = some(tests), some(anchors)
    batch = batch_bd_rate(*test, *anchor)
    for row in range(rows):
        scalar = bd_rate(Curve.of(test[0][row], test[1][row]), Curve.of(anchor[0][row], anchor[1][row]))
        if scalar.value is None:
            assert np.isnan(batch[row])
            continue
        envelopes = [Curve.of(x[0][row], x[1][row]) for x in (anchor, test)]
        points = [values for envelope in envelopes for values in (envelope.kbps, envelope.quality)]
        expected = bjontegaard.bd_rate(*points, method="pchip", require_matching_points=False, min_overlap=0)
        assert 1 + batch[row] / 100 == pytest.approx(1 + expected / 100, rel=1e-6)
        assert 1 + batch[row] / 100 == pytest.approx(1 + scalar.value / 100, rel=1e-9)


def test_a_row_with_a_missing_value_has_no_number_and_harms_no_other():
    rate, quality = np.tile([1.0, 2, 4, 8], (2, 1)), np.tile([1.0, 2, 3, 4], (2, 1))
    broken = quality.copy()
    broken[1, 2] = np.nan
    values = batch_bd_rate(rate * 2, broken, rate, quality)
    assert values[0] == pytest.approx(100)
    assert np.isnan(values[1])
    assert np.isnan(batch_bd_rate(rate[:, :0], quality[:, :0], rate, quality)).all()


def test_no_overlap_gives_no_number_where_a_classic_cubic_prints_a_saving():
    anchor = Curve.of([5, 10, 20, 40], [30, 33, 36, 38])
    test = Curve.of([5, 10, 20, 40], [39, 41, 42, 43])
    found = bd_rate(test, anchor)
    assert (found.status, found.value, found.akima, found.cubic, found.overlap) == (
        "no_overlap",
        None,
        None,
        None,
        0.0,
    )


def test_a_small_overlap_is_flagged_and_measured_against_the_joint_range():
    anchor, test = Curve.of([1, 2, 4, 8], [0, 1, 2, 3]), Curve.of([1, 2, 4, 8], [2, 3, 4, 5])
    found = bd_rate(test, anchor)
    assert found.status == "low_overlap"
    assert found.overlap == pytest.approx(20)
    assert found.value is not None


def test_a_ladder_that_is_not_monotone_uses_the_envelope_and_says_so():
    anchor = Curve.of([1, 2, 4, 8], [1, 2, 3, 4])
    test = Curve.of([1, 2, 3, 4, 8], [1, 2, 1.5, 3, 4])
    found = bd_rate(test, anchor)
    assert (found.status, found.points) == ("non_monotone", 4)
    assert found.value == pytest.approx(0)


def test_a_grid_is_its_pareto_front_and_that_is_no_flaw():
    rates, values = [1, 2, 3, 4, 5, 8], [1, 2, 2, 3, 2.5, 4]
    assert Curve.of(rates, values, grid=True).monotone
    assert not Curve.of(rates, values).monotone
    assert list(Curve.of(rates, values, grid=True).kbps) == [1, 2, 4, 8]


def test_equal_means_that_differ_by_rounding_are_one_quality():
    anchor = Curve.of([1, 2, 4, 8], [0.1, 0.2, 0.3, 0.4])
    values = [0.1, 0.1 + 2e-17, 0.2, np.nextafter(0.2, 1), 0.3, 0.4]
    test = Curve.of([1, 1.5, 2, 3, 4, 8], values, grid=True)
    assert list(test.kbps) == [1, 2, 4, 8]
    assert bd_rate(test, anchor).value == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("count", range(5))
def test_too_few_points(count):
    full = Curve.of([1, 2, 4, 8], [1, 2, 3, 4])
    found = bd_rate(Curve.of([1, 2, 4, 8][:count], [1, 2, 3, 4][:count]), full)
    assert found.points == count
    if count < MIN_POINTS:
        assert (found.status, found.value, found.cubic) == ("too_few_points", None, None)
    else:
        assert found.value == pytest.approx(0)
        assert (found.cubic is None) == (count == 3)


@given(ladders(min_points=2), st.floats(0, 1))
def test_matched_points_invert_each_other_and_never_extrapolate(ladder, share):
    found = Curve.of(*ladder)
    kbps = float(found.kbps[0] * (found.kbps[-1] / found.kbps[0]) ** share)
    kbps = min(max(kbps, found.kbps[0]), found.kbps[-1])
    quality = quality_at_rate(found, kbps)
    assert quality.value is not None
    assert found.quality[0] - 1e-9 <= quality.value <= found.quality[-1] + 1e-9
    for target, reason in ((found.kbps[0] * 0.99, "below range"), (found.kbps[-1] * 1.01, "above range")):
        assert (quality_at_rate(found, target).value, quality_at_rate(found, target).reason) == (None, reason)
    for target, reason in ((found.quality[0] - 1, "below range"), (found.quality[-1] + 1, "above range")):
        assert (rate_at_quality(found, target).value, rate_at_quality(found, target).reason) == (None, reason)
    for rate, value in zip(found.kbps, found.quality, strict=True):
        assert quality_at_rate(found, rate).value == pytest.approx(value)
        assert rate_at_quality(found, value).value == pytest.approx(rate)


def test_matched_points_on_curves_too_short_to_interpolate():
    assert quality_at_rate(Curve.of([], []), 5).reason == "too few points"
    assert quality_at_rate(Curve.of([5.0], [1.0]), 5).reason == "too few points"
    assert rate_at_quality(Curve.of([5.0], [1.0]), 2).reason == "above range"


@pytest.mark.parametrize(("rates", "values"), [([0, 1], [1, 2]), ([1, 2], [1, np.nan]), ([1], [1, 2])])
def test_what_is_no_curve_is_refused(rates, values):
    with pytest.raises(ValueError, match="a curve needs"):
        Curve.of(rates, values)


def test_settings_of_one_rate_up_to_rounding_can_be_read_off():
    nearly = float(np.nextafter(10.0, 11.0))
    curve = Curve.of([5.0, 10.0, nearly, 20.0], [1.0, 2.0, 2.5, 3.0], grid=True)
    assert quality_at_rate(curve, 10).value == pytest.approx(2.5)
