"""Timelines of the conventional codecs: how the bits of each part fall over time, to the last bit."""

import importlib
from typing import cast

import av
import pytest
import torch
from talkbench.benchmark.api import timeline
from talkbench.benchmark.api.types import Bitstream, Part, Point
from talkbench.benchmark.util.errors import CodecError
from talkbench.codecs import _annexb, _obu, _vvc_order

FASTEST = {"vvc": "faster", "vvc-ra": "faster", "hevc": "ultrafast", "av1": 10}


def encoded(name, clip):
    codec = importlib.import_module(f"talkbench.codecs.{name.replace('-', '_')}").load("cpu")
    point = codec.points[len(codec.points) // 2]
    if name in FASTEST:
        point = Point(point.name, {**point.params, "preset": FASTEST[name]})
    return codec.encode(clip, point)


@pytest.mark.parametrize("frames", [1, 2, 37])
@pytest.mark.parametrize("name", FASTEST)
def test_each_picture_has_its_bits(name, frames, moving):
    clip = moving(frames)
    stream = encoded(name, clip)
    found = timeline.read(name, stream, clip.spec)
    assert set(found) == {part.name for part in stream.parts}
    for part in stream.parts:
        line = found[part.name]
        assert line.step_s == 1 / 25
        assert len(line.bits) == frames
        assert sum(line.bits) == part.bits
    # In random access the keyframe ends the first group on the screen: picture 31, or the last one.
    key = min(31, frames - 1) if name == "vvc-ra" else 0
    for number in range(frames):
        bits = {part: line.bits[number] > 0 for part, line in found.items()}
        assert bits["headers"] == bits["keyframe"] == (number == key)
        assert bits["inter"] == (number != key)


@pytest.mark.parametrize("name", ["vvc", "hevc", "av1"])
def test_bits_come_where_something_happens(name, moving):
    """A picture that is all new costs more than those that repeat the one before, at its own place."""
    still = moving(1).video.repeat(12, 1, 1, 1)
    blocks = torch.rand((1, 3, 8, 8), generator=torch.manual_seed(1)).repeat_interleave(8, 2)
    still[7:] = (255 * blocks.repeat_interleave(8, 3)).byte()
    clip = moving(12)
    clip.video.copy_(still)
    found = timeline.read(name, encoded(name, clip), clip.spec)["inter"]
    assert found.bits[7] > 3 * max(found.bits[:7])


@pytest.mark.parametrize("name", ["opus", "amr-nb"])
def test_each_packet_has_its_bits(name, speech):
    clip = speech(1.013)
    stream = encoded(name, clip)
    found = timeline.read(name, stream, clip.spec)
    assert {part.name: part.bits for part in stream.parts} == {n: sum(f.bits) for n, f in found.items()}
    steps = {len(line.bits) for line in found.values()}
    assert len(steps) == 1
    (count,), (step_s,) = steps, {line.step_s for line in found.values()}
    assert step_s == (0.06 if name == "opus" else 0.02)
    assert 1.013 <= count * step_s < 1.013 + 2 * step_s
    if name == "amr-nb":
        assert set(found["frames"].bits[:-1]) == {148}
        assert found["mode"].bits == (8, *[0] * (count - 1))


def test_random_access_counts_a_picture_where_it_is_shown(moving):
    """As a decoder says, which passes each packet's number on to its picture."""
    clip = moving(40)
    stream = encoded("vvc-ra", clip)
    payload = b"".join(part.payload for part in stream.parts)
    shown = _vvc_order.shown(payload)
    assert sorted(shown) == list(range(40))
    assert shown[:3] == [31, 15, 7]
    context = cast("av.VideoCodecContext", av.CodecContext.create("vvc", "r"))
    pieces, head = [], b""
    for unit in _annexb.split(payload):
        head += _annexb.join([unit])
        if _annexb.vvc_type(unit) in range(12):
            pieces.append(head)
            head = b""
    assert len(pieces) == 40
    decoded = []
    for number, piece in enumerate(pieces):
        packet = av.Packet(piece)
        packet.pts = number
        decoded += context.decode(packet)
    decoded += context.decode(None)
    assert [shown[frame.pts] for frame in decoded] == list(range(40))


def test_low_delay_sends_pictures_as_they_are_shown(moving):
    stream = encoded("vvc", moving(21))
    assert _vvc_order.shown(b"".join(part.payload for part in stream.parts)) == list(range(21))


def test_units_that_follow_a_picture_are_its_own():
    sps, slice_, suffix = (bytes([1, kind << 3 | 1, 1]) for kind in (15, 0, 18))
    payload = _annexb.join([sps, slice_, suffix, slice_])
    places = _annexb.sizes(payload, _annexb.vvc_type, slices=range(12), suffixes={18})
    assert list(places) == [(6, "before"), (6, "picture"), (6, "after"), (6, "picture")]


def test_frames_that_are_not_shown_belong_to_the_next_picture():
    shown, hidden = bytes([6 << 3 | 2, 1, 0x10]), bytes([6 << 3 | 2, 1, 0])
    assert list(_obu.sizes(shown + hidden + shown)) == [(3, "picture"), (3, "before"), (3, "picture")]


@pytest.mark.usefixtures("example_codecs")
def test_a_timeline_that_does_not_add_up_is_refused(moving):
    stream = Bitstream((Part("pixels", "video", bytes(7)),))
    assert timeline.read("fake-video", stream, moving(5).spec) == {}
    with pytest.raises(CodecError, match="adds up to 60 bits, and the part has 56"):
        timeline.read("broken-timeline", stream, moving(5).spec)
