"""ViSQOL in speech mode, by visqol-python. An extra: a library that it needs is built by a C compiler.

Its levels, noise floors and patches depend on both sounds, so that nothing but the resampling of the
reference can be done once. Its inner loops are compiled by numba when first met.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from importlib import metadata, util

from ..benchmark.errors import Unavailable
from ..benchmark.metric import MetricInfo, Score
from ..benchmark.types import Clip
from ._inputs import SpeechReference

SAMPLE_RATE = 16000


def availability() -> str | None:
    """None where the library `visqol-python` is installed."""
    if util.find_spec("visqol") is None:
        return "visqol-python is not installed; with a C compiler: pip install 'visqol-python[accel]'"
    return None


def describe() -> Sequence[MetricInfo]:
    """`visqol_speech`."""
    return (
        MetricInfo(
            name="visqol_speech",
            modality="audio",
            kind="clip",
            unit="MOS-LQO",
            higher_is_better=True,
            bounds=(1.0, 5.0),
            definition=(
                "ViSQOL v3 in speech mode at 16 kHz on the mean of the channels, with the polynomial mapping "
                "from similarity to MOS, scaled to 5.00 for a copy (not the lattice model)."
            ),
            paper="Chinen et al.: ViSQOL v3, QoMEX 2020",
            build={name: metadata.version(name) for name in ("visqol-python", "numba", "soxr")}
            if availability() is None
            else {},
            options={"mapping": "polynomial"},
        ),
    )


def load(device: str) -> Visqol:
    """The metric; it runs on the CPU, whatever the device."""
    return Visqol()


class Visqol:
    """ViSQOL speech mode with the polynomial mapping."""

    scope = "clip"

    def __init__(self) -> None:
        import numba
        from visqol.visqol_manager import VisqolManager

        numba.set_num_threads(1)  # it would take every core
        self.infos = describe()
        self._manager = VisqolManager()
        self._manager.init(use_speech_mode=True, use_lattice_model=False)

    def reference(self, clip: Clip) -> SpeechReference:
        """The reference at 16 kHz. Raises Unavailable where there is no sound, or only silence."""
        return SpeechReference.of(clip, SAMPLE_RATE, if_silent="ViSQOL has no speech to look at")

    def compare(self, state: SpeechReference, decoded: Clip) -> Mapping[str, Score | Unavailable]:
        """MOS-LQO; Unavailable where either sound is silent or shorter than ViSQOL's patches."""
        from visqol.audio_utils import AudioSignal

        speech = state.prepared(decoded)
        if not speech.any():
            return {"visqol_speech": Unavailable("the decoded sound is silent: its level cannot be matched")}
        signals = (AudioSignal(sound, SAMPLE_RATE) for sound in (state.speech, speech))
        try:
            value = float(self._manager.run_from_signals(*signals).moslqo)
        except (ValueError, IndexError) as error:
            return {"visqol_speech": Unavailable(f"ViSQOL finds no patch of speech to compare ({error})")}
        if not math.isfinite(value):
            return {"visqol_speech": Unavailable("ViSQOL gives no finite value for this sound")}
        return {"visqol_speech": Score(value=value)}
