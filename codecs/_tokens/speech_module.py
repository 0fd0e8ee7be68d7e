"""What a file of a neural speech codec offers, made of what is its own: names, sizes, weights, network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from ...benchmark import weights
from ...benchmark.api import Bitstream, ClipSpec, CodecInfo, Point, Timeline
from .. import _audio
from . import speech_stream, token_coding, token_raw
from .speech_codec import SpeechCodec, SpeechModel

if TYPE_CHECKING:
    from ...benchmark.api import Codec


def _nothing_missing() -> str | None:
    return None


@dataclass(frozen=True)
class SpeechModule:
    """A codec's module: its methods are the functions that `benchmark/api/codec.py` asks of one.

        CODEC = SpeechModule("encodec", weights=["encodec"], network=_network, ...)
        availability, describe = CODEC.availability, CODEC.describe
        load, timeline = CODEC.load, CODEC.timeline

    name: of the codec; weights: their names in the registry; network: reads the weights of these names onto a
    device, ready to run (torch is imported there), or raises Unavailable;
    rate (Hz), hop (samples a frame), delay (samples), sizes (of all codebooks): as of the network's
    `SpeechModel`, known here because planning loads none;
    books: how many codebooks each point of the ladder sends, lowest first; profile: theirs (`token_coding`);
    parameters: learned numbers; version: to be changed with the output; libraries: installed packages whose
    version can change it; options: further settings; missing: why it cannot run here, beside weights;
    accelerated: runs on the device given to `load`, and not on the CPU whatever that is.
    """

    name: str
    weights: Sequence[str]
    network: Callable[[Sequence[str], str], SpeechModel]
    rate: int
    hop: int
    sizes: Sequence[int]
    books: Sequence[int]
    parameters: int | None
    licence: str
    paper: str
    delay: int = 0
    profile: str = token_coding.PROFILES[0]
    version: str = "1"
    libraries: Sequence[str] = ()
    options: Mapping[str, int | float | str] = field(default_factory=dict)
    missing: Callable[[], str | None] = _nothing_missing
    accelerated: bool = True

    def availability(self) -> str | None:
        """Why the codec cannot run here and the fix, or None."""
        return _audio.missing() or self.missing() or weights.missing(self.weights)

    def describe(self) -> tuple[CodecInfo, Sequence[Point]]:
        """Identity and default ladder: numbers of codebooks."""
        info = CodecInfo(
            name=self.name,
            version=self.version,
            modalities=("audio",),
            parts=("setting", "tokens"),
            family="neural",
            licence=self.licence,
            paper=self.paper,
            weights=weights.get(self.weights[0]).variant if self.weights else "official",
            accelerated=self.accelerated,
            parameters=self.parameters,
            build={
                **_audio.build(),
                **token_coding.build(),
                **{library: _version(library) for library in self.libraries},
                **{name: weights.sha256(name) for name in self.weights},
            },
            options={"rate": self.rate, **self.options},
        )
        return info, [self.point(books, self.profile) for books in self.books]

    def point(self, books: int, profile: str) -> Point:
        """A point, named by the rate of its tokens as they are: only a label, measured rates differ."""
        bits = sum(token_raw.widths(self.sizes[:books]))
        name = f"{bits * self.rate / self.hop / 1000:.4g}kbps"
        return Point(name, {"books": books, "profile": profile})

    def load(self, device: str) -> Codec:
        """The codec with its network on `device`. Raises Unavailable where the weights are missing."""
        device = device if self.accelerated else "cpu"
        model = self.network(self.weights, device)
        declared = (self.rate, self.hop, self.delay, tuple(self.sizes))
        if (model.rate, model.hop, model.delay, tuple(model.sizes)) != declared:
            raise ValueError(
                f"{self.name}: the module declares rate, hop, delay and sizes {declared}, its model others"
            )
        return SpeechCodec(*self.describe(), model, device)

    def timeline(self, stream: Bitstream, spec: ClipSpec) -> Mapping[str, Timeline]:
        """Bits of setting and tokens by frame. Raises CodecError."""
        frames = _audio.frames_needed(spec, self.rate, self.delay, self.hop)
        return speech_stream.timeline(stream, frames, self.sizes, self.hop / self.rate)


def _version(library: str) -> str:
    """Of an installed package; of one that is not, nothing was ever coded here."""
    try:
        return version(library)
    except PackageNotFoundError:
        return "not installed"
