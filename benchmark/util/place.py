"""Faults of the place where talkbench runs: a full disk, a folder that cannot be written, a limit reached.

They say nothing of a codec, a metric or a clip, so they are never rows: they stop the run with one line,
and the same command goes on once they are fixed.
"""

from __future__ import annotations

import dataclasses
import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from .errors import PlaceFault
from .files import cache_folder

_FREE = "free some space there"
# Whatever the file, only the machine can be short of these.
_EXHAUSTED = {
    errno.ENOSPC: _FREE,
    errno.EDQUOT: "free some space there, or ask for a larger quota",
    errno.EMFILE: "raise the limit (`ulimit -n 4096`), or use fewer --workers",
    errno.ENFILE: "close other programs, or use fewer --workers",
    errno.ENOLCK: "its file system has no locks: choose a folder on another one",
    errno.EIO: "check the disk",
    errno.ESTALE: "mount its file system again",
}
# Of the place only where the file is one of ours: a codec may look for a file that is not there.
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ELOOP, errno.ENAMETOOLONG, errno.EISDIR}
_DENIED |= {errno.EEXIST}  # there is a file where a folder is needed
_ABSENT = {errno.ENOENT, errno.ENOTDIR}
# ffmpeg says "Input/output error" of broken recordings too: by its words alone, EIO is not taken.
_SAID = {os.strerror(number): number for number in _EXHAUSTED if number != errno.EIO}
_WORDS = re.compile(rf"(?:^|[:(\]\"] ?)({'|'.join(map(re.escape, _SAID))})(?=$|[\s;:,)\"]|\.\s|\.$)", re.M)
_NO_TEMPORARY = "No usable temporary directory found"
_TEMPORARY_FIX = "set TMPDIR to a folder that can be written and has space"
_LITTLE_BYTES = 1 << 20
_AGAIN = "then run the same command again: what is done is kept"

_own: ContextVar[tuple[Path, ...]] = ContextVar("_own", default=())


@contextmanager
def among(things: object) -> Iterator[None]:
    """While this is open, the paths in `things` (also within lists and records) are ours."""
    before = _own.set(tuple(_paths(things)))
    try:
        yield
    finally:
        _own.reset(before)


