"""The one path between a clip's sound and a codec's: mono, resampled without delay, exact lengths back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..benchmark.api import Clip, ClipSpec, CodecError, Timeline

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]


def missing() -> str | None:
    """Why sound cannot be resampled here, and the fix, or None."""
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
    """The mean of the clip's channels: float32 in [-1, 1] at `rate` Hz, as long as the clip, rounded up.

    Raises CodecError for a clip without sound, or with samples that are not finite.
    """
    import numpy as np

    if not clip.spec.samples:
        raise CodecError(f"{name} codes sound, and this clip has none")
    samples = clip.audio.mean(dim=0).numpy()
    if not np.isfinite(samples).all():
        raise CodecError(f"{name}: the clip's sound holds NaN or infinite samples")
    return _resampled(samples, clip.spec.sample_rate, rate, _length(clip.spec, rate))


def spread(samples: Samples, rate: int, spec: ClipSpec) -> Clip:
    """A clip of exactly `spec.samples`, every channel being `samples` (mono, `rate` Hz). No pictures."""
    import torch

    sound = _resampled(samples, rate, spec.sample_rate, spec.samples)
    audio = torch.from_numpy(sound).repeat(spec.channels, 1)
    video = torch.zeros((0, 3, spec.height, spec.width), dtype=torch.uint8)
    return Clip(replace(spec, frames=0), video, audio)


def frames_needed(spec: ClipSpec, rate: int, delay: int, frame: int) -> int:
    """Frames of `frame` samples at `rate` that hold the whole sound, the codec's `delay` included."""
    return -(-(_length(spec, rate) + delay) // frame)


def timeline(step_s: float, parts: Mapping[str, Sequence[int]]) -> dict[str, Timeline]:
    """Timelines of one length, in packets of `step_s` seconds; what a part lacks at the end is 0 bits."""
    count = max(map(len, parts.values()))
    return {name: Timeline(step_s, (*bits, *[0] * (count - len(bits)))) for name, bits in parts.items()}


def _resampled(samples: Samples, rate: int, wanted: int, length: int) -> Samples:
    """`length` samples at `wanted` Hz; silence follows what there is.

    soxr's high quality has linear phase and no delay. What overshoots full scale is clipped.
    """
    import numpy as np
    import soxr

    # The silence goes in before the resampler, whose own choice of length would drop a lone sample.
    samples = np.pad(samples, (0, max(length * rate // wanted + 2 - len(samples), 0)))
    if rate != wanted:
        samples = soxr.resample(samples, rate, wanted, quality="HQ")
    return np.clip(samples[:length], -1, 1, dtype=np.float32)


def _length(spec: ClipSpec, rate: int) -> int:
    """Samples at `rate` Hz that hold the whole sound."""
    return -(-spec.samples * rate // spec.sample_rate)
