"""Codecs that run, and cheat or err: in what they bill, in what they know, in what they say of themselves."""

from __future__ import annotations

import hashlib
import importlib
import os
import pickle
import tempfile
import time
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from talkbench.benchmark.api import Bitstream, Clip, ClipSpec, CodecError, CodecInfo, Part, Point, Timeline

from .fakes import JOINT_POINTS, VIDEO_POINTS, FakeCodec, info

_seen: dict[Any, Bitstream] = {}


class Estimated(FakeCodec):
    """Sends zeros of the length it believes it needs; the content goes by another way."""

    def encode(self, clip: Clip, point: Point) -> Bitstream:
        _seen["last"] = stream = super().encode(clip, point)
        return Bitstream(tuple(replace(part, payload=bytes(len(part.payload) // 2)) for part in stream.parts))

    def decode(self, stream: Bitstream, spec: ClipSpec) -> Clip:
        if "last" not in _seen:
            video = hashlib.sha256(repr(spec).encode()).digest()  # a "prior" instead of what was sent
            _seen["last"] = super().encode(_noise(spec, video), self.points[0])
        return super().decode(_seen["last"], spec)


def _noise(spec: ClipSpec, seed: bytes) -> Clip:
    import torch

    generator = torch.Generator().manual_seed(seed[0])
    shape = (spec.frames, 3, spec.height, spec.width)
    video = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
    return Clip(spec, video, torch.zeros(spec.channels, spec.samples))


class Padding(FakeCodec):
    """Pads to a round number of bytes that nobody reads."""

    def encode(self, clip: Clip, point: Point) -> Bitstream:
        (part,) = super().encode(clip, point).parts
        return Bitstream((replace(part, payload=part.payload.ljust(20000, b"\1")),))


class WrongTimeline(FakeCodec):
    """Says of each frame's bits what they are on average, rounded."""

    def timeline(self, stream: Bitstream, spec: ClipSpec) -> dict[str, Timeline]:
        bits = round(stream.bits() / spec.frames + 0.5)
        return {"pixels": Timeline(float(1 / spec.fps), (bits,) * spec.frames)}


class UnneededPart(FakeCodec):
    def encode(self, clip: Clip, point: Point) -> Bitstream:
        stream = super().encode(clip, point)
        return Bitstream((*stream.parts, Part("notes", "video", clip.sha256().encode())))


class PartNames(FakeCodec):
    """Hides content where nothing is billed."""

    def encode(self, clip: Clip, point: Point) -> Bitstream:
        (part,) = super().encode(clip, point).parts
        return Bitstream((replace(part, name=hashlib.sha256(part.payload).hexdigest()),))

    def decode(self, stream: Bitstream, spec: ClipSpec) -> Clip:
        return super().decode(Bitstream((replace(stream.parts[0], name="pixels"),)), spec)


class FrameParts(FakeCodec):
    """Has the length of each frame's bytes carried for nothing."""

    def encode(self, clip: Clip, point: Point) -> Bitstream:
        frames = [clip.frames(at, at + 1) for at in range(clip.spec.frames)]
        payloads = [super(FrameParts, self).encode(frame, point)["pixels"] for frame in frames]
        return Bitstream(tuple(Part(f"f{at}", "video", payload) for at, payload in enumerate(payloads)))

    def decode(self, stream: Bitstream, spec: ClipSpec) -> Clip:
        import torch

        one = replace(spec, frames=1)
        parts = [Bitstream((Part("pixels", "video", stream[f"f{at}"]),)) for at in range(spec.frames)]
        clips = [super(FrameParts, self).decode(part, one) for part in parts]
        return Clip(replace(spec, samples=0), torch.cat([clip.video for clip in clips]), clips[0].audio)


class PartNumber(FakeCodec):
    """Has one bit carried by whether there is a second part."""

    def encode(self, clip: Clip, point: Point) -> Bitstream:
        (part,) = super().encode(clip, point).parts
        bit = clip.spec.frames == 1
        return Bitstream((part, *([Part("more", "video", b"")] if bit else [])))


class PartOrder(FakeCodec):
    """Has one bit carried by which part comes first: whether the clip begins dark."""

    def encode(self, clip: Clip, point: Point) -> Bitstream:
        (part,) = super().encode(clip, point).parts
        parts = Part("head", "video", part.payload[:1]), replace(part, payload=part.payload[1:])
        return Bitstream(parts[:: 1 if int(clip.video[0, 0].float().mean()) % 2 else -1])

    def decode(self, stream: Bitstream, spec: ClipSpec) -> Clip:
        return super().decode(_pixels(stream["head"] + stream["pixels"]), spec)


class PartStream(FakeCodec):
    """Bills its pictures to the sound where the clip is short."""

    def encode(self, clip: Clip, point: Point) -> Bitstream:
        pixels, samples = super().encode(clip, point).parts
        return Bitstream((replace(pixels, stream="audio") if clip.spec.frames < 10 else pixels, samples))


class NonEmptyParts(FakeCodec):
    """Has seven bits of its checksum carried by which of eight parts are empty."""

    def encode(self, clip: Clip, point: Point) -> Bitstream:
        payload = super().encode(clip, point)["pixels"]
        rest, hidden = payload[:-1], payload[-1]
        parts = []
        for at in range(7):
            size = hidden >> at & 1
            parts.append(Part(f"p{at}", "video", rest[:size]))
            rest = rest[size:]
        return Bitstream((*parts, Part("p7", "video", rest)))

    def decode(self, stream: Bitstream, spec: ClipSpec) -> Clip:
        rest = b"".join(part.payload for part in stream.parts)
        hidden = sum(bool(stream[f"p{at}"]) << at for at in range(7))
        try:
            return super().decode(_pixels(rest + bytes([hidden])), spec)
        except CodecError:  # the checksum says which of the two it was
            return super().decode(_pixels(rest + bytes([hidden | 128])), spec)


class EitherPart(FakeCodec):
    """Has a bit carried by which of two parts the payload is in."""

    def encode(self, clip: Clip, point: Point) -> Bitstream:
        payload = super().encode(clip, point)["pixels"]
        rest, bit = payload[:-1], payload[-1] & 1
        both = [b"", b""]
        both[bit] = rest + bytes([payload[-1] >> 1])
        return Bitstream(tuple(Part(name, "video", one) for name, one in zip("ab", both, strict=True)))

    def decode(self, stream: Bitstream, spec: ClipSpec) -> Clip:
        data, bit = stream["a"] or stream["b"], 1 if stream["b"] else 0
        if not data or data[-1] > 127:
            raise CodecError("no payload")
        return super().decode(_pixels(data[:-1] + bytes([data[-1] << 1 | bit])), spec)


class StepInLength(FakeCodec):
    """Sends the quantizer's step as the length of a part; any other length is a step, too."""

    def encode(self, clip: Clip, point: Point) -> Bitstream:
        data = zlib.decompress(super().encode(clip, point)["pixels"])
        step, payload = data[0], zlib.compress(data[1:])
        return Bitstream((Part("a", "video", payload[:step]), Part("b", "video", payload[step:])))

    def decode(self, stream: Bitstream, spec: ClipSpec) -> Clip:
        try:
            data = zlib.decompress(stream["a"] + stream["b"])
        except zlib.error as error:
            raise CodecError(str(error)) from error
        return super().decode(_pixels(zlib.compress(bytes([len(stream["a"]) % 256]) + data)), spec)


class ChecksumInLength(FakeCodec):
    """Sends the checksum's last byte as the length of a part; another length is refused."""

    def encode(self, clip: Clip, point: Point) -> Bitstream:
        payload = super().encode(clip, point)["pixels"]
        rest = payload[:-1]
        at = len(rest) * payload[-1] // 256
        return Bitstream((Part("a", "video", rest[:at]), Part("b", "video", rest[at:])))

    def decode(self, stream: Bitstream, spec: ClipSpec) -> Clip:
        rest = stream["a"] + stream["b"]
        hidden = -(-256 * len(stream["a"]) // max(len(rest), 1))
        return super().decode(_pixels(rest + bytes([hidden % 256])), spec)


def _pixels(payload: bytes) -> Bitstream:
    return Bitstream((Part("pixels", "video", payload),))


class LeaksByGlobal(FakeCodec):
    """Sends a hash, and looks up the rest in a global of this module."""

    def encode(self, clip: Clip, point: Point) -> Bitstream:
        stream = super().encode(clip, point)
        digest = hashlib.sha256(stream.to_bytes()).digest()
        _seen[digest] = stream
        return Bitstream((Part("pixels", "video", digest[: 4 + len(stream["pixels"]) % 16]),))

    def decode(self, stream: Bitstream, spec: ClipSpec) -> Clip:
        for digest, known in _seen.items():
            if isinstance(digest, bytes) and digest.startswith(stream["pixels"] or b"none"):
                return super().decode(known, spec)
        raise CodecError("unknown payload")


class LeaksByFile(FakeCodec):
    """The same by way of a file."""

    def file(self) -> Path:
        raise NotImplementedError

    def encode(self, clip: Clip, point: Point) -> Bitstream:
        stream = super().encode(clip, point)
        self.file().write_bytes(pickle.dumps(stream))
        return Bitstream((Part("pixels", "video", hashlib.sha256(stream.to_bytes()).digest()[:8]),))

    def decode(self, stream: Bitstream, spec: ClipSpec) -> Clip:
        try:
            known = pickle.loads(self.file().read_bytes())
        except FileNotFoundError as error:
            raise CodecError("there is no such file") from error
        return super().decode(known, spec)


class LeaksByTemporaryFile(LeaksByFile):
    def file(self) -> Path:
        return Path(tempfile.gettempdir(), "broken-codec-state")


class LeaksByFixedFile(LeaksByFile):
    def file(self) -> Path:
        return Path(os.environ["BROKEN_CODEC_FOLDER"], "state")


class StatefulDecoder(FakeCodec):
    """Each clip is decoded with a little of the one before."""

    def decode(self, stream: Bitstream, spec: ClipSpec) -> Clip:
        clip = super().decode(stream, spec)
        before = self.state.get("before")
        self.state["before"] = clip.video.clone()
        if before is not None and before.shape == clip.video.shape:
            clip.video[0] = before[-1]
        return clip


class RandomEncoder(FakeCodec):
    def encode(self, clip: Clip, point: Point) -> Bitstream:
        noisy = clip.video ^ (clip.video + os.urandom(1)[0] % 2)
        return super().encode(replace(clip, video=noisy + os.urandom(1)[0]), point)


class RandomDecoder(FakeCodec):
    def decode(self, stream: Bitstream, spec: ClipSpec) -> Clip:
        import torch

        clip = super().decode(stream, spec)
        generator = torch.Generator().manual_seed(time.time_ns() % 2**31)
        return replace(
            clip, video=clip.video + torch.randint(2, clip.video.shape, generator=generator).byte()
        )


class HashOrder(FakeCodec):
    """Its bytes follow the order of a set of texts, which differs between processes."""

    def encode(self, clip: Clip, point: Point) -> Bitstream:
        order = bytes(b"abcdefgh".index(name.encode()) for name in set("abcdefgh"))
        (part,) = super().encode(clip, point).parts
        return Bitstream((replace(part, payload=zlib.compress(order + part.payload)),))

    def decode(self, stream: Bitstream, spec: ClipSpec) -> Clip:
        try:
            data = zlib.decompress(stream["pixels"])
        except zlib.error as error:
            raise CodecError(str(error)) from error
        return super().decode(Bitstream((Part("pixels", "video", data[8:]),)), spec)


class Description(FakeCodec):
    def load(self, device: str) -> FakeCodec:
        return FakeCodec(replace(self.info, version="2"), self.points)


class Identity(FakeCodec):
    def describe(self) -> tuple[CodecInfo, Sequence[Point]]:
        return self.load("cpu").info, self.points

    def load(self, device: str) -> FakeCodec:
        return FakeCodec(replace(self.info, build={"process": str(os.getpid())}), self.points)


class Heavy(FakeCodec):
    def availability(self) -> str | None:
        return None if importlib.import_module("torch") else "torch is missing"


class Truncation(FakeCodec):
    """Decodes what is there, and does not care that there are too few frames."""

    def encode(self, clip: Clip, point: Point) -> Bitstream:
        (part,) = super().encode(clip, point).parts
        return Bitstream((replace(part, payload=zlib.decompress(part.payload)),))

    def decode(self, stream: Bitstream, spec: ClipSpec) -> Clip:
        data = stream["pixels"]
        size = 3 * -(-spec.height // 8) * -(-spec.width // 8)
        frames = min((len(data) - 1) // size, spec.frames)
        if frames < 1:
            raise CodecError("too short")
        payload = zlib.compress(data[: 1 + frames * size])
        return super().decode(Bitstream((Part("pixels", "video", payload),)), replace(spec, frames=frames))


class RawError(FakeCodec):
    def decode(self, stream: Bitstream, spec: ClipSpec) -> Clip:
        zlib.decompress(stream["pixels"])
        return super().decode(stream, spec)


class HangsOnDamage(FakeCodec):
    def decode(self, stream: Bitstream, spec: ClipSpec) -> Clip:
        while not stream["pixels"]:
            time.sleep(1)
        return super().decode(stream, spec)


class HearsAudio(FakeCodec):
    """A video codec whose bits depend on the sound."""

    def encode(self, clip: Clip, point: Point) -> Bitstream:
        bright = clip.video + (1 if clip.spec.samples else 0)
        return super().encode(replace(clip, video=bright), point)


class OneFrame(FakeCodec):
    def encode(self, clip: Clip, point: Point) -> Bitstream:
        (clip.video[1:].float() - clip.video[:-1].float()).max()
        return super().encode(clip, point)


def _video(
    kind: type[FakeCodec],
    name: str,
    points: Sequence[Point] = VIDEO_POINTS,
    parts: Sequence[str] | None = None,
) -> FakeCodec:
    return kind(info(name, ("video",), parts=parts), points)


estimated = _video(Estimated, "broken-estimated")
padding = _video(Padding, "broken-padding")
wrong_timeline = _video(WrongTimeline, "broken-timeline")
unneeded_part = _video(UnneededPart, "broken-unneeded-part", parts=("pixels", "notes"))
frame_parts = _video(FrameParts, "broken-frame-parts")
part_number = _video(PartNumber, "broken-part-number")
part_order = _video(PartOrder, "broken-part-order", parts=("head", "pixels"))
part_stream = PartStream(info("broken-part-stream", ("video", "audio")), JOINT_POINTS)
non_empty_parts = _video(NonEmptyParts, "broken-non-empty-parts", parts=[f"p{at}" for at in range(8)])
either_part = _video(EitherPart, "broken-either-part", parts=("a", "b"))
step_in_length = _video(StepInLength, "broken-step-in-length", parts=("a", "b"))
checksum_in_length = _video(ChecksumInLength, "broken-checksum-in-length", parts=("a", "b"))
undeclared = _video(FakeCodec, "broken-undeclared", parts=())
many_parts = _video(FakeCodec, "broken-many-parts", parts=[f"p{at}" for at in range(9)])
wrong_stream = FakeCodec(info("broken-wrong-stream", ("video",), parts={"pixels": "audio"}), VIDEO_POINTS)
part_names = _video(PartNames, "broken-part-names")
leaks_by_global = _video(LeaksByGlobal, "broken-global")
leaks_by_temporary_file = _video(LeaksByTemporaryFile, "broken-temporary-file")
leaks_by_fixed_file = _video(LeaksByFixedFile, "broken-fixed-file")
stateful_decoder = _video(StatefulDecoder, "broken-stateful-decoder")
random_encoder = _video(RandomEncoder, "broken-random-encoder")
random_decoder = _video(RandomDecoder, "broken-random-decoder")
hash_order = _video(HashOrder, "broken-hash-order")
ladder = _video(FakeCodec, "broken-ladder", [*VIDEO_POINTS[:3], VIDEO_POINTS[4], VIDEO_POINTS[3]])
_flat = [Point(name, {"video_step": 16}) for name in ("low", "middle", "high")]
flat_ladder = _video(FakeCodec, "broken-flat-ladder", _flat)
_grid = [JOINT_POINTS[index] for index in (1, 0, 2, *range(3, len(JOINT_POINTS)))]
grid = FakeCodec(info("broken-grid", ("video", "audio")), _grid)
description = _video(Description, "broken-description")
identity = _video(Identity, "broken-identity")
name = _video(FakeCodec, "broken-other-name")
heavy = _video(Heavy, "broken-heavy")
truncation = _video(Truncation, "broken-truncation")
raw_error = _video(RawError, "broken-raw-error")
hangs_on_damage = _video(HangsOnDamage, "broken-hangs-on-damage")
hears_audio = _video(HearsAudio, "broken-hears-audio")
one_frame = _video(OneFrame, "broken-one-frame")
