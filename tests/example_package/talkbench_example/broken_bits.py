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

from talkbench.benchmark.codec import CodecInfo
from talkbench.benchmark.errors import CodecError
from talkbench.benchmark.types import Bitstream, Clip, ClipSpec, Part, Point, Timeline

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


def _video(kind: type[FakeCodec], name: str, points: Sequence[Point] = VIDEO_POINTS) -> FakeCodec:
    return kind(info(name, ("video",)), points)


estimated = _video(Estimated, "broken-estimated")
padding = _video(Padding, "broken-padding")
wrong_timeline = _video(WrongTimeline, "broken-timeline")
unneeded_part = _video(UnneededPart, "broken-unneeded-part")
frame_parts = _video(FrameParts, "broken-frame-parts")
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
