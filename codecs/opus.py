"""Opus by libopus: packets only, and their lengths. Mono: a clip of several channels is mixed down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..benchmark.api import Bitstream, Clip, ClipSpec, CodecError, CodecInfo, Part, Point, Timeline
from . import _audio, _packets

if TYPE_CHECKING:
    from ..benchmark.api import Codec

# Asked of the encoder, in bit/s; libopus takes less than its documented 6000 with a variable rate.
_BIT_RATES = (4000, 5000, 6000, 8000, 12000, 16000, 24000)
# Variable rate and packets of 60 ms: at every rate of the ladder more PESQ for fewer bits, lengths included,
# than constant rate or packets of 20 ms (docs/codecs.md).
_FRAME_MS = 60
_OPTIONS = {"application": "voip", "vbr": "on", "compression_level": "10"}
_RATES = (8000, 12000, 16000, 24000, 48000)
_DECODED_RATE = 48000
# Samples at 48 kHz by which the decoded sound is late. CELT keeps to the 6.5 ms that Ogg calls pre-skip.
# SILK's resamplers come near it in whole samples of the two rates that they stand between (silk/resampler.c).
# So there it follows from the rate given to the encoder and the bandwidth of the packets, which is wide in
# hybrid ones. Measured with `sound_delay.of_waveform` (docs/codecs.md).
_CELT_DELAY = 312
_SILK_DELAYS = {
    8000: {"narrow": 315},
    12000: {"narrow": 314, "medium": 309},
    16000: {"narrow": 313, "medium": 311, "wide": 310},
    24000: {"narrow": 314, "medium": 308, "wide": 309},
    48000: {"narrow": 314, "medium": 309, "wide": 309},
}
_LONGEST_DELAY = 315


def availability() -> str | None:
    """Why Opus cannot run here and the fix, or None."""
    return _packets.missing("libopus")


def describe() -> tuple[CodecInfo, Sequence[Point]]:
    """Identity and default ladder."""
    info = CodecInfo(
        name="opus",
        version="2",
        modalities=("audio",),
        parts=("lengths", "packets"),
        family="conventional",
        licence="BSD-3-Clause",
        paper="RFC 6716",
        build=_packets.build(),
        options=dict(_OPTIONS),
    )
    points = [Point(f"{rate // 1000}kbps", {"bit_rate": rate, "frame_ms": _FRAME_MS}) for rate in _BIT_RATES]
    return info, points


def load(device: str) -> Codec:
    """The codec; it runs on the CPU whatever the device."""
    return _Opus(*describe())


def timeline(stream: Bitstream, spec: ClipSpec) -> Mapping[str, Timeline]:
    """Bits of each packet, and of its length."""
    packets = _split(stream["lengths"], stream["packets"])
    bits = {
        "lengths": [8 * len(_length(len(packet))) for packet in packets[:-1]],
        "packets": [8 * len(packet) for packet in packets],
    }
    return _audio.timeline(_duration_ms(packets[0]) / 1000, bits)


@dataclass(frozen=True)
class _Opus:
    info: CodecInfo
    points: Sequence[Point]

    def encode(self, clip: Clip, point: Point) -> Bitstream:
        """Parts `lengths` (of all packets but the last) and `packets`."""
        frame_ms, bit_rate = int(point.params["frame_ms"]), int(point.params["bit_rate"])
        rate = _coded_rate(clip.spec)
        samples = _audio.mono(clip, rate, "opus")
        count = _count(clip.spec, frame_ms)
        packets = _packets.encode_packets(
            samples,
            rate,
            rate * frame_ms // 1000,
            count,
            "libopus",
            bit_rate,
            {**_OPTIONS, "frame_duration": str(frame_ms)},
        )
        lengths = b"".join(_length(len(packet)) for packet in packets[:-1])
        return Bitstream((Part("lengths", "audio", lengths), Part("packets", "audio", b"".join(packets))))

    def decode(self, stream: Bitstream, spec: ClipSpec) -> Clip:
        """The sound, aligned with what was encoded; every channel is the same."""
        packets = _split(stream["lengths"], stream["packets"])
        if not all(packets):
            raise CodecError("opus: the payload has an empty packet")
        frame_ms = _duration_ms(packets[0])
        count = _count(spec, frame_ms)
        if len(packets) != count:
            raise CodecError(f"opus: the payload has {len(packets)} packets, the clip takes {count}")
        samples = _packets.decode_packets(packets, _DECODED_RATE, _DECODED_RATE * frame_ms // 1000, "libopus")
        return _audio.spread(samples[_delay(packets, spec) :], _DECODED_RATE, spec)


def _coded_rate(spec: ClipSpec) -> int:
    """Sample rate that the encoder is given, in Hz."""
    return next((rate for rate in _RATES if rate >= spec.sample_rate), _RATES[-1])


def _delay(packets: Sequence[bytes], spec: ClipSpec) -> int:
    """Samples at 48 kHz by which the decoded sound is late, in the mode that most packets have.

    Each says its own in its first byte (RFC 6716, table 2); those of another mode are up to 0.15 ms off.
    """
    (mode, _), *_ = Counter(_mode(packet[0] >> 3) for packet in packets).most_common()
    return _SILK_DELAYS[_coded_rate(spec)].get(mode, _CELT_DELAY)


def _mode(config: int) -> str:
    """What decides the delay of a packet: the bandwidth that SILK codes, or `celt`."""
    return ("narrow", "medium", "wide")[config // 4] if config < 12 else "wide" if config < 16 else "celt"


def _count(spec: ClipSpec, frame_ms: int) -> int:
    return _audio.frames_needed(spec, _DECODED_RATE, _LONGEST_DELAY, _DECODED_RATE * frame_ms // 1000)


def _length(size: int) -> bytes:
    """RFC 6716, 3.2.1: one byte up to 251, else two."""
    return bytes([size]) if size < 252 else bytes([252 + size % 4, (size - 252) // 4])


def _lengths(data: bytes) -> Iterable[int]:
    at = iter(data)
    for first in at:
        if first < 252:
            yield first
        else:
            second = next(at, None)
            if second is None:
                raise CodecError("opus: the lengths are cut off")
            yield first + 4 * second


def _split(lengths: bytes, data: bytes) -> list[bytes]:
    packets, at = [], 0
    for size in _lengths(lengths):
        packets.append(data[at : at + size])
        at += size
    if at >= len(data):
        raise CodecError("opus: the packets are shorter than their lengths say")
    return [*packets, data[at:]]


def _duration_ms(packet: bytes) -> int:
    """Duration of a packet, from its first bytes (RFC 6716, 3.1 and 3.2). Raises CodecError."""
    config, count = packet[0] >> 3, packet[0] & 3
    if config < 12:
        frame = (10, 20, 40, 60)[config % 4]
    elif config < 16:
        frame = (10, 20)[config % 2]
    else:
        frame = (0, 5, 10, 20)[config % 4]  # 2.5 ms is not used here
    frames = 1 if count == 0 else 2 if count < 3 else packet[1] & 0x3F if len(packet) > 1 else 0
    if not frame * frames:
        raise CodecError("opus: the first packet has no valid duration")
    return frame * frames
