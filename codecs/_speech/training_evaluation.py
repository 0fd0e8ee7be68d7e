"""What small weights are worth: the real coding path on voices of the test split, beside AMR-NB."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors.torch import load_file

from ...benchmark import registry, weights
from ...benchmark.artifacts import cache_folder
from ...benchmark.codec import Codec
from ...benchmark.types import Clip, ClipSpec, Point
from ...datasets.synthetic.voice import SAMPLE_RATE
from . import training_voices
from .hub_model import Encodec
from .speech_codec import SpeechCodec
from .training_losses import mel_distance

if TYPE_CHECKING:
    from ...benchmark.train_cli import Say
    from .training import Plan

CLIPS = 12


def measure(plan: Plan, file: Path | None, device: str, say: Say) -> Mapping[str, Any]:
    """Rate and `mel_distance` at each point of the ladder, means over recordings, JSON-ready.

    file: weights, None for the shipped ones. AMR-NB at its lowest rate hears the same.
    """
    small = _codec(plan, file or weights.path(plan.weights), device)
    floor = registry.codec("amr-nb").load("cpu")
    folder = cache_folder() / "training" / "voices"
    clips = [_clip(voice) for voice in training_voices.fetch_all(folder, "test", CLIPS, say)]
    told = [(small, point) for point in small.points] + [(floor, floor.points[0])]
    return {
        "dataset": "synthetic",
        "split": "test",
        "recordings": CLIPS,
        "seconds_each": training_voices.SECONDS,
        "points": [_at(codec, point, clips) for codec, point in told],
    }


def _codec(plan: Plan, file: Path, device: str) -> SpeechCodec:
    network = plan.network()
    network.load_state_dict({name: value.float() for name, value in load_file(file).items()}, strict=True)
    model = Encodec(network.to(device).eval(), network.config.hop_length)
    return SpeechCodec(*registry.codec(plan.weights).describe(), model, device)


def _clip(voice: np.ndarray) -> Clip:
    audio = torch.from_numpy(voice.astype(np.float32) / 32768)[None]
    spec = ClipSpec(0, 0, 0, Fraction(25), audio.shape[1], SAMPLE_RATE, 1)
    return Clip(spec, torch.zeros((0, 3, 0, 0), dtype=torch.uint8), audio)


def _at(codec: Codec, point: Point, clips: list[Clip]) -> Mapping[str, float | str]:
    rates, distances = [], []
    for clip in clips:
        stream = codec.encode(clip, point)
        made = codec.decode(stream, clip.spec).audio
        rates.append(stream.bits() / 1000 / clip.spec.duration_s)
        distances.append(float(mel_distance(made, clip.audio, SAMPLE_RATE)))
    kbps, mel = round(fmean(rates), 3), round(fmean(distances), 4)
    return {"codec": codec.info.name, "point": point.name, "kbps": kbps, "mel": mel}
