"""The adapter of generative face codecs, with a network that rolls the keyframe by whole pixels: exactly."""

import math
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from talkbench.benchmark.api.codec import CodecInfo
from talkbench.benchmark.api.types import Bitstream, Clip, ClipSpec, Point
from talkbench.benchmark.execution.memory import PeakMemory
from talkbench.benchmark.util.errors import BitstreamError, CodecError
from talkbench.codecs._face import face_stream, keyframes
from talkbench.codecs._face.face_codec import SIZE, FaceCodec
from talkbench.codecs._face.face_module import FaceModule
from talkbench.codecs._face.face_stream import Setting

PARAMS = {"qp": 42, "gop": 0, "profile": "context", "step": 4096}
SHIFTS = [0, 1, 3, 6, 10, 11, 11, 9, 4, 0, -5, -9, -2]


@dataclass
class Rolling:
    """Its numbers are the phases of the first wave across and down; it rolls by their change, in pixels."""

    parameters_per_frame: int = 2
    batches: list[int] = field(default_factory=list)
    seen: list[np.ndarray] = field(default_factory=list)
    asked: list[np.ndarray] = field(default_factory=list)

    def motion(self, frames: torch.Tensor) -> torch.Tensor:
        assert frames.shape[1:] == (3, SIZE, SIZE)
        assert frames.dtype == torch.float32
        assert 0 <= frames.min() <= frames.max() <= 1
        self.batches.append(len(frames))
        wave = torch.exp(2j * math.pi * torch.arange(SIZE) / SIZE).to(torch.complex64)
        grey = frames.mean(dim=1)
        numbers = torch.stack([(grey.sum(dim) * wave).sum(1).angle() for dim in (1, 2)], dim=1)
        self.seen.append(numbers.numpy())
        return numbers

    def prepare(self, keyframe: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        assert keyframe.shape == (1, 3, SIZE, SIZE)
        return keyframe, self.motion(keyframe)

    def animate(self, prepared: tuple[torch.Tensor, torch.Tensor], motion: torch.Tensor) -> torch.Tensor:
        assert motion.dtype == torch.float32
        self.batches.append(len(motion))
        self.asked.append(motion.numpy())
        keyframe, here = prepared
        pixels = ((motion - here) * SIZE / (2 * math.pi)).round().int().tolist()
        return torch.cat([keyframe.roll((down, across), (2, 3)) for across, down in pixels])


def codec(model: object = None) -> FaceCodec:
    info = CodecInfo("rolling", "1", ("video",), "generative", "none")
    return FaceCodec(info, [Point("all", PARAMS)], model or Rolling(), "cpu")  # pyright: ignore[reportArgumentType]


def point(**params: object) -> Point:
    return Point("other", {**PARAMS, **params})  # pyright: ignore[reportArgumentType]


def rolled(shifts: list[int], height: int = SIZE, width: int = SIZE) -> Clip:
    """A picture with one bright place, rolled to the right by so many pixels, and half as far down."""
    rows, columns = torch.arange(height).view(-1, 1) / height, torch.arange(width).view(1, -1) / width
    place = (2 * math.pi * (rows - 0.4)).cos() + (2 * math.pi * (columns - 0.45)).cos()
    tint = torch.tensor([0.5, 0.4, 0.3]).view(3, 1, 1)
    picture = (
        255 * tint * (0.5 + 0.25 * place + 0.2 * ((rows - 0.5) ** 2 + (columns - 0.5) ** 2 < 0.02))
    ).byte()
    video = torch.stack([picture.roll((shift // 2, shift), (1, 2)) for shift in shifts])
    return Clip(ClipSpec(len(shifts), height, width, Fraction(25), 0, 16000, 1), video, torch.zeros((1, 0)))


def parts(stream: Bitstream, **payloads: bytes) -> Bitstream:
    return Bitstream(tuple(replace(p, payload=payloads.get(p.name, p.payload)) for p in stream.parts))


@pytest.mark.parametrize("profile", ["context", "jvet"])
@pytest.mark.parametrize("gop", [0, 1, 4, 12, 40])
def test_each_frame_is_its_keyframe_moved_as_it_was(gop, profile):
    clip = rolled(SHIFTS)
    stream = codec().encode(clip, point(gop=gop, profile=profile))
    decoded = codec().decode(Bitstream.from_bytes(stream.to_bytes()), clip.spec)
    assert (decoded.spec, decoded.audio.shape) == (clip.spec, (1, 0))
    places = keyframes.positions(len(SHIFTS), gop if gop < len(SHIFTS) else 0)
    shown = keyframes.decode(keyframes.encode(clip.video[:: places.step], 42), len(places), SIZE, SIZE)
    for at, shift in enumerate(SHIFTS):
        key = at - at % places.step
        down, across = shift // 2 - SHIFTS[key] // 2, shift - SHIFTS[key]
        expected = shown[key // places.step].roll((down, across), (1, 2))
        assert torch.equal(decoded.video[at], expected), at


@pytest.mark.parametrize("step", [1, 64, 1000])
def test_nothing_drifts(step):
    """What the decoder moves to is within half a step of what the encoder saw, in every frame."""
    clip = rolled(SHIFTS * 3)
    sender, receiver = Rolling(), Rolling()
    stream = codec(sender).encode(clip, point(step=step, gop=13))
    codec(receiver).decode(stream, clip.spec)
    seen = np.concatenate(sender.seen[3:])
    asked = np.concatenate(receiver.asked)
    others = [at for at in range(len(seen)) if at % 13]
    error = np.abs(asked - seen[others])
    assert error.max() <= 0.5 / step + 1e-6
    assert error.max() > 0.2 / step


def test_integers_are_offsets_from_the_decoded_keyframe():
    clip = rolled(SHIFTS)
    model = Rolling()
    stream = codec(model).encode(clip, point(step=100))
    anchor, *batches = model.seen
    offsets = np.concatenate(batches)[1:].astype(float) - anchor
    setting, _ = Setting.read(stream["headers"])
    (values,) = face_stream.unpack(stream, clip.spec, setting, 2)
    assert values.tolist() == np.rint(100 * offsets).tolist()


def test_the_decoder_learns_its_setting_from_the_headers():
    clip = rolled(SHIFTS)
    for setting in (Setting("context", 64, 0), Setting("jvet", 300, 5)):
        params = {"profile": setting.profile, "step": setting.step, "gop": setting.gop}
        stream = codec().encode(clip, point(**params))
        assert stream["headers"].startswith(setting.to_bytes())
        assert Setting.read(stream["headers"])[0] == setting
        assert len(setting.to_bytes()) == 3 + (setting.step > 127)
        assert [(p.name, p.stream) for p in stream.parts] == [
            (name, "video") for name in ("headers", "keyframe", "motion")
        ]


def test_another_picture_size_goes_through_the_networks_size():
    clip = rolled(SHIFTS, 97, 71)
    stream = codec().encode(clip, point(qp=22))
    decoded = codec().decode(stream, clip.spec)
    error = (decoded.video.float() - clip.video.float()).square().mean(dim=(1, 2, 3))
    assert error[0] < 255**2 / 10**3.5
    # A pixel of the network is not a whole pixel of the clip.
    assert error.max() < 255**2 / 10**3
    square = codec().decode(stream, replace(clip.spec, height=SIZE, width=SIZE))
    half = torch.nn.functional.interpolate(square.video.float(), (97, 71), mode="bilinear", antialias=True)
    assert (half - decoded.video.float()).abs().max() <= 1


def test_a_clip_of_one_frame_and_of_keyframes_alone_has_empty_motion():
    for frames, gop in ((1, 0), (1, 1), (3, 1)):
        clip = rolled(SHIFTS[:frames])
        stream = codec().encode(clip, point(gop=gop))
        assert [part.name for part in stream.parts] == ["headers", "keyframe", "motion"]
        decoded = codec().decode(stream, clip.spec)
        assert torch.equal(
            decoded.video, keyframes.decode(keyframes.encode(clip.video, 42), frames, SIZE, SIZE)
        )


def test_memory_is_that_of_the_clip_however_long():
    """Of 900 small pictures, which at the network's size would take 177 MB as bytes and 708 MB as floats."""

    class Forgetful(Rolling):
        def motion(self, frames: torch.Tensor) -> torch.Tensor:
            self.batches.append(len(frames))
            return frames.mean(dim=(1, 2, 3))[:, None].repeat(1, 2)

        def animate(self, prepared: tuple[torch.Tensor, torch.Tensor], motion: torch.Tensor) -> torch.Tensor:
            self.batches.append(len(motion))
            return prepared[0] * torch.ones((len(motion), 1, 1, 1))

    clip = rolled(SHIFTS * 70, 24, 24)
    model = Forgetful()
    with PeakMemory() as warm:
        codec(model).decode(codec(model).encode(clip.frames(0, 20), point()), replace(clip.spec, frames=20))
    with PeakMemory() as peak:
        decoded = codec(model).decode(codec(model).encode(clip, point()), clip.spec)
    assert decoded.video.shape == clip.video.shape
    assert max(model.batches) == 2
    assert peak.rss_bytes - warm.rss_bytes < 60_000_000


def test_bits_fall_where_they_are_spent():
    clip = rolled(SHIFTS)
    for gop, keys in ((0, [0]), (1, range(13)), (5, [0, 5, 10])):
        stream = codec().encode(clip, point(gop=gop))
        found = face_stream.timeline(stream, clip.spec, 2)
        assert {name: sum(line.bits) for name, line in found.items()} == {
            part.name: part.bits for part in stream.parts
        }
        assert all(line.step_s == 1 / 25 and len(line.bits) == 13 for line in found.values())
        assert [at for at, bits in enumerate(found["keyframe"].bits) if bits] == list(keys)
        assert [at for at, bits in enumerate(found["headers"].bits) if bits] == [0]
        assert not any(found["motion"].bits[at] for at in keys)


def test_a_clip_without_pictures_is_an_error(speech):
    with pytest.raises(CodecError, match="rolling codes pictures, and this clip has none"):
        codec().encode(speech(), point())


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"qp": 64}, "qp must be a whole number, 0 to 63; got 64"),
        ({"gop": -1}, "gop must be a whole number, 0 to 100000; got -1"),
        ({"step": 0}, "step must be a whole number, 1 to 65536; got 0"),
        ({"step": 2.5}, "step must be a whole number, 1 to 65536; got 2.5"),
        ({"profile": "fast"}, "profile must be one of context, jvet; got 'fast'"),
    ],
)
def test_wrong_parameters_are_named(params, words):
    with pytest.raises(CodecError, match=f"point 'other': {words}"):
        codec().encode(rolled([0, 1]), point(**params))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e9])
