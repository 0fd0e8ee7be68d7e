"""What the small speech codecs learn from: voices of the embedded dataset, spoken once, kept in a folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import numpy as np

from ....benchmark.training.recipe import Say
from ....benchmark.util import environment
from ....datasets.synthetic.grammar import Split
from ....datasets.synthetic.identity import seed_of
from ....datasets.synthetic.script import Speech, recite
from ....datasets.synthetic.voice import SAMPLE_RATE, random_voice

SECONDS = 5.0
SEED = 3000  # of the recipes; the dataset itself is used with small seeds
VERSION = 1


def speech(split: Split, index: int) -> Speech:
    """Speech number `index` of a split, SECONDS long. Feminine and masculine voices in turn."""
    rng = np.random.default_rng(seed_of("speech codec", split, SEED, index))
    voice = random_voice(rng, split, index % 2 == 0)
    return recite(rng, split, voice, round(SECONDS * SAMPLE_RATE))


def make(split: Split, index: int) -> np.ndarray:
    """Its sound: int16 (SECONDS · 16000,)."""
    return np.rint(speech(split, index).audio.clip(-1, 1) * 32767).astype(np.int16)


def fetch(folder: Path, split: Split, index: int) -> np.ndarray:
    """The same, mapped from the folder, or made and kept there."""
    path = folder / f"v{VERSION}" / split / f"{index:04d}.npy"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        with part.open("wb") as file:
            np.save(file, make(split, index))
        part.replace(path)
    return np.load(path, mmap_mode="r")


def fetch_all(folder: Path, split: Split, count: int, say: Say) -> Sequence[np.ndarray]:
    """The first `count` of a split; those that are not there yet are spoken on all usable cores, once."""
    pool = ThreadPoolExecutor(environment.usable_cores())  # espeak-ng speaks in processes of its own
    try:
        pending = {pool.submit(fetch, folder, split, index): index for index in range(count)}
        found: dict[int, np.ndarray] = {}
        for done in as_completed(pending):
            found[pending[done]] = done.result()
            if len(found) % 10 == 0:
                say(f"speaking ({split}): {len(found)} of {count}")
    finally:
        pool.shutdown(cancel_futures=True)
    return [found[index] for index in range(count)]
