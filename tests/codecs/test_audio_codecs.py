"""Opus and AMR-NB: exact lengths, alignment, and a ledger of what decoding needs."""

import importlib
import random
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from talkbench.benchmark.api.types import Bitstream, Clip, ClipSpec, Part, Point
from talkbench.benchmark.media import delay
from talkbench.benchmark.util.errors import CodecError
from talkbench.codecs import _packets, amr_nb, opus

NAMES = ["opus", "amr_nb"]


def load(name: str):
    return importlib.import_module(f"talkbench.codecs.{name}").load("cpu")


def noise(samples: int, rate: int, channels: int = 1) -> Clip:
    spec = ClipSpec(0, 0, 0, Fraction(25), samples, rate, channels)
    audio = 0.1 * torch.randn((channels, samples), generator=torch.Generator().manual_seed(samples))
    return Clip(spec, torch.zeros((0, 3, 0, 0), dtype=torch.uint8), audio)


def late(clip: Clip, decoded: Clip) -> delay.Delay:
    return delay.of_waveform(clip.audio[0].numpy(), decoded.audio[0].numpy(), clip.spec.sample_rate)


@pytest.mark.parametrize("name", NAMES)
def test_identity(name):
    module = importlib.import_module(f"talkbench.codecs.{name}")
    assert module.availability() is None
    info, points = module.describe()
    assert info.name == name.replace("_", "-")
    assert info.modalities == ("audio",)
    assert set(info.build) == {"av", "libavcodec", "soxr"}
    assert len({point.name for point in points}) == len(points)


@pytest.mark.parametrize("name", NAMES)
def test_rate_and_likeness_rise_along_the_ladder(name, speech):
    clip = speech(3)
    codec = load(name)
    streams = [codec.encode(clip, point) for point in codec.points]
    rates = [stream.bits() / 1000 / clip.spec.duration_s for stream in streams]
    assert rates == sorted(rates)
    for rate, point in zip(rates, codec.points, strict=True):
        assert rate == pytest.approx(float(point.name.removesuffix("kbps")), rel=0.15)
    decoded = [codec.decode(stream, clip.spec).audio for stream in (streams[0], streams[-1])]
    low, high = (np.corrcoef(clip.audio[0], audio[0])[0, 1] for audio in decoded)
    assert high > max(low, 0.8)


@pytest.mark.parametrize("name", NAMES)
def test_output_is_aligned(name, speech):
    """To a third of a sample at 16 kHz; where the waveform is hardly kept, that can be told less exactly."""
    clip = speech(3)
    codec = load(name)
    exact = 0
    for point in codec.points:
        found = late(clip, codec.decode(codec.encode(clip, point), clip.spec))
        kept = found.likeness > 0.45
        assert abs(found.samples) < (0.33 if kept else 1.25)
        assert found.error < 0.05
        exact += kept
    assert exact >= 5


# Sample rate in Hz, least bandwidth that libopus may then choose, bit/s, and the mode which it is to choose.
_MODES = [
    *[(rate, 4000, 12000, "narrow") for rate in (8000, 12000, 16000, 24000, 48000)],
    *[(rate, 6000, 14000, "medium") for rate in (12000, 16000, 24000, 48000)],
    *[(rate, 8000, 20000, "wide") for rate in (16000, 24000, 48000)],
    *[(rate, 12000, 32000, "wide") for rate in (24000, 48000)],  # hybrid
    *[(rate, 20000, 90000, "celt") for rate in (8000, 12000, 16000, 24000, 48000)],
]


