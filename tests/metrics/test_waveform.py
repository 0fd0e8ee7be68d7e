import mir_eval
import numpy as np
import pytest
import torch
from talkbench.benchmark.util.errors import InvalidClip, Unavailable
from talkbench.metrics import waveform
from torchmetrics.functional.audio import (
    scale_invariant_signal_distortion_ratio,
    signal_noise_ratio,
)


@pytest.fixture
def sound():
    return torch.randn(1, 8000, generator=torch.Generator().manual_seed(0)) * 0.1 + 0.02


@pytest.mark.parametrize("snr_db", [40, 10, -10])
def test_agrees_with_torchmetrics(score, make_clip, add_hiss, sound, snr_db):
    decoded = 0.7 * add_hiss(sound, snr_db) - 0.01
    scores = score(waveform, make_clip(audio=sound), make_clip(audio=decoded))
    x, y = sound[0].double(), decoded[0].double()
    si_sdr = scale_invariant_signal_distortion_ratio(y, x, zero_mean=True).item()
    assert scores["si_sdr"].value == pytest.approx(si_sdr, abs=1e-9)
    assert scores["snr"].value == pytest.approx(signal_noise_ratio(y, x).item(), abs=1e-9)


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_si_sdr_of_uncorrelated_noise_agrees_with_mir_eval(score, make_clip, sound):
    """BSS Eval allows a filter of 512 taps, so its SDR is the higher one, but close for white noise."""
    sound = sound - sound.mean()
    noise = torch.randn(sound.shape, generator=torch.Generator().manual_seed(1)) * 0.05
    decoded = sound + noise
    sdr = mir_eval.separation.bss_eval_sources(sound.double().numpy(), decoded.double().numpy(), False)[0][0]
    value = score(waveform, make_clip(audio=sound), make_clip(audio=decoded))["si_sdr"].value
    assert 0 <= sdr - value < 0.4


def test_si_sdr_ignores_level_and_mean_but_snr_does_not(score, make_clip, add_hiss, sound):
    decoded = add_hiss(sound, 15)
    plain = score(waveform, make_clip(audio=sound), make_clip(audio=decoded))
    moved = score(waveform, make_clip(audio=sound), make_clip(audio=decoded * 0.5 + 0.25))
    assert moved["si_sdr"].value == pytest.approx(plain["si_sdr"].value, abs=1e-4)
    assert moved["snr"].value < plain["snr"].value - 5


def test_known_value_over_channels(score, make_clip):
    x = torch.tensor([[1.0, 0, -1, 0], [0, 1, 0, -1]])
    value = score(waveform, make_clip(audio=x), make_clip(audio=0.9 * x))["snr"].value
    assert value == pytest.approx(20.0, abs=1e-5)  # an error of a tenth


def test_edges(score, make_clip, sound):
    clip = make_clip(audio=sound)
    same = score(waveform, clip, clip)
    assert (same["si_sdr"].value, same["snr"].value) == (100.0, 100.0)
    silent = score(waveform, clip, make_clip(audio=torch.zeros_like(sound)))
    assert silent["snr"].value == 0.0
    assert isinstance(silent["si_sdr"], Unavailable)
    tone = torch.from_numpy(np.sin(np.arange(8000) * np.pi / 8)).float()[None]
    quarter = torch.roll(tone, 4)  # orthogonal
    assert -100 <= score(waveform, make_clip(audio=tone), make_clip(audio=quarter))["si_sdr"].value < -50
    metric = waveform.load("cpu", waveform.describe())
    with pytest.raises(Unavailable, match="silent"):
        metric.reference(make_clip(audio=torch.zeros(1, 100)))
    with pytest.raises(Unavailable, match="no sound"):
        metric.reference(make_clip())
    with pytest.raises(InvalidClip):
        metric.compare(metric.reference(clip), make_clip(audio=sound[:, 1:]))
