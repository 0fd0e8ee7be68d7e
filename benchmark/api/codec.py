"""What a codec is: two functions and an identity. See docs/adding-a-codec.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, cast

from ..util.errors import CodecError
from ..util.hashing import key
from .types import STREAMS, Bitstream, Clip, ClipSpec, Modality, Point, Stream

Family = Literal["conventional", "neural", "generative", "floor"]
Weights = Literal["none", "official", "synthetic"]
MOST_PARTS = 8


@dataclass(frozen=True)
class CodecInfo:
    """Identity of a codec. `build` and `options` hold all that can change its output.

    modalities: what it codes; build: library and encoder versions, weights' sha256;
    options: settings common to all points; weights: which variant of learned weights is used;
    accelerated: runs on the device given to `load` (otherwise it is a CPU program);
    parameters: how many learned numbers its networks have; None where there are none, or it is not known;
    parts: the parts of each of its bitstreams, in order, at most 8: names, each billed to the stream it is
    named after or to the codec's one modality, or a mapping of names to streams. See `declared_parts`.
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
    parts: Sequence[str] | Mapping[str, Stream] = ()

    def declared_parts(self) -> tuple[tuple[str, Stream], ...]:
        """(name, stream) of the parts that every bitstream of this codec has, in order.

        Names, number and order of parts are not billed; being the same for every clip and point, they carry
        nothing. They are not part of the fingerprint. Raises CodecError where the declaration is absent or
        cannot hold.
        """
        how = 'such as parts=("headers", "keyframe") or parts={"keyframe": "video", "tokens": "audio"}'
        if isinstance(self.parts, str) or not self.parts:
            raise CodecError(
                f"codec {self.name!r} does not declare its parts; give its CodecInfo the names of the parts "
                f"that each of its bitstreams has, in order, {how}"
            )
        found: tuple[tuple[str, Stream], ...]
        if isinstance(self.parts, Mapping):
            found = tuple(self.parts.items())
        else:
            found = tuple((str(name), self._billed_to(name)) for name in self.parts)
        names = [name for name, _ in found]
        allowed = STREAMS if len(self.modalities) == 2 else self.modalities
        wrong = [f"{name!r} to {stream!r}" for name, stream in found if stream not in allowed]
        if len(found) > MOST_PARTS or len(set(names)) < len(names):
            raise CodecError(
                f"codec {self.name!r} declares the parts {names}; parts have different names and are at most "
                f"{MOST_PARTS}: join what is more into one payload"
            )
        if wrong:
            raise CodecError(
                f"codec {self.name!r} bills {', '.join(wrong)} in its CodecInfo's parts; a codec of "
                f"{' and '.join(self.modalities)} bills to {', '.join(allowed)}, {how}"
            )
        return found

    def _billed_to(self, name: str) -> Stream:
        """The stream of a part that is declared by its name only; of a joint codec, that of the same name."""
        return self.modalities[0] if len(self.modalities) == 1 else cast("Stream", name)

    def check_parts(self, stream: Bitstream) -> None:
        """Raise CodecError unless `stream` has exactly the declared parts, in their order."""
        found = tuple((part.name, part.stream) for part in stream.parts)
        try:
            declared = self.declared_parts()
        except CodecError as error:
            raise CodecError(f"{error}; this bitstream has {dict(found)}") from None
        if found != declared:
            raise CodecError(
                f"codec {self.name!r}: the bitstream has the parts {list(found)}, and its CodecInfo declares "
                f"{list(declared)}; send exactly the declared parts in this order, an empty payload for one "
                "that is absent"
            )

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
        """None when the codec can run here, else the reason and the command that fixes it. Cheap."""
        ...

    def describe(self) -> tuple[CodecInfo, Sequence[Point]]:
        """Identity and default ladder without loading weights: what planning needs. Cheap."""
        ...

    def load(self, device: str) -> Codec:
        """The codec, ready to run on `device` ('cpu' or 'cuda:0'). Heavy imports happen here."""
        ...