@pytest.mark.parametrize(("rate", "cutoff", "bit_rate", "mode"), _MODES)
def test_every_mode_of_opus_is_aligned(rate, cutoff, bit_rate, mode, speech, monkeypatch):
    """To one sample of 48 kHz, in whichever mode; the same 6.5 ms for all would not do."""
    monkeypatch.setitem(opus._OPTIONS, "cutoff", str(cutoff))
    clip = speech(2, rate)
    codec = load("opus")
    stream = codec.encode(clip, Point("one", {"bit_rate": bit_rate, "frame_ms": 60}))
    packets = opus._split(stream["lengths"], stream["packets"])
    modes = [opus._mode(packet[0] >> 3) for packet in packets]
    assert modes.count(mode) > 0.7 * len(modes)
    if cutoff == 12000:
        assert all(12 <= packet[0] >> 3 < 16 for packet in packets if opus._mode(packet[0] >> 3) == mode)
    found = late(clip, codec.decode(stream, clip.spec))
    assert abs(found.samples) * 48000 / rate < 1
    assert found.error * 48000 / rate < 0.2


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000])
def test_sample_rates_and_channels(name, rate, speech):
    clip = speech(1, rate, channels=2)
    codec = load(name)
    decoded = codec.decode(codec.encode(clip, codec.points[-1]), clip.spec)
    assert decoded.audio.shape == clip.audio.shape
    assert decoded.video.shape[0] == 0
    assert torch.equal(decoded.audio[0], decoded.audio[1])
    assert np.corrcoef(clip.audio[0], decoded.audio[0])[0, 1] > 0.7


@settings(max_examples=25, deadline=None)
@given(
    samples=st.integers(1, 6000),
    rate=st.sampled_from([8000, 16000, 22050, 44100, 48000]),
    channels=st.sampled_from([1, 2, 6]),
    name=st.sampled_from(NAMES),
)
def test_any_length(samples, rate, channels, name):
    clip = noise(samples, rate, channels)
    codec = load(name)
    for point in (codec.points[0], codec.points[-1]):
        decoded = load(name).decode(codec.encode(clip, point), clip.spec)
        assert decoded.audio.shape == (channels, samples)
        assert decoded.audio.abs().max() <= 1


def test_frames_of_opus_may_be_shorter(speech):
    clip = speech(1)
    codec = load("opus")
    for frame_ms in (10, 20, 40, 120):
        point = Point("other", {"bit_rate": 16000, "frame_ms": frame_ms})
        stream = codec.encode(clip, point)
        assert len(stream["lengths"]) >= 1000 // frame_ms
        assert codec.decode(stream, clip.spec).audio.shape == clip.audio.shape


