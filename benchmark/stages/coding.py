"""The stages of the data path: prepare, encode, decode (and score, in scoring.py). Each is a function of
files and names, so that it can be repeated, resumed and run in any process."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ..api import registry, timeline
from ..api.codec import Codec
from ..api.dataset import Item
from ..api.types import Bitstream, Clip, ClipSpec, Modality, Point
from ..execution.memory import PeakMemory
from ..store import artifacts
from ..util import files
from ..util.errors import BitstreamError, CodecError, Unavailable


@dataclass(frozen=True)
class Encoded:
    """What encoding one clip gave: the ledger and what it took."""

    bits: Mapping[str, int]  # stream -> bits
    parts: Mapping[str, int]  # part name -> bits, in order
    bitstream_sha256: str
    encode_s: float
    device: str
    peak_rss_bytes: int | None  # None: not measured
    peak_gpu_bytes: int | None


@dataclass(frozen=True)
class Decoded:
    """What decoding one bitstream took; the clip itself is in its folder."""

    decode_s: float
    device: str
    decoded_sha256: str
    peak_rss_bytes: int | None  # None: not measured
    peak_gpu_bytes: int | None


def prepare(
    dataset: str, options: Mapping[str, int | float | str | bool], name: str, key: str, device: str
) -> float:
    """Make one clip of a dataset and keep it under its key. Returns seconds. Raises DatasetError."""
    del device  # clips are made on the CPU, so that they are the same on every machine
    started = time.perf_counter()
    source = registry.dataset(dataset).load(**options)
    prepared = source.prepare(Item(name, key))
    facts = {
        "sha256": prepared.clip.sha256(),
        "speaker": prepared.speaker,
        "licence": prepared.licence,
        "note": prepared.note,
        "truth": dict(prepared.truth),
    }
    elapsed = time.perf_counter() - started
    artifacts.save_clip(artifacts.prepared_folder(key), prepared.clip, {**facts, "prepare_s": elapsed})
    return elapsed


@functools.lru_cache(maxsize=16)
def _codec(name: str, device: str, role: Literal["encode", "decode"]) -> Codec:
    """One loaded codec per process and role: a decoder never shares an instance with an encoder."""
    del role
    reason = registry.codec(name).availability()
    if reason:
        raise Unavailable(reason)
    return registry.codec(name).load(device)


def _synchronise(device: str) -> None:
    if device != "cpu":
        import torch

        torch.cuda.synchronize(device)


_WARM_S = 1
_warmed: set[tuple[str, str, str]] = set()


def _warm(what: tuple[str, str, str], call: Callable[[], object]) -> None:
    """Run `call` the first time that this process meets (role, codec, device), so that start-up is not timed.

    Its result and its errors do not count: the timed call that follows reports its own.
    """
    if what not in _warmed:
        _warmed.add(what)
        with contextlib.suppress(Exception):
            call()


def _beginning(clip: Clip) -> Clip:
    """The first second, or all of a shorter clip: enough to fill the analysis window of a network."""
    frames = min(math.ceil(_WARM_S * clip.spec.fps), clip.spec.frames)
    samples = min(math.ceil(_WARM_S * clip.spec.sample_rate), clip.spec.samples)
    spec = replace(clip.spec, frames=frames, samples=samples)
    return Clip(spec, clip.video[:frames], clip.audio[:, :samples], clip.clip_id, clip.transcript)


def encode(codec: str, point: Point, clip_folder: Path, output: Path, device: str) -> Encoded:
    """Encode one clip at one point into one file. Raises CodecError for an invalid or empty bitstream,
    and for one whose parts are not those that the codec declares."""
    coder = _codec(codec, device, "encode")
    device = device if coder.info.accelerated else "cpu"
    clip = artifacts.load_clip(clip_folder)
    _warm(("encode", codec, device), lambda: coder.encode(_beginning(clip), point))
    with PeakMemory(device) as peak:
        _synchronise(device)
        started = time.perf_counter()
        stream = coder.encode(clip, point)
        _synchronise(device)
        elapsed = time.perf_counter() - started
    if not isinstance(stream, Bitstream):
        raise CodecError(f"codec {codec!r}: encode returned {type(stream).__name__}, not a Bitstream")
    coder.info.check_parts(stream)
    if stream.bits() == 0:
        raise CodecError(f"codec {codec!r}, point {point.name!r}: the bitstream is empty")
    data = stream.to_bytes()
    files.write_bytes(output, data)
    return Encoded(
        bits={name: stream.bits(name) for name in ("video", "audio", "joint")},
        parts={part.name: part.bits for part in stream.parts},
        bitstream_sha256=hashlib.sha256(data).hexdigest(),
        encode_s=elapsed,
        device=device,
        peak_rss_bytes=peak.rss_bytes,
        peak_gpu_bytes=peak.gpu_bytes,
    )


def decode(codec: str, bitstream: Path, sha256: str, spec: ClipSpec, folder: Path, device: str) -> Decoded:
    """Decode one bitstream file into one folder; nothing but its bytes and `spec` reaches the decoder.

    How the bits fall over time is written beside the clip: only here may the codec's own code say it.

    Raises BitstreamError when the file is not the one that was written, CodecError for an invalid clip.
    """
    data = bitstream.read_bytes()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise BitstreamError(f"{bitstream}: the file has changed since it was written; encode it again")
    stream = Bitstream.from_bytes(data)
    coder = _codec(codec, device, "decode")
    device = device if coder.info.accelerated else "cpu"
    _warm(("decode", codec, device), lambda: coder.decode(stream, spec))
    with PeakMemory(device) as peak:
        _synchronise(device)
        started = time.perf_counter()
        clip = coder.decode(stream, spec)
        _synchronise(device)
        elapsed = time.perf_counter() - started
    check_decoded(codec, clip, spec, coder.info.modalities)
    artifacts.save_clip(folder, clip, {"timeline": timeline.recorded(codec, stream, spec)})
    return Decoded(elapsed, device, clip.sha256(), peak.rss_bytes, peak.gpu_bytes)


def check_decoded(codec: str, clip: object, spec: ClipSpec, modalities: Sequence[Modality]) -> None:
    """Raise CodecError unless `clip` is what a decoder of `modalities` must return for `spec`."""
    if not isinstance(clip, Clip):
        raise CodecError(f"codec {codec!r}: decode returned {type(clip).__name__}, not a Clip")
    wanted_video = (spec.frames if "video" in modalities else 0, 3, spec.height, spec.width)
    wanted_samples = spec.samples if "audio" in modalities else 0
    if clip.spec.frames != wanted_video[0] or (wanted_video[0] and tuple(clip.video.shape) != wanted_video):
        found = tuple(clip.video.shape)
        raise CodecError(f"codec {codec!r}: decoded video is {found}, expected {wanted_video}")
    if clip.spec.samples != wanted_samples or (wanted_samples and clip.spec.channels != spec.channels):
        raise CodecError(
            f"codec {codec!r}: decoded audio is {tuple(clip.audio.shape)}, "
            f"expected {(spec.channels, wanted_samples)}"
        )
    if wanted_samples:
        peak = float(clip.audio.abs().max())
        if not math.isfinite(peak):
            raise CodecError(f"codec {codec!r}: decoded audio holds NaN or infinite samples")
        if peak > 1.0:
            raise CodecError(f"codec {codec!r}: decoded audio reaches {peak:.3f}; clamp it to [-1, 1]")
