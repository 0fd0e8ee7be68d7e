"""Motion as bytes and back, in both profiles: exact, small, and safe against damaged data."""

import hashlib

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from talkbench.benchmark.util.errors import CodecError
from talkbench.codecs._face import motion_coding
from talkbench.datasets.synthetic.motion import View, talk

HEAD = ("yaw", "pitch", "roll", "x", "y", "zoom", "gaze_x", "gaze_y", "blink", "brow", "smile")
profiles = pytest.mark.parametrize("profile", motion_coding.PROFILES)


def face(frames: int, parameters: int, noise: float = 0.4, view: View = "normal") -> np.ndarray:
    """Motion as a keypoint detector gives it: mixtures of a moving head's angles, with noise; (T, P).

    A frame differs from the one before by about 1.5 quantisation steps a parameter.
    """
    rng = np.random.default_rng(7)
    motion = talk(rng, (), max(frames + 1, 25), 25, view, grain=0)
    columns = np.stack([getattr(motion, name).numpy() for name in HEAD], axis=1)
    columns = (columns - columns[0]) / np.abs(np.diff(columns, axis=0)).mean(axis=0)
    mixed = columns @ rng.normal(0, 0.5, (len(HEAD), parameters))
    noisy = mixed + rng.normal(0, noise, mixed.shape)
    return np.rint(noisy - noisy[0]).astype(np.int64)[1 : frames + 1]


@st.composite
def clips(draw) -> list[np.ndarray]:
    """Groups of frames that wander, rest or jump; sizes of the numbers from 0 to 2^20 and the very limits."""
    parameters = draw(st.integers(1, 6))
    size = draw(st.sampled_from([0, 1, 3, 40, 1000, 2**20, 2**31 - 1]))
    values = st.integers(-size - (size == 2**31 - 1), size)
    rows = st.lists(values, min_size=parameters, max_size=parameters)
    groups = draw(st.lists(st.lists(rows, max_size=12), min_size=1, max_size=3))
    arrays = [np.array(group, np.int64).reshape(-1, parameters) for group in groups]
    if size <= 1000 and draw(st.booleans()):
        arrays = [np.cumsum(array, axis=0) for array in arrays]
    return arrays


@profiles
@settings(deadline=None, max_examples=90)
@given(groups=clips())
@example(groups=[np.zeros((0, 1), np.int64)])
@example(groups=[np.full((3, 1), 2**20), np.full((2, 1), -(2**20))])
@example(groups=[np.full((40, 2), -(2**31))])
def test_any_motion_comes_back_exactly(profile, groups):
    data = motion_coding.pack(groups, profile)
    frames = [len(group) for group in groups]
    found = motion_coding.unpack(data, frames, groups[0].shape[1], profile)
    assert all(array.dtype == np.int32 for array in found)
    assert [array.tolist() for array in found] == [group.tolist() for group in groups]
    bits = motion_coding.frame_bits(data, frames, groups[0].shape[1], profile)
    assert [len(group) for group in bits] == frames
    assert sum(map(sum, bits)) == 8 * len(data)
    assert all(count >= 0 for group in bits for count in group)


@profiles
def test_realistic_motion_comes_back_exactly(profile):
    values = face(50, 60)
    data = motion_coding.pack([values[:30], values[30:]], profile)
    first, second = motion_coding.unpack(data, [30, 20], 60, profile)
    np.testing.assert_array_equal(np.concatenate([first, second]), values)


@profiles
def test_no_frames_no_bytes(profile):
    assert motion_coding.pack([np.zeros((0, 5), int)] * 3, profile) == b""
    assert [group.shape for group in motion_coding.unpack(b"", [0, 0, 0], 5, profile)] == [(0, 5)] * 3
    assert motion_coding.frame_bits(b"", [0, 0, 0], 5, profile) == [[], [], []]


@pytest.mark.parametrize("parameters", [16, 20, 60])
def test_context_needs_far_fewer_bits(parameters):
    views: tuple[View, ...] = ("normal", "fast_motion")
    for view in views:
        values = face(124, parameters, view=view)
        jvet, context = (len(motion_coding.pack([values], profile)) for profile in ("jvet", "context"))
        assert context < 0.65 * jvet


def test_what_was_learnt_is_kept_over_keyframes():
    values = face(120, 20)
    whole = [values[at : at + 30] - values[at] for at in range(0, 120, 30)]
    together = len(motion_coding.pack(whole, "context"))
    assert together < 0.9 * sum(len(motion_coding.pack([group], "context")) for group in whole)


