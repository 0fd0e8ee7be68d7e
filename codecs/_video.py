"""Video codecs that ffmpeg knows: RGB frames in, an elementary stream without container out, and back."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from ..benchmark.api import Bitstream, Clip, ClipSpec, CodecError, CodecInfo, Part, Point, Timeline
from ..benchmark.media import ffmpeg
from ..benchmark.media.colour import Bits, frame_bytes, pack_yuv420, unpack_yuv420

if TYPE_CHECKING:
    from torch import Tensor

# Pictures are padded on the right and below, by replication, to whole 8×8 blocks and at least 64×64 (the
# least that SVT-AV1 takes). The decoder crops by the ClipSpec, so no cropping window is sent.
_BLOCK, _LEAST = 8, 64
# The true frame rate is in the ClipSpec and none is sent. Encoders are always set to 25, so that at fixed
# quantizers an odd rate cannot change or break anything.
_NOMINAL_FPS = "25"
_CHUNK = 8
PARTS = "headers", "keyframe", "inter"


Place = Literal["before", "picture", "after"]
"""Where a unit of a stream belongs: to the picture that follows, is one, or to the one before it."""


@dataclass(frozen=True)
class Syntax:
    """An elementary stream: ffmpeg's names for it, its pixels, and how it is taken apart.

    parts: gives an encoder's stream as billed parts whose payloads, joined, are what the decoder needs;
    units: bytes and place of each unit of such a payload, in order;
    shown: for each picture of the joined payloads, which one it is on the screen (None: they are in order);
    restore: turns those joined payloads into what the demuxer needs.
    """

    encoder: str
    decoder: str
    container: str
    bits: Bits
    parts: Callable[[bytes], Sequence[Part]]
    units: Callable[[bytes], Iterable[tuple[int, Place]]]
    restore: Callable[[bytes], bytes] = bytes
    shown: Callable[[bytes], Sequence[int]] | None = None

    @property
    def pixels(self) -> str:
        """ffmpeg's name of the pixel format."""
        return "yuv420p" if self.bits == 8 else "yuv420p10le"

    def availability(self) -> str | None:
        """Why this codec cannot run here, and the fix; None when it can."""
        return ffmpeg.missing([self.encoder], [self.decoder])

    def options(self) -> dict[str, int | str]:
        """What a fingerprint says of the stream and of the way to and from it."""
        return {
            "encoder": self.encoder,
            "decoder": self.decoder,
            "bits": self.bits,
            "colour": "bt709 limited 4:2:0 left",
            "padding": f"{_BLOCK}, at least {_LEAST}",
        }


@dataclass(frozen=True)
class FfmpegVideoCodec:
    """A codec whose point becomes encoder arguments; see `benchmark/api/codec.py`."""

    info: CodecInfo
    points: Sequence[Point]
    syntax: Syntax
    arguments: Callable[[Point], list[str]]

    def encode(self, clip: Clip, point: Point) -> Bitstream:
        """The clip's pictures as parts `headers`, `keyframe` and `inter` (empty for one picture)."""
        if not clip.spec.frames:
            raise CodecError(f"{self.info.name} codes pictures, and this clip has none")
        stream = encode_stream(clip.video, self.syntax, self.arguments(point))
        return Bitstream(tuple(self.syntax.parts(stream)))

    def decode(self, stream: Bitstream, spec: ClipSpec) -> Clip:
        """The pictures, exactly as many and as large as `spec` says."""
        import torch

        payload = b"".join(part.payload for part in stream.parts)
        video = decode_stream(self.syntax.restore(payload), self.syntax, spec)
        return Clip(replace(spec, samples=0), video, torch.zeros((spec.channels, 0)))


