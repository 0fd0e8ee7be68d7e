"""AMR narrowband by opencore-amr: 8 kHz mono, one mode throughout, its bits without padding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..benchmark.api import Bitstream, Clip, ClipSpec, CodecError, CodecInfo, Part, Point, Timeline
from . import _audio, _packets

if TYPE_CHECKING:
    from ..benchmark.api import Codec

_RATE, _FRAME = 8000, 160
_BITS = (95, 103, 118, 134, 148, 159, 204, 244)  # per frame of 20 ms, by mode (3GPP TS 26.101, table 2)
_DELAY = 40  # samples: the encoder looks 5 ms ahead
_CODEC = "libopencore_amrnb"


def availability() -> str | None:
    """Why AMR-NB cannot run here and the fix, or None."""
    return _packets.missing(_CODEC)


def describe() -> tuple[CodecInfo, Sequence[Point]]:
    """Identity and default ladder: the eight modes."""
    info = CodecInfo(
        name="amr-nb",
        version="1",
        modalities=("audio",),
        parts=("mode", "frames"),
        family="conventional",
        licence="Apache-2.0",
        paper="3GPP TS 26.071, 26.101",
        build=_packets.build(),
    )
    return info, [Point(f"{bits / 20:g}kbps", {"mode": mode}) for mode, bits in enumerate(_BITS)]


def load(device: str) -> Codec:
    """The codec; it runs on the CPU whatever the device."""
    return _AmrNb(*describe())


def timeline(stream: Bitstream, spec: ClipSpec) -> Mapping[str, Timeline]:
    """Bits of each frame; those that fill up the last byte come with the last frame."""
    bits, total = _BITS[stream["mode"][0]], 8 * len(stream["frames"])
    frames = [bits] * (total // bits)
    frames[-1] += total % bits
    return _audio.timeline(_FRAME / _RATE, {"mode": [8], "frames": frames})


@dataclass(frozen=True)
class _AmrNb:
    info: CodecInfo
    points: Sequence[Point]

    def encode(self, clip: Clip, point: Point) -> Bitstream:
        """Parts `mode` (one byte) and `frames` (their bits, back to back)."""
        mode = int(point.params["mode"])
        samples = _audio.mono(clip, _RATE, "amr-nb")
        count = _audio.frames_needed(clip.spec, _RATE, _DELAY, _FRAME)
        packets = _packets.encode_packets(samples, _RATE, _FRAME, count, _CODEC, _BITS[mode] * 50, {})
        if any(packet[0] != _frame_header(mode) for packet in packets):
            raise CodecError("amr-nb: the encoder left its mode")
        frames = _pack([packet[1:] for packet in packets], _BITS[mode])
        return Bitstream((Part("mode", "audio", bytes([mode])), Part("frames", "audio", frames)))

    def decode(self, stream: Bitstream, spec: ClipSpec) -> Clip:
        """The sound, aligned with what was encoded; every channel is the same."""
        mode = stream["mode"]
        if len(mode) != 1 or mode[0] >= len(_BITS):
            raise CodecError(f"amr-nb: {mode!r} is not a mode")
        count = _audio.frames_needed(spec, _RATE, _DELAY, _FRAME)
        frames = _unpack(stream["frames"], _BITS[mode[0]], count)
        packets = [bytes([_frame_header(mode[0])]) + frame for frame in frames]
        samples = _packets.decode_packets(packets, _RATE, _FRAME, _CODEC)
        return _audio.spread(samples[_DELAY:], _RATE, spec)


def _frame_header(mode: int) -> int:
    """The byte before each frame in storage format: its mode, and that it is good (RFC 4867, 5.3)."""
    return mode << 3 | 0b100


def _pack(frames: Sequence[bytes], bits: int) -> bytes:
    """The first `bits` bits of each frame, back to back. Raises CodecError if the others are not zero."""
    import numpy as np

    rows = np.unpackbits(np.frombuffer(b"".join(frames), np.uint8).reshape(len(frames), -1), axis=1)
    if rows.shape[1] < bits or rows[:, bits:].any():
        raise CodecError(f"amr-nb: the encoder's frames do not have {bits} bits")
    return np.packbits(rows[:, :bits]).tobytes()


def _unpack(data: bytes, bits: int, count: int) -> list[bytes]:
    """Inverse of `_pack` for `count` frames. Raises CodecError for data of another length."""
    import numpy as np

    if len(data) != -(-bits * count // 8):
        raise CodecError(f"amr-nb: {len(data)} bytes are not {count} frames of {bits} bits")
    rows = np.unpackbits(np.frombuffer(data, np.uint8))[: bits * count].reshape(count, bits)
    return [frame.tobytes() for frame in np.packbits(rows, axis=1)]
