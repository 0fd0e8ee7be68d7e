"""What a generative face codec sends beside its keyframes: three numbers of a setting, and motion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...benchmark.api import Bitstream, ClipSpec, CodecError, Point, Timeline
from .. import _params
from . import keyframes, motion_coding, varint

if TYPE_CHECKING:
    import numpy as np

STEPS = 1, 1 << 16
# A motion integer, either way; that is at least sixteen times the width of a picture, at any step.
MOST = 1 << 20


@dataclass(frozen=True)
class Setting:
    """What a decoder must know of a point.

    profile: one of `motion_coding.PROFILES`; step: integers per unit of motion; gop: frames from one
    keyframe to the next, 0 where there is but one.
    """

    profile: str
    step: int
    gop: int

    @classmethod
    def of(cls, point: Point, frames: int) -> Setting:
        """The setting of a point for a clip. Raises CodecError, naming the parameter and what it may be."""
        profile = _params.choice(point, "profile", motion_coding.PROFILES)
        return cls(profile, _params.whole(point, "step", *STEPS), keyframes.gop_of(point, frames))

    @classmethod
    def read(cls, data: bytes) -> tuple[Setting, bytes]:
        """Inverse of `to_bytes`, and the bytes that follow. Raises CodecError."""
        (profile, step, gop), rest = varint.read(data, 3)
        if profile >= len(motion_coding.PROFILES) or not STEPS[0] <= step <= STEPS[1]:
            raise CodecError(f"part 'headers' is damaged: profile {profile}, step {step}")
        return cls(motion_coding.PROFILES[profile], step, gop), rest

    def to_bytes(self) -> bytes:
        """Three bytes while all is usual."""
        return varint.write([motion_coding.PROFILES.index(self.profile), self.step, self.gop])


def lengths(frames: int, gop: int) -> list[int]:
    """How many frames follow each keyframe. Raises CodecError."""
    places = keyframes.positions(frames, gop)
    return [min(places.step, frames - at) - 1 for at in places]


def unpack(stream: Bitstream, spec: ClipSpec, setting: Setting, parameters: int) -> list[np.ndarray]:
    """Integers of the frames that follow each keyframe, each int32 (T, parameters). Raises CodecError."""
    import numpy as np

    counts = lengths(spec.frames, setting.gop)
    groups = motion_coding.unpack(stream["motion"], counts, parameters, setting.profile)
    if any(len(group) and np.abs(group.astype(np.int64)).max() > MOST for group in groups):
        raise CodecError("part 'motion' is damaged: a number is too large")
    return groups


def timeline(stream: Bitstream, spec: ClipSpec, parameters: int) -> Mapping[str, Timeline]:
    """Bits of each part by frame, for a network that has so many numbers a frame. Raises CodecError."""
    setting, _ = Setting.read(stream["headers"])
    counts = lengths(spec.frames, setting.gop)
    found = dict(keyframes.timeline(stream, spec, setting.gop))
    bits = motion_coding.frame_bits(stream["motion"], counts, parameters, setting.profile)
    places = keyframes.positions(spec.frames, setting.gop)
    by_frame = [0] * spec.frames
    for at, group in zip(places, bits, strict=True):
        by_frame[at + 1 : at + 1 + len(group)] = group
    return {**found, "motion": Timeline(float(1 / spec.fps), tuple(by_frame))}
