"""The adapter of neural speech codecs, around a network that only rounds: exact rates, lengths, alignment."""

import math
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from talkbench.benchmark.api.types import Bitstream, Clip, ClipSpec, Part, Point
from talkbench.benchmark.util.errors import BitstreamError, CodecError
from talkbench.codecs._tokens import speech_stream, token_coding
from talkbench.codecs._tokens.speech_codec import SpeechCodec
from talkbench.codecs._tokens.speech_module import SpeechModule
from talkbench.codecs._tokens.speech_stream import Setting

LEVELS = 256


@dataclass
class Rounding:
    """Each sample of a frame of four is a token of its codebook, and comes out `delay` samples late."""

    rate: int = 16000
    hop: int = 4
    delay: int = 3
    sizes: tuple[int, ...] = (LEVELS,) * 4

    def tokens(self, samples: torch.Tensor, books: int) -> torch.Tensor:
        late = torch.cat([torch.zeros(self.delay), samples])[: len(samples)]
        levels = ((late + 1) / 2 * (LEVELS - 1)).round().long()
        return levels.view(-1, self.hop)[:, :books]

    def sound(self, tokens: torch.Tensor) -> torch.Tensor:
        levels = torch.full((len(tokens), self.hop), LEVELS // 2)
        levels[:, : tokens.shape[1]] = tokens
        return levels.flatten() / (LEVELS - 1) * 2 - 1


MODULE = SpeechModule(
    name="rounding",
    weights=["syncnet-synthetic"],  # any that is shipped
    network=lambda weights, device: Rounding(),
    rate=16000,
    hop=4,
    delay=3,
    sizes=(LEVELS,) * 4,
    books=[2, 4],
    parameters=0,
    licence="none",
    paper="",
    options={"kind": "toy"},
)


def clip_of(samples: torch.Tensor, rate: int = 16000) -> Clip:
    spec = ClipSpec(0, 8, 8, Fraction(25), samples.shape[1], rate, len(samples))
    return Clip(spec, torch.zeros((0, 3, 8, 8), dtype=torch.uint8), samples)


def noise(samples: int, channels: int = 1, seed: int = 1) -> torch.Tensor:
    return torch.rand((channels, samples), generator=torch.Generator().manual_seed(seed)) * 2 - 1


def point(books: object = 4, profile: object = "raw") -> Point:
    return Point("other", {"books": books, "profile": profile})  # pyright: ignore[reportArgumentType]


def codec(model: object = None) -> SpeechCodec:
    return SpeechCodec(*MODULE.describe(), model or Rounding(), "cpu")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("profile", token_coding.PROFILES)
@pytest.mark.parametrize("samples", [1, 2, 3, 4, 5, 999, 4000])
def test_sound_comes_back_in_place_and_to_the_sample(samples, profile):
    clip = clip_of(noise(samples))
    stream = codec().encode(clip, point(profile=profile))
    decoded = codec().decode(stream, clip.spec)
    assert decoded.spec == clip.spec
    assert (decoded.audio - clip.audio).abs().max() <= 1 / (LEVELS - 1) + 1e-6


@pytest.mark.parametrize("books", [1, 3, 4])
@pytest.mark.parametrize("samples", [1, 5, 999])
def test_raw_bits_are_exact(books, samples):
    stream = codec().encode(clip_of(noise(samples)), point(books))
    frames = math.ceil((samples + 3) / 4)
    assert stream.bits() == 8 + 8 * math.ceil(frames * books * math.log2(LEVELS) / 8)
    assert [(part.name, part.stream) for part in stream.parts] == [("setting", "audio"), ("tokens", "audio")]


def test_channels_are_mixed_and_other_rates_resampled():
    clip = clip_of(noise(4800, channels=2), 48000)
    decoded = codec().decode(codec().encode(clip, point()), clip.spec)
    assert decoded.spec == clip.spec
    assert torch.equal(decoded.audio[0], decoded.audio[1])
    time = torch.arange(4800) / 48000
    tone = clip_of(0.5 * torch.sin(2 * math.pi * 440 * time)[None], 48000)
    decoded = codec().decode(codec().encode(tone, point()), tone.spec)
    assert (decoded.audio - tone.audio)[:, 100:-100].abs().max() < 0.01


def test_the_decoder_learns_its_setting_from_one_byte():
    for setting in (Setting(profile, books) for profile in token_coding.PROFILES for books in (1, 4)):
        stream = codec().encode(clip_of(noise(50)), point(setting.books, setting.profile))
        assert stream["setting"] == setting.to_bytes()
        assert Setting.read(stream["setting"], 4) == setting
        assert len(setting.to_bytes()) == 1


@pytest.mark.parametrize("data", [b"", b"\0", b"\x05", b"\xff", b"\x04\x04"])
def test_settings_that_were_never_written_are_refused(data):
    with pytest.raises(CodecError, match="part 'setting' is damaged"):
        Setting.read(data, 4)


@pytest.mark.parametrize(
    ("books", "profile", "words"),
    [
        (0, "raw", "books must be a whole number, 1 to 4; got 0"),
        (5, "raw", "books must be a whole number, 1 to 4; got 5"),
        (2.0, "raw", "books must be a whole number, 1 to 4; got 2.0"),
        (4, "best", "profile must be one of .*; got 'best'"),
    ],
)
def test_wrong_parameters_are_named(books, profile, words):
    with pytest.raises(CodecError, match=f"point 'other': {words}"):
        codec().encode(clip_of(noise(9)), point(books, profile))


def test_a_clip_without_sound_is_an_error():
    with pytest.raises(CodecError, match="rounding codes sound, and this clip has none"):
        codec().encode(clip_of(noise(0)), point())


def test_a_network_that_breaks_its_promises_is_an_error():
    class Odd(Rounding):
        def __init__(self, tokens: torch.Tensor | None = None, sound: torch.Tensor | None = None) -> None:
            super().__init__()
            self.given, self.made = tokens, sound

        def tokens(self, samples: torch.Tensor, books: int) -> torch.Tensor:
            return super().tokens(samples, books) if self.given is None else self.given

        def sound(self, tokens: torch.Tensor) -> torch.Tensor:
            return super().sound(tokens) if self.made is None else self.made

    clip = clip_of(noise(5))  # two frames
    stream = codec().encode(clip, point())
    for tokens, words in (
        (torch.zeros((3, 4), dtype=torch.long), r"tokens \(3, 4\), not \(2, 4\)"),
        (torch.full((2, 4), LEVELS), "token 256 of frame 0 is not of codebook 0"),
        (torch.full((2, 4), -1), "token -1 of frame 0"),
        (torch.zeros((2, 4)), "tokens must be whole numbers"),
    ):
        with pytest.raises(CodecError, match=words):
            codec(Odd(tokens)).encode(clip, point())
    for sound, words in (
        (torch.zeros(9), r"sound \(9,\), not 2 × 4"),
        (torch.full((8,), math.nan), "lead to no sound"),
        (torch.full((8,), math.inf), "lead to no sound"),
    ):
        with pytest.raises(CodecError, match=words):
            codec(Odd(sound=sound)).decode(stream, clip.spec)


def test_loud_sound_is_clipped():
    class Loud(Rounding):
        def sound(self, tokens: torch.Tensor) -> torch.Tensor:
            return torch.full((len(tokens) * 4,), 1.5)

    clip = clip_of(noise(40))
    decoded = codec(Loud()).decode(codec().encode(clip, point()), clip.spec)
    assert (decoded.audio == 1).all()


@pytest.mark.parametrize("profile", token_coding.PROFILES)
def test_damage_is_an_error_or_another_sound_of_the_right_shape(profile):
    clip = clip_of(noise(400))
    stream = codec().encode(clip, point(profile=profile))
    whole = codec().decode(stream, clip.spec).audio
    dice = np.random.default_rng(1)
    tokens = stream["tokens"]
    damaged = [b"", tokens[: len(tokens) // 2], bytes(len(tokens)), tokens + b"\1"]
    for _ in range(20):
        copy = bytearray(tokens)
        copy[dice.integers(len(copy))] ^= 1 << int(dice.integers(8))
        damaged.append(bytes(copy))
    for payload in damaged:
        other = Bitstream((stream.parts[0], Part("tokens", "audio", payload)))
        try:
            decoded = codec().decode(other, clip.spec).audio
        except CodecError:
            continue
        assert decoded.shape == whole.shape
        assert not torch.equal(decoded, whole)
    for kept in stream.parts:
        with pytest.raises(BitstreamError, match="has no part"):
            codec().decode(Bitstream((kept,)), clip.spec)


@pytest.mark.parametrize("profile", token_coding.PROFILES)
def test_bits_fall_where_they_are_spent(profile):
    clip = clip_of(torch.cat([noise(398), torch.zeros((1, 4003))], dim=1))
    stream = codec().encode(clip, point(profile=profile))
    found = MODULE.timeline(stream, clip.spec)
    assert {name: sum(line.bits) for name, line in found.items()} == {p.name: p.bits for p in stream.parts}
    assert all(line.step_s == 4 / 16000 and len(line.bits) == 1101 for line in found.values())
    assert found["setting"].bits[:2] == (8, 0)
    if profile == "raw":
        assert set(found["tokens"].bits) == {32}


def test_a_module_says_who_it_is():
    assert MODULE.availability() is None
    info, points = MODULE.describe()
    assert (info.name, info.family, info.modalities) == ("rounding", "neural", ("audio",))
    assert (info.weights, info.accelerated, info.parameters) == ("synthetic", True, 0)
    assert {"constriction", "soxr", "syncnet-synthetic"} <= set(info.build)
    assert info.options == {"rate": 16000, "kind": "toy"}
    assert [one.name for one in points] == ["64kbps", "128kbps"]
    assert points[0].params == {"books": 2, "profile": token_coding.PROFILES[0]}
    loaded = MODULE.load("cpu")
    assert (loaded.info, loaded.points) == (info, points)


def test_a_module_that_cannot_run_says_why():
    module = replace(MODULE, missing=lambda: "no such package; run `pip install it`")
    assert module.availability() == "no such package; run `pip install it`"
    module = replace(MODULE, weights=["syncnet-synthetic", "fomm"])
    if module.availability() is not None:
        assert "talkbench weights fetch fomm" in str(module.availability())
    assert module.describe()[0].fingerprint() != MODULE.describe()[0].fingerprint()


def test_a_codec_without_acceleration_runs_on_the_cpu():
    asked = []

    def network(weights: object, device: str) -> Rounding:
        asked.append(device)
        return Rounding()

    for accelerated in (True, False):
        module = replace(MODULE, network=network, accelerated=accelerated)
        module.load("cuda:7")
        assert module.describe()[0].accelerated is accelerated
    assert asked == ["cuda:7", "cpu"]


def test_a_module_that_contradicts_its_network_is_a_mistake():
    with pytest.raises(ValueError, match="its model others"):
        replace(MODULE, delay=4).load("cpu")


def test_nothing_of_the_clips_length_is_sent():
    clip = clip_of(noise(400))
    stream = codec().encode(clip, point())
    for samples in (396, 405):
        with pytest.raises(CodecError, match="are not"):
            codec().decode(stream, replace(clip.spec, samples=samples))
    assert speech_stream.unpack(stream, 101, (LEVELS,) * 4).shape == (101, 4)
