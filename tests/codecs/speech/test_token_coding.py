"""Tokens as bytes: nothing lost, `raw` exact to the bit, `adaptive` no longer than what its model says."""

import math
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from talkbench.benchmark.util.errors import CodecError
from talkbench.codecs._tokens import token_adaptive, token_coding
from talkbench.codecs._tokens.token_coding import PROFILES, frame_bits, pack, unpack

SIZES = st.lists(st.sampled_from([2, 3, 5, 16, 100, 1024, 2048, 8192]), min_size=1, max_size=5)
KINDS = ["random", "still", "skewed", "highest", "stepping"]


def made(kind: str, frames: int, sizes: list[int], seed: int = 1) -> np.ndarray:
    """Tokens (frames, K) of one character."""
    rng = np.random.default_rng(seed)
    tops = np.array(sizes)
    if kind == "highest":
        return np.tile(tops - 1, (frames, 1))
    tokens = rng.integers(0, tops, (frames, len(sizes)))
    if kind == "still":
        tokens[frames // 3 :] = tokens[frames // 3 : frames // 3 + 1]
    if kind == "skewed":
        tokens = np.minimum(rng.geometric(0.3, tokens.shape) - 1, tops - 1)
    if kind == "stepping":
        tokens = tokens[:1] + np.arange(frames)[:, None] // 7
        tokens %= tops
    return tokens


@settings(deadline=None, max_examples=80)
@given(
    st.sampled_from(PROFILES),
    st.sampled_from(KINDS),
    st.integers(0, 40),
    SIZES,
    st.integers(0, 99),
)
@example("adaptive", "still", 40, [2] * 5, 0)
@example("raw", "random", 7, [3], 0)
def test_tokens_come_back_in_no_more_than_their_bits(profile, kind, frames, sizes, seed):
    tokens = made(kind, frames, sizes, seed)
    data = pack(tokens, sizes, profile)
    found = unpack(data, frames, sizes, profile)
    np.testing.assert_array_equal(found, tokens)
    assert found.dtype == np.int64
    bits = frame_bits(data, frames, sizes, profile)
    assert len(bits) == frames
    assert sum(bits) == 8 * len(data)
    assert not bits or min(bits) >= 0
    if profile == "raw":
        assert len(data) == math.ceil(frames * sum(math.ceil(math.log2(size)) for size in sizes) / 8)
    elif frames:
        _, ideal = token_adaptive.decode(data, frames, sizes)
        # It may be less: zeros at the end of the data are left out.
        assert 8 * len(data) - sum(ideal) <= 8 + 0.001 * sum(ideal)


@pytest.mark.parametrize(("size", "frames", "most"), [(1024, 225, 1.002), (16, 300, 1.01), (2048, 40, 1.01)])
def test_tokens_without_statistics_cost_what_they_cost_raw(size, frames, most):
    sizes = [size] * 8
    tokens = made("random", frames, sizes)
    ratio = len(pack(tokens, sizes, "adaptive")) / len(pack(tokens, sizes, "raw"))
    assert 0.99 < ratio <= most


def test_what_lasts_costs_little():
    sizes = [1024] * 8
    tokens = made("random", 225, sizes)
    tokens[:] = tokens[0]
    assert len(pack(tokens, sizes, "adaptive")) < 0.03 * len(pack(tokens, sizes, "raw"))
    skewed = made("skewed", 225, [1024] * 8)
    entropy = -sum(0.3 * 0.7**n * math.log2(0.3 * 0.7**n) for n in range(100))
    assert 8 * len(pack(skewed, sizes, "adaptive")) < 1.6 * skewed.size * entropy  # of 10 bits raw, 4.7


def test_a_frame_that_repeats_costs_less_than_one_that_does_not():
    tokens = made("random", 60, [1024] * 4)
    tokens[20:40] = tokens[20]
    bits = frame_bits(pack(tokens, [1024] * 4, "adaptive"), 60, [1024] * 4, "adaptive")
    assert sum(bits[25:40]) < 0.4 * sum(bits[:15])


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        ([[0, 5], [0, 16]], "token 16 of frame 1 is not of codebook 1, which has 16 entries"),
        ([[-1, 0]], "token -1 of frame 0 is not of codebook 0, which has 8 entries"),
        ([[0, 0, 0]], r"frames × 2 codebooks; got int64 \(1, 3\)"),
        ([0, 0], r"frames × 2 codebooks; got int64 \(2,\)"),
        ([[0.0, 0.0]], r"whole numbers, .* got float64 \(1, 2\)"),
    ],
)
def test_tokens_that_cannot_be_are_refused(profile, tokens, words):
    with pytest.raises(CodecError, match=words):
        pack(np.array(tokens), [8, 16], profile)


