"""Picture metrics with the reference's work shared, against the field's naive scorer; prints ratios.

    python tests/speed/fused_perceptual.py [--frames 8] [--variants 8] [--size 256] [--device cuda]
        [--cores 2] [--groups 'psnr;lpips_vgg, dists'] [--memory-frames 250,2500] [--memory-size 64]

`naive` is a scorer as papers' repositories have it: variant by variant, frame by frame, a network per metric
(the layers of lpips, DISTS and pytorch-fid as plain torch.nn), the reference again for each variant; one
process with a thread per core. `ours` is talkbench's families as the benchmark runs them: one worker with one
thread per core, each with its part of the frames. The networks' weights are random: speed does not depend on
them, and no score is printed, only the largest deviation between the two ways.

Memory is the peak resident set of one worker on a clip that it reads from disk a few frames at a time, one
family after the other (without FID, whose features go to disk). With a GPU, both ways run on it in one
process. VGG's speed is in operations of direct convolutions, whatever way they are computed; the ceiling is
that of a large matrix product.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from talkbench.benchmark.api.types import Clip
    from torch import Tensor

GROUPS = {
    "psnr": ("psnr", ("psnr",)),
    "ssim": ("ssim", ("ssim", "ms_ssim")),
    "lpips_alex": ("perceptual", ("lpips_alex",)),
    "lpips_vgg": ("perceptual", ("lpips_vgg",)),
    "dists": ("perceptual", ("dists",)),
    "lpips_vgg, dists": ("perceptual", ("lpips_vgg", "dists")),
    "fid features": ("fid", ("fid",)),
}
ALL = ("psnr", "ssim", "lpips_alex", "lpips_vgg, dists", "fid features")  # each metric once
Values = dict[str, list[Any]]  # metric -> one value (or feature) per variant and frame


def make_clips(variants: int, frames: int, size: int) -> list[Clip]:
    """The reference, then its variants: each with its own amount of noise."""
    import torch
    from talkbench.benchmark.api.types import Clip, ClipSpec

    random = torch.Generator().manual_seed(0)
    small = torch.rand(frames, 3, 9, 9, generator=random)
    video = torch.nn.functional.interpolate(small, (size, size), mode="bicubic").clamp(0, 1).mul(255).byte()
    spec = ClipSpec(frames, size, size, Fraction(25), 0, 16000, 1)
    clips = []
    for index in range(variants + 1):
        noise = 3 * index * torch.randn(video.shape, generator=random)
        clips.append(Clip(spec, (video + noise).clamp(0, 255).byte(), torch.zeros(1, 0)))
    return clips


def naive(group: str, parts: Mapping[str, Mapping[str, Tensor]], clips: list[Clip], device: str) -> Callable:
    """Loads the group's networks; calling the result scores all variants."""
    import torch
    from perceptual import naive as nets
    from pytorch_msssim import ms_ssim, ssim

    metrics: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "psnr": lambda x, y: (10 * (1 / (x - y).square().double().mean([2, 3])).log10()).mean(dim=1),
        "ssim": lambda x, y: ssim(x, y, data_range=1.0, size_average=False),
        "ms_ssim": lambda x, y: ms_ssim(x, y, data_range=1.0, size_average=False),
    }
    names = GROUPS[group][1]
    if "lpips_alex" in names:
        metrics["lpips_alex"] = nets.lpips("alex", parts, device)
    if "lpips_vgg" in names:
        metrics["lpips_vgg"] = nets.lpips("vgg", parts, device)
    if "dists" in names:
        metrics["dists"] = nets.dists(parts, device)
    if "fid" in names:
        features = nets.inception(parts["pt-inception"], device)
        metrics["fid"] = lambda x, y: (features(x), features(y))[1]

    def score() -> Values:
        found: Values = {name: [] for name in names}
        with torch.no_grad():
            for variant in clips[1:]:
                for x, y in zip(clips[0].video, variant.video, strict=True):
                    for name in names:
                        a, b = (frame[None].to(device).float() / 255 for frame in (x, y))
                        found[name].append(metrics[name](a, b).flatten().tolist())
        return found

    return score


def pieces(metric: Any, frames: int) -> Iterator[tuple[int, int]]:
    """The frames that the benchmark hands to a family at a time."""
    step = metric.frames_at_once
    yield from ((start, min(start + step, frames)) for start in range(0, frames, step))


def load(group: str, parts: Mapping[str, Mapping[str, Tensor]], device: str) -> Any:
    """The family with the group's metrics, on random weights."""
    from talkbench.benchmark import weights
    from talkbench.benchmark.api import registry

    weights.state_dict = lambda name: dict(parts[name])
    family, names = GROUPS[group]
    module = registry.metric_family(family)
    return module.load(device, [info for info in module.describe() if info.name in names])


