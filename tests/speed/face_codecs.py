"""Frames per second of the generative face codecs' networks, one frame at a time and batched; prints ratios.

    python tests/speed/face_codecs.py [--device cuda:0] [--frames 16] [--threads 2] [--batches 1,8]

Of each codec at its small and its published size, with random weights (speed does not depend on them): frames
whose motion is found (`encode`), and frames that are made of a prepared keyframe (`decode`).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any


def networks() -> dict[str, Callable[[], Any]]:
    """Name to a network of that size."""
    from talkbench.codecs._face.keypoint_model import KeypointModel, KeypointShape, small
    from talkbench.codecs.cfte.network import SMALL, CompactModel, CompactShape

    dac = KeypointShape(jacobians=False, detector_padding=3, aligned=True, smooth=True)
    return {
        "fomm, small": lambda: KeypointModel(small(jacobians=True)),
        "cfte, small": lambda: CompactModel(SMALL),
        "dac, small": lambda: KeypointModel(small(jacobians=False)),
        "fomm, published size": lambda: KeypointModel(KeypointShape()),
        "cfte, published size": lambda: CompactModel(CompactShape()),
        "dac, published size": lambda: KeypointModel(dac),
    }


def _each(work: Callable[[Any], object], parts: Iterable[Any]) -> None:
    for part in parts:
        work(part)


def per_second(work: Callable[[], object], frames: int, device: str) -> float:
    """Frames per second: the best of three runs after one that does not count."""
    import torch

    best = float("inf")
    for run in range(4):
        if device.startswith("cuda"):
            torch.cuda.synchronize()
        began = time.perf_counter()
        work()
        if device.startswith("cuda"):
            torch.cuda.synchronize()
        if run:
            best = min(best, time.perf_counter() - began)
    return frames / best


def main() -> None:
    """Measure and print."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2, help="of a CPU")
    parser.add_argument("--batches", default="1,8")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    sizes = [int(size) for size in options.batches.split(",")]
    device, frames = options.device, options.frames
    print(f"{device}, {options.threads} threads, torch {torch.__version__}, {frames} frames of 256×256")
    for name, make in networks().items():
        torch.manual_seed(0)
        network = make().to(device).eval()
        parameters = sum(value.numel() for value in network.parameters()) / 1e6
        pictures = torch.rand(frames, 3, 256, 256, device=device)
        rates: dict[str, list[float]] = {"encode": [], "decode": []}
        with torch.inference_mode():
            prepared, motion = network.prepare(pictures[:1]), network.motion(pictures)
            for size in sizes:
                encode = partial(_each, network.motion, pictures.split(size))
                decode = partial(_each, partial(network.animate, prepared), motion.split(size))
                rates["encode"].append(per_second(encode, frames, device))
                rates["decode"].append(per_second(decode, frames, device))
        line = []
        for verb, found in rates.items():
            each = ", ".join(f"{rate:.1f} at batch {size}" for rate, size in zip(found, sizes, strict=True))
            line.append(f"{verb} {each} (×{found[-1] / found[0]:.2f})")
        print(f"{name:22} {parameters:5.1f} M parameters: {'; '.join(line)} frames/s", flush=True)


if __name__ == "__main__":
    main()
