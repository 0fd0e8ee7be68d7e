"""The lower-bound baseline: keyframes, each shown until the next one."""

from dataclasses import replace

import pytest
import torch
from talkbench.benchmark.api import timeline
from talkbench.benchmark.api.types import Bitstream, Part, Point
from talkbench.benchmark.util.errors import CodecError
from talkbench.codecs import still
from talkbench.codecs._face import keyframes


def point(qp: int = 42, gop: int = 0) -> Point:
    return Point("other", {"qp": qp, "gop": gop})


def test_identity():
    assert still.availability() is None
    info, points = still.describe()
    assert (info.name, info.family, info.modalities, info.weights) == ("still", "floor", ("video",), "none")
    assert [(one.name, one.params) for one in points] == [
        (f"qp{qp}", {"qp": qp, "gop": 0}) for qp in (52, 42, 32, 22)
    ]
    loaded = still.load("cpu")
    assert (loaded.info, loaded.points) == (info, points)


@pytest.mark.parametrize(("frames", "gop"), [(1, 0), (7, 0), (3, 1), (7, 3), (7, 6), (7, 7)])
def test_each_keyframe_is_shown_until_the_next_one(frames, gop, moving):
    clip = moving(frames, 97, 71)
    stream = still.load("cpu").encode(clip, point(gop=gop))
    decoded = still.load("cpu").decode(Bitstream.from_bytes(stream.to_bytes()), clip.spec)
    step = gop if 0 < gop < frames else frames
    for key in range(0, frames, step):
        alone = keyframes.decode(keyframes.encode(clip.video[key : key + 1], 42), 1, 97, 71)
        shown = decoded.video[key : key + step]
        assert torch.equal(shown, alone.expand(len(shown), -1, -1, -1))
    assert decoded.spec == clip.spec
    assert [(part.name, part.stream) for part in stream.parts] == [
        ("headers", "video"),
        ("keyframe", "video"),
    ]


def test_one_keyframe_costs_the_same_however_long_the_clip(moving):
    clip = moving(9)
    codec = still.load("cpu")
    assert codec.encode(clip, point()) == codec.encode(clip.frames(0, 1), point())


def test_rate_rises_along_the_ladder(face):
    codec = still.load("cpu")
    bits = [codec.encode(face(1), one).bits() for one in codec.points]
    assert bits == sorted(set(bits))


@pytest.mark.parametrize(("gop", "keys"), [(0, [0]), (3, [0, 3, 6]), (4, [0, 4])])
def test_bits_fall_where_keyframes_are(gop, keys, moving):
    clip = moving(8)
    stream = still.load("cpu").encode(clip, point(gop=gop))
    found = timeline.read("still", stream, clip.spec)
    assert set(found) == {"headers", "keyframe"}
    assert [at for at, bits in enumerate(found["keyframe"].bits) if bits] == keys
    assert [at for at, bits in enumerate(found["headers"].bits) if bits] == [0]
    assert all(line.step_s == 1 / 25 and len(line.bits) == 8 for line in found.values())


@pytest.mark.parametrize(("params", "words"), [({"qp": 99, "gop": 0}, "qp"), ({"qp": 42}, "gop")])
def test_wrong_parameters_are_named(params, words, moving):
    with pytest.raises(CodecError, match=f"point 'odd': {words} must be a whole number"):
        still.load("cpu").encode(moving(2), Point("odd", params))


def test_a_clip_without_pictures_is_an_error(speech):
    with pytest.raises(CodecError, match="still codes pictures"):
        still.load("cpu").encode(speech(), point())


def test_streams_that_are_not_of_this_clip_are_refused(moving):
    clip = moving(6)
    codec = still.load("cpu")
    stream = codec.encode(clip, point(gop=3))
    for wrong in (replace(clip.spec, frames=3), replace(clip.spec, frames=7), replace(clip.spec, width=128)):
        with pytest.raises(CodecError):
            codec.decode(stream, wrong)
    headers, pictures = stream.parts
    # A distance of 2^28 - 1 frames must not make a decoder fill the memory.
    absurd = Part("headers", "video", b"\xff\xff\xff\x7f" + headers.payload[1:])
    with pytest.raises(CodecError, match="every 268435455 frames"):
        codec.decode(Bitstream((absurd, pictures)), clip.spec)
