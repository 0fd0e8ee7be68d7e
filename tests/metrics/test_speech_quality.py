"""PESQ, STOI and ViSQOL: what this project adds around the libraries, and figures known from elsewhere."""

from typing import Any

import numpy as np
import pystoi
import pytest
import soxr
import torch
from talkbench.benchmark.util.errors import InvalidClip, Unavailable
from talkbench.metrics import pesq, stoi, visqol

needs_pesq = pytest.mark.skipif(pesq.availability() is not None, reason=str(pesq.availability()))
FAMILIES = [pytest.param(pesq, marks=needs_pesq), stoi, visqol]


@needs_pesq
def test_pesq_of_the_reference_pair(score, read_speech):
    """1.08323 is the wide-band value published with the pair."""
    clean, babble = read_speech("pesq/speech.wav"), read_speech("pesq/speech_bab_0dB.wav")
    assert score(pesq, clean, babble)["pesq"].value == pytest.approx(1.08323, abs=1e-4)
    assert score(pesq, clean, clean)["pesq"].value == pytest.approx(4.644, abs=1e-3)


def test_stoi_is_pystois(score, read_speech):
    clean, babble = read_speech("pesq/speech.wav"), read_speech("pesq/speech_bab_0dB.wav")
    x, y = (clip.audio[0].double().numpy() for clip in (clean, babble))
    scores = score(stoi, clean, babble)
    # pystoi resamples by a filter of its own, soxr by a sharper one.
    assert scores["stoi"].value == pytest.approx(pystoi.stoi(x, y, 16000), abs=2e-3)
    assert scores["estoi"].value == pytest.approx(pystoi.stoi(x, y, 16000, extended=True), abs=4e-3)


def test_estoi_does_not_depend_on_numpys_global_generator(score, make_clip, read_speech):
    clip = read_speech("LJ001-0008.wav")
    half = clip.audio.clone()
    half[:, half.shape[1] // 2 :] = 0
    values = []
    for seed in (1, 2):
        np.random.seed(seed)
        values.append(score(stoi, clip, make_clip(audio=half, sample_rate=22050))["estoi"].value)
        after = np.random.rand()
        np.random.seed(seed)
        assert after == np.random.rand()  # and leaves it as it was
    assert values[0] == values[1]


def test_visqol_matches_the_library(score, make_clip, read_speech, add_hiss):
    from visqol.api import VisqolApi

    clip = read_speech("pesq/speech.wav")
    clip = make_clip(audio=clip.audio[:, :24000])
    noisy = make_clip(audio=add_hiss(clip.audio, 15))
    api = VisqolApi()
    api.create(mode="speech", use_lattice_model=False)
    x, y = (c.audio[0].double().numpy() for c in (clip, noisy))
    value = score(visqol, clip, noisy)["visqol_speech"].value
    assert value == pytest.approx(api.measure_from_arrays(x, y, 16000).moslqo, abs=1e-9)
    assert 1 < value < 5
    assert score(visqol, clip, clip)["visqol_speech"].value == pytest.approx(5.0, abs=1e-6)


def test_visqols_audio_mode_matches_the_library(score, make_clip, read_speech, add_hiss):
    """The library resamples by itself, with another filter: only at 48 kHz are values the same."""
    from visqol.api import VisqolApi

    speech = read_speech("LJ001-0008.wav")
    audio = torch.from_numpy(soxr.resample(speech.audio[0].numpy(), speech.spec.sample_rate, 48000))[None]
    clip = make_clip(audio=audio, sample_rate=48000)
    noisy = make_clip(audio=add_hiss(audio, 15), sample_rate=48000)
    api = VisqolApi()
    api.create(mode="audio")
    x, y = (c.audio[0].double().numpy() for c in (clip, noisy))
    value = score(visqol, clip, noisy)["visqol_audio"].value
    assert value == pytest.approx(api.measure_from_arrays(x, y, 48000).moslqo, abs=1e-9)
    assert 1 < value < 4.7
    assert score(visqol, clip, clip)["visqol_audio"].value == pytest.approx(4.7321, abs=1e-4)


def test_visqol_hears_noise_but_neither_level_nor_delay(make_clip, read_speech, add_hiss):
    speech = read_speech("pesq/speech.wav").audio[:, :24000]
    metric: Any = visqol.load("cpu", visqol.describe())
    state = metric.reference(make_clip(audio=speech))

    def values(audio):
        return {name: found.value for name, found in metric.compare(state, make_clip(audio=audio)).items()}

    copy = values(speech)
    assert copy == pytest.approx({info.name: info.bounds[1] for info in metric.infos}, abs=1e-3)
    for audio in (speech / 2, speech.roll(160, 1)):
        assert values(audio) == pytest.approx(copy, abs=0.01)
    noisy = [values(add_hiss(speech, snr)) for snr in (30, 20, 0)]
    for name, best in copy.items():
        assert best > noisy[0][name] > noisy[1][name] > noisy[2][name]


@pytest.mark.parametrize("family", FAMILIES)
def test_silence_and_short_sound_are_unavailable(score, make_clip, read_speech, family):
    audio = read_speech("pesq/speech.wav").audio[:, :24000]
    clip = make_clip(audio=audio)
    for result in score(family, clip, make_clip(audio=torch.zeros_like(audio))).values():
        assert isinstance(result, Unavailable)
        assert "silent" in str(result)
    for samples in (10, 400, 3000):
        short = make_clip(audio=audio[:, 8000 : 8000 + samples])
        assert all(isinstance(result, Unavailable) for result in score(family, short, short).values())
    metric = family.load("cpu", family.describe())
    with pytest.raises(Unavailable, match="reference is silent"):
        metric.reference(make_clip(audio=torch.zeros(1, 24000)))
    with pytest.raises(InvalidClip):
        metric.compare(metric.reference(clip), make_clip(audio=audio[:, 1:]))


@pytest.mark.parametrize("family", FAMILIES)
def test_channels_are_mixed(score, make_clip, read_speech, add_hiss, family):
    """Opposite noise in two channels cancels in their mean."""
    audio = read_speech("pesq/speech.wav").audio[:, :24000]
    noise = add_hiss(audio, 10) - audio
    both = make_clip(audio=torch.cat((audio + noise, audio - noise)))
    clean = make_clip(audio=audio.repeat(2, 1))
    one = make_clip(audio=audio)
    same = score(family, one, one)
    for name, result in score(family, clean, both).items():
        assert result.value == pytest.approx(same[name].value, abs=1e-3)
