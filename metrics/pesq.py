"""PESQ, wide band, by the library `pesq` around the ITU's reference code. An extra: it needs a C compiler."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import metadata, util

from ..benchmark.api import Clip, MetricInfo, Score, Unavailable
from ._inputs import SpeechReference
from ._utterances import no_room

SAMPLE_RATE = 16000


def availability() -> str | None:
    """None where the library `pesq` is installed."""
    if util.find_spec("pesq") is None:
        return "the package pesq is not installed; with a C compiler: pip install pesq"
    return None


def describe() -> Sequence[MetricInfo]:
    """`pesq`."""
    return (
        MetricInfo(
            name="pesq",
            modality="audio",
            kind="clip",
            unit="MOS-LQO",
            higher_is_better=True,
            bounds=(1.0, 4.644),
            definition=(
                "PESQ wide band (P.862.2 mapping) at 16 kHz on the mean of the channels; ITU's code as "
                "it was before Corrigendum 2 of 2018. From a quarter of a second to 96 s, with at most 50 "
                "utterances: that code has no room for more."
            ),
            paper="ITU-T P.862 (2001) and P.862.2 (2007)",
            build={"pesq": metadata.version("pesq"), "soxr": metadata.version("soxr")}
            if availability() is None
            else {},
        ),
    )


def load(device: str, infos: Sequence[MetricInfo]) -> Pesq:
    """The metric; it runs on the CPU, whatever the device."""
    return Pesq(infos)


class Pesq:
    """Wide-band PESQ."""

    frames_at_once = None

    def __init__(self, infos: Sequence[MetricInfo]) -> None:
        self.infos = infos

    def reference(self, clip: Clip) -> SpeechReference:
        """The reference at 16 kHz. Raises Unavailable where there is no sound, or only silence."""
        return SpeechReference.of(clip, SAMPLE_RATE, if_silent="PESQ finds no utterance")

    def compare(self, state: SpeechReference, decoded: Clip) -> Mapping[str, Score | Unavailable]:
        """MOS-LQO; Unavailable where PESQ finds no utterance, or more than it has room for.

        So it is below a quarter of a second, and above 96 s.
        """
        import pesq

        speech = state.prepared(decoded)
        if not speech.any():
            return {"pesq": Unavailable("the decoded sound is silent: PESQ finds no utterance")}
        if reason := no_room(state.speech, speech):
            return {"pesq": Unavailable(reason)}
        try:
            return {"pesq": Score(value=float(pesq.pesq(SAMPLE_RATE, state.speech, speech, "wb")))}
        except pesq.NoUtterancesError:
            return {"pesq": Unavailable("PESQ finds no utterance in the sound")}
        except pesq.BufferTooShortError:
            return {"pesq": Unavailable("PESQ needs at least a quarter of a second of sound")}
