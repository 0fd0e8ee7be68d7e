"""Codecs that break where they run: they raise, hang, crash, or return what no clip or bitstream is."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Sequence
from dataclasses import replace

from talkbench.benchmark.api import Bitstream, Clip, ClipSpec, CodecError, Part, Point

from .fakes import AUDIO_POINTS, VIDEO_POINTS, FakeCodec, info


class Unavailable(FakeCodec):
    def availability(self) -> str | None:
        return "its weights are absent; run `talkbench weights fetch broken`"


class Raises(FakeCodec):
    def encode(self, clip: Clip, point: Point) -> Bitstream:
        raise CodecError("this codec always fails")


class RaisesRaw(FakeCodec):
    def encode(self, clip: Clip, point: Point) -> Bitstream:
        return Bitstream((Part("pixels", "video", bytes([int("none")])),))


class RaisesInDecode(FakeCodec):
    def decode(self, stream: Bitstream, spec: ClipSpec) -> Clip:
        raise CodecError("this codec never decodes")


class Load(FakeCodec):
    def load(self, device: str) -> FakeCodec:
        raise FileNotFoundError("weights.safetensors")


class OutOfMemory(FakeCodec):
    def encode(self, clip: Clip, point: Point) -> Bitstream:
        raise MemoryError


class Hangs(FakeCodec):
    def encode(self, clip: Clip, point: Point) -> Bitstream:
        time.sleep(3600)
        raise AssertionError


class HangsInDecode(FakeCodec):
    def decode(self, stream: Bitstream, spec: ClipSpec) -> Clip:
        time.sleep(3600)
        raise AssertionError


class Exits(FakeCodec):
    def encode(self, clip: Clip, point: Point) -> Bitstream:
        os._exit(3)


class Segfaults(FakeCodec):
    def decode(self, stream: Bitstream, spec: ClipSpec) -> Clip:
        ctypes.string_at(0)
        raise AssertionError


class Shape(FakeCodec):
    def decode(self, stream: Bitstream, spec: ClipSpec) -> Clip:
        clip = super().decode(stream, spec)
        return clip.frames(0, spec.frames - 1)


class Dtype(FakeCodec):
    def decode(self, stream: Bitstream, spec: ClipSpec) -> Clip:
        clip = super().decode(stream, spec)
        return Clip(clip.spec, clip.video.float() / 255, clip.audio)


class Nan(FakeCodec):
    def decode(self, stream: Bitstream, spec: ClipSpec) -> Clip:
        clip = super().decode(stream, spec)
        clip.audio[:, 100] = float("nan")
        return clip


class Loud(FakeCodec):
    def decode(self, stream: Bitstream, spec: ClipSpec) -> Clip:
        clip = super().decode(stream, spec)
        return replace(clip, audio=clip.audio * 32768)


class Late(FakeCodec):
    """Forgets its look-ahead of 0.5 ms."""

    def decode(self, stream: Bitstream, spec: ClipSpec) -> Clip:
        clip = super().decode(stream, spec)
        return replace(clip, audio=clip.audio.roll(8, dims=1))


class Mumbles(FakeCodec):
    """Keeps the loudness over time and no waveform, as some generative codecs do; and is half a word late."""

    def decode(self, stream: Bitstream, spec: ClipSpec) -> Clip:
        import torch

        clip = super().decode(stream, spec)
        signs = torch.randint(0, 2, clip.audio.shape, generator=torch.Generator().manual_seed(1)) * 2 - 1
        return replace(clip, audio=(clip.audio * signs).roll(1600, dims=1))


class Empty(FakeCodec):
    def encode(self, clip: Clip, point: Point) -> Bitstream:
        return Bitstream(tuple(replace(part, payload=b"") for part in super().encode(clip, point).parts))


class ChangesInput(FakeCodec):
    def encode(self, clip: Clip, point: Point) -> Bitstream:
        stream = super().encode(clip, point)
        clip.video.div_(2, rounding_mode="floor")
        return stream


def _video(kind: type[FakeCodec], name: str, points: Sequence[Point] = VIDEO_POINTS) -> FakeCodec:
    return kind(info(name, ("video",)), points)


unavailable = _video(Unavailable, "broken-unavailable")
raises = _video(Raises, "broken-raises")
raises_raw = _video(RaisesRaw, "broken-raises-raw")
raises_in_decode = _video(RaisesInDecode, "broken-raises-in-decode")
load = _video(Load, "broken-load")
out_of_memory = _video(OutOfMemory, "broken-out-of-memory")
hangs = _video(Hangs, "broken-hangs")
hangs_in_decode = _video(HangsInDecode, "broken-hangs-in-decode")
exits = _video(Exits, "broken-exits")
segfaults = _video(Segfaults, "broken-segfaults")
shape = _video(Shape, "broken-shape")
dtype = _video(Dtype, "broken-dtype")
nan = Nan(info("broken-nan", ("audio",)), AUDIO_POINTS)
loud = Loud(info("broken-loud", ("audio",)), AUDIO_POINTS)
late = Late(info("broken-late", ("audio",)), AUDIO_POINTS)
mumbles = Mumbles(info("broken-mumbles", ("audio",)), AUDIO_POINTS)
empty = _video(Empty, "broken-empty")
changes_input = _video(ChangesInput, "broken-input")
