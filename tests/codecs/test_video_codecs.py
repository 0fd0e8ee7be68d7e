"""The conventional video codecs: what is billed is what decoding needs, and no more."""

import importlib
import io
import random
from fractions import Fraction

import av
import pytest
import torch
from av.video.frame import PictureType
from talkbench.benchmark.api.types import Bitstream, Clip, ClipSpec, Part, Point
from talkbench.benchmark.media import ffmpeg
from talkbench.benchmark.util.errors import CodecError
from talkbench.codecs import _annexb, _obu, _video

FASTEST = {"vvc": "faster", "vvc_ra": "faster", "hevc": "ultrafast", "av1": 10}
NAMES = list(FASTEST)
LOW_DELAY = ["vvc", "hevc", "av1"]


def load(name: str):
    return importlib.import_module(f"talkbench.codecs.{name}").load("cpu")


def quick(name: str, point: Point) -> Point:
    return Point(point.name, {**point.params, "preset": FASTEST[name]})


def psnr(first: torch.Tensor, second: torch.Tensor) -> float:
    error = (first.double() - second.double()).square().flatten(1).mean(dim=1)
    return float((10 * torch.log10(255**2 / error)).mean())


def units(name: str, payload: bytes) -> list[bytes]:
    return _obu.split(payload) if name == "av1" else _annexb.split(payload)


def joined(name: str, pieces: list[bytes]) -> bytes:
    return b"".join(pieces) if name == "av1" else _annexb.join(pieces)


def payload_of(stream: Bitstream) -> bytes:
    return b"".join(part.payload for part in stream.parts)


@pytest.mark.parametrize("name", NAMES)
def test_identity(name):
    module = importlib.import_module(f"talkbench.codecs.{name}")
    assert module.availability() is None
    info, points = module.describe()
    assert info.name == name.replace("_", "-")
    assert info.modalities == ("video",)
    assert info.build["ffmpeg"] == ffmpeg.version()
    assert len({point.name for point in points}) == len(points)
    assert all(point.name == f"qp{point.params['qp']}" for point in points)
    loaded = module.load("cpu")
    assert (loaded.info.fingerprint(), loaded.points) == (info.fingerprint(), points)


def test_the_two_vvc_codecs_have_different_fingerprints():
    assert load("vvc").info.fingerprint() != load("vvc_ra").info.fingerprint()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("frames", "height", "width", "fps"),
    [(1, 64, 64, Fraction(25)), (3, 97, 71, Fraction(30000, 1001)), (40, 64, 72, Fraction(1000, 33))],
)
def test_round_trip_of_any_shape(name, frames, height, width, fps, moving):
    clip = moving(frames, height, width, fps)
    codec = load(name)
    stream = codec.encode(clip, quick(name, codec.points[-1]))
    decoded = load(name).decode(Bitstream.from_bytes(stream.to_bytes()), clip.spec)
    assert decoded.video.shape == clip.video.shape
    assert decoded.audio.shape == (1, 0)
    assert psnr(clip.video, decoded.video) > 30
    # Frames in their order: each is nearest to its own original.
    middle = frames // 2
    errors = [
        (clip.video[at].float() - decoded.video[middle].float()).square().mean() for at in range(frames)
    ]
    assert min(range(frames), key=errors.__getitem__) == middle
    assert [part.name for part in stream.parts] == ["headers", "keyframe", "inter"]
    assert bool(stream["inter"]) == (frames > 1)
    assert {part.stream for part in stream.parts} == {"video"}


@pytest.mark.parametrize("name", NAMES)
def test_rate_and_quality_rise_along_the_ladder(name, face):
    clip = face(6)
    codec = load(name)
    streams = [codec.encode(clip, quick(name, point)) for point in codec.points]
    rates = [stream.bits() for stream in streams]
    assert rates == sorted(rates)
    quality = [psnr(clip.video, codec.decode(stream, clip.spec).video) for stream in streams]
    assert quality == sorted(quality)
    assert quality[-1] - quality[0] > 5


@pytest.mark.parametrize("name", NAMES)
def test_nothing_dropped_was_needed_and_nothing_kept_is_optional(name, face):
    clip = face(4)
    codec = load(name)
    point = quick(name, codec.points[1])
    whole = _video.encode_stream(clip.video, codec.syntax, codec.arguments(point))
    stream = codec.encode(clip, point)
    payload = payload_of(stream)
    assert len(payload) < len(whole)
    decoded = codec.decode(stream, clip.spec).video
    assert torch.equal(decoded, _video.decode_stream(whole, codec.syntax, clip.spec))

    pieces = units(name, payload)
    assert joined(name, pieces) == payload
    for at in range(len(pieces)):
        rest = Part("rest", "video", joined(name, pieces[:at] + pieces[at + 1 :]))
        try:
            without = codec.decode(Bitstream((rest,)), clip.spec).video
        except CodecError:
            continue
        assert not torch.equal(without, decoded), f"unit {at} of {len(pieces)} is not needed"


