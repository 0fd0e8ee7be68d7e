"""What `syncnet-synthetic` learns from: close-ups of rendered speakers, made once and kept in a folder."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ....datasets.synthetic.grammar import Split

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

SIZE = 112  # pixels of a close-up, square
ZOOM = 1.5  # of the dataset's own framing: what a face crop can show, and some room around it
SECONDS = 4.0
FPS = 25
SEED = 1000  # people of the recipe; the dataset itself is used with small seeds
VERSION = 1

# The square that a face detector marks, brows to chin: its middle in head units, and its side.
_FACE_MIDDLE, _FACE_SIDE = (0.0, -0.27, 0.55), 1.3


@dataclass(frozen=True)
class CloseUp:
    """One speaker. video: uint8 (T, 3, SIZE, SIZE); audio: float32 (N,) at 16 kHz.

    face: float32 (T, 3), middle (x, y) and side of the face's square, in pixels.
    """

    video: np.ndarray
    audio: np.ndarray
    face: np.ndarray


def make(split: Split, index: int) -> CloseUp:
    """Renders speaker number `index` of a split: about 5 s of work on one core."""
    import numpy as np
    import torch

    from ....datasets.synthetic.identity import identity_of, seed_of
    from ....datasets.synthetic.motion import VIEWS, talk
    from ....datasets.synthetic.render import render
    from ....datasets.synthetic.script import recite
    from ....datasets.synthetic.sculpt import sculpt
    from ....datasets.synthetic.voice import SAMPLE_RATE, random_voice

    frames = round(SECONDS * FPS)
    who = identity_of(split, SEED, index)
    rng = np.random.default_rng(seed_of("lip-sync close-up", split, SEED, index))
    view = VIEWS[0] if rng.random() < 0.85 else "fast_motion"
    speech = recite(rng, split, random_voice(rng, split, who.feminine > 0.5), frames * SAMPLE_RATE // FPS)
    motion = talk(rng, speech.phonemes, frames, FPS, view, index * frames)
    motion = replace(motion, zoom=motion.zoom * ZOOM)
    video = render(sculpt([who]), motion, size=SIZE, together=True)
    table = motion.table(torch.device("cpu"))
    return CloseUp(video.numpy(), speech.audio, _face(table, who.face_width, who.face_length).numpy())


def _face(table: dict[str, Tensor], width: float, length: float) -> Tensor:
    """Where the face's square is seen: (T, 3), pixels. The inverse of the renderer's rays."""
    import torch

    from ....datasets.synthetic.anatomy import PIVOT
    from ....datasets.synthetic.rig import Rows, turn
    from ....datasets.synthetic.trace import CAMERA_Z, HALF_HEIGHT, LOOK_Y

    move = Rows(table, torch.arange(len(table["yaw"])))
    x, y, z = _FACE_MIDDLE[0] * width, _FACE_MIDDLE[1] * length, _FACE_MIDDLE[2]
    x, y, z = turn(torch.tensor(x - PIVOT[0]), torch.tensor(y - PIVOT[1]), torch.tensor(z - PIVOT[2]), move)
    x, y, z = x + PIVOT[0] + move.x, y + PIVOT[1] + move.y, z + PIVOT[2]
    scale = move.zoom * CAMERA_Z / HALF_HEIGHT / (CAMERA_Z - z) * SIZE / 2
    column, row = SIZE / 2 + x * scale, SIZE / 2 - (y - LOOK_Y) * scale
    return torch.stack((column, row, _FACE_SIDE * length * scale), 1)


def path_of(folder: Path, split: Split, index: int) -> Path:
    """Where a speaker is kept."""
    return folder / f"v{VERSION}" / split / f"{index:04d}.npz"


def fetch(folder: Path, split: Split, index: int) -> CloseUp:
    """Speaker number `index`, from the folder or made and kept there."""
    import numpy as np

    path = path_of(folder, split, index)
    if not path.exists():
        made = make(split, index)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        with part.open("wb") as file:
            np.savez(file, video=made.video, audio=made.audio, face=made.face)
        part.replace(path)
    with np.load(path) as kept:
        return CloseUp(kept["video"], kept["audio"], kept["face"])


def ready(folder: Path, split: Split, wanted: Sequence[int]) -> list[int]:
    """Which of the wanted speakers are in the folder."""
    return [index for index in wanted if path_of(folder, split, index).exists()]


def main(folder: Path, speakers: int, validation: int) -> None:
    """Makes all speakers that are not there yet, those of validation early."""
    early = min(24, speakers)
    order: list[tuple[Split, range]] = [
        ("train", range(early)),
        ("validation", range(validation)),
        ("train", range(early, speakers)),
    ]
    for split, indices in order:
        for index in indices:
            if not path_of(folder, split, index).exists():
                fetch(folder, split, index)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):  # of the training that it works for
        main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
