"""Spectral distances beside those of DAC's own classes.

The numbers are of MelSpectrogramLoss and MultiScaleSTFTLoss of descript-audio-codec 1.0.0 (dac/nn/loss.py)
with descript-audiotools 0.7.2, librosa 0.10.2.post1 and torch 2.13.0: with their defaults, which its
evaluation uses, and, for `mel_dac_train7`, with the settings of its 44.1 kHz training configuration
(conf/final/44khz.yml). The sounds come from formulas, so that anybody can work them out again.
"""

from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from talkbench.metrics import spectral

RATE = 44100
NAMES = ("mel_dac_eval", "stft_dac_eval", "mel_dac_train7")

Sound = NDArray[np.float64]


def coarse(sound: Sound) -> Sound:
    """Eight bits a sample."""
    return np.round(sound * 128) / 128


def signals() -> Mapping[str, tuple[Sound, Sound]]:
    """Half a second of reference and decoded sound (C, N)."""
    n = np.arange(RATE // 2)
    t = n / RATE
    tones = sum(np.sin(2 * np.pi * f * t) for f in (220, 1370, 6100))
    chord = 0.2 * tones * np.exp(-8 * t) * (t < 0.4)
    chirp = 0.5 * np.sin(2 * np.pi * (100 * t + 9000 * t**2))
    hiss = 0.1 * np.sin(n**2 * 1.234567)
    narrow = 0.3 * np.sin(2 * np.pi * 440 * t) * np.sin(2 * np.pi * 3 * t) ** 2
    return {
        "a chord, then silence": (chord[None], 0.8 * chord[None]),
        "a chirp": (chirp[None], coarse(chirp)[None]),
        "a hiss left out": ((narrow + hiss)[None], narrow[None]),
        "two channels": (np.stack((chirp, chord)), np.stack((chord, narrow))),
        "silence": (chord[None], 0 * chord[None]),
    }


OF_FORMULAS = {
    "a chord, then silence": (0.1751638, 0.2130080, 0.3368683),
    "a chirp": (5.965929, 10.80717, 5.653442),
    "a hiss left out": (11.63823, 21.52512, 13.51481),
    "two channels": (3.738167, 4.794492, 5.721223),
    "silence": (3.289629, 3.506698, 5.670268),
}
# The first 3 s, and the same `coarse`, both brought to 44.1 kHz by soxr where they are not.
OF_SPEECH = {
    "LJ001-0001.wav": (0.8330027, 1.021588, 1.038473),
    "LJ001-0002.wav": (0.9751819, 1.243817, 1.194631),
    "jfk.flac": (1.948813, 6.930654, 2.164705),
    "sense_and_sensibility_01_austen_64kb-0870.wav": (0.7894933, 0.8529245, 1.042342),
}


@pytest.mark.parametrize("sound", OF_FORMULAS)
def test_formulas(score: Callable, make_clip: Callable, sound: str) -> None:
    reference, decoded = (torch.from_numpy(part).float() for part in signals()[sound])
    found = score(spectral, make_clip(audio=reference, sample_rate=RATE), make_clip(audio=decoded))
    for name, value in zip(NAMES, OF_FORMULAS[sound], strict=True):
        assert found[name].value == pytest.approx(value, rel=2e-4), name


@pytest.mark.parametrize("recording", OF_SPEECH)
def test_speech(score: Callable, make_clip: Callable, read_speech: Callable, recording: str) -> None:
    clip = read_speech(recording)
    rate = clip.spec.sample_rate
    reference = clip.audio[:, : 3 * rate]
    decoded = torch.from_numpy(coarse(reference.numpy()))
    found = score(spectral, make_clip(audio=reference, sample_rate=rate), make_clip(audio=decoded))
    for name, value in zip(NAMES, OF_SPEECH[recording], strict=True):
        assert found[name].value == pytest.approx(value, rel=2e-4), name


def test_the_floor_stands_on_magnitudes(score: Callable, make_clip: Callable) -> None:
    """Ten times the noise between the two floors is one decade of magnitude, two of its square."""
    n = np.arange(RATE)
    hiss = torch.from_numpy(1e-5 * np.sin(n**2 * 1.234567)).float()[None]
    found = score(spectral, make_clip(audio=hiss, sample_rate=RATE), make_clip(audio=10 * hiss))
    assert found["stft_dac_eval"].value == pytest.approx(2 * 2, abs=0.05)


def test_a_corrected_metric_has_another_fingerprint() -> None:
    versions = {info.name: info.version for info in spectral.describe()}
    assert versions == {"mel_dac_eval": "2", "stft_dac_eval": "2", "mel_dac_train7": "1"}
