"""The values that flow between stages: clips, points and bitstreams. No torch import at run time."""

from __future__ import annotations

import hashlib
import math
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from ..util.errors import BitstreamError, InvalidClip

if TYPE_CHECKING:
    from torch import Tensor

Modality = Literal["video", "audio"]
MODALITIES: tuple[Modality, ...] = ("video", "audio")
Stream = Literal["video", "audio", "joint"]
STREAMS: tuple[Stream, ...] = ("video", "audio", "joint")
ParamValue = int | float | str


@dataclass(frozen=True)
class ClipSpec:
    """Shape of a clip. The decoder may know it; it is not billed.

    frames: number of pictures; height, width: pixels; fps: frames/s (exact);
    samples: per channel; sample_rate: Hz; channels: of the sound.
    An absent modality has `frames == 0` or `samples == 0`.
    """

    frames: int
    height: int
    width: int
    fps: Fraction
    samples: int
    sample_rate: int
    channels: int

    def __post_init__(self) -> None:
        """Raises InvalidClip for a shape that no clip can have."""
        counts = (self.frames, self.height, self.width, self.samples, self.sample_rate, self.channels)
        if min(counts) < 0 or self.fps < 0:
            raise InvalidClip(f"a clip's counts and rates cannot be negative: {self}")
        if (self.frames and not self.fps) or (self.samples and not self.sample_rate):
            raise InvalidClip(f"pictures need fps > 0 and sound a sample_rate > 0: {self}")

    @property
    def duration_s(self) -> float:
        """Seconds: frames / fps, or samples / sample_rate where there is no picture; 0 for an empty clip."""
        if self.frames:
            return float(self.frames / self.fps)
        return self.samples / self.sample_rate if self.samples else 0.0

    def to_dict(self) -> dict[str, int | str]:
        """Plain values, for JSON; `fps` is written as 'numerator/denominator'."""
        return {
            "frames": self.frames,
            "height": self.height,
            "width": self.width,
            "fps": f"{self.fps.numerator}/{self.fps.denominator}",
            "samples": self.samples,
            "sample_rate": self.sample_rate,
            "channels": self.channels,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, int | str]) -> ClipSpec:
        """Inverse of `to_dict`. Raises InvalidClip naming what is missing, unknown or not a number."""
        wanted = {part.name for part in fields(cls)}
        if set(values) != wanted:
            raise InvalidClip(f"a clip's spec needs the keys {sorted(wanted)}, got {sorted(values)}")
        try:
            numbers = {key: int(value) for key, value in values.items() if key != "fps"}
            return cls(fps=Fraction(values["fps"]), **numbers)
        except (TypeError, ValueError, ZeroDivisionError) as error:
            raise InvalidClip(f"a clip's spec contains something that is not a number: {error}") from error


@dataclass(frozen=True)
class Clip:
    """One talking-head recording.

    video: uint8 tensor (T, 3, H, W), full-range sRGB; audio: float32 tensor (C, N) in [-1, 1];
    both on the CPU. An absent modality has length 0: video (0, 3, H, W), audio (C, 0).
    """

    spec: ClipSpec
    video: Tensor
    audio: Tensor
    clip_id: str = ""
    transcript: str | None = None

    def __post_init__(self) -> None:
        spec = self.spec
        video_shape = (spec.frames, 3, spec.height, spec.width)
        if tuple(self.video.shape) != video_shape or str(self.video.dtype) != "torch.uint8":
            raise InvalidClip(
                f"video is {self.video.dtype} {tuple(self.video.shape)}; "
                f"the clip's spec wants torch.uint8 {video_shape}"
            )
        if self.video.device.type != "cpu" or self.audio.device.type != "cpu":
            raise InvalidClip(
                f"a clip's tensors stay on the CPU; got {self.video.device}, {self.audio.device}"
            )
        audio_shape = (spec.channels, spec.samples)
        if tuple(self.audio.shape) != audio_shape or str(self.audio.dtype) != "torch.float32":
            raise InvalidClip(
                f"audio is {self.audio.dtype} {tuple(self.audio.shape)}; "
                f"the clip's spec wants torch.float32 {audio_shape}"
            )

    def frames(self, start: int, stop: int) -> Clip:
        """The pictures [start, stop) without sound; a view, nothing is copied."""
        video = self.video[start:stop]
        spec = replace(self.spec, frames=len(video), samples=0)
        return Clip(spec, video, self.audio[:, :0], self.clip_id, self.transcript)

    def only(self, modality: Modality) -> Clip:
        """This clip with the other modality absent."""
        if modality == "video":
            return self.frames(0, self.spec.frames)
        spec = replace(self.spec, frames=0)
        return Clip(spec, self.video[:0], self.audio, self.clip_id, self.transcript)

    def sha256(self) -> str:
        """Content hash over spec, pictures and sound; names and transcript are not part of it."""
        digest = hashlib.sha256(repr(sorted(self.spec.to_dict().items())).encode())
        for frame in self.video:
            digest.update(frame.contiguous().numpy().data)
        digest.update(self.audio.contiguous().numpy().data)
        return digest.hexdigest()


