"""Clips, specs and bitstreams: what they hold, what they refuse, and the bitstream's on-disk form."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from talkbench.benchmark.api.types import STREAMS, Bitstream, Clip, ClipSpec, Part, Stream
from talkbench.benchmark.util.errors import BitstreamError, InvalidClip

SPEC = ClipSpec(3, 8, 6, Fraction(25), 1920, 16000, 1)

names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60).filter(
    lambda name: len(name.encode()) < 256
)
parts = st.lists(
    st.builds(Part, names, st.sampled_from(STREAMS), st.binary(max_size=200)),
    max_size=6,
    unique_by=lambda part: part.name,
)
bitstreams = parts.map(lambda found: Bitstream(tuple(found)))
counts = st.integers(0, 10**6)
specs = st.builds(
    ClipSpec,
    counts,
    counts,
    counts,
    st.fractions(Fraction(1, 1000), 1000),
    counts,
    st.integers(1, 192000),
    counts,
)


def sealed(body: bytes) -> bytes:
    """`body` with a valid checksum: what a malicious writer, not an accident, would make."""
    return body + struct.pack("<I", zlib.crc32(body))


def clip(spec: ClipSpec = SPEC) -> Clip:
    video = torch.zeros(spec.frames, 3, spec.height, spec.width, dtype=torch.uint8)
    return Clip(spec, video, torch.zeros(spec.channels, spec.samples))


@given(bitstreams)
def test_bytes_and_back(stream: Bitstream) -> None:
    data = stream.to_bytes()
    assert Bitstream.from_bytes(data) == stream
    assert Bitstream.from_bytes(data).to_bytes() == data


@given(bitstreams)
def test_bits_are_the_payload_and_nothing_else(stream: Bitstream) -> None:
    assert stream.bits() == 8 * sum(len(part.payload) for part in stream.parts)
    assert stream.bits() == sum(stream.bits(kind) for kind in STREAMS)
    for part in stream.parts:
        assert stream[part.name] == part.payload


@given(bitstreams, st.integers(0), st.integers(1, 255))
def test_a_changed_byte_is_seen(stream: Bitstream, at: int, change: int) -> None:
    data = bytearray(stream.to_bytes())
    data[at % len(data)] ^= change
    with pytest.raises(BitstreamError):
        Bitstream.from_bytes(bytes(data))


@given(bitstreams, st.integers(0))
def test_a_truncation_is_seen(stream: Bitstream, keep: int) -> None:
    data = stream.to_bytes()
    with pytest.raises(BitstreamError):
        Bitstream.from_bytes(data[: keep % len(data)])


@given(bitstreams, st.binary(min_size=1, max_size=8))
def test_bytes_after_the_end_are_seen(stream: Bitstream, more: bytes) -> None:
    data = stream.to_bytes()
    with pytest.raises(BitstreamError):
        Bitstream.from_bytes(data + more)
    with pytest.raises(BitstreamError):
        Bitstream.from_bytes(sealed(data[:-4] + more))


@given(bitstreams, st.integers(0), st.integers(1, 255))
def test_a_changed_byte_under_a_valid_checksum(stream: Bitstream, at: int, change: int) -> None:
    """The checksum is no protection against intent: such bytes are another bitstream, or refused."""
    body = bytearray(stream.to_bytes()[:-4])
    body[at % len(body)] ^= change
    try:
        found = Bitstream.from_bytes(sealed(bytes(body)))
    except BitstreamError:
        return
    assert found != stream
    assert found.to_bytes() == sealed(bytes(body))


@given(st.binary(max_size=300))
def test_any_bytes_under_a_valid_checksum(noise: bytes) -> None:
    data = sealed(b"TKB1" + noise)
    try:
        found = Bitstream.from_bytes(data)
    except BitstreamError:
        return
    assert found.to_bytes() == data


def entry(stream: int, name: bytes, length: int) -> bytes:
    return struct.pack("<BB", stream, len(name)) + name + struct.pack("<Q", length)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(struct.pack("<H", 0xFFFF), id="count beyond the end"),
        pytest.param(struct.pack("<H", 1) + entry(0, b"a", 2**64 - 1), id="length of 16 EiB"),
        pytest.param(
            struct.pack("<H", 2) + entry(0, b"a", 2**64 - 1) + entry(0, b"b", 1),
            id="lengths that wrap round to 0",
        ),
        pytest.param(struct.pack("<H", 1) + entry(3, b"a", 0), id="stream number 3"),
        pytest.param(struct.pack("<H", 1) + entry(0, b"", 0), id="empty name"),
        pytest.param(struct.pack("<H", 1) + entry(0, b"\xff\xfe", 0), id="name that is not UTF-8"),
        pytest.param(struct.pack("<H", 2) + entry(0, b"a", 0) * 2, id="name twice"),
        pytest.param(struct.pack("<HBB", 1, 0, 200) + b"a", id="name beyond the end"),
    ],
)
def test_malicious_headers(body: bytes) -> None:
    with pytest.raises(BitstreamError):
        Bitstream.from_bytes(sealed(b"TKB1" + body))


def test_other_versions_and_nothing_are_refused() -> None:
    for data in (b"", b"TKB1", sealed(b"TKB2" + struct.pack("<H", 0))):
        with pytest.raises(BitstreamError, match="not a talkbench bitstream"):
            Bitstream.from_bytes(data)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ((Part("a", "video", b""), Part("a", "audio", b"")), "unique"),
        ((Part("", "video", b""),), "1 to 255"),
        ((Part("é" * 128, "video", b""),), "1 to 255"),
        ((Part("\ud800", "video", b""),), "text"),
        ((Part("a", "text", b""),), "stream 'text'"),  # type: ignore[arg-type]
        ((Part("a", "video", bytearray(b"1")),), "payload must be bytes"),  # type: ignore[arg-type]
        ((Part(7, "video", b""),), "must be text"),  # type: ignore[arg-type]
        (tuple(Part(str(number), "video", b"") for number in range(65536)), "65535"),
    ],
)
def test_what_a_bitstream_refuses(wrong: tuple[Part, ...], words: str) -> None:
    with pytest.raises(BitstreamError, match=words):
        Bitstream(wrong)


def test_an_absent_part_is_named() -> None:
    kind: Stream = "video"
    with pytest.raises(BitstreamError, match=r"'motion'.*'keyframe'"):
        Bitstream((Part("keyframe", kind, b"1"),))["motion"]


@given(specs)
def test_spec_and_back(spec: ClipSpec) -> None:
    assert ClipSpec.from_dict(spec.to_dict()) == spec


@pytest.mark.parametrize(
    "change",
    [{"fps": "25/0"}, {"fps": "fast"}, {"frames": "many"}, {"frames": -1}, {"fps": "0/1"}, {"depth": 8}],
)
def test_specs_that_no_clip_has(change: dict[str, int | str]) -> None:
    with pytest.raises(InvalidClip):
        ClipSpec.from_dict({**SPEC.to_dict(), **change})


def test_a_spec_with_a_key_missing() -> None:
    values = SPEC.to_dict()
    del values["width"]
    with pytest.raises(InvalidClip, match="width"):
        ClipSpec.from_dict(values)


def test_durations() -> None:
    assert SPEC.duration_s == pytest.approx(0.12)
    assert replace(SPEC, frames=0).duration_s == pytest.approx(0.12)
    assert replace(SPEC, frames=0, samples=0).duration_s == 0


@pytest.mark.parametrize(
    ("video", "audio"),
    [
        (torch.zeros(3, 3, 8, 6), torch.zeros(1, 1920)),
        (torch.zeros(2, 3, 8, 6, dtype=torch.uint8), torch.zeros(1, 1920)),
        (torch.zeros(3, 8, 6, 3, dtype=torch.uint8), torch.zeros(1, 1920)),
        (torch.zeros(3, 3, 8, 6, dtype=torch.uint8), torch.zeros(1920)),
        (torch.zeros(3, 3, 8, 6, dtype=torch.uint8), torch.zeros(1, 1920, dtype=torch.float64)),
        (torch.zeros(3, 3, 8, 6, dtype=torch.uint8, device="meta"), torch.zeros(1, 1920)),
    ],
)
def test_clips_that_are_not_what_their_spec_says(video: torch.Tensor, audio: torch.Tensor) -> None:
    with pytest.raises(InvalidClip):
        Clip(SPEC, video, audio)


def test_parts_of_a_clip() -> None:
    whole = clip()
    assert whole.only("video").spec == replace(SPEC, samples=0)
    assert whole.only("audio").spec == replace(SPEC, frames=0)
    assert whole.frames(1, 9).spec == replace(SPEC, frames=2, samples=0)


def test_the_content_hash_sees_content_only() -> None:
    one = clip()
    other = clip()
    assert replace(one, clip_id="x", transcript="words").sha256() == other.sha256()
    other.video[2, 1, 3, 4] = 1
    assert one.sha256() != other.sha256()
    assert one.sha256() != clip(replace(SPEC, fps=Fraction(30))).sha256()
