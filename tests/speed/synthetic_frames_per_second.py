"""Frames/s of the embedded dataset's renderer, and what else a clip costs.

    python tests/speed/synthetic_frames_per_second.py [size] [device ...]

Prints, per device: frames/s of the pictures (by the clock and, on a CPU, where one core is used, per second
of that core, which other work disturbs less), how many times real time (25 frames/s) that is, and seconds to
shape a person; then seconds to make the voice of a clip of 3 s.
"""

import sys
import time

import numpy as np
import torch
from talkbench.datasets.synthetic.identity import identity_of, seed_of
from talkbench.datasets.synthetic.motion import talk
from talkbench.datasets.synthetic.render import render
from talkbench.datasets.synthetic.script import recite
from talkbench.datasets.synthetic.sculpt import sculpt
from talkbench.datasets.synthetic.voice import random_voice

PEOPLE = 4


def timed(work, device: str) -> tuple[float, float]:
    """Wall seconds and seconds of processor time of `work()`."""
    start, busy = time.perf_counter(), time.process_time()
    work()
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter() - start, time.process_time() - busy


def measure(size: int, device: str, frames: int) -> None:
    people = [identity_of("train", 0, index) for index in range(PEOPLE)]
    motion = talk(np.random.default_rng(0), (), frames, 25, "normal", grain=0)
    person = torch.arange(frames) % PEOPLE
    sculpt(people[:1], device)
    shaping, _ = timed(lambda: sculpt(people, device), device)
    scene = sculpt(people, device)
    render(scene, motion, person, size)
    wall, busy = timed(lambda: render(scene, motion, person, size), device)
    per_core = f", {frames / busy:6.1f} per core-second" if device == "cpu" else ""
    print(
        f"{device:6s} {frames / wall:8.1f} frames/s at {size}x{size}"
        f" ({frames / wall / 25:.2f} x real time{per_core}); shaping a person {shaping / PEOPLE:.2f} s"
    )


def main() -> None:
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 256
    devices = sys.argv[2:] or ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    for device in devices:
        measure(size, device, frames=24 if device == "cpu" else 1024)
    rng = np.random.default_rng(seed_of("speed"))
    voice = random_voice(rng, "train", feminine=True)
    wall, _ = timed(lambda: [recite(rng, "train", voice, 48000) for _ in range(10)], "cpu")
    print(f"voice: {wall / 10:.2f} s for a clip of 3 s")


if __name__ == "__main__":
    main()