@dataclass(frozen=True)
class Point:
    """One setting of a codec. `name` is unique within the codec; its rate is measured, never declared."""

    name: str
    params: Mapping[str, ParamValue] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """One billed piece of a bitstream: `payload` counts 8 bits a byte, whatever it holds."""

    name: str
    stream: Stream
    payload: bytes

    @property
    def bits(self) -> int:
        return 8 * len(self.payload)


@dataclass(frozen=True)
class Timeline:
    """How the bits of a part fall over time: `bits[i]` belong to the time from i × `step_s` seconds on."""

    step_s: float
    bits: tuple[int, ...]


def boundary_bits(payload_bytes: int, parts: int) -> float:
    """Bits that the boundaries between `parts` declared parts can carry at most, beside the bill.

    The log2 of the number of ways to cut so many bytes into so many parts, empty ones included. Each boundary
    carries less than log2 of the bytes plus parts. Of the bill: of 1000 bytes 0.12 % in two parts, 0.24 % in
    three, 0.72 % in eight; of 100 bytes 0.8 %, 1.5 % and 4.3 %. One part: none.
    """
    return math.log2(math.comb(payload_bytes + parts - 1, parts - 1)) if parts else 0.0


_MAGIC = b"TKB1"


def _check_part(part: Part) -> None:
    if part.stream not in STREAMS:
        raise BitstreamError(f"part {part.name!r}: stream {part.stream!r} is not one of {STREAMS}")
    if not isinstance(part.payload, bytes):
        found = type(part.payload).__name__
        raise BitstreamError(f"part {part.name!r}: payload must be bytes, got {found}")
    try:
        size = len(part.name.encode())
    except (AttributeError, UnicodeEncodeError) as error:
        raise BitstreamError(f"part name {part.name!r} must be text: {error}") from error
    if not 0 < size < 256:
        raise BitstreamError(f"part name {part.name!r} must take 1 to 255 bytes")


@dataclass(frozen=True)
class Bitstream:
    """What a codec sends: an ordered ledger of parts, with unique names.

    Bits are 8 × the payload bytes and nothing else. The on-disk form adds framing
    (lengths, names, a CRC-32), which is transport and not billed. Names, number and order of parts
    are the codec's declaration (`CodecInfo.parts`), the same in every bitstream, and carry nothing. Where
    the payloads' bytes are parted could carry a little: see `boundary_bits`.
    """

    parts: tuple[Part, ...]

    def __post_init__(self) -> None:
        names = [part.name for part in self.parts]
        for part in self.parts:
            _check_part(part)
        if len(set(names)) != len(names):
            raise BitstreamError(f"part names must be unique, got {names}")
        if len(names) > 0xFFFF:
            raise BitstreamError(f"a bitstream has at most 65535 parts, got {len(names)}")

    def __getitem__(self, name: str) -> bytes:
        """Payload of the part called `name`."""
        for part in self.parts:
            if part.name == name:
                return part.payload
        raise BitstreamError(f"bitstream has no part {name!r}; it has {[part.name for part in self.parts]}")

    def bits(self, stream: Stream | None = None) -> int:
        """Bits of one stream, or of all parts."""
        return sum(part.bits for part in self.parts if stream in (None, part.stream))

    def to_bytes(self) -> bytes:
        """On-disk form, little endian: magic, count, per part (stream, name, length), payloads, CRC-32."""
        head = [_MAGIC, struct.pack("<H", len(self.parts))]
        for part in self.parts:
            name = part.name.encode()
            head.append(struct.pack("<BB", STREAMS.index(part.stream), len(name)) + name)
            head.append(struct.pack("<Q", len(part.payload)))
        body = b"".join(head) + b"".join(part.payload for part in self.parts)
        return body + struct.pack("<I", zlib.crc32(body))

    @classmethod
    def from_bytes(cls, data: bytes) -> Bitstream:
        """Inverse of `to_bytes`. Raises BitstreamError for anything that `to_bytes` did not write."""
        if len(data) < 10 or data[:4] != _MAGIC:
            raise BitstreamError("not a talkbench bitstream (version 1)")
        body, (crc,) = data[:-4], struct.unpack("<I", data[-4:])
        if zlib.crc32(body) != crc:
            raise BitstreamError("bitstream is damaged: its checksum does not match")
        try:
            return cls._parse(body)
        except (struct.error, IndexError, UnicodeDecodeError) as error:
            raise BitstreamError(f"bitstream header is malformed: {error}") from error

    @classmethod
    def _parse(cls, body: bytes) -> Bitstream:
        (count,) = struct.unpack_from("<H", body, 4)
        at, heads = 6, []
        for _ in range(count):
            stream, size = struct.unpack_from("<BB", body, at)
            name = body[at + 2 : at + 2 + size].decode()
            (length,) = struct.unpack_from("<Q", body, at + 2 + size)
            heads.append((name, STREAMS[stream], length))
            at += 10 + size
        if at + sum(length for _, _, length in heads) != len(body):
            raise BitstreamError("bitstream lengths do not add up to the file's size")
        parts = []
        for name, stream, length in heads:
            parts.append(Part(name, stream, body[at : at + length]))
            at += length
        return cls(tuple(parts))