def test_profiles_and_codebooks_that_cannot_be_are_refused():
    with pytest.raises(CodecError, match="profile 'best' is not one of"):
        pack(np.zeros((1, 1), int), [8], "best")
    for sizes in ([], [1], [8, 0], [(1 << 20) + 1]):
        with pytest.raises(CodecError, match="cannot be coded"):
            pack(np.zeros((1, len(sizes)), int), sizes, "raw")
    with pytest.raises(CodecError, match="-1 frames cannot be"):
        unpack(b"", -1, [8], "raw")
    for profile in PROFILES:
        with pytest.raises(CodecError, match="1 bytes for no frames"):
            unpack(b"\0", 0, [8], profile)


@settings(deadline=None, max_examples=80)
@given(st.sampled_from(PROFILES), st.binary(max_size=60), st.integers(1, 20), SIZES)
def test_any_bytes_are_an_error_or_the_one_way_to_write_their_tokens(profile, data, frames, sizes):
    try:
        tokens = unpack(data, frames, sizes, profile)
    except CodecError:
        return
    assert pack(tokens, sizes, profile) == data


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("kind", ["random", "still"])
def test_damage_is_an_error_or_other_tokens(profile, kind):
    sizes = [1000, 64, 5]
    tokens = made(kind, 50, sizes)
    data = pack(tokens, sizes, profile)
    dice = np.random.default_rng(2)
    damaged = [b"", data[:-1], data[: len(data) // 2], data + b"\1", data + b"\0", bytes(len(data))]
    for _ in range(60):
        copy = bytearray(data)
        copy[dice.integers(len(copy))] ^= 1 << int(dice.integers(8))
        damaged.append(bytes(copy))
    for payload in damaged:
        try:
            found = unpack(payload, 50, sizes, profile)
        except CodecError:
            continue
        assert not np.array_equal(found, tokens)
        assert (found >= 0).all()
        assert (found < sizes).all()
    for frames in (49, 51):
        try:
            assert len(unpack(data, frames, sizes, profile)) == frames
        except CodecError:
            continue
        assert profile == "adaptive"  # a last frame of next to no bits may come or go


def test_bits_that_fill_up_must_be_zero():
    data = pack(np.array([[1, 2]]), [8, 8], "raw")
    assert data == bytes([0b001_010_00])
    with pytest.raises(CodecError, match="must be zero"):
        unpack(bytes([0b001_010_01]), 1, [8, 8], "raw")


def test_another_process_writes_the_same_bytes():
    program = (
        "import hashlib, numpy as np; from talkbench.codecs._tokens.token_coding import pack; "
        "t = np.random.default_rng(3).integers(0, 1024, (40, 4)) // 9; "
        "print(hashlib.sha256(pack(t, [1024] * 4, 'adaptive')).hexdigest())"
    )
    digests = {
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    }
    # Pinned: whole numbers give these bytes on every machine.
    assert digests == {"9af953aba364e6af4b4f829b710735efd96038b7a095f1f25ef8c64a37d28682\n"}


def test_seconds_of_sound_pack_in_less_than_their_time():
    sizes = [1024] * 32
    tokens = made("random", 75, sizes)
    start = time.process_time()
    pack(tokens, sizes, "adaptive")
    assert time.process_time() - start < 1  # 1 s of sound at 24 kbit/s; about 0.05 s on one core


def test_build_names_the_arithmetic_coder():
    assert list(token_coding.build()) == ["constriction"]
