"""What a learned codec writes and shows is the same whatever number of threads torch is given."""

import subprocess
import sys

import pytest

PROGRAM = """
import hashlib, sys
from fractions import Fraction
import numpy as np
import torch
from talkbench.benchmark.api import registry
from talkbench.benchmark.api import Clip, ClipSpec

torch.set_num_threads(int(sys.argv[1]))
time = np.arange(16000, dtype=np.float64) / 16000
noise = np.random.default_rng(0).standard_normal(16000)
sound = 0.3 * np.sin(900 * time + 20 * np.sin(3 * time)) + 0.1 * noise
row, column = np.mgrid[:256, :256]
waves = [[128 + 100 * np.sin((column + 3 * frame + 40 * c) / 30) * np.cos((row - 2 * frame) / 25)
          for c in range(3)] for frame in range(3)]
for name in sys.argv[2:]:
    codec = registry.codec(name).load("cpu")
    frames, samples = (0, 16000) if "audio" in codec.info.modalities else (3, 0)
    clip = Clip(
        ClipSpec(frames, 256, 256, Fraction(25), samples, 16000, 1),
        torch.from_numpy(np.array(waves[:frames], np.uint8).reshape(frames, 3, 256, 256)),
        torch.from_numpy(sound[None, :samples].astype(np.float32)),
    )
    for point in (codec.points[0], codec.points[-1]):
        stream = codec.encode(clip, point)
        decoded = codec.decode(stream, clip.spec)
        print(name, point.name, hashlib.sha256(stream.to_bytes()).hexdigest(), decoded.sha256())
"""
NAMES = ("encodec-synthetic", "fomm-synthetic", "cfte-synthetic", "dac-synthetic")


def coded(threads: int) -> list[str]:
    command = [sys.executable, "-c", PROGRAM, str(threads), *NAMES]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


@pytest.fixture(scope="module")
def on_one() -> list[str]:
    return coded(1)


@pytest.mark.parametrize("threads", [2, 4])
def test_bitstreams_pictures_and_sounds_are_those_of_one_thread(on_one: list[str], threads: int) -> None:
    assert len(on_one) == 2 * len(NAMES)
    assert coded(threads) == on_one
