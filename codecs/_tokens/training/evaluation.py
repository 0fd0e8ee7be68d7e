"""What small weights are worth: the real coding path on voices of the test split, beside AMR-NB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors.torch import load_file

from ....benchmark import weights
from ....benchmark.api import Clip, ClipSpec, Codec, Point, Unavailable, registry
from ....datasets.synthetic.voice import SAMPLE_RATE
from ....metrics import spectral, sphinx
from ..hub_model import Encodec
from ..speech_codec import SpeechCodec
from . import voices

if TYPE_CHECKING:
    from ....benchmark.training.recipe import Say
    from .trainer import Plan

CLIPS = 24
MEASURES = {"mel_dac_eval": spectral, "wer_sphinx": sphinx}


def measure(plan: Plan, file: Path | None, device: str, say: Say) -> Mapping[str, Any]:
    """Rate, `mel_dac_eval` and `wer_sphinx` at each point of the ladder, over recordings, JSON-ready.

    file: weights, None for the shipped ones. AMR-NB codes the same at its lowest rate; `reference` is what
    the recogniser gets wrong without any codec.
    """
    small = _codec(plan, file or weights.path(plan.weights), device)
    baseline = registry.codec("amr-nb").load("cpu")
    clips = [_clip(index) for index in range(CLIPS)]
    rows = []
    for codec, point in [*((small, point) for point in small.points), (baseline, baseline.points[0])]:
        say(f"{codec.info.name} {point.name}")
        rows.append(_at(codec, point, clips))
    return {
        "dataset": "synthetic",
        "split": "test",
        "recordings": CLIPS,
        "seconds_each": voices.SECONDS,
        "reference": {"wer_sphinx": _means([(clip, clip) for clip in clips])["wer_sphinx"]},
        "points": rows,
    }


def _codec(plan: Plan, file: Path, device: str) -> SpeechCodec:
    network = plan.network()
    network.load_state_dict({name: value.float() for name, value in load_file(file).items()}, strict=True)
    model = Encodec(network.to(device).eval(), network.config.hop_length)
    return SpeechCodec(*registry.codec(plan.weights).describe(), model, device)


def _clip(index: int) -> Clip:
    speech = voices.speech("test", index)
    audio = torch.from_numpy(speech.audio.clip(-1, 1))[None]
    spec = ClipSpec(0, 0, 0, Fraction(25), audio.shape[1], SAMPLE_RATE, 1)
    return Clip(spec, torch.zeros((0, 3, 0, 0), dtype=torch.uint8), audio, transcript=speech.transcript)


def _at(codec: Codec, point: Point, clips: Sequence[Clip]) -> Mapping[str, float | str]:
    streams = [codec.encode(clip, point) for clip in clips]
    made = [codec.decode(stream, clip.spec) for stream, clip in zip(streams, clips, strict=True)]
    kbps = fmean(stream.bits() / 1000 / voices.SECONDS for stream in streams)
    means = _means(list(zip(clips, made, strict=True)))
    return {"codec": codec.info.name, "point": point.name, "kbps": round(kbps, 3), **means}


def _means(pairs: Sequence[tuple[Clip, Clip]]) -> dict[str, float]:
    """Of `MEASURES`, over pairs of reference and decoded: each as its definition has it over clips.

    Raises Unavailable where one does not apply to a clip.
    """
    means = {}
    for name, module in MEASURES.items():
        metric = module.load("cpu", [info for info in module.describe() if info.name == name])
        values, counts = [], []
        for one, other in pairs:
            score = metric.compare(metric.reference(one), other)[name]
            if isinstance(score, Unavailable):
                raise score
            values.append(score.value)
            counts.append(score.weight)
        means[name] = round(float(np.average(values, weights=counts)), 4)
    return means
