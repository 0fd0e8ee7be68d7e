"""SKELETON: describe here in one line what the codec does and where it comes from.

This one works as it is: pictures are averaged over blocks, rounded, and packed with zlib. Replace
its contents step by step and run `talkbench check skeleton` after each.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..benchmark.api import Bitstream, Clip, ClipSpec, CodecError, CodecInfo, Part, Point

if TYPE_CHECKING:
    from ..benchmark.api import Codec

_BLOCK = 8  # pixels


def availability() -> str | None:
    """None, or why the codec cannot run here and the command that fixes it."""
    return None  # for example: "foo is not installed; run `pip install foo`"


def describe() -> tuple[CodecInfo, Sequence[Point]]:
    """Identity and ladder. Keep it cheap: no torch, no weights, nothing that takes time."""
    info = CodecInfo(
        name="skeleton",
        version="1",  # change it whenever the output changes: results are cached under it
        modalities=("video",),  # or ("audio",), or both for a joint codec
        parts=("pixels",),  # the parts of every bitstream, in order: their names are not billed
        family="conventional",  # or "neural", "generative", "floor" (lower-bound baseline)
        licence="Apache-2.0",
        paper="",
        build={"zlib": zlib.ZLIB_RUNTIME_VERSION},  # every version and weights' sha256 that can change it
        options={"block": _BLOCK},
    )
    # The ladder, lowest rate first. Rates are measured from the bytes, so none is declared here.
    return info, [Point(f"step{step}", {"step": step}) for step in (64, 32, 16, 8)]


def load(device: str) -> Codec:
    """The codec. Import torch, build the network and read the weights here, onto `device`."""
    return SkeletonCodec(*describe())


@dataclass(frozen=True)
class SkeletonCodec:
    """Block means, rounded. Keeps no state: a decoder knows only the bitstream and the clip's spec."""

    info: CodecInfo
    points: Sequence[Point]

    def encode(self, clip: Clip, point: Point) -> Bitstream:
        """Pictures uint8 (T, 3, H, W) to bytes."""
        from torch.nn.functional import avg_pool2d

        if not clip.spec.frames:
            raise CodecError("this codec codes pictures, and the clip has none")
        step = int(point.params["step"])
        small = avg_pool2d(clip.video.float(), _BLOCK, ceil_mode=True)
        levels = (small / step).round().byte().numpy().tobytes()
        # What depends on the clip or the point goes into a payload, and all of it is billed: the step too.
        return Bitstream((Part("pixels", "video", zlib.compress(bytes([step]) + levels, 9)),))

    def decode(self, stream: Bitstream, spec: ClipSpec) -> Clip:
        """Bytes to pictures of exactly the shape in `spec`; the sound, not coded here, has length 0."""
        import torch
        from torch.nn.functional import interpolate

        height, width = -(-spec.height // _BLOCK), -(-spec.width // _BLOCK)
        size = spec.frames * 3 * height * width
        try:  # payloads may be damaged: bound what is allocated, and turn every failure into a CodecError
            unpack = zlib.decompressobj()
            data = unpack.decompress(stream["pixels"], size + 1)
        except zlib.error as error:
            raise CodecError(f"part 'pixels' cannot be unpacked: {error}") from error
        if len(data) != size + 1 or not unpack.eof:
            raise CodecError(f"part 'pixels' holds {len(data)} bytes or more, expected {size + 1}")
        levels = torch.frombuffer(bytearray(data[1:]), dtype=torch.uint8)
        small = levels.reshape(spec.frames, 3, height, width).float() * data[0]
        large = interpolate(small, scale_factor=_BLOCK, mode="bilinear")[..., : spec.height, : spec.width]
        video = large.round().clamp(0, 255).byte()
        return Clip(replace(spec, samples=0), video, torch.zeros(spec.channels, 0))
