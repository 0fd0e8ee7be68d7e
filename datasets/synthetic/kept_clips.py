"""Clips of the dataset kept in a folder, for what measures the same ones again and again."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

from ...benchmark.api import Clip, ClipSpec
from . import FPS, VERSION, Options, make_clip


def fetch(folder: Path, options: Options, index: int) -> Clip:
    """Clip number `index`, from the folder, or made and kept there."""
    import numpy as np
    import torch

    from .voice import SAMPLE_RATE

    name = f"{options.split}-{index:04d}"
    made_of = f"v{VERSION}-{options.view}-{options.seed}-{options.seconds:g}s-{options.size}px"
    path = folder / f"{made_of}-{name}.npz"
    if path.exists():
        with np.load(path) as kept:
            video, audio = torch.from_numpy(kept["video"]), torch.from_numpy(kept["audio"])
        height, width = video.shape[2:]
        spec = ClipSpec(len(video), height, width, Fraction(FPS), audio.shape[1], SAMPLE_RATE, 1)
        return Clip(spec, video, audio, clip_id=name)
    clip = make_clip(options, index, name).clip
    folder.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as file:
        np.savez(file, video=clip.video.numpy(), audio=clip.audio.numpy())
    part.replace(path)
    return clip
