"""What small weights are worth: the real coding path on people of the test split, beside `still`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file

from ....benchmark import weights
from ....benchmark.api import Clip, Codec, CodecInfo, ParamValue, Point, registry
from ....benchmark.util.files import cache_folder
from ....datasets.synthetic import Options, kept_clips
from .. import keyframes, motion_coding
from ..face_codec import SIZE, FaceCodec, FaceModel

if TYPE_CHECKING:
    from ....benchmark.training.recipe import Say
    from .trainer import Plan

CLIPS, SECONDS = 4, 5.0
PEAK_DB = 100.0  # of an exact copy, as the metric `psnr` has it


def measure(plan: Plan, file: Path | None, device: str, say: Say) -> Mapping[str, Any]:
    """PSNR and rates at each quantizer of the default ladder, means over clips, JSON-ready.

    file: weights, None for the shipped ones. PSNR is that of the metric `psnr`, keyframe included. `still`
    is shown the same keyframe at the same quantizer. Clips are rendered once, into the cache.
    """
    codec = FaceCodec(
        CodecInfo(plan.weights, "1", ("video",), "generative", ""),
        [],
        _network(plan, file or weights.path(plan.weights), device),
        device,
    )
    baseline = registry.codec("still").load("cpu")
    step = registry.codec(plan.weights).describe()[1][0].params["step"]  # which need not be the trained one
    options = Options(clips=CLIPS, seconds=SECONDS, size=SIZE, split="test")
    rows: dict[int, list[Mapping[str, float]]] = {qp: [] for qp in keyframes.QPS}
    for index in range(CLIPS):
        say(f"test clip {index + 1} of {CLIPS}: rendering")
        clip = kept_clips.fetch(cache_folder() / "training" / "test-clips", options, index).only("video")
        for qp, found in rows.items():
            say(f"test clip {index + 1} of {CLIPS}: QP {qp}")
            found.append(_at(qp, step, clip, codec, baseline))
    return {
        "dataset": "synthetic",
        "split": options.split,
        "clips": CLIPS,
        "seconds_each": SECONDS,
        "size": SIZE,
        "step": step,
        "points": [
            {"qp": qp, **{name: round(fmean(row[name] for row in found), 3) for name in found[0]}}
            for qp, found in rows.items()
        ],
    }


def _network(plan: Plan, file: Path, device: str) -> FaceModel:
    network: Any = plan.network()
    network.load_state_dict(load_file(file), strict=True)
    return network.to(device).eval()


def _at(qp: int, step: ParamValue, clip: Clip, codec: Codec, baseline: Codec) -> Mapping[str, float]:
    profile = motion_coding.PROFILES[0]
    point = Point(f"qp{qp}", {"qp": qp, "gop": 0, "profile": profile, "step": step})
    stream = codec.encode(clip, point)
    kept = baseline.encode(clip, replace(point, params={"qp": qp, "gop": 0}))
    kbit_s = 1e-3 / clip.spec.duration_s
    return {
        "psnr": psnr(codec.decode(stream, clip.spec).video, clip.video),
        "psnr_still": psnr(baseline.decode(kept, clip.spec).video, clip.video),
        "kbps_motion": 8 * len(stream["motion"]) * kbit_s,
        "kbps_total": stream.bits() * kbit_s,
        "kbps_still": kept.bits() * kbit_s,
    }


def psnr(made: torch.Tensor, reference: torch.Tensor) -> float:
    """Mean over frames of the PSNRs of R, G and B, dB, each at most PEAK_DB; uint8 (T, 3, H, W)."""
    errors = [(a.float() - b.float()).square().mean((1, 2)) for a, b in zip(made, reference, strict=True)]
    decibels = -10 * (torch.stack(errors) / 255**2).log10()
    return float(decibels.clamp(max=PEAK_DB).mean())
