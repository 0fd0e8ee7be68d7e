"""What an author outside the repository writes: a module with three functions. μ-law samples in zlib."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from talkbench.benchmark.api import Bitstream, Clip, ClipSpec, CodecError, CodecInfo, Part, Point

if TYPE_CHECKING:
    from talkbench.benchmark.api import Codec

_MU = 255.0


def availability() -> str | None:
    return None


def describe() -> tuple[CodecInfo, Sequence[Point]]:
    info = CodecInfo(
        "example",
        "1",
        ("audio",),
        "conventional",
        "Apache-2.0",
        build={"zlib": zlib.ZLIB_RUNTIME_VERSION},
        parts=("samples",),
    )
    return info, [Point(f"{levels}-levels", {"levels": levels}) for levels in (3, 7, 15, 31, 63)]


def load(device: str) -> Codec:
    return MuLaw(*describe())


@dataclass(frozen=True)
class MuLaw:
    info: CodecInfo
    points: Sequence[Point]

    def encode(self, clip: Clip, point: Point) -> Bitstream:
        import numpy as np

        if not clip.spec.samples:
            raise CodecError("the clip has no sound")
        sound = clip.audio.numpy()
        half = int(point.params["levels"]) // 2
        curved = np.sign(sound) * np.log1p(_MU * np.abs(sound)) / np.log1p(_MU)
        levels = np.round(curved * half).astype(np.int8).tobytes()
        return Bitstream((Part("samples", "audio", zlib.compress(bytes([half]) + levels, 9)),))

    def decode(self, stream: Bitstream, spec: ClipSpec) -> Clip:
        import numpy as np
        import torch

        size = spec.channels * spec.samples
        try:
            unpack = zlib.decompressobj()
            data = unpack.decompress(stream["samples"], size + 1)
        except zlib.error as error:
            raise CodecError(f"part 'samples' cannot be unpacked: {error}") from error
        if len(data) != size + 1 or not unpack.eof or not data[0]:
            raise CodecError(f"part 'samples' does not hold {size} samples")
        curved = np.frombuffer(data[1:], np.int8).reshape(spec.channels, spec.samples) / data[0]
        sound = np.sign(curved) * np.expm1(np.abs(curved) * np.log1p(_MU)) / _MU
        audio = torch.from_numpy(np.clip(sound, -1, 1).astype(np.float32))
        video = torch.zeros((0, 3, spec.height, spec.width), dtype=torch.uint8)
        return Clip(replace(spec, frames=0), video, audio)
