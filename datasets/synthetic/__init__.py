"""The embedded dataset: ray-cast talking heads with phoneme-driven mouths and espeak-ng voices.

Options: clips (4), seconds (3.0), size (256 pixels), split ('test' | 'validation' | 'train'), seed (0),
view ('normal' | 'large_rotation' | 'fast_motion' | 'glasses'), device ('cpu').
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from typing import TYPE_CHECKING

from ...benchmark.api import Clip, ClipSpec, DatasetError, DatasetInfo, Item, PreparedClip, UsageError
from ...benchmark.util.hashing import key
from .grammar import SPLITS, Split
from .motion import VIEWS, View

if TYPE_CHECKING:
    from .rig import Motion

VERSION = 1  # of the generator: raise it with every change of what it makes
FPS = 25
LICENCE = "Apache-2.0"
_NOTE = "rendered heads with an espeak-ng voice: synthetic, not recorded"


def availability() -> str | None:
    """None when espeak-ng can be loaded here, else the reason and the command that fixes it."""
    from .voice import espeak_version

    try:
        espeak_version()
    except (ImportError, OSError) as error:
        return f"espeak-ng cannot be loaded ({error}); run: pip install espeakng-loader"
    return None


@dataclass(frozen=True)
class Options:
    """See the package's docstring. Raises UsageError for a value that cannot be."""

    clips: int = 4
    seconds: float = 3.0
    size: int = 256
    split: Split = "test"
    seed: int = 0
    view: View = "normal"
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name, low, high in (
            ("clips", 0, 10**6),
            ("seconds", 1.0, 600.0),
            ("size", 16, 4096),
            ("seed", 0, 2**31),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise UsageError(f"synthetic dataset: {name} = {value!r} is not in {low} … {high}")
        if not re.fullmatch(r"cpu|cuda(:\d+)?", self.device):
            raise UsageError(
                f"synthetic dataset: device = {self.device!r} is not cpu, cuda or cuda:0, cuda:1, …"
            )
        for name, choices in (("split", SPLITS), ("view", VIEWS)):
            if getattr(self, name) not in choices:
                raise UsageError(
                    f"synthetic dataset: {name} = {getattr(self, name)!r} is not one of {', '.join(choices)}"
                )


class SyntheticDataset:
    """Clips that are made when they are asked for, each from its own seeds."""

    def __init__(self, options: Options) -> None:
        self.options = options
        # Views are datasets of their own: a mean over easy and hard motion would say nothing of either.
        stress = "" if options.view == "normal" else options.view.replace("_", " ")
        self.info = DatasetInfo(
            "-".join(("synthetic", *stress.split())),
            synthetic=True,
            licence=LICENCE,
            note=f"{_NOTE}; {stress}" if stress else _NOTE,
        )
        self._items = {self._name(index): index for index in range(options.clips)}

    def _name(self, index: int) -> str:
        view = "" if self.options.view == "normal" else f"{self.options.view}-"
        return f"{self.options.split}-{view}{index:04d}"

    def items(self) -> Sequence[Item]:
        """All clips, none of them made yet."""
        from .voice import espeak_version

        made_by = {"generator": VERSION, "espeak": espeak_version()}
        options = {
            name: value for name, value in asdict(self.options).items() if name not in ("clips", "device")
        }
        return [Item(name, key("synthetic", made_by, options, index)) for name, index in self._items.items()]

    def prepare(self, item: Item) -> PreparedClip:
        """Makes the clip. Raises DatasetError when nothing that can be said fits into its length."""
        if item.name not in self._items:
            raise DatasetError(f"the synthetic dataset has no clip {item.name!r}")
        return make_clip(self.options, self._items[item.name], item.name)


def make_clip(options: Options, index: int, name: str) -> PreparedClip:
    """Clip number `index` of the dataset with these options."""
    import numpy as np
    import torch

    from .identity import identity_of, seed_of
    from .motion import talk
    from .render import render
    from .script import recite
    from .sculpt import sculpt
    from .voice import SAMPLE_RATE, random_voice

    if options.device.startswith("cuda") and not torch.cuda.is_available():
        raise UsageError(
            f"synthetic dataset: device = {options.device!r}, but no CUDA device is here; use 'cpu'"
        )
    split, seed, view = options.split, options.seed, options.view
    frames = max(1, round(options.seconds * FPS))
    who = identity_of(split, seed, index, glasses=True if view == "glasses" else None)
    rng = np.random.default_rng(seed_of("clip", split, seed, index))
    voice = random_voice(rng, split, who.feminine > 0.5)
    speech = recite(rng, split, voice, frames * SAMPLE_RATE // FPS)
    grain = seed_of("grain", split, seed, index) % 2**31
    motion = talk(rng, speech.phonemes, frames, FPS, view, grain)
    video = render(sculpt([who], options.device), motion, size=options.size).cpu()
    audio = torch.from_numpy(speech.audio)[None]
    spec = ClipSpec(
        frames, options.size, options.size, Fraction(FPS), audio.shape[1], SAMPLE_RATE, channels=1
    )
    truth = {
        "phonemes": [asdict(phoneme) for phoneme in speech.phonemes],
        **_motion_truth(motion),
        "identity": asdict(who),
        "voice": asdict(voice),
        "view": view,
    }
    clip = Clip(spec, video, audio, clip_id=name, transcript=speech.transcript)
    return PreparedClip(clip, f"{split}-{seed}-{index}", LICENCE, _NOTE, truth)


def _motion_truth(motion: Motion) -> dict[str, object]:
    pose = ("yaw", "pitch", "roll", "x", "y", "zoom")
    columns = {field.name: getattr(motion, field.name).tolist() for field in fields(motion)}
    poses = [
        dict(zip(pose, values, strict=True)) for values in zip(*(columns[name] for name in pose), strict=True)
    ]
    return {
        "mouth_open": columns["open"],
        "lips_pressed": columns["press"],
        "blink": columns["blink"],
        "gaze": [list(pair) for pair in zip(columns["gaze_x"], columns["gaze_y"], strict=True)],
        "pose": poses,
    }


def load(**options: int | float | str | bool) -> SyntheticDataset:
    """The dataset with these options. Raises UsageError naming a wrong one."""
    known = {field.name: field.type for field in fields(Options)}
    for name, value in options.items():
        if name not in known:
            raise UsageError(f"synthetic dataset: unknown option {name!r}; it has {', '.join(known)}")
        wanted = {"int": int, "float": (int, float)}.get(str(known[name]), str)
        if isinstance(value, bool) or not isinstance(value, wanted):
            raise UsageError(f"synthetic dataset: {name} = {value!r} should be of type {known[name]}")
    return SyntheticDataset(Options(**options))  # pyright: ignore[reportArgumentType]
