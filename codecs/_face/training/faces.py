"""What the small face codecs learn from: rendered people, a dozen moments of each, kept in a folder."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ....datasets.synthetic.grammar import Split

if TYPE_CHECKING:
    import numpy as np

    from ....datasets.synthetic.motion import View

SIZE = 256  # pixels, square
MOMENTS = 12  # frames of one person
SECONDS = 4.0  # that they are spread over
SEED = 2000  # people of the recipes; the dataset itself is used with small seeds
VERSION = 2
# How people move: mostly as the dataset's normal view, and enough of the others to have seen them.
_VIEWS: tuple[tuple[View, float], ...] = (
    ("normal", 0.7),
    ("glasses", 0.1),
    ("fast_motion", 0.12),
    ("large_rotation", 0.08),
)


@dataclass(frozen=True)
class Person:
    """pictures: uint8 (MOMENTS, 3, SIZE, SIZE); places: float32 (MOMENTS, 10, 2), see `training_guides`."""

    pictures: np.ndarray
    places: np.ndarray


def make(split: Split, index: int) -> Person:
    """Person number `index` of a split: about 2.5 s of work on one core."""
    import numpy as np

    from ....datasets.synthetic.identity import identity_of, seed_of
    from ....datasets.synthetic.motion import talk
    from ....datasets.synthetic.render import render
    from ....datasets.synthetic.script import recite
    from ....datasets.synthetic.sculpt import sculpt
    from ....datasets.synthetic.voice import SAMPLE_RATE, random_voice
    from . import guides

    rng = np.random.default_rng(seed_of("face codec", split, SEED, index))
    view = _VIEWS[int(rng.choice(len(_VIEWS), p=[share for _, share in _VIEWS]))][0]
    who = identity_of(split, SEED, index)
    speech = recite(rng, split, random_voice(rng, split, who.feminine > 0.5), round(SECONDS * SAMPLE_RATE))
    motion = talk(rng, speech.phonemes, MOMENTS, MOMENTS / SECONDS, view, index * MOMENTS)
    pictures = render(sculpt([who]), motion, size=SIZE).numpy()
    return Person(pictures, guides.places(who, motion).numpy())


def path_of(folder: Path, split: Split, index: int) -> Path:
    """Where a person's pictures are kept; the landmarks are beside them."""
    return folder / f"v{VERSION}" / split / f"{index:04d}.npy"


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.stem}-places.npy")


def ready(folder: Path, split: Split, wanted: Iterable[int]) -> list[int]:
    """Which of the wanted people are in the folder."""
    return [index for index in wanted if path_of(folder, split, index).exists()]


def fetch(folder: Path, split: Split, index: int) -> Person:
    """Person number `index`, pictures mapped from the folder, or made and kept there."""
    import numpy as np

    path = path_of(folder, split, index)
    if not path.exists():
        made = make(split, index)
        path.parent.mkdir(parents=True, exist_ok=True)
        # The pictures come last: where they are, all is there.
        for target, content in ((_beside(path), made.places), (path, made.pictures)):
            part = target.with_suffix(f".{os.getpid()}.part")
            with part.open("wb") as file:
                np.save(file, content)
            part.replace(target)
    return Person(np.load(path, mmap_mode="r"), np.load(_beside(path)))


def main(folder: Path, people: int, validation: int, part: int, parts: int) -> None:
    """Makes every person of this part who is not there yet, those of validation early."""
    early = min(64, people)
    order: list[tuple[Split, range]] = [
        ("train", range(part, early, parts)),
        ("validation", range(part, validation, parts)),
        ("train", range(early + part, people, parts)),
    ]
    for split, indices in order:
        for index in indices:
            if not path_of(folder, split, index).exists():
                fetch(folder, split, index)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):  # of the training that it works for
        main(Path(sys.argv[1]), *map(int, sys.argv[2:6]))
