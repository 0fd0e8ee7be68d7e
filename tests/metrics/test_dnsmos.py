"""DNSMOS with Microsoft's files: parity with another implementation, and what makes it rise and fall."""

from typing import Any

import numpy as np
import pytest
import torch
from talkbench.benchmark.media.mel import mel_filters
from talkbench.benchmark.util.errors import InvalidClip, Unavailable
from talkbench.codecs import opus
from talkbench.metrics import dnsmos

# speechmos 0.0.1.1 (Microsoft's package) with librosa 0.11.0 and onnxruntime 1.31.1, on the same files.
SPEECHMOS = {
    "pesq/speech.wav": (3.551809, 4.04745, 3.24582, 3.950929),
    "pesq/speech_bab_0dB.wav": (1.204685, 1.168347, 1.08887, 2.513601),
    "sense_and_sensibility_01_austen_64kb-0930.wav": (3.585483, 3.828538, 3.206927, 3.92938),
}
NAMES = ("dnsmos_sig", "dnsmos_bak", "dnsmos_ovrl", "dnsmos_p808")


@pytest.fixture(autouse=True)
def official(shared, monkeypatch):
    monkeypatch.setenv("TALKBENCH_WEIGHTS", str(shared / "weights"))
    for info in dnsmos.describe():
        if missing := info.missing():
            pytest.skip(missing)


@pytest.fixture
def judge():
    """Values by metric of a sound (C, N)."""
    metric: Any = dnsmos.load("cpu", dnsmos.describe())

    def values(clip):
        return {name: result.value for name, result in metric.compare(metric.reference(clip), clip).items()}

    return values


@pytest.mark.parametrize("name", SPEECHMOS)
def test_parity_with_speechmos(judge, read_speech, name):
    found = judge(read_speech(name))
    assert tuple(found) == NAMES
    assert list(found.values()) == pytest.approx(SPEECHMOS[name], abs=1e-4)


def test_more_noise_is_worse(judge, read_speech, add_hiss, make_clip):
    speech = read_speech("pesq/speech.wav").audio
    values = [judge(make_clip(audio=add_hiss(speech, snr).clamp(-1, 1))) for snr in (30, 15, 0)]
    for name in NAMES:
        one, two, three = (value[name] for value in values)
        assert one > two > three, name
        assert 1 <= three < one <= 5


def test_more_bits_of_opus_are_better(judge, read_speech):
    clip, codec = read_speech("pesq/speech.wav"), opus.load("cpu")
    low, high = (
        judge(codec.decode(codec.encode(clip, point), clip.spec))
        for point in (codec.points[0], codec.points[-1])
    )
    assert all(high[name] > low[name] + 0.1 for name in ("dnsmos_sig", "dnsmos_ovrl", "dnsmos_p808"))
    assert all(abs(high[name] - value) < 0.2 for name, value in judge(clip).items())


def test_level_counts_for_the_network_that_hears_it(judge, read_speech, make_clip):
    """P.835 hears samples; P.808 sees decibels below the loudest."""
    speech = read_speech("pesq/speech.wav").audio
    loud, quiet = judge(make_clip(audio=speech)), judge(make_clip(audio=speech / 8))
    assert loud["dnsmos_sig"] - quiet["dnsmos_sig"] > 0.2
    assert loud["dnsmos_p808"] == pytest.approx(quiet["dnsmos_p808"], abs=0.01)


def test_a_delay_is_hardly_noticed_and_channels_are_mixed(judge, read_speech, make_clip):
    speech = read_speech("pesq/speech.wav").audio
    one = judge(make_clip(audio=speech))
    late = judge(make_clip(audio=speech.roll(800, 1)))
    assert all(abs(late[name] - value) < 0.15 for name, value in one.items())
    both = judge(make_clip(audio=torch.cat([speech * 1.5, speech * 0.5])))
    assert both == pytest.approx(one, abs=1e-3)


def test_sound_that_cannot_be_judged(make_clip, read_speech):
    metric = dnsmos.load("cpu", dnsmos.describe())
    for samples in (1, 1600, 15999):
        with pytest.raises(Unavailable, match="DNSMOS needs 1 s"):
            metric.reference(make_clip(audio=torch.ones(1, samples)))
    with pytest.raises(Unavailable, match="no sound"):
        metric.reference(make_clip())
    clip = read_speech("pesq/speech.wav")
    state = metric.reference(clip)
    silent = metric.compare(state, make_clip(audio=torch.zeros_like(clip.audio)))
    assert set(silent) == set(NAMES)
    assert all("silent" in str(result) for result in silent.values())
    with pytest.raises(InvalidClip):
        metric.compare(state, make_clip(audio=clip.audio[:, 1:]))


def test_the_reference_does_not_count(read_speech, make_clip):
    """Its own sound may be silent: the decoded one is judged alone."""
    (info,) = (info for info in dnsmos.describe() if info.name == "dnsmos_p808")
    assert info.of_reference
    metric = dnsmos.load("cpu", [info])
    clip = read_speech("pesq/speech.wav")
    silent = make_clip(audio=torch.zeros_like(clip.audio))
    found = metric.compare(metric.reference(silent), clip)
    assert found == metric.compare(metric.reference(clip), clip)
    assert list(found) == ["dnsmos_p808"]


@pytest.mark.parametrize(
    ("seconds", "count"), [(1, 7), (4.505, 1), (9.01, 1), (10.99, 1), (11, 2), (12.5, 3), (30, 21)]
)
def test_windows_are_those_of_the_script(seconds, count):
    """int(floor(seconds) - 9.01) + 1 windows, after doubling; 10.99 s has one although two would fit."""
    speech = np.arange(round(seconds * 16000))
    found = list(dnsmos.windows(speech))
    assert len(found) == count
    assert all(len(window) == 144160 for window in found)
    assert [window[0] for window in found] == [start * 16000 % len(speech) for start in range(count)]


def test_mel_bands_of_a_tone():
    """The loudest band is where the tone is, at 1; what is 80 dB below it is at -1."""
    seconds = np.arange(144000) / 16000
    bands = dnsmos.mel_bands(0.5 * np.sin(2 * np.pi * 2000 * seconds))
    assert bands.shape == (900, 120)
    assert bands.max() == 1
    assert bands.min() == -1
    (band,) = set(bands[10:-10].argmax(axis=1))
    frequencies = np.fft.rfftfreq(321, 1 / 16000)
    filters = mel_filters(16000, 321, 120)
    assert (filters[band] * frequencies).sum() / filters[band].sum() == pytest.approx(2000, rel=0.02)
