"""Tiny, fast and well-behaved codecs: block means and rounded samples in zlib. They drive pipeline tests."""

from __future__ import annotations

import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from talkbench.benchmark.api import (
    Bitstream,
    Clip,
    ClipSpec,
    CodecError,
    CodecInfo,
    Modality,
    Part,
    Point,
    Stream,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STEPS = (64, 32, 16, 8, 4)
VIDEO_POINTS = tuple(Point(f"v{step}", {"video_step": step}) for step in _STEPS)
AUDIO_POINTS = tuple(Point(f"a{step}", {"audio_step": step}) for step in _STEPS)
JOINT_POINTS = tuple(
    Point(f"v{video}a{audio}", {"video_step": video, "audio_step": audio})
    for video in _STEPS[::2]
    for audio in _STEPS[::2]
)
_BLOCK = 8
_DECIMATION = 4


@dataclass
class FakeCodec:
    """Codes the modalities it is told to; also its own module: an entry point may name any such object."""

    info: CodecInfo
    points: Sequence[Point]
    state: dict[str, Any] = field(default_factory=dict)

    def availability(self) -> str | None:
        return None

    def describe(self) -> tuple[CodecInfo, Sequence[Point]]:
        return self.info, self.points

    def load(self, device: str) -> FakeCodec:
        return type(self)(self.info, self.points)

    def encode(self, clip: Clip, point: Point) -> Bitstream:
        both = len(self.info.modalities) == 2
        parts = []
        if "video" in self.info.modalities:
            if not clip.spec.frames:
                raise CodecError("the clip has no pictures")
            stream: Stream = "joint" if both else "video"
            parts.append(Part("pixels", stream, pack(means(clip), int(point.params["video_step"]))))
        if "audio" in self.info.modalities:
            if not clip.spec.samples:
                raise CodecError("the clip has no sound")
            parts.append(Part("samples", "audio", pack(sound(clip), int(point.params["audio_step"]))))
        return Bitstream(tuple(parts))

    def decode(self, stream: Bitstream, spec: ClipSpec) -> Clip:
        import numpy as np
        import torch

        shape = replace(
            spec,
            frames=spec.frames if "video" in self.info.modalities else 0,
            samples=spec.samples if "audio" in self.info.modalities else 0,
        )
        video = np.zeros((shape.frames, 3, spec.height, spec.width), np.uint8)
        audio = np.zeros((spec.channels, shape.samples), np.float32)
        if shape.frames:
            height, width = -(-spec.height // _BLOCK), -(-spec.width // _BLOCK)
            small = unpack(stream["pixels"], (shape.frames, 3, height, width)).astype(np.uint8)
            video = small.repeat(_BLOCK, 2).repeat(_BLOCK, 3)[:, :, : spec.height, : spec.width].copy()
        if shape.samples:
            few = unpack(stream["samples"], (spec.channels, -(-shape.samples // _DECIMATION)))
            audio = ((few - 128) / 128).astype(np.float32).repeat(_DECIMATION, 1)[:, : shape.samples].copy()
        return Clip(shape, torch.from_numpy(video), torch.from_numpy(audio))


class SlowCodec(FakeCodec):
    """Right and slow: at its highest rate it takes 0.3 s for 0.04 s of sound."""

    def encode(self, clip: Clip, point: Point) -> Bitstream:
        if point == self.points[-1]:
            time.sleep(7.5 * clip.spec.duration_s)
        return super().encode(clip, point)


def means(clip: Clip) -> NDArray[Any]:
    """One pixel of each block, for speed; values 0 to 255."""
    return clip.video[:, :, ::_BLOCK, ::_BLOCK].numpy()


def sound(clip: Clip) -> NDArray[Any]:
    """Each fourth sample; values 0 to 255."""
    import numpy as np

    return np.clip(np.round(clip.audio[:, ::_DECIMATION].numpy() * 128 + 128), 0, 255)


def pack(values: NDArray[Any], step: int) -> bytes:
    import numpy as np

    return zlib.compress(bytes([step]) + np.round(values / step).astype(np.uint8).tobytes(), 6)


def unpack(payload: bytes, shape: tuple[int, ...]) -> NDArray[Any]:
    """Inverse of `pack`, up to rounding. Raises CodecError for a damaged payload."""
    import numpy as np

    size = int(np.prod(shape))
    try:
        unpacker = zlib.decompressobj()
        data = unpacker.decompress(payload, size + 1)
    except zlib.error as error:
        raise CodecError(f"payload cannot be unpacked: {error}") from error
    if len(data) != size + 1 or not unpacker.eof:
        raise CodecError(f"payload does not hold {size} values")
    return np.minimum(np.frombuffer(data[1:], np.uint8).reshape(shape).astype(np.float64) * data[0], 255)


def info(
    name: str,
    modalities: tuple[Modality, ...],
    build: Mapping[str, str] | None = None,
    parts: Sequence[str] | Mapping[str, Stream] | None = None,
) -> CodecInfo:
    usual: dict[str, Stream] = {
        **({"pixels": "joint" if len(modalities) == 2 else "video"} if "video" in modalities else {}),
        **({"samples": "audio"} if "audio" in modalities else {}),
    }
    return CodecInfo(
        name,
        "1",
        modalities,
        "conventional",
        "Apache-2.0",
        build={"zlib": zlib.ZLIB_RUNTIME_VERSION, **(build or {})},
        parts=usual if parts is None else parts,
    )


video = FakeCodec(info("fake-video", ("video",)), VIDEO_POINTS)
audio = FakeCodec(info("fake-audio", ("audio",)), AUDIO_POINTS)
joint = FakeCodec(info("fake-joint", ("video", "audio")), JOINT_POINTS)
slow = SlowCodec(info("fake-slow", ("audio",)), AUDIO_POINTS)
