"""The one path between a clip's sound and a codec's: mono, resampled without delay, exact lengths back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..benchmark.errors import CodecError
from ..benchmark.types import Clip, ClipSpec, Timeline

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]


def missing() -> str | None:
    """Why sound cannot be resampled here, and the mend, or None."""
    try:
        import soxr  # noqa: F401
    except ImportError as error:
        return f"{error}; install it with: pip install soxr"
    return None


def build() -> dict[str, str]:
    """Version of the resampler, which can change the coded or decoded sound."""
    import soxr

    return {"soxr": soxr.__version__}


def mono(clip: Clip, rate: int, name: str) -> Samples:
    """The clip's sound as mono float32 at `rate` Hz: the mean of its channels. Raises CodecError."""
    if not clip.spec.samples:
        raise CodecError(f"{name} codes sound, and this clip has none")
    return _resampled(clip.audio.mean(dim=0).numpy(), clip.spec.sample_rate, rate)


def spread(samples: Samples, rate: int, spec: ClipSpec) -> Clip:
    """A clip of exactly `spec.samples`, every channel being `samples` (mono, `rate` Hz). No pictures."""
    import numpy as np
    import torch

    sound = np.clip(_resampled(samples, rate, spec.sample_rate)[: spec.samples], -1, 1)
    sound = np.pad(sound, (0, spec.samples - len(sound)))
    audio = torch.from_numpy(sound).repeat(spec.channels, 1)
    video = torch.zeros((0, 3, spec.height, spec.width), dtype=torch.uint8)
    return Clip(replace(spec, frames=0), video, audio)


def frames_needed(spec: ClipSpec, rate: int, delay: int, frame: int) -> int:
    """Frames of `frame` samples at `rate` that hold the whole sound, the codec's `delay` included."""
    return -(-(-(-spec.samples * rate // spec.sample_rate) + delay) // frame)


def timeline(step_s: float, parts: Mapping[str, Sequence[int]]) -> dict[str, Timeline]:
    """Timelines of one length, in packets of `step_s` seconds; what a part lacks at the end is 0 bits."""
    count = max(map(len, parts.values()))
    return {name: Timeline(step_s, (*bits, *[0] * (count - len(bits)))) for name, bits in parts.items()}


def _resampled(samples: Samples, rate: int, wanted: int) -> Samples:
    """soxr at its high quality has linear phase and no delay."""
    import numpy as np
    import soxr

    if rate == wanted:
        return samples
    return np.asarray(soxr.resample(samples, rate, wanted, quality="HQ"), dtype=np.float32)
