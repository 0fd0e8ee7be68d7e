"""Opus and AMR-NB: exact lengths, alignment, and a ledger of what decoding needs."""

import importlib
import random
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import butter, correlate, sosfiltfilt
from talkbench.benchmark.errors import CodecError
from talkbench.benchmark.types import Bitstream, Clip, ClipSpec, Part
from talkbench.codecs import _audio, _packets, amr_nb, opus

NAMES = ["opus", "amr_nb"]


def load(name: str):
    return importlib.import_module(f"talkbench.codecs.{name}").load("cpu")


def noise(samples: int, rate: int, channels: int = 1) -> Clip:
    spec = ClipSpec(0, 0, 0, Fraction(25), samples, rate, channels)
    audio = 0.1 * torch.randn((channels, samples), generator=torch.Generator().manual_seed(samples))
    return Clip(spec, torch.zeros((0, 3, 0, 0), dtype=torch.uint8), audio)


def lag(first: torch.Tensor, second: torch.Tensor) -> int:
    """Samples by which `second` is late at 16 kHz, in 500-3000 Hz (both codecs filter the lowest sounds)."""
    band = butter(4, [500, 3000], "band", fs=16000, output="sos")
    a, b = (sosfiltfilt(band, audio[0].numpy()) for audio in (first, second))
    return int(correlate(b, a).argmax()) - len(a) + 1


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
    clip = speech(4)
    codec = load(name)
    for point in codec.points:
        decoded = codec.decode(codec.encode(clip, point), clip.spec)
        # libopus' own delay is one sample of 16 kHz less than its stated 6.5 ms where it codes wideband.
        assert -1 <= lag(clip.audio, decoded.audio) <= (1 if name == "opus" else 0)


@pytest.mark.parametrize(("module", "expected"), [(opus, 104), (amr_nb, 80)])
def test_without_compensation_it_would_be_late(module, expected, speech, monkeypatch):
    clip = speech(4)
    codec = module.load("cpu")
    stream = codec.encode(clip, codec.points[-1])
    compensated = codec.decode(stream, clip.spec)
    original = _audio.spread
    delay = module._DELAY

    def uncompensated(samples, rate, spec):
        return original(np.concatenate((np.zeros(delay, np.float32), samples)), rate, spec)

    monkeypatch.setattr(_audio, "spread", uncompensated)
    late = codec.decode(stream, clip.spec)
    assert lag(compensated.audio, late.audio) == expected


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
    channels=st.integers(1, 2),
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
        point = type(codec.points[0])("other", {"bit_rate": 16000, "frame_ms": frame_ms})
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
