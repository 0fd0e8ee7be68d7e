"""The quick form (bfloat16) of learned picture metrics against the official one: ratio of speed, deviation.

    python tests/speed/quick.py [--frames 8] [--device cuda]

A rendered head, coded by HEVC at three rates. Official weights where they are here; otherwise random ones,
which is said: then no value means anything, but how far bfloat16 moves it does. FID's deviation is that of
its features, as a share of their length. One thread on a processor.
"""

import argparse
import time
from typing import Any

import numpy as np
import torch
from perceptual.random_weights import random_parts
from talkbench.benchmark import weights
from talkbench.benchmark.api import registry
from talkbench.benchmark.api.types import Clip
from talkbench.datasets import synthetic

METRICS = ("lpips_alex", "lpips_vgg", "dists", "fid")
POINTS = ("qp47", "qp42", "qp32")


def make_clips(frames: int) -> list[Clip]:
    """The reference, then its decoded variants."""
    dataset = synthetic.load(clips=1, seconds=max(2.0, frames / 25))
    clip = dataset.prepare(dataset.items()[0]).clip.frames(0, frames)
    codec = registry.codec("hevc").load("cpu")
    points = [point for point in codec.points if point.name in POINTS]
    return [clip, *(codec.decode(codec.encode(clip, point), clip.spec) for point in points)]


def score(metric: Any, clips: list[Clip]) -> tuple[np.ndarray, float]:
    """Values (variants, frames), or features (variants, frames, dimensions), and seconds."""
    reference, *decoded = clips
    step = metric.frames_at_once
    parts = []
    started = time.perf_counter()
    for start in range(0, reference.spec.frames, step):
        pieces = [clip.frames(start, start + step) for clip in (reference, *decoded)]
        if metric.infos[0].kind == "set":
            parts.append(np.stack([metric.embed(piece) for piece in pieces[1:]]))
            continue
        state = metric.reference(pieces[0])
        scores = [metric.compare(state, piece) for piece in pieces[1:]]
        parts.append(np.array([found.frame_values for one in scores for found in one.values()]))
    return np.concatenate(parts, axis=1), time.perf_counter() - started


def main() -> None:
    """One line per metric."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(1)
    clips = make_clips(options.frames)
    print(f"{'metric':12} {'weights':9} {'speed':>6}  deviation of bfloat16: mean, largest")
    for name in METRICS:
        family, info = registry.metrics()[name]
        kind = "official"
        if info.missing():
            kind, parts = "random", random_parts()
            weights.state_dict = lambda part, parts=parts: dict(parts[part])
        module = registry.metric_family(family)
        found = []
        for form in (info, info.quickened()):
            metric = module.load(options.device, [form])
            score(metric, [clip.frames(0, 1) for clip in clips])  # warm-up
            found.append(score(metric, clips))
        (exact, slow), (quick, fast) = found
        if name == "fid":
            share = np.linalg.norm(quick - exact, axis=2) / np.linalg.norm(exact, axis=2)
        else:
            share = np.abs(quick.mean(axis=1) - exact.mean(axis=1)) / np.abs(exact.mean(axis=1))
        print(f"{name:12} {kind:9} {slow / fast:5.2f}x  {share.mean():.2%}, {share.max():.2%}")


if __name__ == "__main__":
    main()
