"""What a conformance check asks of a codec, as jobs for another process.

A worker is a process with an empty working folder and its own folder for temporary files, so that what
one process leaves behind is not what another one finds. It answers with facts and content hashes.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal

from ..api import registry
from ..api import timeline as timelines
from ..api.codec import Codec, CodecInfo
from ..api.types import Bitstream, Clip, ClipSpec, Point
from ..media import delay
from ..stages import coding
from ..util.errors import BitstreamError, CodecError, InvalidClip, Unavailable
from ..util.hashing import canonical_json
from .clips import CheckClip


@dataclass(frozen=True)
class Refusal:
    """A codec gave an error instead of a result.

    kind: `clear` (CodecError, BitstreamError or Unavailable, with a message), `invalid` (it returned or
    tried to build something that breaks the contract), `raw` (any other exception), `lost` (no answer:
    it hung, or its process died).
    """

    kind: Literal["clear", "invalid", "raw", "lost"]
    message: str

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True)
class Identity:
    """What a codec says of itself. facts: canonical JSON of its info; points: the same of each point."""

    available: str | None
    facts: str
    fingerprint: str
    modalities: tuple[str, ...]
    points: dict[str, str]
    seconds: float
    heavy: bool  # torch was imported on the way
    parts: str  # why the declared parts cannot hold; empty where they can


@dataclass(frozen=True)
class EncodedClip:
    """What encoding gave. left: files that it wrote and did not remove."""

    data: bytes
    seconds: float
    left: tuple[str, ...]
    input_changed: bool


@dataclass(frozen=True)
class DecodedClip:
    """sha256: over the decoded clip's content."""

    sha256: str
    seconds: float


_instances: dict[tuple[str, str, int], Codec] = {}


def _enter(folder: str) -> None:
    """Make `folder` the place for this process's temporary and relative files. Idempotent."""
    if os.environ.get("TMPDIR") != folder:
        os.environ["TMPDIR"] = tempfile.tempdir = folder
        os.chdir(folder)
        sys.addaudithook(_files.hear)


@dataclass
class _WrittenFiles:
    """Files opened for writing by Python code in this process, while `listening`."""

    listening: bool = False
    paths: set[str] = field(default_factory=set)

    def hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.listening or event != "open":
            return
        path, mode, flags = arguments
        writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if isinstance(path, str | bytes) and (writes or (isinstance(mode, str) and set(mode) & set("wax+"))):
            self.paths.add(os.path.abspath(os.fsdecode(path)))


_files = _WrittenFiles()


def _refusal(error: BaseException) -> Refusal:
    text = " ".join(str(error).split())
    if isinstance(error, CodecError | BitstreamError | Unavailable) and text:
        return Refusal("clear", text)
    if isinstance(error, InvalidClip):
        return Refusal("invalid", text)
    return Refusal("raw", f"{type(error).__name__}: {text or 'no message'}")


def _plain(info: CodecInfo, points: Sequence[Point]) -> tuple[str, dict[str, str]]:
    facts = canonical_json({part.name: getattr(info, part.name) for part in fields(info)})
    return facts, {point.name: canonical_json(dict(point.params)) for point in points}


def identify(codec: str, folder: str, device: str) -> Identity | Refusal:
    """`availability` and `describe`, before anything heavy was imported into this process."""
    del device
    _enter(folder)
    started = time.perf_counter()
    try:
        module = registry.codec(codec)
        available = module.availability()
        info, points = module.describe()
        facts, known = _plain(info, points)
        seconds = time.perf_counter() - started
        if len(known) != len(points):
            return Refusal("invalid", f"point names must be unique, got {[point.name for point in points]}")
        heavy = "torch" in sys.modules
        said = (available, facts, info.fingerprint(), info.modalities, known)
        return Identity(*said, seconds, heavy, _wrong_parts(info))
    except (Exception, SystemExit) as error:
        return _refusal(error)


def _wrong_parts(info: CodecInfo) -> str:
    try:
        info.declared_parts()
    except CodecError as error:
        return str(error)
    return ""


def warm(folder: str, device: str) -> None:
    """Import what every codec needs, so that its time is not charged to the codec."""
    del device
    _enter(folder)
    CheckClip(frames=1).make()


def load(codec: str, folder: str, device: str) -> Identity | Refusal:
    """The identity of the loaded codec."""
    _enter(folder)
    started = time.perf_counter()
    try:
        loaded = _instance(codec, device, 0)
        facts, points = _plain(loaded.info, loaded.points)
        said = (None, facts, loaded.info.fingerprint(), loaded.info.modalities, points)
    except (Exception, SystemExit) as error:
        return _refusal(error)
    return Identity(*said, time.perf_counter() - started, heavy=True, parts=_wrong_parts(loaded.info))