@pytest.mark.parametrize("parameters", [1, 16, 20, 60])
def test_a_still_face_costs_nothing_once_that_is_known(parameters):
    def size(frames):
        return 8 * len(motion_coding.pack([np.zeros((frames, parameters), int)], "context"))

    # At the narrowest scales, 2^-4.75 to 2^-3.25 steps, Student's t leaves all but 1 in 1500 to the zero.
    assert size(100) - size(20) <= 80 * parameters * 1e-3 + 8
    assert size(20) <= 2 * parameters + 8


def test_a_still_face_costs_whole_bytes_a_frame_in_jvet():
    for parameters in (1, 16, 20, 60):
        # P + 1 ones: one of three, then shares 1/2, 2/3, … P/(P + 1); the end: 1/(P + 2), and one of three.
        ideal = np.log2(3) + np.log2(parameters + 1) + np.log2(parameters + 2) + np.log2(3)
        size = len(motion_coding.pack([np.zeros((1, parameters), int)], "jvet"))
        assert ideal / 8 <= size + 1 / 8 <= ideal / 8 + 1
        assert len(motion_coding.pack([np.zeros((50, parameters), int)], "jvet")) == 50 * size
    assert size == 2


# A change here is a change of the format: systems' versions must change with it.
FIXED = {
    "context": "228 fdf1e14d908bff6b301954c15b0377ec96fe516f9d44f63c39b9e7bf2c1ded30",
    "jvet": "277 f229f76b5503da2e88aa72b92fa360df167d5a3a283348f106b9efd1bd7fa2ce",
}


@profiles
def test_the_same_bytes_everywhere(profile):
    state, values = 1, []
    for _ in range(40 * 8):
        state = state * 1103515245 + 12345 & 0x7FFFFFFF
        values.append((state >> 16) % 7 - (state >> 20) % 7)
    values[100] = 123456
    groups = np.cumsum(np.array(values).reshape(2, 20, 8), axis=1)
    data = motion_coding.pack(list(groups), profile)
    assert f"{len(data)} {hashlib.sha256(data).hexdigest()}" == FIXED[profile]


@profiles
@settings(deadline=None, max_examples=80)
@given(
    data=st.binary(max_size=80), frames=st.lists(st.integers(0, 6), max_size=3), parameters=st.integers(1, 5)
)
def test_foreign_data_is_refused_or_read(profile, data, frames, parameters):
    try:
        groups = motion_coding.unpack(data, frames, parameters, profile)
    except CodecError:
        return
    assert [group.shape for group in groups] == [(count, parameters) for count in frames]
    assert motion_coding.pack(groups, profile) == data


@profiles
def test_cut_damaged_or_longer_data_is_noticed(profile):
    values = face(12, 8)
    data = motion_coding.pack([values], profile)
    rng = np.random.default_rng(1)
    damaged = [data[:size] for size in range(len(data))] + [data + b"\x01", data + data]
    for at in rng.integers(0, len(data), 60):
        damaged.append(data[:at] + bytes([data[at] ^ 1 << int(rng.integers(8))]) + data[at + 1 :])
    refused = 0
    for broken in damaged:
        try:
            (found,) = motion_coding.unpack(broken, [12], 8, profile)
        except CodecError:
            refused += 1
        else:
            assert found.shape == values.shape
            assert not np.array_equal(found, values)
    assert refused > len(data) // 2


@profiles
@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([np.zeros((2, 3), int), np.zeros((2, 4), int)], "same P"),
        ([np.zeros((2, 0), int)], "P > 0"),
        ([np.zeros(3, int)], "must be"),
        ([np.zeros((2, 3))], "whole numbers"),
        ([np.full((1, 1), 2**31)], "32 bits"),
    ],
)
def test_bad_motion_is_refused(profile, groups, message):
    with pytest.raises(CodecError, match=message):
        motion_coding.pack(groups, profile)


def test_bad_shapes_and_profiles_are_refused():
    with pytest.raises(CodecError, match="profile 'zip' is not one of"):
        motion_coding.pack([np.zeros((1, 1), int)], "zip")
    for frames, parameters in (([-1], 2), ([1], 0)):
        with pytest.raises(CodecError, match="cannot be"):
            motion_coding.unpack(b"", frames, parameters, "context")
    with pytest.raises(CodecError, match="3 bytes for no frames"):
        motion_coding.unpack(b"abc", [0], 2, "jvet")
