"""Scores N variants of one clip with the reference's work shared, and naively; prints the factors.

    python tests/speed/score_against_naive.py [--families ssim,spectral] [--variants 8] [--frames 48]
        [--size 256] [--speech WAV]

`shared` is how the benchmark scores: the reference is analysed once (a chunk of 16 frames at a time where
the family allows it) and every variant passes by. `naive` uses the same functions as a script without that
idea does: variant by variant, frame by frame, the reference analysed again for each. `libraries` is the same
loop with pytorch-msssim or skimage in place of this project's own code. Every way runs in a process of its
own on one thread. Seconds are the processor's, ffmpeg's included, so that a busy machine changes them little;
memory is the peak resident set, ffmpeg's included, with all clips in memory.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

CHUNK = 16
SPEECH = Path(__file__).resolve().parents[2].parent / "shared" / "speech" / "LJ001-0004.wav"


def _load(family: str):
    from talkbench.benchmark.api import registry

    module = registry.metric_family(family)
    return module.load("cpu", module.describe())


def make_clips(options: argparse.Namespace) -> list:
    """The reference, then its variants: each with its own amount of noise in picture and sound."""
    import soundfile
    import torch
    from talkbench.benchmark.api.types import Clip, ClipSpec

    random = torch.Generator().manual_seed(0)
    small = torch.rand(options.frames, 3, 9, 9, generator=random)
    size = (options.size, options.size)
    video = torch.nn.functional.interpolate(small, size, mode="bicubic").clamp(0, 1).mul(255).byte()
    samples, rate = soundfile.read(options.speech, dtype="float32", always_2d=True)
    audio = torch.from_numpy(samples.T[:1].copy())
    spec = ClipSpec(len(video), *size, Fraction(25), audio.shape[1], rate, 1)
    clips = []
    for index in range(options.variants + 1):
        noisy = torch.empty_like(video)
        for frame, out in zip(video, noisy, strict=True):
            out.copy_((frame + 2 * index * torch.randn(frame.shape, generator=random)).clamp(0, 255))
        hiss = 0.002 * index * torch.randn(audio.shape, generator=random)
        clips.append(Clip(spec, noisy, audio + hiss, transcript="produced the block books"))
    return clips


def shared(family: str, clips: list) -> None:
    """The reference's work once for all variants."""
    metric = _load(family)
    frames = clips[0].spec.frames
    step = CHUNK if metric.scope == "chunk" else frames
    for start in range(0, frames, step):
        pieces = [c.frames(start, start + step) if metric.scope == "chunk" else c for c in clips]
        state = metric.reference(pieces[0])
        for piece in pieces[1:]:
            metric.compare(state, piece)


def naive(family: str, clips: list) -> None:
    """Variant by variant, frame by frame, the reference analysed every time."""
    metric = _load(family)
    reference, *variants = clips
    for variant in variants:
        if metric.scope == "clip":
            metric.compare(metric.reference(reference), variant)
            continue
        for index in range(reference.spec.frames):
            metric.compare(
                metric.reference(reference.frames(index, index + 1)), variant.frames(index, index + 1)
            )


def libraries(family: str, clips: list) -> None:
    """The naive loop with libraries, where there are some for the family."""
    from pytorch_msssim import ms_ssim, ssim
    from skimage.metrics import peak_signal_noise_ratio

    reference, *variants = clips
    for variant in variants:
        for x, y in zip(reference.video, variant.video, strict=True):
            if family == "ssim":
                a, b = x[None].float(), y[None].float()
                ssim(a, b, data_range=255)
                ms_ssim(a, b, data_range=255)
            else:
                for channel in range(3):
                    peak_signal_noise_ratio(x[channel].numpy(), y[channel].numpy())


def cpu_seconds() -> float:
    """User and system time of this process and of its children that have ended."""
    return sum(os.times()[:4])


def measure(way: Callable, family: str, options: argparse.Namespace) -> tuple[float, int]:
    """Seconds and peak bytes of one way, in this (fresh) process; a first short round warms it up."""
    import torch
    from talkbench.benchmark.execution.memory import PeakMemory

    torch.set_num_threads(1)
    clips = make_clips(options)
    way(family, clips[:2])
    with PeakMemory() as peak:
        began = cpu_seconds()
        way(family, clips)
        seconds = cpu_seconds() - began
    assert peak.rss_bytes is not None, "this kernel does not let memory be measured"
    return seconds, peak.rss_bytes


def main() -> None:
    """Measure and print."""
    from talkbench.benchmark.api import registry

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--families", default="psnr,ssim,vmaf,spectral,waveform,stoi,pesq,sphinx,visqol")
    parser.add_argument("--variants", type=int, default=8)
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--speech", type=Path, default=SPEECH)
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    print(f"{options.variants} variants, {options.frames} frames of {options.size}², {options.speech.name}")
    print(f"{'family':10} {'way':10} {'CPU s':>8} {'factor':>7} {'MB':>6}")
    total = {shared: 0.0, naive: 0.0}
    for family in options.families.split(","):
        if registry.metric_family(family).availability() is not None:
            print(f"{family:10} cannot run here")
            continue
        ways = [shared, naive] + ([libraries] if family in ("psnr", "ssim") else [])
        base = 0.0
        for way in ways:
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                seconds, peak = pool.apply(measure, (way, family, options))
            base = base or seconds
            if way in total:
                total[way] += seconds
            print(
                f"{family:10} {way.__name__:10} {seconds:8.2f} {seconds / base:7.2f} {peak / 1e6:6.0f}",
                flush=True,
            )
    print(f"{'all':10} {'naive':10} {total[naive]:8.2f} {total[naive] / total[shared]:7.2f}")


if __name__ == "__main__":
    main()
