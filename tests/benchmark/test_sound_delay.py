"""The measure of delay finds shifts that were made, to a hundredth of a sample, and says when it cannot."""

import numpy as np
import pytest
from talkbench.benchmark.conformance.clips import CheckClip
from talkbench.benchmark.media import delay

RATE = 16000


@pytest.fixture(scope="module")
def voice() -> np.ndarray:
    return CheckClip(frames=25).make().audio[0].numpy()


def shifted(sound: np.ndarray, samples: float) -> np.ndarray:
    """Exactly `samples` later, by the phase of its spectrum; what leaves at one end is gone."""
    size = 2 * len(sound)
    turned = np.exp(-2j * np.pi * np.fft.rfftfreq(size) * samples)
    return np.fft.irfft(np.fft.rfft(sound, size) * turned, size)[: len(sound)]


@pytest.mark.parametrize("samples", [0, 0.25, -0.5, 1.5, -3.125, 104, -311.7])
def test_a_shift_is_found(samples, voice):
    found = delay.of_waveform(voice, shifted(voice, samples), RATE)
    assert found.samples == pytest.approx(samples, abs=0.01)
    assert found.error < 0.01
    assert found.likeness > 0.9


@pytest.mark.parametrize("seed", range(5))
def test_noise_widens_the_stated_error(seed, voice):
    noise = np.random.default_rng(seed).normal(0, 0.003, len(voice))
    found = delay.of_waveform(voice, shifted(voice, 2.4) + noise, RATE)
    clean = delay.of_waveform(voice, shifted(voice, 2.4), RATE)
    assert clean.error < found.error < 0.1
    assert abs(found.samples - 2.4) < 4 * found.error
    assert found.likeness < clean.likeness


def test_level_does_not_matter(voice):
    loud, soft = (delay.of_waveform(voice, gain * shifted(voice, 0.7), RATE).samples for gain in (1, 0.01))
    assert loud == pytest.approx(soft, abs=1e-6)


@pytest.mark.parametrize("samples", [0, 80, -400])
def test_envelopes_tell_a_shift_of_what_has_no_waveform_in_common(samples):
    """Two noises of the same loudness over time: the waveforms have nothing in common, the envelopes all."""
    random = np.random.default_rng(3)
    time = np.arange(2 * RATE) / RATE
    loudness = np.interp(time, np.linspace(0, 2, 40), random.random(40) ** 2)
    first, second = (loudness * random.normal(0, 0.1, len(time)) for _ in range(2))
    late = shifted(second, samples)
    found = delay.of_envelope(first, late, RATE)
    assert found.samples == pytest.approx(samples, abs=32)
    assert found.likeness > 0.5
    assert delay.of_waveform(first, late, RATE).likeness < 0.1


def test_unrelated_sounds_are_unlike(voice):
    noise = np.random.default_rng(0).normal(0, 0.1, len(voice))
    assert delay.of_waveform(voice, noise, RATE).likeness < 0.1
    assert delay.of_envelope(voice, noise, RATE).likeness < 0.5


@pytest.mark.parametrize("measure", [delay.of_waveform, delay.of_envelope])
def test_what_has_no_delay_is_refused(measure, voice):
    for first, second in (
        (voice, voice[:-1]),
        (voice[:100], voice[:100]),
        (voice, 0 * voice),
        (0 * voice, voice),
    ):
        with pytest.raises(ValueError, match="no delay"):
            measure(first, second, RATE)
