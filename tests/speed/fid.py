"""Frames a second of FID's network and seconds of its distance; prints factors.

    python tests/speed/fid.py [--frames 32] [--size 256] [--threads 1]

`plain` is the network as pytorch-fid runs it: one frame at a time, normalisation as layers of its own.
Weights are random, which costs the same as trained ones. Seconds are the processor's.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from talkbench.metrics.fid import DIMENSIONS, Fid, network
from talkbench.metrics.fid.frechet import ROWS_KEPT, FeatureSet, frechet_distance
from torch import nn


class NormalisedConv(nn.Module):
    """Convolution, normalisation and ReLU as three layers."""

    def __init__(self, folded: network.ConvRelu) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(folded.in_channels, folded.out_channels, 1, bias=False)
        self.convolution.weight = folded.weight
        self.convolution.stride, self.convolution.padding = folded.stride, folded.padding
        self.normalisation = nn.BatchNorm2d(folded.out_channels, eps=network.BN_EPSILON)

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        return self.normalisation(self.convolution(planes)).relu_()


def plain() -> nn.Module:
    """Every convolution followed by a normalisation and a ReLU."""
    made = network.inception()
    for path, module in list(made.named_modules()):
        if isinstance(module, network.ConvRelu):
            made.set_submodule(path, NormalisedConv(module))
    return made.eval()


def channels_last(precision: torch.dtype) -> nn.Module:
    """The network as the metric runs it."""
    made = network.inception().eval().to(precision)
    return made.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def seconds(work) -> float:
    """Processor seconds of the second of two runs."""
    work()
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--frames", type=int, default=32)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    frames = torch.randint(0, 256, (options.frames, 3, options.size, options.size), dtype=torch.uint8)
    slow = plain()
    ours, quick = channels_last(torch.float32), channels_last(torch.bfloat16)

    def one_by_one() -> None:
        for frame in frames[:8]:
            slow(network.prepared(frame[None]).contiguous())

    def batched(net: nn.Module, precision: torch.dtype) -> None:
        for batch in frames.split(Fid.frames_at_once):
            net(network.prepared(batch).to(precision))

    with torch.inference_mode():
        base = 8 / seconds(one_by_one)
        full = options.frames / seconds(lambda: batched(ours, torch.float32))
        half = options.frames / seconds(lambda: batched(quick, torch.bfloat16))
    print(f"plain, frame by frame      {base:6.1f} frames per processor second")
    print(f"batched, folded            {full:6.1f}  × {full / base:.2f}")
    print(f"the same in bfloat16       {half:6.1f}  × {half / base:.2f}")
    random = np.random.RandomState(0)
    for n in (500, ROWS_KEPT, 4 * ROWS_KEPT):
        sides = [random.standard_normal((n, DIMENSIONS)).astype(np.float32) for _ in range(2)]
        start = time.process_time()
        frechet_distance(*(FeatureSet(np.array_split(side, n // 250)) for side in sides))
        print(f"distance of 2 × {n:5d} frames {time.process_time() - start:6.1f} processor seconds")


if __name__ == "__main__":
    main()
