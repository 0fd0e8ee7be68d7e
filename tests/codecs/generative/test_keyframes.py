"""Keyframes: one small intra stream, whose size and pictures are those of VVC's own keyframe."""

import io

import av
import pytest
import torch
from av.video.frame import PictureType
from hypothesis import given
from hypothesis import strategies as st
from talkbench.benchmark.api.types import Bitstream, Part, Point
from talkbench.benchmark.util.errors import CodecError
from talkbench.codecs import _annexb, _params, _video, _vvc, vvc
from talkbench.codecs._face import keyframes, varint


def psnr(first: torch.Tensor, second: torch.Tensor) -> float:
    return float(10 * torch.log10(255**2 / (first.double() - second.double()).square().mean()))


@pytest.mark.parametrize(("count", "height", "width"), [(1, 64, 64), (3, 97, 71), (8, 64, 64), (13, 64, 64)])
def test_round_trip(count, height, width, moving):
    video = moving(2 * count, height, width).video[::2]
    data = keyframes.encode(video, 22)
    decoded = keyframes.decode(data, count, height, width)
    assert decoded.shape == video.shape
    for at in range(count):
        assert psnr(decoded[at], video[at]) > 35
    headers, pictures = keyframes.split(data)
    assert headers + pictures == data


def test_parameter_sets_come_once_and_each_picture_stands_alone(face):
    video = face(9).video[::4]
    data = keyframes.encode(video, 42)
    kinds = [_annexb.vvc_type(unit) for unit in _annexb.split(data)]
    assert (kinds.count(15), kinds.count(16)) == (1, 1)
    with av.open(io.BytesIO(data), "r", "vvc") as container:
        pictures = [PictureType(frame.pict_type).name for frame in container.decode(video=0)]
    assert pictures == ["I", "I", "I"]
    together = keyframes.decode(data, 3, 256, 256)
    for at in range(3):
        alone = keyframes.encode(video[at : at + 1], 42)
        assert torch.equal(keyframes.decode(alone, 1, 256, 256)[0], together[at])


def test_what_was_taken_out_is_not_needed(face):
    video = face(5).video[::4]
    whole = _video.encode_stream(video, _vvc.SYNTAX, _vvc.arguments(32, _vvc.PRESET, keyframes._PARAMS))
    data = keyframes.encode(video, 32)
    assert len(data) < len(whole) - 54
    spec = face(2).spec
    assert torch.equal(keyframes.decode(data, 2, 256, 256), _video.decode_stream(whole, _vvc.SYNTAX, spec))


@pytest.mark.parametrize("qp", [52, 32])
def test_no_larger_than_the_keyframe_of_vvc(qp, face):
    """Of the same QP: vvc's keyframe is asked for one less than its point says (`intraqpoffset=-1`)."""
    clip = face(1)
    codec = vvc.load("cpu")
    theirs = codec.encode(clip, Point("same", {"qp": qp + 1, "preset": "medium"}))
    ours = keyframes.encode(clip.video, qp)
    headers, pictures = keyframes.split(ours)
    assert len(headers) < len(theirs["headers"]) / 2
    assert len(pictures) == pytest.approx(len(theirs["keyframe"]), rel=0.03)
    assert len(ours) < theirs.bits() / 8
    shown = psnr(keyframes.decode(ours, 1, 256, 256), clip.video)
    assert shown == pytest.approx(psnr(codec.decode(theirs, clip.spec).video, clip.video), abs=0.1)


def test_rate_and_quality_rise_along_the_ladder(face):
    video = face(1).video
    coded = [keyframes.encode(video, qp) for qp in keyframes.QPS]
    assert [len(data) for data in coded] == sorted(len(data) for data in coded)
    quality = [psnr(keyframes.decode(data, 1, 256, 256), video) for data in coded]
    assert quality == sorted(quality)
    assert quality[-1] - quality[0] > 10


@pytest.mark.parametrize(
    ("frames", "gop", "expected"),
    [(1, 0, [0]), (5, 0, [0]), (5, 2, [0, 2, 4]), (5, 4, [0, 4]), (3, 1, [0, 1, 2])],
)
def test_positions(frames, gop, expected):
    assert list(keyframes.positions(frames, gop)) == expected


@pytest.mark.parametrize(("frames", "gop"), [(0, 0), (5, 5), (1, 1), (5, 1 << 27)])
def test_distances_that_were_never_sent_are_refused(frames, gop):
    with pytest.raises(CodecError, match=f"every {gop} frames is not of this clip of {frames}"):
        keyframes.positions(frames, gop)


def test_a_distance_beyond_the_clip_is_sent_as_none():
    point = Point("long", {"gop": 30})
    assert [keyframes.gop_of(point, frames) for frames in (1, 30, 31)] == [0, 0, 30]


@pytest.mark.parametrize("value", [None, -1, 64, 22.0, "22", True])
def test_parameters_that_are_no_whole_number_are_refused(value):
    params = {} if value is None else {"qp": value}
    with pytest.raises(CodecError, match="point 'odd': qp must be a whole number, 0 to 63"):
        _params.whole(Point("odd", params), "qp", 0, 63)


def test_timeline_counts_each_keyframe_at_its_frame(face):
    clip = face(9)
    data = keyframes.encode(clip.video[::4], 42)
    headers, pictures = keyframes.split(data)
    stream = Bitstream((Part("headers", "video", headers), Part("keyframe", "video", pictures)))
    found = keyframes.timeline(stream, clip.spec, 4)
    assert found["headers"].bits == (8 * len(headers), *[0] * 8)
    alone = [len(keyframes.split(keyframes.encode(clip.video[at : at + 1], 42))[1]) for at in (0, 4, 8)]
    assert found["keyframe"].bits == tuple(8 * alone[at // 4] if at % 4 == 0 else 0 for at in range(9))
    with pytest.raises(CodecError, match="3 pictures, and the clip 5 keyframes"):
        keyframes.timeline(stream, clip.spec, 2)


def test_another_number_or_size_of_pictures_is_an_error(moving):
    data = keyframes.encode(moving(2).video, 42)
    for count, height, width in ((1, 64, 64), (3, 64, 64), (2, 128, 64)):
        with pytest.raises(CodecError):
            keyframes.decode(data, count, height, width)


@given(st.lists(st.integers(0, (1 << 28) - 1), max_size=6), st.binary(max_size=5))
def test_header_numbers_round_trip(numbers, rest):
    data = varint.write(numbers)
    assert varint.read(data + rest, len(numbers)) == (numbers, rest)
    assert len(data) == sum(max(1, -(-number.bit_length() // 7)) for number in numbers)
    for end in range(len(data)):
        with pytest.raises(CodecError, match="cut off"):
            varint.read(data[:end], len(numbers))


@given(st.binary(max_size=8), st.integers(0, 3))
def test_each_header_number_has_one_form(data, count):
    try:
        numbers, rest = varint.read(data, count)
    except CodecError:
        return
    assert varint.write(numbers) + rest == data


@pytest.mark.parametrize("number", [-1, 1 << 28])
def test_header_numbers_out_of_range_are_refused(number):
    with pytest.raises(CodecError, match="does not fit"):
        varint.write([number])
