"""What a codec is: two functions and an identity. See docs/adding-a-codec.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from .fingerprint import key
from .types import Bitstream, Clip, ClipSpec, Modality, Point

Family = Literal["conventional", "neural", "generative", "floor"]
Weights = Literal["none", "official", "synthetic"]


@dataclass(frozen=True)
class CodecInfo:
    """Identity of a codec. `build` and `options` hold all that can change its output.

    modalities: what it codes; build: library and encoder versions, weights' sha256;
    options: settings common to all points; weights: which variant of learned weights is used;
    accelerated: runs on the device given to `load` (otherwise it is a CPU program);
    parameters: how many learned numbers its networks have; None where there are none, or it is not known.
    """

    name: str
    version: str
    modalities: tuple[Modality, ...]
    family: Family
    licence: str
    paper: str = ""
    weights: Weights = "none"
    accelerated: bool = False
    parameters: int | None = None
    build: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, int | float | str] = field(default_factory=dict)

    def fingerprint(self) -> str:
        """16 hex digits over name, version, weights, build and options: what decides the output."""
        return key(self.name, self.version, self.weights, self.build, self.options)[:16]


class Codec(Protocol):
    """A loaded codec; a frozen dataclass with two fields and two methods will do."""

    @property
    def info(self) -> CodecInfo:
        """Identity, as `describe` gives it."""
        ...

    @property
    def points(self) -> Sequence[Point]:
        """The default ladder, lowest rate first, as `describe` gives it."""
        ...

    def encode(self, clip: Clip, point: Point) -> Bitstream:
        """Compress `clip`. A codec of one modality ignores the other. Raises CodecError."""
        ...

    def decode(self, stream: Bitstream, spec: ClipSpec) -> Clip:
        """Rebuild the modalities that it codes, exactly as `spec` says; the other one has length 0.

        Knows nothing but `stream` and `spec`. Compensates the codec's own delay. Raises CodecError.
        """
        ...


class CodecModule(Protocol):
    """What `codecs/NAME.py` (or an entry point of group `talkbench.codecs`) offers.

    It may also have `timeline(stream, spec)`, which says how the bits of its parts fall over time:
    see `timeline.py`.
    """

    def availability(self) -> str | None:
        """None when the codec can run here, else the reason and the command that mends it. Cheap."""
        ...

    def describe(self) -> tuple[CodecInfo, Sequence[Point]]:
        """Identity and default ladder without loading weights: what planning needs. Cheap."""
        ...

    def load(self, device: str) -> Codec:
        """The codec, ready to run on `device` ('cpu' or 'cuda:0'). Heavy imports happen here."""
        ...
