"""The arithmetic coder under profile `context`: whole frequencies taken exactly, and no bit wasted."""

import time

import numpy as np
import pytest
from constriction import stream  # pyright: ignore[reportAttributeAccessIssue]  (a compiled module)
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats
from talkbench.codecs._face import motion_context, motion_tables
from talkbench.codecs._range_coder import TOTAL, RangeCoder

from .test_motion_coding import face


def spread(rng: np.random.Generator, symbols: int, power: float) -> np.ndarray:
    """Whole frequencies ≥ 1 that add up to 2^24, more uneven with a higher power."""
    cuts = np.sort(((TOTAL - symbols) * rng.random(symbols - 1) ** power).astype(np.int64))
    return 1 + np.diff(np.concatenate([[0], cuts, [TOTAL - symbols]]))


@pytest.mark.parametrize("power", [1, 4, 20])
@pytest.mark.parametrize("symbols", [2, 3, 66, 200])
def test_constriction_uses_our_frequencies_exactly(symbols, power):
    # The first decoded symbol is the one whose share the top 24 bits of the data lie in: look at both
    # sides of every bound.
    frequencies = spread(np.random.default_rng(symbols + power), symbols, power)
    model = stream.model.Categorical((frequencies - 1).astype(np.float32), perfect=False)
    unit = ((1 << 64) - 1) >> 24
    for symbol, bound in enumerate(np.cumsum(frequencies)[:-1].tolist()):
        for share, expected in ((bound - 1, symbol), (bound, symbol + 1)):
            code = share * unit
            words = np.array([code >> 32, code & 0xFFFFFFFF], np.uint32)
            assert stream.queue.RangeDecoder(words).decode(model) == expected


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2**33 - 1)), max_size=40), st.integers(0, 99))
@example([(0, 0)] * 3, 5)
def test_coder_gives_back_symbols_in_the_fewest_bytes(message, seed):
    rng = np.random.default_rng(seed)
    tables = [spread(rng, 6, 1 + at % 15) for at in range(len(message))]
    writer = RangeCoder()
    for table, (symbol, number) in zip(tables, message, strict=True):
        writer.symbol(table, symbol)
        writer.raw(33, number)
    data = writer.finish()
    assert 8 * len(data) <= writer.cost + 8.1
    reader = RangeCoder(data)
    assert [(reader.symbol(table, 0), reader.raw(33, 0)) for table in tables] == message
    assert reader.finish() == data
    assert reader.cost == writer.cost


@pytest.mark.parametrize(("frames", "parameters"), [(1, 1), (50, 20), (124, 60)])
def test_measured_bits_are_the_models_entropy(frames, parameters):
    data = motion_context.encode([face(frames, parameters)])
    _, ideal = motion_context.decode(data, [frames], parameters)
    assert -8 <= 8 * len(data) - sum(ideal) <= 8 + 0.001 * sum(ideal)


def test_tables_are_students_distribution():
    tables = motion_tables.student()
    bins = np.arange(tables.shape[2]) - motion_tables.REACH - motion_tables.DRIFT
    for scale in (0, 8, motion_tables.LAST):
        for part in (0, 5, 15):
            shifted = (np.stack([bins - 0.5, bins + 0.5]) - part / 16) / (2 ** (scale / 4) / 16)
            low, high = stats.t.cdf(shifted, 7)
            masses = tables[scale + motion_tables.SPREAD, part] / motion_tables.MASS
            np.testing.assert_allclose(masses, high - low, atol=3e-4)
    assert tables.min() >= 0
    assert tables.sum(axis=2).max() <= motion_tables.MASS


def test_regressions_find_what_moves_together():
    rng = np.random.default_rng(0)
    source = rng.normal(0, 500, (400, 2)).astype(np.int64)
    follower = (3 * source[:, 0] - source[:, 1]) // 2
    joint = np.column_stack([source, follower])
    weights, again = motion_context._regressions(np.stack([joint.T @ joint] * 2))
    np.testing.assert_array_equal(weights, again)
    surprise = source[:, 1] - (weights[1, 0] * source[:, 0] >> 16)
    guess = (weights[2, 0] * source[:, 0] + weights[2, 1] * surprise) >> 16
    assert np.abs(guess - follower).mean() < 0.01 * np.abs(follower).mean()


def test_seconds_of_motion_pack_in_less_than_their_time():
    values = face(250, 60)
    motion_tables.student()
    start = time.process_time()
    motion_context.encode([values])
    assert time.process_time() - start < 10  # 10 s of motion; about 1 s on one core