def test_motion_that_no_face_has_is_refused(value):
    class Odd(Rolling):
        def motion(self, frames: torch.Tensor) -> torch.Tensor:
            place = 3 - sum(self.batches)  # the keyframe has come first
            numbers = super().motion(frames)
            if 0 <= place < len(numbers):
                numbers[place, 1] = value
            return numbers

    with pytest.raises(CodecError, match=r"motion of frame 2 reaches .* it must be finite and at most"):
        codec(Odd()).encode(rolled([0, 1, 2, 3]), point())


def test_a_network_that_fails_at_the_decoder_is_an_error():
    class Odd(Rolling):
        def animate(self, prepared: object, motion: torch.Tensor) -> torch.Tensor:
            return torch.full((len(motion), 3, SIZE, SIZE), math.nan)

    clip = rolled([0, 1, 2])
    stream = codec().encode(clip, point())
    with pytest.raises(CodecError, match="leads to no picture"):
        codec(Odd()).decode(stream, clip.spec)


def test_pictures_beyond_white_and_black_are_clipped():
    class Bright(Rolling):
        def animate(self, prepared: object, motion: torch.Tensor) -> torch.Tensor:
            light = torch.tensor([-0.5, 0.5, 1.5]).view(1, 3, 1, 1)
            return light.expand(len(motion), 3, SIZE, SIZE)

    clip = rolled([0, 1])
    decoded = codec(Bright()).decode(codec().encode(clip, point()), clip.spec)
    assert decoded.video[1, :, 0, 0].tolist() == [0, 128, 255]


