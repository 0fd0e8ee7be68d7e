"""Frames of the `jvet` profile against bytes of the public software."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from talkbench.benchmark.util.errors import CodecError
from talkbench.codecs._face import motion_jvet

# Residuals and the file that the JVET GFVC software (value_encoder.final_encoder_expgolomb) wrote for them.
FRAMES = json.loads((Path(__file__).parent / "jvet_frames.json").read_text())


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: f"{len(frame['residuals'])}-{frame['bytes'][:8]}")
def test_a_frame_has_the_public_softwares_bytes(frame):
    residuals, data = frame["residuals"], bytes.fromhex(frame["bytes"])
    assert motion_jvet.encode_frame(residuals) == data
    assert motion_jvet.decode_frame(data, 0, len(residuals)) == (residuals, len(data))


residuals = st.integers(1, 8).flatmap(
    lambda count: st.lists(st.integers(-9, 9) | st.integers(-(2**32), 2**32), min_size=count, max_size=count)
)


@settings(deadline=None, max_examples=300)
@given(residuals, st.binary(max_size=40).filter(lambda data: not data.startswith(b"\0")))
def test_a_frame_ends_where_it_says_whatever_follows(values, following):
    data = motion_jvet.encode_frame(values, following)
    assert motion_jvet.decode_frame(data + following, 0, len(values)) == (values, len(data))
    alone = motion_jvet.encode_frame(values)
    assert data[: len(alone) - 1] == alone[:-1]
    assert len(data) >= len(alone)


def test_frames_in_one_payload_cost_hardly_more_than_files():
    rng = np.random.default_rng(3)
    rows = np.rint(rng.laplace(0, 2, (400, 20))).astype(int)
    files = sum(len(motion_jvet.encode_frame(row)) for row in rows.tolist())
    payload = len(motion_jvet.encode([np.cumsum(rows, axis=0)]))
    assert files <= payload < 1.01 * files


def test_no_frame_begins_with_a_zero_byte():
    assert min(bytes.fromhex(frame["bytes"])[0] for frame in FRAMES) >= 0x55
    with pytest.raises(CodecError, match="does not begin a frame"):
        motion_jvet.decode_frame(bytes(20), 0, 3)


def test_a_frame_for_another_number_of_parameters_is_refused():
    data = motion_jvet.encode_frame([3, 0, -2])
    with pytest.raises(CodecError, match="more than 2 values"):
        motion_jvet.decode_frame(data, 0, 2)
    with pytest.raises(CodecError, match="ends before its 4 values do"):
        motion_jvet.decode_frame(data, 0, 4)


def test_too_large_a_number_is_refused():
    data = motion_jvet.encode_frame([2**40])
    with pytest.raises(CodecError, match="more than 32 bits"):
        motion_jvet.decode_frame(data, 0, 1)
