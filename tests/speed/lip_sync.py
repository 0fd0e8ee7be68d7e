"""Lip sync: the lip tower as the metric runs it against window by window, and what a frame costs.

    python tests/speed/lip_sync.py [cpu|cuda:0]

Random weights: the time does not depend on them. One thread on a CPU.
"""

import sys
import time
from collections.abc import Callable

import torch
from talkbench.metrics.lipsync.network import PUBLISHED, SMALL, WINDOW, Shape, SyncNet

WINDOWS = 16


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """The best of three."""
    best = float("inf")
    for _ in range(4):
        start = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - start)
    return best


def measure(name: str, shape: Shape, device: torch.device) -> None:
    network = SyncNet(shape).eval().to(device)
    frames = 255 * torch.rand(1, 3, WINDOWS + WINDOW - 1, shape.picture, shape.picture, device=device)
    cepstra = torch.randn(WINDOWS, 1, 13, 20, device=device)
    windows = torch.cat([frames[:, :, start : start + WINDOW] for start in range(WINDOWS)])
    with torch.inference_mode():
        apart = seconds(lambda: network.lips(windows), device)
        heard = seconds(lambda: network.sound(cepstra), device)
        network.netcnnlip.to(memory_format=torch.channels_last_3d)  # pyright: ignore[reportCallIssue]
        slid = seconds(lambda: network.lips(frames), device)
    print(
        f"{name}: sliding, channels last, is {apart / slid:.2f} times as fast as window by window; "
        f"{1000 * slid / WINDOWS:.2f} ms a frame of picture, {1000 * heard / WINDOWS:.2f} ms of sound"
    )


def main() -> None:
    device = torch.device(sys.argv[1] if len(sys.argv) > 1 else "cpu")
    torch.set_num_threads(1)
    print(f"{device}: ", end="")
    measure("published SyncNet, 224x224", PUBLISHED, device)
    measure("small SyncNet, 64x64", SMALL, device)


if __name__ == "__main__":
    main()