def ours(group: str, parts: Mapping[str, Mapping[str, Tensor]], clips: list[Clip], device: str) -> Callable:
    """Loads the family with the group's metrics; calling the result scores all variants."""
    metric = load(group, parts, device)
    _, names = GROUPS[group]

    def score() -> Values:
        found: Values = {name: [[] for _ in clips[1:]] for name in names}
        for start, stop in pieces(metric, clips[0].spec.frames):
            reference, *decoded = (clip.frames(start, stop) for clip in clips)
            if group == "fid features":
                metric.embed(reference)
                for index, clip in enumerate(decoded):
                    found["fid"][index] += metric.embed(clip).tolist()
                continue
            state = metric.reference(reference)
            for index, clip in enumerate(decoded):
                scores = metric.compare(state, clip)
                for name in names:
                    found[name][index] += [[value] for value in scores[name].frame_values]
        return {name: [value for variant in values for value in variant] for name, values in found.items()}

    return score


@dataclass
class Timed:
    """began, ended: on the machine's clock; cpu: seconds of this process."""

    began: float
    ended: float
    cpu: float
    values: Values


_barrier: Any = None


def _meet(barrier: Any, threads: int) -> None:
    """In each worker, at its start."""
    import torch

    global _barrier
    _barrier = barrier
    torch.set_num_threads(threads)


def _run(way: Callable, group: str, options: argparse.Namespace, part: slice) -> Timed:
    """Load, warm up, wait for the other workers, and score a part of the frames."""
    import torch
    from perceptual.random_weights import random_parts

    clips = make_clips(options.variants, options.frames, options.size)
    clips = [clip.frames(part.start, part.stop) for clip in clips]
    parts = random_parts()
    way(group, parts, [clip.frames(0, 1) for clip in clips[:2]], options.device)()
    score = way(group, parts, clips, options.device)
    if options.device != "cpu":
        score()  # other shapes, other kernels
        torch.cuda.synchronize()
    _barrier.wait()
    began, cpu = time.perf_counter(), time.process_time()
    values = score()
    return Timed(began, time.perf_counter(), time.process_time() - cpu, values)