def timeline(syntax: Syntax, stream: Bitstream, spec: ClipSpec) -> Mapping[str, Timeline]:
    """Bits of each part by picture, in the order of the screen; those of headers come with the picture that
    follows in the stream. Raises CodecError.
    """
    payload = b"".join(part.payload for part in stream.parts)
    shown = syntax.shown(payload) if syntax.shown else range(spec.frames)
    if len(shown) != spec.frames:
        raise CodecError(f"the stream has {len(shown)} pictures, and the clip {spec.frames}")
    sent = 0  # pictures
    found = {}
    for part in stream.parts:
        bits = [0] * spec.frames
        for size, place in syntax.units(part.payload):
            picture = sent - 1 if place == "after" else sent
            bits[shown[min(max(picture, 0), spec.frames - 1)]] += 8 * size
            sent += place == "picture"
        found[part.name] = Timeline(float(1 / spec.fps), tuple(bits))
    return found


def encode_stream(video: Tensor, syntax: Syntax, arguments: Sequence[str], threads: int = 1) -> bytes:
    """Encode uint8 (T, 3, H, W); the stream as the encoder made it. Raises CodecError.

    One thread by default: the bytes are the same with more, and a sweep runs encodes side by side.
    """
    height, width = _padded(video.shape[-2]), _padded(video.shape[-1])
    return ffmpeg.run(
        [
            *["-f", "rawvideo", "-pix_fmt", syntax.pixels, "-video_size", f"{width}x{height}"],
            *["-framerate", _NOMINAL_FPS, "-i", "pipe:0", "-c:v", syntax.encoder, *arguments],
            *["-threads", str(threads), "-f", syntax.container, "pipe:1"],
        ],
        _packed(video, height, width, syntax.bits),
    )


def decode_stream(data: bytes, syntax: Syntax, spec: ClipSpec) -> Tensor:
    """Decode to uint8 (frames, 3, height, width) of `spec`. Raises CodecError, never gives another shape."""
    height, width = _padded(spec.height), _padded(spec.width)
    # YUV4MPEG2 tells the size of the pictures, so that a damaged stream cannot pass for another size.
    chunks = ffmpeg.stream(
        [
            *["-xerror", "-f", syntax.container, "-c:v", syntax.decoder, "-i", "pipe:0"],
            *["-fps_mode", "passthrough", "-pix_fmt", syntax.pixels],
            *["-f", "yuv4mpegpipe", "-strict", "-1", "pipe:1"],
        ],
        [data],
        threads=1,
    )
    with contextlib.closing(chunks):
        frames = _yuv4mpeg_frames(chunks, height, width, syntax.bits)
        video = unpack_yuv420(frames, syntax.bits, spec.frames, height, width)
    return video[..., : spec.height, : spec.width]


def _padded(size: int) -> int:
    return max(_LEAST, -(-size // _BLOCK) * _BLOCK)


def _packed(video: Tensor, height: int, width: int, bits: Bits) -> Iterator[bytes]:
    import torch

    rows = torch.arange(height).clamp(max=video.shape[-2] - 1)
    columns = torch.arange(width).clamp(max=video.shape[-1] - 1)
    for start in range(0, len(video), _CHUNK):
        yield from pack_yuv420(video[start : start + _CHUNK, :, rows][..., columns], bits)


def _yuv4mpeg_frames(chunks: Iterable[bytes], height: int, width: int, bits: Bits) -> Iterator[bytes]:
    """Planar frames out of a YUV4MPEG2 stream. Raises CodecError when it is of another size or depth."""
    chunks = iter(chunks)
    data = bytearray()
    while b"\n" not in data:
        piece = next(chunks, None)
        if piece is None:
            return
        data += piece
    header, _, rest = data.partition(b"\n")
    depth = b" C420p10 " if bits == 10 else b" C420"
    if f" W{width} H{height} ".encode() not in header or depth not in header:
        raise CodecError(f"the stream is not {width}×{height} at {bits} bits; it says {bytes(header)!r}")
    marker = b"FRAME\n"
    size = len(marker) + frame_bytes(height, width, bits)
    data = rest
    while True:
        while len(data) >= size:
            yield bytes(data[len(marker) : size])
            del data[:size]
        piece = next(chunks, None)
        if piece is None:
            break
        data += piece
    if data:
        raise CodecError("the decoder broke off in the middle of a picture")
