"""Filterbank and cepstra against numbers that python_speech_features 0.6 gave for the same chirp."""

import numpy as np
import pytest
from talkbench.metrics import _filterbank as filterbank

# Windows 0, 11 and 23 of the chirp's 24; every fifth mel band; all cepstra.
LOG_MEL = [
    [12.957786, 13.250257, 11.91196, 13.119298, 11.610874, 8.958879],
    [13.239886, 19.128882, 13.008674, 12.780516, 11.842955, 11.006426],
    [13.562806, 14.93122, 15.237509, 12.370729, 12.174837, 10.909424],
]
LOG_MEL_SUM, CEPSTRA_SUM = 8842.42767748877, -669.4057132048065
# fmt: off
CEPSTRA = [
    [19.358559, 13.969097, -4.478716, 45.606181, -23.925774, -14.05205, 14.283992,
     -43.536481, -25.285335, 1.816059, -42.160472, -10.913828, 5.462795],
    [20.071145, 15.27391, -6.937403, 3.306454, -47.55035, -33.527056, 15.252801,
     -10.471653, 20.328523, 42.515626, -7.779062, -0.99696, 0.703272],
    [20.790427, 15.585644, -18.761726, -9.659832, -40.053977, 12.19817, 55.305258,
     -13.325893, -15.281214, -0.404922, -32.27599, 11.277599, 30.877889],
]
# fmt: on


def chirp(samples: int) -> np.ndarray:
    t = np.arange(samples) / 16000
    sweep = 0.3 * np.sin(2 * np.pi * (200 + 1500 * t) * t)
    beat = 0.1 * np.sin(2 * np.pi * 3100 * t) * np.sin(2 * np.pi * 4 * t)
    return filterbank.int16_scale(sweep + beat)


def test_log_filterbank_is_the_librarys() -> None:
    found = filterbank.log_filterbank(chirp(4000))
    assert found.shape == (24, 26)
    np.testing.assert_allclose(found[[0, 11, 23]][:, ::5], LOG_MEL, atol=1e-6)
    assert found.sum() == pytest.approx(LOG_MEL_SUM, rel=1e-9)


def test_cepstra_are_the_librarys() -> None:
    found = filterbank.mfcc(chirp(4000))
    assert found.shape == (24, 13)
    np.testing.assert_allclose(found[[0, 11, 23]], CEPSTRA, atol=1e-6)
    assert found.sum() == pytest.approx(CEPSTRA_SUM, rel=1e-9)


@pytest.mark.parametrize(
    ("samples", "windows"), [(1, 1), (400, 1), (401, 2), (560, 2), (561, 3), (16000, 99)]
)
def test_count_of_windows(samples: int, windows: int) -> None:
    assert len(filterbank.log_filterbank(chirp(samples))) == windows


def test_silence_has_a_finite_logarithm() -> None:
    assert np.isfinite(filterbank.log_filterbank(np.zeros(1000))).all()
    assert np.isfinite(filterbank.mfcc(np.zeros(1000))).all()


def test_scale_is_that_of_16_bit_integers() -> None:
    scaled = filterbank.int16_scale(np.array([-1.5, -1.0, 0.0, 1.49 / 32768, 1.0]))
    assert scaled.tolist() == [-32768, -32768, 0, 1, 32767]
