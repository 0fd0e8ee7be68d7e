"""What it costs to measure a task's peak memory, as a share of the decode of one second of speech.

python tests/speed/peak_memory.py
"""

import time
from collections.abc import Callable
from fractions import Fraction

import torch
from talkbench.benchmark.api import registry
from talkbench.benchmark.api.types import Clip, ClipSpec
from talkbench.benchmark.execution.memory import PeakMemory

REPEATS = 9


def fastest(task: Callable[[], object]) -> float:
    """Seconds of the fastest of a few runs."""
    found = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        task()
        found.append(time.perf_counter() - started)
    return min(found)


def measured(task: Callable[[], object]) -> Callable[[], object]:
    def run() -> None:
        with PeakMemory() as peak:
            task()
        assert peak.rss_bytes is not None, peak.reason

    return run


def main() -> None:
    spec = ClipSpec(0, 0, 0, Fraction(25), 16000, 16000, 1)
    clip = Clip(spec, torch.zeros((0, 3, 0, 0), dtype=torch.uint8), torch.randn(1, 16000) * 0.1)
    codec = registry.codec("amr-nb").load("cpu")
    stream = codec.encode(clip, codec.points[0])

    def decode() -> object:
        return codec.decode(stream, spec)

    print(f"a decode measured ÷ not measured: {fastest(measured(decode)) / fastest(decode):.2f}")
    held = [bytearray(60_000) for _ in range(1000)]  # a heap to look through
    print(f"an empty task measured ÷ that decode: {fastest(measured(lambda: None)) / fastest(decode):.2f}")
    del held


if __name__ == "__main__":
    main()