def test_ledger_of_amr_is_the_nominal_rate(speech):
    clip = speech(2)
    codec = load("amr_nb")
    frames = -(-(2 * 8000 + 40) // 160)
    for point, bits in zip(codec.points, (95, 103, 118, 134, 148, 159, 204, 244), strict=True):
        stream = codec.encode(clip, point)
        assert stream.bits() == 8 + 8 * -(-frames * bits // 8)


@pytest.mark.parametrize(("name", "native", "rate"), [("opus", "opus", 48000), ("amr_nb", "amrnb", 8000)])
def test_packets_decode_elsewhere(name, native, rate, speech, monkeypatch):
    """FFmpeg's own decoders, written independently, read the same packets to nearly the same sound."""
    import av

    clip = speech(2)
    codec = load(name)
    stream = codec.encode(clip, codec.points[-1])
    ours = codec.decode(stream, clip.spec).audio

    def with_native(packets, _rate, _frame, _decoder):
        context = av.CodecContext.create(native, "r")
        context.sample_rate, context.layout = rate, "mono"
        decoded = [frame.to_ndarray() for packet in packets for frame in context.decode(av.Packet(packet))]
        decoded += [frame.to_ndarray() for frame in context.decode(None)]
        return np.concatenate(decoded, axis=1)[0]

    monkeypatch.setattr(_packets, "decode_packets", with_native)
    theirs = codec.decode(stream, clip.spec).audio
    assert np.corrcoef(ours[0], theirs[0])[0, 1] > 0.98


@pytest.mark.parametrize("name", NAMES)
def test_damaged_payload_gives_an_error_or_the_right_shape(name, speech):
    clip = speech(1)
    codec = load(name)
    stream = codec.encode(clip, codec.points[-1])
    whole = codec.decode(stream, clip.spec).audio
    dice = random.Random(name)
    changed = 0
    for part in stream.parts:
        for attempt in range(20):
            copy = bytearray(part.payload)
            if attempt < 3:
                copy = copy[: attempt * len(copy) // 3]
            elif copy:
                copy[dice.randrange(len(copy))] ^= 1 << dice.randrange(8)
            damaged = [Part(p.name, p.stream, bytes(copy) if p is part else p.payload) for p in stream.parts]
            try:
                decoded = codec.decode(Bitstream(tuple(damaged)), clip.spec)
            except CodecError:
                changed += 1
                continue
            assert decoded.audio.shape == clip.audio.shape
            changed += not torch.equal(decoded.audio, whole)
    assert changed > 30


@pytest.mark.parametrize("name", NAMES)
def test_clip_without_sound_is_an_error(name, moving):
    codec = load(name)
    with pytest.raises(CodecError, match=f"{codec.info.name} codes sound"):
        codec.encode(moving(1), codec.points[0])


def constant(value: float, rate: int = 16000, seconds: float = 1) -> Clip:
    clip = noise(round(rate * seconds), rate)
    return replace(clip, audio=torch.full_like(clip.audio, value))


@pytest.mark.parametrize("name", NAMES)
def test_silence_stays_silent(name):
    clip = constant(0)
    codec = load(name)
    for point in codec.points:
        assert codec.decode(codec.encode(clip, point), clip.spec).audio.abs().max() < 1e-3


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [0.5, 1.0, -1.0])
def test_a_constant_does_not_wrap_around(name, value):
    """Speech codecs take it out: what they leave of it has its sign, or is a small rest."""
    clip = constant(value)
    codec = load(name)
    for point in (codec.points[0], codec.points[-1]):
        sound = codec.decode(codec.encode(clip, point), clip.spec).audio[0]
        assert sound.abs().max() <= 1
        assert (sound * np.sign(value)).min() > -0.5
        assert sound[-4000:].mean().abs() < 0.01


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_full_scale_is_clipped_not_wrapped(name, rate, speech):
    """Speech driven far beyond full scale stands at exactly -1 and 1 most of the time."""
    clip = speech(2, rate)
    loud = (30 * clip.audio).clip(-1, 1)
    clip = replace(clip, audio=loud)
    wrapped = torch.where(loud == 1, -1, loud)
    assert np.corrcoef(loud[0], wrapped[0])[0, 1] < 0.5
    codec = load(name)
    decoded = codec.decode(codec.encode(clip, codec.points[-1]), clip.spec)
    assert decoded.audio.abs().max() <= 1
    assert np.corrcoef(loud[0], decoded.audio[0])[0, 1] > 0.7


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_samples_that_are_not_finite_are_an_error(name, bad):
    clip = noise(1600, 16000)
    clip.audio[0, 800] = bad
    codec = load(name)
    with pytest.raises(CodecError, match=f"{codec.info.name}.*NaN or infinite"):
        codec.encode(clip, codec.points[0])


@given(st.lists(st.integers(0, 1275), max_size=30))
def test_lengths_of_opus_packets(sizes):
    data = b"".join(opus._length(size) for size in sizes)
    assert list(opus._lengths(data)) == sizes


@given(mode=st.integers(0, 7), count=st.integers(1, 9), seed=st.integers(0, 99))
def test_packing_of_amr_frames(mode, count, seed):
    bits = amr_nb._BITS[mode]
    rows = np.zeros((count, -(-bits // 8) * 8), np.uint8)
    rows[:, :bits] = np.random.default_rng(seed).integers(0, 2, (count, bits))
    frames = [frame.tobytes() for frame in np.packbits(rows, axis=1)]
    packed = amr_nb._pack(frames, bits)
    assert len(packed) == -(-bits * count // 8)
    assert amr_nb._unpack(packed, bits, count) == frames
    with pytest.raises(CodecError):
        amr_nb._unpack(packed + b"\x00", bits, count)
