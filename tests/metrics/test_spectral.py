import numpy as np
import pytest
import scipy.signal
import torch
from talkbench.benchmark.media.mel import mel_filters
from talkbench.benchmark.util.errors import Unavailable
from talkbench.metrics import spectral

RATE = 44100


def slaney_filter(window, bins, index):
    """One filter, point by point, from the definition of the scale."""

    def hz(mel):
        return mel * 200 / 3 if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27)

    top = 15 + 27 * np.log(RATE / 2000) / np.log(6.4)
    low, centre, high = (hz(top * (index + i) / (bins + 1)) for i in range(3))
    values = np.zeros(window // 2 + 1)
    for k in range(window // 2 + 1):
        f = k * RATE / window
        if low < f <= centre:
            values[k] = (f - low) / (centre - low)
        elif centre < f < high:
            values[k] = (high - f) / (high - centre)
    return values * 2 / (high - low)


def magnitudes(x, window):
    """Frames cut by hand from the reflected signal, in float64."""
    hann = scipy.signal.get_window("hann", window)
    padded = np.pad(x, window // 2, mode="reflect")
    starts = range(0, len(padded) - window + 1, window // 4)
    return np.stack([np.abs(np.fft.rfft(hann * padded[i : i + window])) for i in starts])


def expected(x, y, name):
    settings = {
        "mel_dac_eval": [(2048, 150), (512, 80)],
        "stft_dac_eval": [(2048, None), (512, None)],
        "mel_dac_train7": [(32, 5), (64, 10), (128, 20), (256, 40), (512, 80), (1024, 160), (2048, 320)],
    }[name]
    total = 0.0
    for window, bins in settings:
        a, b = magnitudes(x, window), magnitudes(y, window)
        if bins:
            filters = np.stack([slaney_filter(window, bins, i) for i in range(bins)])
            a, b = a @ filters.T, b @ filters.T
        power = 1 if name == "mel_dac_train7" else 2
        logs = [np.log10(np.maximum(m, 1e-5) ** power) for m in (a, b)]
        total += np.abs(logs[0] - logs[1]).mean()
        if name != "mel_dac_train7":
            total += np.abs(a - b).mean()
    return total


@pytest.fixture(scope="module")
def sound():
    """Half a second of a decaying chord with a silent end, so that the clamp is met."""
    t = np.arange(RATE // 2) / RATE
    chord = sum(np.sin(2 * np.pi * f * t) for f in (220, 1370, 6100)) * 0.2 * np.exp(-8 * t)
    return torch.from_numpy(np.where(t < 0.4, chord, 0)).float()[None]


@pytest.mark.parametrize("name", ["mel_dac_eval", "stft_dac_eval", "mel_dac_train7"])
def test_agrees_with_a_direct_computation(score, make_clip, add_hiss, sound, name):
    decoded = add_hiss(sound, 25) * 0.8
    value = score(spectral, make_clip(audio=sound, sample_rate=RATE), make_clip(audio=decoded))[name].value
    x, y = sound[0].double().numpy(), decoded[0].double().numpy()
    assert value == pytest.approx(expected(x, y, name), rel=2e-4)


def test_filters_have_unit_area():
    for window, bins in ((2048, 150), (512, 80), (2048, 40)):
        filters = mel_filters(RATE, window, bins)
        for index in range(bins):
            assert filters[index] == pytest.approx(slaney_filter(window, bins, index), abs=1e-8)
    wide = mel_filters(RATE, 2048, 10)
    assert wide.sum(axis=1) * RATE / 2048 == pytest.approx(np.ones(10), abs=0.05)


def test_distances_are_symmetric_and_zero_only_for_a_copy(score, make_clip, add_hiss, sound):
    for rate in (44100, 16000, 22050):
        a = make_clip(audio=sound, sample_rate=rate)
        b = make_clip(audio=add_hiss(sound, 20), sample_rate=rate)
        there, back, same = score(spectral, a, b), score(spectral, b, a), score(spectral, a, a)
        for name in there:
            assert there[name].value == pytest.approx(back[name].value, rel=1e-6)
            assert there[name].value > 0
            assert same[name].value == 0


def test_channels_are_averaged(score, make_clip, add_hiss, sound):
    noisy = add_hiss(sound, 20)
    one = score(spectral, make_clip(audio=sound), make_clip(audio=noisy))
    two = score(spectral, make_clip(audio=sound.repeat(2, 1)), make_clip(audio=torch.cat((sound, noisy))))
    for name in one:
        assert two[name].value == pytest.approx(one[name].value / 2, rel=1e-5)


def test_short_and_silent_sound(score, make_clip, sound):
    silent = make_clip(audio=torch.zeros_like(sound))
    assert all(np.isfinite(s.value) for s in score(spectral, silent, make_clip(audio=sound)).values())
    with pytest.raises(Unavailable, match=r"0\.020 s"):
        spectral.load("cpu", spectral.describe()).reference(make_clip(audio=sound[:, :320]))
