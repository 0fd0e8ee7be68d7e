"""The lower-bound baseline ("floor"): keyframes by the VVC intra coder, each shown until the next one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..benchmark.api import Bitstream, Clip, ClipSpec, CodecError, CodecInfo, Part, Point, Timeline
from . import _params
from ._face import keyframes, varint
from ._face.keyframes import availability as availability

if TYPE_CHECKING:
    from ..benchmark.api import Codec


def describe() -> tuple[CodecInfo, Sequence[Point]]:
    """Identity and default ladder: one keyframe (gop 0) at the quantizers of the GFVC test conditions."""
    info = CodecInfo(
        name="still",
        version="1",
        modalities=("video",),
        parts=("headers", "keyframe"),
        family="floor",
        licence="BSD-3-Clause-Clear (vvenc), LGPL-2.1 (decoder)",
        paper="",
        build=keyframes.build(),
        options=keyframes.options(),
    )
    return info, [Point(f"qp{qp}", {"qp": qp, "gop": 0}) for qp in keyframes.QPS]


def load(device: str) -> Codec:
    """The codec; it runs on the CPU whatever the device."""
    return StillCodec(*describe())


def timeline(stream: Bitstream, spec: ClipSpec) -> Mapping[str, Timeline]:
    """Bits of headers and keyframes by picture. Raises CodecError."""
    (gop,), _ = varint.read(stream["headers"], 1)
    return keyframes.timeline(stream, spec, gop)


@dataclass(frozen=True)
class StillCodec:
    """Parts: `headers` (the distance of keyframes, one byte or two, and VVC's parameter sets), `keyframe`."""

    info: CodecInfo
    points: Sequence[Point]

    def encode(self, clip: Clip, point: Point) -> Bitstream:
        """The first picture, and every `gop`-th one if `gop` is not 0."""
        if not clip.spec.frames:
            raise CodecError("still codes pictures, and this clip has none")
        qp, gop = _params.whole(point, "qp", 0, 63), keyframes.gop_of(point, clip.spec.frames)
        shown = clip.video[:: keyframes.positions(clip.spec.frames, gop).step]
        headers, pictures = keyframes.split(keyframes.encode(shown, qp))
        headers = varint.write([gop]) + headers
        return Bitstream((Part("headers", "video", headers), Part("keyframe", "video", pictures)))

    def decode(self, stream: Bitstream, spec: ClipSpec) -> Clip:
        """Each keyframe until the next one, at the clip's own size."""
        import torch

        (gop,), headers = varint.read(stream["headers"], 1)
        places = keyframes.positions(spec.frames, gop)
        pictures = keyframes.decode(headers + stream["keyframe"], len(places), spec.height, spec.width)
        video = pictures[torch.arange(spec.frames) // places.step]
        return Clip(replace(spec, samples=0), video, torch.zeros((spec.channels, 0)))