def measure(way: Callable, group: str, options: argparse.Namespace, workers: int, threads: int) -> Timed:
    """One way of one group, in fresh processes that start together; each has a part of the frames."""
    context = multiprocessing.get_context("spawn")
    edges = [options.frames * index // workers for index in range(workers + 1)]
    tasks = [(way, group, options, slice(*edge)) for edge in pairwise(edges)]
    with context.Pool(workers, _meet, (context.Barrier(workers), threads)) as pool:
        found = pool.starmap(_run, tasks, chunksize=1)
    values = {name: _in_order([part.values[name] for part in found], options) for name in found[0].values}
    began, ended = min(part.began for part in found), max(part.ended for part in found)
    return Timed(began, ended, sum(part.cpu for part in found), values)


def _in_order(parts: list[list[Any]], options: argparse.Namespace) -> Any:
    """Values of all variants and frames, from workers that each had some of the frames."""
    import numpy as np

    split = [np.asarray(part, np.float64).reshape(options.variants, -1, len(part[0])) for part in parts]
    return np.concatenate(split, axis=1)


def deviation(one: Values, other: Values) -> str:
    """The largest difference by metric; of features, relative to the largest."""
    import numpy as np

    found = []
    for name, values in one.items():
        expected = np.asarray(other[name])
        scale = np.abs(expected).max() if expected.shape[-1] > 1 else 1.0
        found.append(f"{np.abs(np.asarray(values) - expected).max() / scale:.0e}")
    return " ".join(found)


def peak_memory(frames: int, options: argparse.Namespace) -> int:
    """Bytes of a worker that scores one variant of a clip read from disk, one family after the other."""
    import torch
    from perceptual.random_weights import random_parts
    from talkbench.benchmark.execution.memory import PeakMemory
    from talkbench.benchmark.store import artifacts

    torch.set_num_threads(1)
    parts = random_parts()
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("reference", "decoded")]
        clip = make_clips(0, 10, options.memory_size)[0]
        video = clip.video.repeat(frames // 10, 1, 1, 1)
        spec = type(clip.spec)(**{**vars(clip.spec), "frames": len(video)})
        for path in paths:
            artifacts.save_clip(path, type(clip)(spec, video, clip.audio), {})
        del video
        with PeakMemory() as peak:
            for group in ALL[:-1]:
                metric = load(group, parts, "cpu")
                for start, stop in pieces(metric, spec.frames):
                    reference, decoded = (artifacts.load_clip(path).frames(start, stop) for path in paths)
                    metric.compare(metric.reference(reference), decoded)
                del metric
    assert peak.rss_bytes is not None, "this kernel does not let memory be measured"
    return peak.rss_bytes


def vgg_speed(options: argparse.Namespace) -> str:
    """VGG's share of the ceiling that a large matrix product has in float32."""
    import torch
    from perceptual.random_weights import random_parts
    from talkbench.benchmark import weights
    from talkbench.benchmark.weights.imagenet import VGG16
    from talkbench.metrics.perceptual.networks import Network

    parts = random_parts()
    weights.state_dict = lambda name: dict(parts[name])
    torch.set_num_threads(1)
    device, size = options.device, options.size
    batch = 1 if device == "cpu" else 8
    network = Network("vgg16", VGG16, device, torch.float32)
    pictures = torch.rand(batch, 3, size, size, device=device).contiguous(memory_format=torch.channels_last)

    def seconds(call: Callable[[], object]) -> float:
        best = float("inf")
        for _ in range(8):
            began = time.perf_counter()
            call()
            if device != "cpu":
                torch.cuda.synchronize()
            best = min(best, time.perf_counter() - began)
        return best

    def whole() -> None:
        for _ in network.rest(network.first(pictures), lambda x: torch.nn.functional.max_pool2d(x, 2)):
            pass

    operations = 0
    for scale, stage in enumerate(VGG16.stages):
        positions = (size >> scale) ** 2
        operations += sum(2 * 9 * part.in_channels * part.out_channels * positions for part in stage)
    side = 2048 if device == "cpu" else 8192
    matrix = torch.rand(side, side, device=device)
    exact = torch.backends.cudnn.flags(enabled=True, allow_tf32=False, fp32_precision="ieee")
    with torch.inference_mode(), exact:
        ceiling = 2 * side**3 / seconds(lambda: matrix @ matrix)
        passed = seconds(whole)
    speed = operations * batch / passed
    where = "one core" if device == "cpu" else "one GPU"
    return (
        f"VGG-16 at {size}² on {where}: {operations / 1e9:.1f} GFLOP a picture, "
        f"{passed / batch * 1e3:.1f} ms, {speed / 1e9:.0f} GFLOP/s, {speed / ceiling:.0%} of the "
        f"{ceiling / 1e9:.0f} GFLOP/s of a matrix product"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--variants", type=int, default=8)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--groups", default=";".join(GROUPS), help="separated by ;")
    parser.add_argument("--memory-frames", default="250,2500", help="empty to leave it out")
    parser.add_argument("--memory-size", type=int, default=64)
    options = parser.parse_args()
    cores = options.cores if options.device == "cpu" else 1
    print(f"{options.variants} variants, {options.frames} frames of {options.size}², random weights")
    print(f"naive: {cores} threads; ours: {cores} workers of 1 thread; load {os.getloadavg()[0]:.1f}")
    if os.getloadavg()[0] > 0.3 and cores > 1:
        print("the machine is busy: naive's threads wait for each other, and ratios are too high (--cores 1)")
    print(f"{'':17} {'naive s':>8} {'ours s':>8} {'factor':>7} {'CPU':>6}  largest deviation")
    total = [0.0] * 4
    chosen = [group for group in GROUPS if group in options.groups.split(";")]
    for group in chosen:
        slow = measure(naive, group, options, 1, cores)
        fast = measure(ours, group, options, cores, 1)
        spent = [slow.ended - slow.began, fast.ended - fast.began, slow.cpu, fast.cpu]
        if group in ALL:
            total = [a + b for a, b in zip(total, spent, strict=True)]
        print(_line(group, spent), deviation(fast.values, slow.values), flush=True)
    if set(ALL) <= set(chosen):
        print(_line("all", total))
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        print(pool.apply(vgg_speed, (options,)))
    for frames in map(int, filter(None, options.memory_frames.split(","))):
        with context.Pool(1) as pool:
            peak = pool.apply(peak_memory, (frames, options))
        print(
            f"{frames} frames of {options.memory_size}²: peak of one worker {peak / 2**20:.0f} MiB",
            flush=True,
        )


def _line(group: str, spent: list[float]) -> str:
    slow, fast, slow_cpu, fast_cpu = spent
    return f"{group:17} {slow:8.2f} {fast:8.2f} {slow / fast:7.2f} {slow_cpu / fast_cpu:6.2f} "


if __name__ == "__main__":
    main()
