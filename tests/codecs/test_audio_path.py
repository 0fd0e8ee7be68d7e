"""The path between a clip's sound and a codec's: no delay, the same level, exact lengths, nothing wrapped."""

import sys
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from talkbench.benchmark.api.types import Clip, ClipSpec
from talkbench.benchmark.media import delay as sound_delay
from talkbench.benchmark.util.errors import CodecError
from talkbench.codecs import _audio, _packets

RATES = [8000, 11025, 16000, 22050, 24000, 44100, 48000]
CODEC_RATES = [8000, 16000, 24000, 48000]


def clip_of(audio: np.ndarray, rate: int) -> Clip:
    """(C, N) as a clip without pictures."""
    channels, samples = audio.shape
    spec = ClipSpec(0, 0, 0, Fraction(25), samples, rate, channels)
    video = torch.zeros((0, 3, 0, 0), dtype=torch.uint8)
    return Clip(spec, video, torch.from_numpy(audio.astype(np.float32)))


def there_and_back(clip: Clip, rate: int) -> np.ndarray:
    """Through a codec of `rate` Hz that changes nothing: (C, N)."""
    return _audio.spread(_audio.mono(clip, rate, "test"), rate, clip.spec).audio.numpy()


def tone(frequency: float, rate: int, seconds: float = 1, phase: float = 0.3) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * frequency * np.arange(round(rate * seconds)) / rate + phase)


@pytest.mark.parametrize("codec_rate", CODEC_RATES)
@pytest.mark.parametrize("rate", RATES)
def test_a_tone_keeps_its_level_and_its_place(rate, codec_rate):
    """One way and back, up to 80 % of the narrower band: the level to 0.01 dB, the phase to 1 µs."""
    limit = 0.4 * min(rate, codec_rate)
    for frequency in (100, 1000, limit):
        sine = tone(frequency, rate)
        coded = _audio.mono(clip_of(sine[None], rate), codec_rate, "test")
        back = there_and_back(clip_of(sine[None], rate), codec_rate)[0]
        for sound, expected in ((coded, tone(frequency, codec_rate)), (back, sine)):
            at = codec_rate if sound is coded else rate
            middle = slice(at // 10, -at // 10)
            wave = np.exp(-2j * np.pi * frequency * np.arange(len(expected)) / at)
            ratio = (sound * wave)[middle].sum() / (expected * wave)[middle].sum()
            assert abs(20 * np.log10(abs(ratio))) < 0.01
            assert abs(np.angle(ratio)) / (2 * np.pi * frequency) < 1e-6
            assert np.abs(sound - expected)[middle].max() < 1e-3


@pytest.mark.parametrize("rate", RATES)
def test_it_has_no_delay(rate, speech):
    clip = speech(1, rate)
    for codec_rate in CODEC_RATES:
        back = there_and_back(clip, codec_rate)[0]
        assert abs(sound_delay.of_waveform(clip.audio[0].numpy(), back, rate).samples) < 1e-3


@settings(max_examples=80, deadline=None)
@given(
    samples=st.integers(1, 3000),
    rate=st.sampled_from([*RATES, 96000, 7999]),
    codec_rate=st.sampled_from(CODEC_RATES),
    channels=st.sampled_from([1, 2, 6]),
    delay=st.integers(0, 400),
    frame=st.sampled_from([1, 160, 320, 2880]),
)
def test_lengths_are_exact(samples, rate, codec_rate, channels, delay, frame):
    audio = np.random.default_rng(samples).uniform(-1, 1, (channels, samples))
    clip = clip_of(audio, rate)
    coded = _audio.mono(clip, codec_rate, "test")
    assert len(coded) == -(-samples * codec_rate // rate)
    needed = _audio.frames_needed(clip.spec, codec_rate, delay, frame) * frame
    assert needed - frame < len(coded) + delay <= needed
    back = _audio.spread(coded, codec_rate, clip.spec)
    assert back.audio.shape == audio.shape
    assert back.spec.frames == 0
    assert back.audio.isfinite().all()
    assert back.audio.abs().max() <= 1


@pytest.mark.parametrize("rate", RATES)
def test_a_lone_sample_is_heard(rate):
    for codec_rate in CODEC_RATES:
        clip = clip_of(np.full((1, 1), 0.5), rate)
        assert np.abs(_audio.mono(clip, codec_rate, "test")).max() > 0.01
        assert np.abs(there_and_back(clip, codec_rate)).max() > 0.01


@pytest.mark.parametrize("rate", RATES)
def test_full_scale_is_clipped_not_wrapped(rate):
    """A square wave of full scale rings beyond it when resampled; a wrapped sample would flip its sign."""
    square = np.sign(tone(200, rate))
    for codec_rate in CODEC_RATES:
        coded = _audio.mono(clip_of(square[None], rate), codec_rate, "test")
        back = there_and_back(clip_of(square[None], rate), codec_rate)[0]
        assert np.abs(coded).max() <= 1
        assert np.abs(back).max() <= 1
        assert np.corrcoef(back, square)[0, 1] > 0.97


@pytest.mark.parametrize("value", [0.0, 0.25, 1.0, -1.0])
@pytest.mark.parametrize("rate", [11025, 16000])
def test_a_constant_stays(value, rate):
    for codec_rate in CODEC_RATES:
        back = there_and_back(clip_of(np.full((1, rate), value), rate), codec_rate)[0]
        assert np.abs(back[rate // 10 : -rate // 10] - value).max() < 1e-4


def test_it_is_the_same_sound_where_rates_agree():
    audio = np.random.default_rng(0).uniform(-1, 1, (1, 999)).astype(np.float32)
    assert np.array_equal(there_and_back(clip_of(audio, 16000), 16000), audio)


def test_channels_are_averaged_and_all_alike():
    audio = np.random.default_rng(0).uniform(-1, 1, (6, 999))
    back = there_and_back(clip_of(audio, 16000), 16000)
    assert np.abs(back - audio.mean(0)).max() < 1e-6


def test_the_clip_is_not_changed():
    clip = clip_of(np.random.default_rng(0).uniform(-1, 1, (1, 999)), 16000)
    before = clip.sha256()
    _audio.mono(clip, 16000, "test")[:] = 0
    assert clip.sha256() == before


def test_no_sound_is_an_error():
    with pytest.raises(CodecError, match="test codes sound, and this clip has none"):
        _audio.mono(clip_of(np.zeros((2, 0)), 16000), 16000, "test")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite_are_an_error(bad):
    audio = np.zeros((2, 100))
    audio[1, 50] = bad
    with pytest.raises(CodecError, match="test: the clip's sound holds NaN or infinite samples"):
        _audio.mono(clip_of(audio, 16000), 8000, "test")


@pytest.mark.parametrize(("library", "fix"), [("soxr", "pip install soxr"), ("av", "pip install av")])
def test_a_missing_library_is_reported(library, fix, monkeypatch):
    assert _packets.missing("libopus") is None
    monkeypatch.setitem(sys.modules, library, None)
    assert fix in str(_packets.missing("libopus"))
    assert (_audio.missing() is None) == (library == "av")


def test_a_missing_encoder_is_told():
    assert "has no libnothing" in str(_packets.missing("libopus", "libnothing"))