def _instance(codec: str, device: str, number: int) -> Codec:
    key = (codec, device, number)
    if key not in _instances:
        _instances[key] = registry.codec(codec).load(device)
    return _instances[key]


def encode(
    codec: str, point: str, recipe: CheckClip, instance: int, folder: str, device: str
) -> EncodedClip | Refusal:
    """Encode one clip with instance number `instance` of the codec in this process."""
    _enter(folder)
    clip = recipe.make()
    before, found = clip.sha256(), _files_in(folder)
    _files.paths.clear()
    try:
        coder = _instance(codec, device, instance)
        (setting,) = [known for known in coder.points if known.name == point]
        _files.listening = True
        started = time.perf_counter()
        stream = coder.encode(clip, setting)
        seconds = time.perf_counter() - started
    except (Exception, SystemExit) as error:
        return _refusal(error)
    finally:
        _files.listening = False
    if not isinstance(stream, Bitstream):
        return Refusal("invalid", f"encode returned {type(stream).__name__}, not a Bitstream")
    try:
        coder.info.check_parts(stream)
    except CodecError as error:
        return Refusal("invalid", str(error))
    written = {path for path in _files.paths if not path.startswith(("/dev/", "/proc/"))}
    left = {path for path in written if os.path.isfile(path)} | {
        path for path, _ in _files_in(folder) - found
    }
    return EncodedClip(stream.to_bytes(), seconds, tuple(sorted(left)), clip.sha256() != before)


def timeline(codec: str, data: bytes, spec: str, folder: str, device: str) -> dict[str, int] | Refusal | None:
    """Steps of each part's timeline, once these add up to its bits; None where the codec has no timeline."""
    del device
    _enter(folder)
    try:
        if timelines.function(codec) is None:
            return None
        found = timelines.read(codec, Bitstream.from_bytes(data), ClipSpec.from_dict(json.loads(spec)))
        return {name: len(line.bits) for name, line in found.items()}
    except (Exception, SystemExit) as error:
        return _refusal(error)


def _files_in(folder: str) -> set[tuple[str, int]]:
    """Path and time of change of every file: programs that the codec starts are not heard, but seen here."""
    return {(str(path), path.stat().st_mtime_ns) for path in Path(folder).rglob("*") if path.is_file()}


def _decoded(codec: str, data: bytes, shape: ClipSpec, instance: int, device: str) -> tuple[Clip, float]:
    """The clip, as the spec says, and the seconds it took. Raises InvalidClip, or what decoding raises."""
    stream = Bitstream.from_bytes(data)
    coder = _instance(codec, device, instance)
    started = time.perf_counter()
    clip = coder.decode(stream, shape)
    seconds = time.perf_counter() - started
    try:
        coding.check_decoded(codec, clip, shape, coder.info.modalities)
    except CodecError as error:
        raise InvalidClip(str(error)) from error
    return clip, seconds


def decode(
    codec: str, data: bytes, spec: str, instance: int, folder: str, device: str
) -> DecodedClip | Refusal:
    """Decode bytes, knowing nothing else but the clip's spec (as JSON)."""
    _enter(folder)
    try:
        clip, seconds = _decoded(codec, data, ClipSpec.from_dict(json.loads(spec)), instance, device)
    except (Exception, SystemExit) as error:
        return _refusal(error)
    return DecodedClip(clip.sha256(), seconds)


def delays(
    codec: str, data: bytes, recipe: CheckClip, folder: str, device: str
) -> tuple[delay.Delay, delay.Delay] | Refusal:
    """How late the sound of `data` is against the recipe's, by its waveform and by its envelope.

    A silent sound is unlike any other: its delays are 0, of likeness 0.
    """
    _enter(folder)
    try:
        clip, _ = _decoded(codec, data, recipe.spec, 0, device)
    except (Exception, SystemExit) as error:
        return _refusal(error)
    # Only now does this process learn what was encoded.
    before, after = (sound.mean(dim=0).numpy() for sound in (recipe.make().audio, clip.audio))
    if not after.any():
        nothing = delay.Delay(0.0, float("inf"), 0.0)
        return nothing, nothing
    waveform = delay.of_waveform(before, after, recipe.sample_rate)
    return waveform, delay.of_envelope(before, after, recipe.sample_rate)
