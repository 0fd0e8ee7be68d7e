"""What every neural speech codec does around its network: one rate, whole frames, tokens as bytes, back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ...benchmark.api import Bitstream, Clip, ClipSpec, CodecError, CodecInfo, Point, reproducibly
from .. import _audio
from . import speech_stream
from .speech_stream import Setting

if TYPE_CHECKING:
    from torch import Tensor


class SpeechModel(Protocol):
    """A network that codes sound as tokens of codebooks. Its tensors are on the device of its codec.

    One call codes one whole clip; nothing is kept from one to the next.
    """

    @property
    def rate(self) -> int:
        """Hz; mono."""
        ...

    @property
    def hop(self) -> int:
        """Samples per frame of tokens."""
        ...

    @property
    def delay(self) -> int:
        """Samples by which decoded sound is late; the adapter takes them off."""
        ...

    @property
    def sizes(self) -> Sequence[int]:
        """Entries of each codebook, most important first; token k of a frame is in range(sizes[k])."""
        ...

    def tokens(self, samples: Tensor, books: int) -> Tensor:
        """Whole numbers (T, books) of float32 samples (T · hop,) in [-1, 1]. Raises CodecError."""
        ...

    def sound(self, tokens: Tensor) -> Tensor:
        """float32 samples (T · hop,) of int64 tokens (T, books) within their codebooks. Raises CodecError."""
        ...


@dataclass(frozen=True)
class SpeechCodec:
    """A codec of sound made of a network that is on `device`; see `benchmark/api/codec.py`.

    Silence follows the sound to whole frames. How many frames there are follows from the ClipSpec.
    """

    info: CodecInfo
    points: Sequence[Point]
    model: SpeechModel
    device: str

    def encode(self, clip: Clip, point: Point) -> Bitstream:
        """Parts `setting` (one byte) and `tokens`."""
        import torch

        setting = Setting.of(point, len(self.model.sizes))
        samples = _audio.mono(clip, self.model.rate, self.info.name)
        sound = torch.zeros(self._frames(clip.spec) * self.model.hop)
        sound[: len(samples)] = torch.from_numpy(samples[: len(sound)])
        with reproducibly():
            tokens = self.model.tokens(sound.to(self.device), setting.books).cpu().numpy()
        expected = (self._frames(clip.spec), setting.books)
        if tokens.shape != expected:
            raise CodecError(f"{self.info.name}: the network gave tokens {tokens.shape}, not {expected}")
        return speech_stream.pack(tokens, setting, self.model.sizes)

    def decode(self, stream: Bitstream, spec: ClipSpec) -> Clip:
        """The sound, aligned with what was encoded; every channel is the same."""
        import torch

        frames = self._frames(spec)
        tokens = torch.from_numpy(speech_stream.unpack(stream, frames, self.model.sizes))
        with reproducibly():
            sound = self.model.sound(tokens.to(self.device)).float().cpu().numpy()
        if sound.shape != (frames * self.model.hop,):
            raise CodecError(
                f"{self.info.name}: the network gave sound {sound.shape}, not {frames} × {self.model.hop}"
            )
        if not (abs(sound) < float("inf")).all():
            raise CodecError(f"{self.info.name}: the stream's tokens lead to no sound")
        return _audio.spread(sound[self.model.delay :], self.model.rate, spec)

    def _frames(self, spec: ClipSpec) -> int:
        return _audio.frames_needed(spec, self.model.rate, self.model.delay, self.model.hop)
