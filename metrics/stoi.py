"""STOI and extended STOI, by pystoi."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import metadata
from typing import Any

from ..benchmark.api import Clip, MetricInfo, Score, Unavailable
from ._inputs import SpeechReference

SAMPLE_RATE = 10000


def availability() -> str | None:
    """Always available."""
    return None


def describe() -> Sequence[MetricInfo]:
    """`stoi` and `estoi`."""
    preparation = "of the mean of the channels at 10 kHz, without frames 40 dB below the reference's loudest."
    build = {"pystoi": metadata.version("pystoi"), "soxr": metadata.version("soxr")}
    return (
        MetricInfo(
            name="stoi",
            modality="audio",
            kind="clip",
            unit="",
            higher_is_better=True,
            bounds=(-1.0, 1.0),
            definition=f"Short-time objective intelligibility {preparation}",
            paper="Taal et al.: An algorithm for intelligibility prediction, IEEE TASL 19(7), 2011",
            build=build,
        ),
        MetricInfo(
            name="estoi",
            modality="audio",
            kind="clip",
            unit="",
            higher_is_better=True,
            bounds=(-1.0, 1.0),
            definition=f"Extended short-time objective intelligibility {preparation}",
            paper="Jensen, Taal: An algorithm for predicting intelligibility, IEEE/ACM TASLP 24(11), 2016",
            build=build,
        ),
    )


def load(device: str, infos: Sequence[MetricInfo]) -> Stoi:
    """Both metrics; they run on the CPU, whatever the device."""
    return Stoi(infos)


class Stoi:
    """STOI and ESTOI."""

    frames_at_once = None

    def __init__(self, infos: Sequence[MetricInfo]) -> None:
        self.infos = infos

    def reference(self, clip: Clip) -> SpeechReference:
        """The reference at 10 kHz. Raises Unavailable where there is no sound, or only silence."""
        return SpeechReference.of(clip, SAMPLE_RATE, if_silent="STOI has no speech to look at")

    def compare(self, state: SpeechReference, decoded: Clip) -> Mapping[str, Score | Unavailable]:
        """Both metrics; Unavailable where fewer than 30 frames (0.4 s) of speech are left."""
        speech = state.prepared(decoded)
        if not speech.any():
            reason = Unavailable("the decoded sound is silent: STOI's correlation is undefined")
            return {"stoi": reason, "estoi": reason}
        return {name: _score(state.speech, speech, extended=name == "estoi") for name in ("stoi", "estoi")}


def _score(reference: Any, speech: Any, extended: bool) -> Score | Unavailable:
    from pystoi import stoi

    try:
        with _warnings_as_errors(), _seeded():
            return Score(value=float(stoi(reference, speech, SAMPLE_RATE, extended=extended)))
    except RuntimeWarning:
        return Unavailable("STOI needs at least 30 frames (0.4 s) of speech, after silent ones are left out")
    except ValueError:  # not one whole frame
        return Unavailable("STOI needs at least 30 frames (0.4 s) of speech; the sound is shorter than one")


@contextmanager
def _warnings_as_errors() -> Iterator[None]:
    """pystoi warns and returns 1e-5 where it cannot compute: a number that would pass for a result."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        yield


@contextmanager
def _seeded() -> Iterator[None]:
    """pystoi adds noise of 2e-16 from numpy's global generator, which decides where a band is silent."""
    import numpy as np

    before = np.random.get_state()
    np.random.seed(0)
    try:
        yield
    finally:
        np.random.set_state(before)
