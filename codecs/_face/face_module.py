"""What a file of a generative face codec offers, made of what is its own: names, sizes, weights, network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING

from ...benchmark import weights
from ...benchmark.api import Bitstream, ClipSpec, CodecInfo, Point, Timeline
from . import face_stream, keyframes, motion_coding
from .face_codec import SIZE, FaceCodec, FaceModel

if TYPE_CHECKING:
    from ...benchmark.api import Codec


@dataclass(frozen=True)
class FaceModule:
    """A codec's module: its methods are the functions that `benchmark/api/codec.py` asks of one.

        CODEC = FaceModule("fomm", weights="fomm", network=_network, ...)
        availability, describe = CODEC.availability, CODEC.describe
        load, timeline = CODEC.load, CODEC.timeline

    name: of the codec; weights: in the registry of weights; network: reads the weights of that name onto a
    device, in evaluation mode (torch is imported there), or raises Unavailable; motion: numbers a frame;
    step: integers per unit of motion; parameters: learned numbers; version: to be changed with the output;
    libraries: installed packages whose version can change it; options: further settings.
    """

    name: str
    weights: str
    network: Callable[[str, str], FaceModel]
    motion: int
    step: int
    parameters: int
    licence: str
    paper: str
    version: str = "1"
    libraries: Sequence[str] = ()
    options: Mapping[str, int | float | str] = field(default_factory=dict)

    def availability(self) -> str | None:
        """Why the codec cannot run here and the fix, or None."""
        return keyframes.availability() or weights.missing([self.weights])

    def describe(self) -> tuple[CodecInfo, Sequence[Point]]:
        """Identity and default ladder: one keyframe, at the quantizers of the GFVC test conditions."""
        info = CodecInfo(
            name=self.name,
            version=self.version,
            modalities=("video",),
            parts=("headers", "keyframe", "motion"),
            family="generative",
            licence=self.licence,
            paper=self.paper,
            weights=weights.get(self.weights).variant,
            accelerated=True,
            parameters=self.parameters,
            build={
                **keyframes.build(),
                **motion_coding.build(),
                **{library: version(library) for library in self.libraries},
                self.weights: weights.sha256(self.weights),
            },
            options={**keyframes.options(), "size": SIZE, **self.options},
        )
        profile = motion_coding.PROFILES[0]
        shared = {"gop": 0, "profile": profile, "step": self.step}
        return info, [Point(f"qp{qp}", {"qp": qp, **shared}) for qp in keyframes.QPS]

    def load(self, device: str) -> Codec:
        """The codec with its network on `device`. Raises Unavailable where the weights are missing."""
        return FaceCodec(*self.describe(), self.network(self.weights, device), device)

    def timeline(self, stream: Bitstream, spec: ClipSpec) -> Mapping[str, Timeline]:
        """Bits of headers, keyframes and motion by frame. Raises CodecError."""
        return face_stream.timeline(stream, spec, self.motion)
