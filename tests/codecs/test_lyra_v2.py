"""Lyra V2 with Google's files: exact packets, fresh state, alignment, likeness by google/lyra's own test."""

import math

import numpy as np
import pytest
import torch
from scipy.signal import correlate
from talkbench.benchmark.api.types import Clip, Point
from talkbench.codecs import lyra_v2
from talkbench.codecs.lyra_v2 import LyraV2

BOOKS = (16, 30, 46)
HOP = 320


@pytest.fixture(autouse=True)
def official(shared, monkeypatch):
    if lyra_v2.availability():
        monkeypatch.setenv("TALKBENCH_WEIGHTS", str(shared / "weights"))
    if missing := lyra_v2.availability():
        pytest.skip(missing)


@pytest.fixture
def codec(official):
    return lyra_v2.load("cpu")


@pytest.fixture
def model(codec) -> LyraV2:
    return codec.model


def whole(clip: Clip) -> torch.Tensor:
    """The clip's samples, whole hops of them."""
    samples = clip.audio[0]
    return samples[: len(samples) // HOP * HOP]


def log_mel(samples: np.ndarray) -> np.ndarray:
    """google/lyra's features of a sound at 16 kHz, by hop: ln(64 mel bands, 500 or more) / 10."""
    window = np.hanning(2 * HOP + 2)[1:-1]
    padded = np.concatenate([np.zeros(HOP), samples * 32768])
    frames = np.stack([padded[at : at + 2 * HOP] * window for at in range(0, len(samples), HOP)])
    mel = 1127 * np.log1p(np.arange(513) * 16000 / 1024 / 700)
    edges = np.linspace(0, 1127 * np.log1p(0.495 * 16000 / 700), 66)[:, None]
    low, peak, high = edges[:-2], edges[1:-1], edges[2:]
    bands = np.minimum((mel - low) / (peak - low), (high - mel) / (high - peak)).clip(0)
    return np.log(np.maximum(np.abs(np.fft.rfft(frames, 1024)) @ bands.T, 500)) / 10


def distance(first: torch.Tensor, second: torch.Tensor) -> np.ndarray:
    """google/lyra's log-spectral distance by hop."""
    difference = log_mel(first.numpy()) - log_mel(second.numpy())
    return 10 * np.sqrt((difference**2).mean(axis=1))


def test_the_ladder_has_lyras_three_rates(codec):
    assert [(point.name, point.params) for point in codec.points] == [
        (name, {"books": books, "profile": "raw"})
        for name, books in zip(("3.2kbps", "6kbps", "9.2kbps"), BOOKS, strict=True)
    ]
    assert codec.info.weights == "official"
    assert len([key for key in codec.info.build if key.startswith("lyra-v2-")]) == 3


@pytest.mark.parametrize(("samples", "frames"), [(1, 1), (320, 1), (321, 2), (16000, 50), (16001, 51)])
def test_each_hop_takes_exactly_its_bits(codec, speech, samples, frames):
    clip = speech(1.1)
    clip = Clip(
        type(clip.spec)(0, 0, 0, clip.spec.fps, samples, 16000, 1), clip.video, clip.audio[:, :samples]
    )
    for point, bits in zip(codec.points, (64, 120, 184), strict=True):
        stream = codec.encode(clip, point)
        assert {part.name: part.bits for part in stream.parts} == {"setting": 8, "tokens": frames * bits}
        assert codec.decode(stream, clip.spec).audio.shape == (1, samples)


@pytest.mark.parametrize("books", BOOKS)
def test_tokens_are_the_packets_of_google_lyra(codec, model, speech, books):
    """Its packet is one big number without a header, the first quantizer's four bits on top."""
    clip = speech(0.5)
    packets = b""
    for row in model.tokens(whole(clip), books).tolist():
        number = sum(entry << 4 * (books - 1 - place) for place, entry in enumerate(row))
        packets += number.to_bytes(books // 2, "big")
    stream = codec.encode(clip, Point("any", {"books": books, "profile": "raw"}))
    assert stream["tokens"] == packets


def test_fewer_quantizers_are_the_first_ones(model, speech):
    samples = whole(speech(1))
    most = model.tokens(samples, 46)
    for books in (1, 16, 30):
        assert torch.equal(model.tokens(samples, books), most[:, :books])


def test_the_quantizer_is_the_sum_of_nearest_entries(model, speech):
    """Entries one by one from the official decoder; the search and the sums are worked out again here."""
    decode = lyra_v2._runner(model.quantizer, "decode", delegates=False)
    entries = np.zeros((46, 16, 64))
    for book, entry in np.ndindex(46, 16):
        chosen = np.full((46, 1, 1), -1, np.int32)
        chosen[book] = entry
        entries[book, entry] = decode(encoding_indices=chosen)["output_0"].ravel()
    extract = lyra_v2._runner(model.encoder)
    samples = torch.round(whole(speech(1)) * 32768).clamp(-32768, 32767) / 32768
    features = np.stack(
        [extract(input_audio=hop)["output_0"].ravel() for hop in samples.view(-1, 1, HOP).numpy()]
    )
    rest, expected = features.astype(np.float64), []
    for book in entries:
        nearest = ((rest[:, None] - book) ** 2).sum(axis=2).argmin(axis=1)
        rest = rest - book[nearest]
        expected.append(nearest)
    tokens = model.tokens(whole(speech(1)), 46).numpy()
    # Where two entries are all but equally near, float32 may choose the other, and all that follow differ.
    agrees = (np.stack(expected, axis=1) == tokens).all(axis=1)
    assert agrees.mean() > 0.9
    power = np.square(features).sum()
    kept = []
    for books in BOOKS:
        restored = sum(entries[book, tokens[:, book]] for book in range(books))
        kept.append(1 - np.square(features - restored).sum() / power)
    assert kept == sorted(kept)
    assert kept[0] > 0.75
    assert kept[-1] > 0.93


@pytest.mark.parametrize("books", BOOKS)
def test_speech_stays_like_itself(model, speech, books):
    """google/lyra asks for less than 2 in each hop; two hops too late must not pass."""
    samples = whole(speech(3))
    decoded = model.sound(model.tokens(samples, books))
    assert distance(samples, decoded).max() < 2
    assert distance(samples, decoded.roll(2 * HOP)).max() > 2


def test_likeness_rises_with_the_rate(model, speech):
    samples = whole(speech(3))
    tokens = model.tokens(samples, 46)
    likeness = [np.corrcoef(samples, model.sound(tokens[:, :books]))[0, 1] for books in BOOKS]
    assert likeness == sorted(likeness)
    assert likeness[0] > 0.7


@pytest.mark.parametrize("books", BOOKS)
def test_speech_is_not_late(model, speech, books):
    samples = whole(speech(4))
    decoded = model.sound(model.tokens(samples, books))
    assert correlate(decoded.numpy(), samples.numpy()).argmax() - len(samples) + 1 == 0


def test_nothing_is_known_before_it_is_heard(model, speech):
    """Hop t of the sound depends on hops up to t and no later one: no look-ahead, so no delay to cut off."""
    samples = whole(speech(1))
    other = samples.clone()
    other[20 * HOP :] = samples[20 * HOP :].flip(0)
    first, second = model.tokens(samples, 46), model.tokens(other, 46)
    assert torch.equal(first[:20], second[:20])
    assert not torch.equal(first[20], second[20])
    one, two = model.sound(first), model.sound(second)
    assert torch.equal(one[: 20 * HOP], two[: 20 * HOP])
    assert not torch.equal(one[20 * HOP : 21 * HOP], two[20 * HOP : 21 * HOP])


def test_every_clip_starts_anew(model, speech):
    samples = whole(speech(0.5))
    tokens = model.tokens(samples, 46)
    sound = model.sound(tokens)
    model.tokens(samples.flip(0), 16)
    model.sound(tokens.flip(0))
    assert torch.equal(model.tokens(samples, 46), tokens)
    assert torch.equal(model.sound(tokens), sound)
    # State matters: the same hops after others are coded otherwise.
    assert not torch.equal(model.tokens(torch.cat([samples, samples]), 46)[-len(tokens) :], tokens)


def test_samples_are_of_16_bits(model, speech):
    samples = torch.round(whole(speech(0.3)) * 32768) / 32768
    tokens = model.tokens(samples, 16)
    assert torch.equal(model.tokens(samples + 0.4 / 32768, 16), tokens)
    sound = model.sound(tokens) * 32768
    assert torch.equal(sound, sound.round())
    full = torch.ones(5 * HOP)
    assert torch.equal(model.tokens(full, 16), model.tokens(full * 32767 / 32768, 16))


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0, -1.0])
def test_constant_sound_is_coded(codec, speech, level):
    clip = speech(0.4)
    clip = Clip(clip.spec, clip.video, torch.full_like(clip.audio, level))
    decoded = codec.decode(codec.encode(clip, codec.points[0]), clip.spec)
    assert decoded.audio.shape == clip.audio.shape
    assert decoded.audio.abs().max() <= 1
    assert level or decoded.audio.abs().max() < 0.01


def test_rates_are_in_the_timeline(codec, speech):
    clip = speech(1)
    stream = codec.encode(clip, codec.points[1])
    found = lyra_v2.timeline(stream, clip.spec)
    assert found["tokens"].step_s == 0.02
    assert set(found["tokens"].bits) == {120}
    assert math.fsum(found["setting"].bits) == 8


def test_what_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(lyra_v2, "find_spec", lambda name: None)
    assert lyra_v2.availability() == "LiteRT is not installed; install it with: pip install ai-edge-litert"
    monkeypatch.undo()
    for variable in ("TALKBENCH_WEIGHTS", "TALKBENCH_CACHE"):
        monkeypatch.setenv(variable, str(tmp_path))
    reason = lyra_v2.availability()
    assert "talkbench weights fetch lyra-v2-encoder lyra-v2-quantizer lyra-v2-decoder" in reason
