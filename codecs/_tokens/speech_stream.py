"""What a neural speech codec sends: one byte of setting, and tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...benchmark.api import Bitstream, CodecError, Part, Point, Timeline
from .. import _audio, _params
from . import token_coding

if TYPE_CHECKING:
    import numpy as np

_BOOKS = 64  # of the setting's 256 values, so many per profile; 0 books are none's


@dataclass(frozen=True)
class Setting:
    """What a decoder must know of a point: the profile of `token_coding`, and how many codebooks are sent."""

    profile: str
    books: int

    @classmethod
    def of(cls, point: Point, available: int) -> Setting:
        """The setting of a point of a codec with so many codebooks. Raises CodecError."""
        profile = _params.choice(point, "profile", token_coding.PROFILES)
        return cls(profile, _params.whole(point, "books", 1, min(available, _BOOKS - 1)))

    @classmethod
    def read(cls, data: bytes, available: int) -> Setting:
        """Inverse of `to_bytes` for a codec with so many codebooks. Raises CodecError."""
        profile, books = divmod(data[0], _BOOKS) if len(data) == 1 else (0, 0)
        if profile >= len(token_coding.PROFILES) or not 0 < books <= available:
            raise CodecError(f"part 'setting' is damaged: {data!r}")
        return cls(token_coding.PROFILES[profile], books)

    def to_bytes(self) -> bytes:
        """One byte."""
        return bytes([_BOOKS * token_coding.PROFILES.index(self.profile) + self.books])


def pack(tokens: np.ndarray, setting: Setting, sizes: Sequence[int]) -> Bitstream:
    """Parts `setting` and `tokens` of whole numbers (T, books). Raises CodecError."""
    payload = token_coding.pack(tokens, sizes[: setting.books], setting.profile)
    return Bitstream((Part("setting", "audio", setting.to_bytes()), Part("tokens", "audio", payload)))


def unpack(stream: Bitstream, frames: int, sizes: Sequence[int]) -> np.ndarray:
    """The tokens, int64 (frames, books). Raises CodecError."""
    setting = Setting.read(stream["setting"], len(sizes))
    return token_coding.unpack(stream["tokens"], frames, sizes[: setting.books], setting.profile)


def timeline(stream: Bitstream, frames: int, sizes: Sequence[int], frame_s: float) -> Mapping[str, Timeline]:
    """Bits of each part by frame, which lasts so many seconds. Raises CodecError."""
    setting = Setting.read(stream["setting"], len(sizes))
    bits = token_coding.frame_bits(stream["tokens"], frames, sizes[: setting.books], setting.profile)
    return _audio.timeline(frame_s, {"setting": [8 * len(stream["setting"])], "tokens": bits})
