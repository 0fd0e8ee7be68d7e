"""ViSQOL, speech and audio mode, by visqol-python. An extra: a library of its own is built by a C compiler.

Its levels, noise floors and patches depend on both sounds, so that nothing but the resampling of the
reference can be done once. Its inner loops are compiled by numba when first met.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from importlib import metadata, util
from pathlib import Path
from typing import Any

from ..benchmark.api import Clip, MetricInfo, Score, Unavailable
from ._inputs import SpeechReference

DIGITS = 9
RATES = {"visqol_speech": 16000, "visqol_audio": 48000}


def availability() -> str | None:
    """None where the library `visqol-python` is installed."""
    if util.find_spec("visqol") is None:
        return "visqol-python is not installed; with a C compiler: pip install 'visqol-python[accel]'"
    return None


def describe() -> Sequence[MetricInfo]:
    """`visqol_speech` and `visqol_audio`."""
    return (
        _info(
            "visqol_speech",
            5.0,
            "ViSQOL v3 in speech mode at 16 kHz on the mean of the channels, with the polynomial mapping "
            "from similarity to MOS, scaled to 5.00 for a copy (not the lattice model), to nine decimals.",
            {"mapping": "polynomial"},
            ("visqol-python", "numba", "soxr"),
        ),
        _info(
            "visqol_audio",
            4.7322,
            "ViSQOL v3 in audio mode at 48 kHz on the mean of the channels, with the support vector machine "
            "from similarities to MOS (libsvm_nu_svr_model, as released), which gives 4.73 for a copy, to "
            "nine decimals. Sound of a lower rate is resampled: of speech at 16 kHz the bands above 8 kHz "
            "are silent in both.",
            {"mapping": "svr"},
            ("visqol-python", "numba", "soxr", "libsvm-official"),
        ),
    )


def _info(
    name: str, best: float, definition: str, options: Mapping[str, str], build: Sequence[str]
) -> MetricInfo:
    return MetricInfo(
        name=name,
        modality="audio",
        kind="clip",
        unit="MOS-LQO",
        higher_is_better=True,
        bounds=(1.0, best),
        definition=definition,
        paper="Chinen et al.: ViSQOL v3, QoMEX 2020",
        build={package: metadata.version(package) for package in build} if availability() is None else {},
        options=options,
    )


def load(device: str, infos: Sequence[MetricInfo]) -> Visqol:
    """The metrics; they run on the CPU, whatever the device."""
    return Visqol(infos)


class Visqol:
    """ViSQOL in the modes that `infos` need."""

    frames_at_once = None

    def __init__(self, infos: Sequence[MetricInfo]) -> None:
        import numba
        import visqol
        from visqol.visqol_manager import VisqolManager

        numba.set_num_threads(1)  # it would take every core
        self.infos = infos
        model = Path(visqol.__file__).with_name("model") / "libsvm_nu_svr_model.txt"
        self._managers: dict[str, Any] = {}
        for info in infos:
            manager = self._managers[info.name] = VisqolManager()
            speech = info.name == "visqol_speech"
            manager.init("" if speech else str(model), use_speech_mode=speech, use_lattice_model=False)

    def reference(self, clip: Clip) -> Mapping[str, SpeechReference]:
        """The reference at each mode's rate. Raises Unavailable where there is no sound, or only silence."""
        return {
            name: SpeechReference.of(clip, RATES[name], if_silent="ViSQOL has nothing to look at")
            for name in self._managers
        }

    def compare(
        self, state: Mapping[str, SpeechReference], decoded: Clip
    ) -> Mapping[str, Score | Unavailable]:
        """MOS-LQO; Unavailable where either sound is silent or shorter than ViSQOL's patches."""
        return {name: self._score(name, reference, decoded) for name, reference in state.items()}

    def _score(self, name: str, reference: SpeechReference, decoded: Clip) -> Score | Unavailable:
        from visqol.audio_utils import AudioSignal

        speech = reference.prepared(decoded)
        if not speech.any():
            return Unavailable("the decoded sound is silent: its level cannot be matched")
        signals = (AudioSignal(sound, RATES[name]) for sound in (reference.speech, speech))
        try:
            value = float(self._managers[name].run_from_signals(*signals).moslqo)
        except (ValueError, IndexError) as error:
            return Unavailable(f"ViSQOL finds no patch of sound to compare ({error})")
        if not math.isfinite(value):
            return Unavailable("ViSQOL gives no finite value for this sound")
        # Its sums fall into the processor's vectors now so, now so: the last digits differ from run to run.
        return Score(value=round(value, DIGITS))
