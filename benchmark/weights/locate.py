"""Where weights may be found on this machine, and whether the file there is the right one.

A file is hashed once: its sha256 is kept in the cache under its path, size and time of change.
"""

from __future__ import annotations

import contextlib
import glob
import importlib.util
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..util.files import cache_folder, write_bytes
from ..util.hashing import key, sha256_file
from .entry import Weight

FOLDER = "TALKBENCH_WEIGHTS"


@dataclass(frozen=True)
class Found:
    """What a search for a part gave: the verified file and the kind of place, or None; files refused."""

    weight: Weight
    path: Path | None = None
    place: str = ""
    sha256: str = ""
    refused: tuple[str, ...] = ()


def find(weight: Weight) -> Found:
    """The first file that is right, in the order of `places`. Wrong files are left where they are."""
    refused = []
    for place, path in places(weight):
        try:
            if not path.is_file():
                continue
            problem = wrong(weight, path)
            if problem is None:
                return Found(weight, path, place, file_sha256(path), tuple(refused))
        except OSError as error:
            problem = f"{path} cannot be read: {error.strerror}"
        refused.append(problem)
    chosen = own_folder()
    if chosen and not chosen.is_dir():
        refused.append(f"{FOLDER} names {chosen}, which is not a folder")
    return Found(weight, refused=tuple(refused))


def places(weight: Weight) -> Iterator[tuple[str, Path]]:
    """(kind of place, path) where the file may be, best first."""
    folder = own_folder()
    if folder:
        yield FOLDER, folder / weight.name / weight.file
        yield FOLDER, folder / weight.file
        for path in sorted(folder.glob(f"*/{glob.escape(weight.file)}")):
            if path.parent.name != weight.name:
                yield FOLDER, path
    yield "cache", cached(weight)
    for place in weight.hub:
        if place == "torch":
            yield "torch hub", _torch_hub() / weight.file
        elif place == "whisper":
            yield "whisper's cache", _xdg_cache() / "whisper" / weight.file
        else:
            owner, repository, inner = place.removeprefix("huggingface:").split("/", 2)
            snapshots = _hugging_face() / f"models--{owner}--{repository}" / "snapshots"
            for path in sorted(snapshots.glob(f"*/{glob.escape(inner)}")):
                yield "Hugging Face cache", path
    package = _package_folder(weight.package) if weight.package else None
    if package:
        yield f"package {weight.package}", package / weight.package_file
    if weight.shipped:
        yield "talkbench", Path(__file__).parents[2] / weight.shipped


def own_folder() -> Path | None:
    """The user's own folder of weights, or None."""
    chosen = os.environ.get(FOLDER)
    return Path(chosen).expanduser() if chosen else None


def cached(weight: Weight) -> Path:
    """Where a fetch puts the file."""
    return cache_folder() / "weights" / weight.name / weight.file


def wrong(weight: Weight, path: Path) -> str | None:
    """Why `path` is not the part, naming what was expected and what is there; None when it is right.

    Where neither the registry nor this machine knows a sha256 yet, the file's own is recorded.
    """
    found = file_sha256(path)
    expected = weight.sha256 or first_seen(weight)
    if found == expected:
        return None
    size = path.stat().st_size
    if not expected and size == (weight.bytes or size):
        with contextlib.suppress(OSError):  # a cache that cannot be written remembers nothing
            write_bytes(_first_seen_record(weight), found.encode())
        return None
    problem = (
        f"{path} is refused: {size} bytes, sha256 {found}; expected {weight.bytes or 'any'} bytes, sha256"
    )
    if weight.sha256 or not expected:
        return f"{problem} {expected or 'any'}"
    record = _first_seen_record(weight)
    return f"{problem} {expected}, which was recorded on first use; delete {record} to trust the new file"


def first_seen(weight: Weight) -> str:
    """The sha256 recorded for a part of which the registry knows none, or ''."""
    try:
        return _first_seen_record(weight).read_text().strip()
    except OSError:
        return ""


def _first_seen_record(weight: Weight) -> Path:
    return cache_folder() / "weights" / weight.name / "first-seen.sha256"


def file_sha256(path: Path, afresh: bool = False) -> str:
    """sha256 of a file; what was computed before for this path, size and time of change, unless `afresh`."""
    if not afresh:
        record = _hash_record(path)
        if record in _hashes:
            return _hashes[record]
        with contextlib.suppress(OSError):
            return record.read_text()
    found = sha256_file(path)
    remember_sha256(path, found)
    return found


def remember_sha256(path: Path, found: str) -> None:
    """Keep what was computed from the whole file, so that it need not be read again."""
    record = _hash_record(path)
    _hashes[record] = found
    with contextlib.suppress(OSError):  # where the cache cannot be written, this process remembers
        write_bytes(record, found.encode())


_hashes: dict[Path, str] = {}


def _hash_record(path: Path) -> Path:
    path = path.resolve()
    status = path.stat()
    return cache_folder() / "weights" / "hashes" / key(str(path), status.st_size, status.st_mtime_ns)


def _xdg_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _torch_hub() -> Path:
    """torch.hub's folder of checkpoints, without importing torch."""
    return Path(os.environ.get("TORCH_HOME") or _xdg_cache() / "torch").expanduser() / "hub" / "checkpoints"


def _hugging_face() -> Path:
    """huggingface_hub's cache of repositories, without importing it."""
    chosen = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    return Path(os.environ.get("HF_HOME") or _xdg_cache() / "huggingface").expanduser() / "hub"


@cache
def _package_folder(package: str) -> Path | None:
    """Folder of an installed top-level package, which is not imported."""
    spec = importlib.util.find_spec(package)
    locations = list(spec.submodule_search_locations or ()) if spec else []
    return Path(locations[0]) if locations else None