def test_damage_is_an_error_or_another_picture_of_the_right_shape():
    clip = rolled(SHIFTS)
    stream = codec().encode(clip, point(gop=5))
    whole = codec().decode(stream, clip.spec).video
    dice = np.random.default_rng(1)
    noticed = 0
    for part in stream.parts:
        damaged = [
            b"",
            part.payload[: len(part.payload) // 2],
            bytes(len(part.payload)),
            part.payload + b"\1",
        ]
        for _ in range(6):
            copy = bytearray(part.payload)
            copy[dice.integers(len(copy))] ^= 1 << int(dice.integers(8))
            damaged.append(bytes(copy))
        for payload in damaged:
            try:
                decoded = codec().decode(parts(stream, **{part.name: payload}), clip.spec).video
            except CodecError:
                noticed += 1
                continue
            assert decoded.shape == whole.shape
            noticed += not torch.equal(decoded, whole)
    assert noticed >= 24
    for missing in range(3):
        rest = stream.parts[:missing] + stream.parts[missing + 1 :]
        with pytest.raises(BitstreamError, match="has no part"):
            codec().decode(Bitstream(rest), clip.spec)


@pytest.mark.parametrize(("frames", "gop"), [(1, 0), (12, 0), (12, 4), (16, 4), (25, 4)])
def test_a_stream_of_another_length_is_refused(frames, gop):
    clip = rolled(SHIFTS)
    stream = codec().encode(clip, point(gop=gop))
    with pytest.raises(CodecError):
        codec().decode(stream, replace(clip.spec, frames=frames))


@pytest.mark.parametrize(
    "headers", [b"", b"\x02\x40\x00", b"\x00\x00\x00", b"\x00\xff\xff\xff\x7f\x00", b"\x00\x40\x80\x00"]
)
def test_headers_that_were_never_written_are_refused(headers):
    with pytest.raises(CodecError, match="part 'headers' is"):
        Setting.read(headers)


MODULE = FaceModule(
    name="rolling",
    weights="syncnet-synthetic",  # any that is shipped
    network=lambda weights, device: Rolling(),  # pyright: ignore[reportArgumentType]
    motion=2,
    step=64,
    parameters=0,
    licence="none",
    paper="",
    options={"smooth": "yes"},
)


def test_a_module_says_who_it_is():
    assert MODULE.availability() is None
    info, points = MODULE.describe()
    assert (info.name, info.family, info.weights, info.accelerated) == (
        "rolling",
        "generative",
        "synthetic",
        True,
    )
    assert {"ffmpeg", "syncnet-synthetic"} <= set(info.build)
    assert info.options["size"] == SIZE
    assert info.options["smooth"] == "yes"
    assert [one.name for one in points] == ["qp52", "qp42", "qp32", "qp22"]
    assert points[0].params == {"qp": 52, "gop": 0, "profile": "context", "step": 64}
    loaded = MODULE.load("cpu")
    assert (loaded.info, loaded.points) == (info, points)
    clip = rolled([0, 2])
    stream = loaded.encode(clip, points[0])
    found = MODULE.timeline(stream, clip.spec)
    assert {name: sum(line.bits) for name, line in found.items()} == {p.name: p.bits for p in stream.parts}


def test_a_module_without_its_weights_says_how_to_get_them():
    module = replace(MODULE, weights="syncnet", options={})
    if module.availability() is not None:
        assert "talkbench weights fetch syncnet" in str(module.availability())
    assert module.describe()[0].fingerprint() != MODULE.describe()[0].fingerprint()