@pytest.mark.parametrize("name", NAMES)
def test_bytes_do_not_depend_on_threads_or_repetition(name, face):
    clip = face(12)
    codec = load(name)
    arguments = codec.arguments(quick(name, codec.points[2]))
    streams = [_video.encode_stream(clip.video, codec.syntax, arguments, threads) for threads in (1, 2, 1)]
    assert streams[0] == streams[1] == streams[2]


@pytest.mark.parametrize("name", NAMES)
def test_bytes_do_not_depend_on_what_memory_held(name, monkeypatch):
    # This texture in half-filled blocks is where x265 reads memory before it wrote there.
    time, x = torch.arange(10)[:, None, None, None], torch.arange(48)
    wave = torch.sin((x + 3 * time) / 5) + torch.sin((x[:, None] - 2 * time) / 7)
    video = ((wave + 2) * 60).expand(10, 3, 48, 48).to(torch.uint8)
    clip = Clip(ClipSpec(10, 48, 48, Fraction(25), 0, 16000, 1), video, torch.zeros((1, 0)))
    codec = load(name)
    found = set()
    for fill in ("0", "85", "254"):
        monkeypatch.setenv("MALLOC_PERTURB_", fill)
        found.add(payload_of(codec.encode(clip, codec.points[0])))
    assert len(found) == 1


@pytest.mark.parametrize("name", LOW_DELAY)
def test_low_delay_does_not_look_ahead(name, face):
    """What is sent for the first pictures is the same whatever follows them."""
    clip = face(14)
    codec = load(name)
    point = quick(name, codec.points[2])
    all_of_it = payload_of(codec.encode(clip, point))
    for frames in (5, 9):
        start = payload_of(codec.encode(clip.frames(0, frames), point))
        assert all_of_it.startswith(start)


@pytest.mark.parametrize("name", NAMES)
def test_payload_plays_elsewhere(name, face):
    """The parts, joined, are a stream that PyAV's own build of FFmpeg decodes to the same pictures."""
    clip = face(5)
    codec = load(name)
    stream = codec.encode(clip, quick(name, codec.points[2]))
    data = codec.syntax.restore(payload_of(stream))
    with av.open(io.BytesIO(data), "r", codec.syntax.container) as container:
        theirs = [frame.to_ndarray() for frame in container.decode(video=0)]
    ours = ffmpeg.run(["-f", codec.syntax.container, "-i", "pipe:0", "-f", "rawvideo", "pipe:1"], data)
    assert len(theirs) == clip.spec.frames
    assert b"".join(frame.tobytes() for frame in theirs) == ours


@pytest.mark.parametrize("name", NAMES)
def test_one_keyframe_and_one_set_of_headers_however_long(name, moving):
    """Encoders refresh once a second, or send their headers again, unless told not to; nobody needs that."""
    clip = moving(90)
    codec = load(name)
    stream = codec.encode(clip, quick(name, codec.points[1]))
    data = codec.syntax.restore(payload_of(stream))
    with av.open(io.BytesIO(data), "r", codec.syntax.container) as container:
        pictures = [PictureType(frame.pict_type).name for frame in container.decode(video=0)]
    assert len(pictures) == clip.spec.frames
    assert pictures.count("I") == 1
    header_units = units(name, stream["headers"])
    beyond = units(name, stream["keyframe"]) + units(name, stream["inter"])
    assert not [unit for unit in beyond if unit in header_units]


@pytest.mark.parametrize("name", NAMES)
def test_damaged_payload_gives_an_error_or_the_right_shape(name, face):
    clip = face(4)
    codec = load(name)
    stream = codec.encode(clip, quick(name, codec.points[2]))
    payload = payload_of(stream)
    dice = random.Random(name)
    damaged = [b"", payload[: len(payload) // 2], payload[:-1], bytes(len(payload))]
    for _ in range(8):
        copy = bytearray(payload)
        for _ in range(dice.choice((1, 3, 20))):
            copy[dice.randrange(len(copy))] ^= 1 << dice.randrange(8)
        damaged.append(bytes(copy))
    errors = 0
    for data in damaged:
        try:
            decoded = codec.decode(Bitstream((Part("video", "video", data),)), clip.spec)
        except CodecError:
            errors += 1
            continue
        assert decoded.video.shape == clip.video.shape
    assert errors >= 3


@pytest.mark.parametrize("name", NAMES)
def test_wrong_spec_is_an_error(name, moving):
    clip = moving(3)
    codec = load(name)
    stream = codec.encode(clip, quick(name, codec.points[2]))
    for wrong in (moving(2), moving(4), moving(3, 128, 64)):
        with pytest.raises(CodecError):
            codec.decode(stream, wrong.spec)


@pytest.mark.parametrize("name", NAMES)
def test_clip_without_pictures_is_an_error(name, speech):
    codec = load(name)
    with pytest.raises(CodecError, match=f"{codec.info.name} codes pictures"):
        codec.encode(speech(), codec.points[0])


def test_unknown_preset_tells_the_encoders_words(moving):
    codec = load("vvc")
    with pytest.raises(CodecError, match="preset"):
        codec.encode(moving(2), Point("odd", {"qp": 40, "preset": "sluggish"}))
