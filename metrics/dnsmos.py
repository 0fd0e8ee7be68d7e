"""DNSMOS: what listeners would say of the decoded sound alone, by Microsoft's networks.

Both networks hear windows of 9.01 s every second; a shorter sound is repeated. They are Microsoft's official
files, run by onnxruntime on the CPU.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING, Any

from ..benchmark import weights
from ..benchmark.api import Clip, MetricInfo, Score, Unavailable
from ..benchmark.media.mel import mel_filters
from ._inputs import mono, require, require_same_shape

if TYPE_CHECKING:
    from torch import Tensor

SAMPLE_RATE = 16000
WINDOW_S = 9.01
WINDOW = int(WINDOW_S * SAMPLE_RATE)
SHORTEST_S = 1.0  # the windows' hop
P835, P808 = "dnsmos-sig-bak-ovr", "dnsmos-p808"
# Order of the P.835 network's outputs, and the polynomials (highest power first) from them to MOS that
# Microsoft fitted for its network without personalisation.
POLYNOMIALS = {
    "dnsmos_sig": (-0.08397278, 1.22083953, 0.0052439),
    "dnsmos_bak": (-0.13166888, 1.60915514, -0.39604546),
    "dnsmos_ovrl": (-0.06766283, 1.11546468, 0.04602535),
}
# Features of the P.808 network: 321 samples every 160, 120 mel bands.
FRAME, HOP, BANDS = 321, 160, 120


def availability() -> str | None:
    """Always available, given its weights."""
    return None


def describe() -> Sequence[MetricInfo]:
    """`dnsmos_sig`, `dnsmos_bak`, `dnsmos_ovrl` and `dnsmos_p808`."""
    windows = (
        "of the decoded sound alone, at 16 kHz on the mean of the channels, level untouched: mean over "
        "windows of 9.01 s every second, a shorter sound being doubled until it fills one; from 1 s of sound "
        "that is not silent"
    )
    p835 = "Reddy, Gopal, Cutler: DNSMOS P.835, ICASSP 2022"
    of = {"dnsmos_sig": "speech quality (SIG)", "dnsmos_bak": "freedom from background noise (BAK)"}
    definitions = {
        name: (
            f"DNSMOS P.835, {of.get(name, 'overall quality (OVRL)')}, {windows}; not personalised, with "
            "Microsoft's polynomial.",
            p835,
            P835,
        )
        for name in POLYNOMIALS
    }
    definitions["dnsmos_p808"] = (
        f"DNSMOS P.808, overall quality, {windows}; mel bands as librosa 0.9 and later (and so torchmetrics "
        "and speechmos) space them for an odd window: librosa 0.8, of the network's time, gives up to 0.2 "
        "more or less.",
        "Reddy, Gopal, Cutler: DNSMOS, ICASSP 2021",
        P808,
    )
    return tuple(
        MetricInfo(
            name=name,
            modality="audio",
            kind="clip",
            unit="MOS",
            higher_is_better=True,
            bounds=(1.0, 5.0),
            definition=definition,
            paper=paper,
            build={package: metadata.version(package) for package in ("onnxruntime", "soxr")},
            weights=(network,),
            of_reference=True,
        )
        for name, (definition, paper, network) in definitions.items()
    )


def load(device: str, infos: Sequence[MetricInfo]) -> Dnsmos:
    """The metrics; they run on one core of the CPU, whatever the device."""
    return Dnsmos(infos)


@dataclass(frozen=True)
class Reference:
    """What a decoded sound must match: the reference's sound (C, N) and its rate in Hz."""

    audio: Tensor
    sample_rate: int


class Dnsmos:
    """The networks that `infos` need."""

    frames_at_once = None

    def __init__(self, infos: Sequence[MetricInfo]) -> None:
        self.infos = infos
        self._sessions = {name: _session(name) for name in {info.weights[0] for info in infos}}

    def reference(self, clip: Clip) -> Reference:
        """Nothing but its shape. Raises Unavailable where there is no sound, or less than 1 s."""
        require(clip, "audio")
        seconds = clip.spec.samples / clip.spec.sample_rate
        if seconds < SHORTEST_S:
            raise Unavailable(f"the sound lasts {seconds:.4f} s; DNSMOS needs {SHORTEST_S:g} s")
        return Reference(clip.audio, clip.spec.sample_rate)

    def compare(self, state: Reference, decoded: Clip) -> Mapping[str, Score | Unavailable]:
        """MOS of the decoded sound; Unavailable where it is silent."""
        import numpy as np

        require_same_shape(state.audio, decoded.audio)
        if not decoded.audio.any():
            silent = Unavailable("the decoded sound is silent: there is nothing to judge")
            return {info.name: silent for info in self.infos}
        speech = mono(decoded.audio, state.sample_rate, SAMPLE_RATE)
        found: dict[str, list[float]] = {}
        for window in windows(speech):
            if P835 in self._sessions:
                raw = self._run(P835, window)
                for (name, polynomial), value in zip(POLYNOMIALS.items(), raw, strict=True):
                    found.setdefault(name, []).append(float(np.polyval(polynomial, value)))
            if P808 in self._sessions:
                (value,) = self._run(P808, mel_bands(window[:-HOP]))
                found.setdefault("dnsmos_p808", []).append(value)
        return {info.name: Score(value=math.fsum(v := found[info.name]) / len(v)) for info in self.infos}

    def _run(self, network: str, features: Any) -> list[float]:
        import numpy as np

        (outputs,) = self._sessions[network].run(None, {"input_1": features.astype(np.float32)[None]})
        return outputs[0].astype(np.float64).tolist()


def _session(network: str) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(
        weights.path(network), sess_options=options, providers=["CPUExecutionProvider"]
    )


def windows(speech: Any) -> Iterator[Any]:
    """Windows (144160,) of a sound (n,) at 16 kHz, as Microsoft's script cuts them.

    The sound is doubled until it fills a window; starts are whole seconds, as many as whole seconds of sound
    less 9.01 s allow, so that up to 2 s at the end of a longer sound are not heard.
    """
    import numpy as np

    while len(speech) < WINDOW:
        speech = np.concatenate([speech, speech])
    count = int(len(speech) // SAMPLE_RATE - WINDOW_S) + 1
    for start in range(0, count * SAMPLE_RATE, SAMPLE_RATE):
        yield speech[start : start + WINDOW]


def mel_bands(speech: Any) -> Any:
    """Mel powers in dB below the loudest, at most 80, scaled to -1 … 1: (n,) to (n / 160, 120)."""
    import numpy as np

    padded = np.pad(speech, FRAME // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP]
    power = np.abs(np.fft.rfft(frames * _hann())) ** 2
    decibels = 10 * np.log10(np.maximum(power @ mel_filters(SAMPLE_RATE, FRAME, BANDS).T, 1e-10))
    decibels -= decibels.max()
    return (np.maximum(decibels, -80) + 40) / 40


@cache
def _hann() -> Any:
    """Periodic Hann window."""
    import numpy as np

    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)
