"""PESQ, wide band, by the library `pesq` around the ITU's reference code. An extra: it needs a C compiler."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata, util
from typing import TYPE_CHECKING, Any

from ..benchmark.errors import Unavailable
from ..benchmark.metric import MetricInfo, Score
from ..benchmark.types import Clip
from ._inputs import mono, require, require_same_shape

if TYPE_CHECKING:
    from torch import Tensor

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
                "it was before Corrigendum 2 of 2018."
            ),
            paper="ITU-T P.862 (2001) and P.862.2 (2007)",
            build={"pesq": metadata.version("pesq"), "soxr": metadata.version("soxr")}
            if availability() is None
            else {},
        ),
    )


def load(device: str) -> Pesq:
    """The metric; it runs on the CPU, whatever the device."""
    return Pesq()


@dataclass(frozen=True)
class Reference:
    """The reference's sound (C, N) and rate, and the same as one channel at 16 kHz."""

    audio: Tensor
    sample_rate: int
    speech: Any


class Pesq:
    """Wide-band PESQ."""

    scope = "clip"

    def __init__(self) -> None:
        self.infos = describe()

    def reference(self, clip: Clip) -> Reference:
        """The reference at 16 kHz. Raises Unavailable where there is no sound, or only silence."""
        require(clip, "audio")
        if not clip.audio.any():
            raise Unavailable("the reference is silent: PESQ finds no utterance")
        rate = clip.spec.sample_rate
        return Reference(clip.audio, rate, mono(clip.audio, rate, SAMPLE_RATE))

    def compare(self, state: Reference, decoded: Clip) -> Mapping[str, Score | Unavailable]:
        """MOS-LQO; Unavailable where PESQ finds no utterance, or less than a quarter of a second of sound."""
        import pesq

        require_same_shape(state.audio, decoded.audio)
        speech = mono(decoded.audio, state.sample_rate, SAMPLE_RATE)
        if not speech.any():
            return {"pesq": Unavailable("the decoded sound is silent: PESQ finds no utterance")}
        try:
            return {"pesq": Score(value=float(pesq.pesq(SAMPLE_RATE, state.speech, speech, "wb")))}
        except pesq.NoUtterancesError:
            return {"pesq": Unavailable("PESQ finds no utterance in the sound")}
        except pesq.BufferTooShortError:
            return {"pesq": Unavailable("PESQ needs at least a quarter of a second of sound")}