def _paths(value: Any) -> Iterator[Path]:
    if isinstance(value, Path):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _paths(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _paths(part)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for part in dataclasses.fields(value):
            yield from _paths(getattr(value, part.name))


def fault(error: BaseException, every_path: bool = False) -> PlaceFault | None:
    """The fault of the place that `error` is, or that it was raised from; None where it is none.

    every_path: all files are ours, as in a process where no codec, metric or dataset runs.
    """
    seen: set[int] = set()
    now: BaseException | None = error
    while now is not None and id(now) not in seen:
        seen.add(id(now))
        found = _one(now, every_path)
        if found is not None:
            return found
        now = now.__cause__ or (None if now.__suppress_context__ else now.__context__)
    return None


def raise_fault(error: BaseException) -> None:
    """Raise PlaceFault where `error` is one. To be called before an exception becomes a row."""
    found = fault(error)
    if found is not None:
        raise found from error


def _one(error: BaseException, every_path: bool) -> PlaceFault | None:
    if isinstance(error, PlaceFault):
        return error
    text = " ".join(str(error).split())
    if _NO_TEMPORARY in text:
        return PlaceFault(f"{text}; {_TEMPORARY_FIX}")
    if isinstance(error, OSError):
        return _of_system(error, every_path)
    if type(error).__module__ in ("duckdb", "_duckdb") and type(error).__name__ == "IOException":
        return _of_duckdb(text)
    said = _WORDS.search(str(error))
    return PlaceFault(f"{text}; {_EXHAUSTED[_SAID[said[1]]]}, {_AGAIN}") if said else None


def _of_duckdb(text: str) -> PlaceFault:
    """Its message names the file within quotes, which are escaped where a thread of its own wrote."""
    number = next((n for n in (*_EXHAUSTED, *_DENIED, *_ABSENT) if os.strerror(n) in text), None)
    name = re.search(r'\bfile \\?"([^"\\]+)\\?"', text)
    if number is None or name is None:
        return PlaceFault(f"{text}; {_AGAIN}")
    fix = _EXHAUSTED.get(number) or _fix_of(Path(name[1]))
    return PlaceFault(f"{name[1]}: {os.strerror(number)}; {fix}, {_AGAIN}")


def _of_system(error: OSError, every_path: bool) -> PlaceFault | None:
    number = error.errno
    if number in _EXHAUSTED:
        # PyAV makes EIO of what ffmpeg says of a broken recording.
        if number == errno.EIO and type(error).__module__.partition(".")[0] == "av":
            return None
        fix = _EXHAUSTED[number]
    elif number in _DENIED | _ABSENT:
        names = [name for name in (error.filename, error.filename2) if isinstance(name, str | bytes)]
        if not any(every_path or _ours(Path(os.fsdecode(name)), number in _ABSENT) for name in names):
            return None
        fix = _fix_of(Path(os.fsdecode(names[-1])))
    else:
        return None
    return PlaceFault(f"{_where(error)}{os.strerror(number)}; {fix}, {_AGAIN}")


def _where(error: OSError) -> str:
    name = error.filename2 or error.filename
    if isinstance(name, str | bytes):
        return f"{os.fsdecode(name)}: "
    full = _full() if error.errno in (errno.ENOSPC, errno.EDQUOT) else None
    return f"{full}: " if full else ""


def _full() -> Path | None:
    """The first of our folders that is on a full disk: an error of writing does not name its file."""
    for path in (*_own.get(), cache_folder(), Path(tempfile.gettempdir()), Path("/dev/shm")):
        folder = next((part for part in (path, *path.parents) if part.is_dir()), None)
        if folder is not None and shutil.disk_usage(folder).free < _LITTLE_BYTES:
            return folder
    return None


def _ours(path: Path, absent: bool) -> bool:
    """Whether talkbench itself wants to read or write `path`.

    absent: it is not there. In the cache's other folders and among temporary files that says nothing.
    """
    cache = cache_folder()
    if path.is_relative_to(cache / "clips" if absent else cache):
        return True
    if not absent and Path(tempfile.gettempdir()) in (path, path.parent):
        return True
    return any(
        path.is_relative_to(own)
        or own.is_relative_to(path)
        or (path.parent == own.parent and path.name.startswith(f".{own.name}."))
        for own in _own.get()
    )


def _fix_of(path: Path) -> str:
    if path.is_relative_to(cache_folder()) or cache_folder().is_relative_to(path):
        return "set TALKBENCH_CACHE to a folder that can be written"
    temporary = tempfile.gettempdir()
    if path.is_relative_to(temporary) and not any(path.is_relative_to(own) for own in _own.get()):
        return "check it, or choose another folder"
    return "check who may write there, or choose another folder (--out)"


def writable(folder: Path, fix: str) -> None:
    """Make `folder` where it is not there and write a file in it. Raises PlaceFault that ends with `fix`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"0")
    except OSError as error:
        said = error.strerror or str(error)
        raise PlaceFault(f"{folder}: cannot be written: {said}; {fix}") from error


def without_locks(folder: Path) -> bool:
    """Whether the file system of `folder` has no locks (some network and FUSE file systems)."""
    import fcntl

    with tempfile.TemporaryFile(dir=folder) as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # a new file: it cannot be locked by another process
            return True
    return False


def libraries_write_to_our_cache() -> None:
    """Have numba and matplotlib, also in workers, keep their caches in ours where the user chose no other.

    Their default folders may be in a read-only environment or in a home that does not exist.
    """
    cache = cache_folder().absolute()
    os.environ.setdefault("NUMBA_CACHE_DIR", str(cache / "numba"))
    os.environ.setdefault("MPLCONFIGDIR", str(cache / "matplotlib"))
