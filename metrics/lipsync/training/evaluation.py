"""How well `syncnet-synthetic` finds offsets, through the metric itself, on people it has never seen.

Every test clip is scored in sync, with its sound shifted, and with another speaker's sound.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ....benchmark.api import Clip
from .. import SMALL_NETWORK, describe, load

if TYPE_CHECKING:
    from ....benchmark.training.recipe import Say

CLIPS, SECONDS, SIZE = 40, 3, 256
SHIFTS = (-10, -5, -3, 0, 3, 5, 10)  # frames that the sound comes too early
_FPS, _REACH = 25, max(SHIFTS)


def measure(weights: Path | None, device: str, folder: Path, say: Say) -> dict[str, Any]:
    """Accuracy of the offset and mean LSE-C and LSE-D, JSON-ready.

    weights: a safetensors file, None for the shipped one; folder: where rendered test clips are kept.
    """
    from safetensors.torch import load_file

    from ..family import LipSync

    infos = [info for info in describe() if info.weights == (SMALL_NETWORK,)]
    family = load(device, infos) if weights is None else LipSync(device, infos, lambda _: load_file(weights))
    rows: dict[str, list[Mapping[str, Any]]] = {}
    for index in range(CLIPS):
        say(f"test clip {index + 1} of {CLIPS}")
        recording, other = _recording(folder, index), _recording(folder, (index + 1) % CLIPS)
        clip = _cut(recording, recording, 0)
        state = family.reference(clip)
        picture = family.picture(state, clip.only("video"))
        sounds = {str(shift): _cut(recording, recording, shift) for shift in SHIFTS}
        sounds["another"] = _cut(recording, other, 0)
        for name, sounding in sounds.items():
            scores = family.compare(state, picture, family.sound(state, sounding.only("audio")))
            rows.setdefault(name, []).append(scores)
    return _summary(rows)


def _summary(rows: Mapping[str, list[Mapping[str, Any]]]) -> dict[str, Any]:
    right = {
        name: float(np.mean([abs(_offset(row) - int(name)) <= 1 for row in part]))
        for name, part in rows.items()
        if name != "another"
    }
    means = {
        name: {
            kind: round(float(np.mean([row[f"{kind}_synthetic"].value for row in part])), 4)
            for kind in ("lse_c", "lse_d", "lse_offset")
        }
        for name, part in rows.items()
    }
    return {
        "clips": CLIPS,
        "seconds_each": SECONDS,
        "size": SIZE,
        "split": "test",
        "within_one_frame": round(float(np.mean(list(right.values()))), 4),
        "within_one_frame_by_shift": {name: round(value, 4) for name, value in right.items()},
        "means_by_shift": means,
    }


def _offset(row: Mapping[str, Any]) -> int:
    return row["lse_offset_synthetic"].detail["offset"]


def _recording(folder: Path, index: int) -> Clip:
    """Test clip `index` with a little more before and after; rendered once."""
    from ....datasets.synthetic import Options, kept_clips

    seconds = SECONDS + 2 * _REACH / _FPS
    options = Options(clips=CLIPS, seconds=seconds, size=SIZE, split="test")
    return kept_clips.fetch(folder, options, index)


def _cut(shown: Clip, heard: Clip, shift: int) -> Clip:
    """The middle of a recording with the sound of another moment: `shift` frames later."""
    per_frame = shown.spec.sample_rate // _FPS
    frames = SECONDS * _FPS
    video = shown.video[_REACH : _REACH + frames]
    audio = heard.audio[:, (_REACH + shift) * per_frame : (_REACH + shift + frames) * per_frame]
    spec = replace(shown.spec, frames=frames, samples=audio.shape[1])
    return Clip(spec, video, audio, shown.clip_id)
