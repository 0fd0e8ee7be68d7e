"""Any folder of recordings as a dataset: listed by name, prepared one by one. See docs/your-own-clips.md."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import get_args, overload

from ..benchmark.api import DatasetError, DatasetInfo, Item, PreparedClip, UsageError
from ..benchmark.util.hashing import key, sha256_file
from ._preparation import Crop, Settings, prepare
from ._transcripts import MANIFEST, SIDECARS, Entry, read_manifest, read_sidecar, same_name, too_much_for

RECORDINGS = frozenset([".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg"])
_PACKAGES = {"av": "av", "dlib": "dlib-bin", "PIL": "pillow", "soxr": "soxr"}


def availability() -> str | None:
    """None when recordings can be prepared here, else what is missing and the command that fixes it."""
    missing = [package for module, package in _PACKAGES.items() if find_spec(module) is None]
    return f"needs {', '.join(missing)}: pip install {' '.join(missing)}" if missing else None


def load(**options: int | float | str | bool) -> FolderDataset:
    """The recordings below `path`.

    path: folder; name: of the dataset (default: the folder's); size (256), fps (25), sample_rate
    (16000), max_seconds (0 = all), crop ('face', 'centre' or 'none'): see Settings;
    limit: how many recordings at most (0 = all). Raises UsageError naming a wrong option.
    """
    known = {"path", "name", "size", "fps", "sample_rate", "max_seconds", "crop", "limit"}
    if unknown := sorted(set(options) - known):
        raise UsageError(f"dataset folder: no option {unknown[0]!r}; there are {', '.join(sorted(known))}")
    if not options.get("path"):
        raise UsageError("dataset folder: option 'path' is missing; give the folder of the recordings")
    root = Path(str(options["path"])).expanduser()
    if not root.is_dir():
        raise UsageError(f"dataset folder: path {str(root)!r} is not a folder")
    settings = Settings(
        size=_whole(options, "size", 256, 16, 4096),
        fps=_number(options, "fps", 25, 1, 240),
        sample_rate=_whole(options, "sample_rate", 16000, 4000, 192000),
        max_seconds=float(_number(options, "max_seconds", 0, 0, 86400)),
        crop=_crop(str(options.get("crop", "face"))),
    )
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", str(options.get("name", root.resolve().name))).strip("-.")
    return FolderDataset(root, name or "folder", settings, _whole(options, "limit", 0, 0, 10**9))


class FolderDataset:
    """Recordings below `root`; the manifest is read at once, recordings when they are asked for."""

    def __init__(self, root: Path, name: str, settings: Settings, limit: int = 0) -> None:
        self._root, self._settings, self._limit = root.resolve(), settings, limit
        self._trusted = [self._root, *_blobs(root.absolute()), *_blobs(self._root)]
        self._found = _find(self._root, self._trusted)
        self._paths = dict(sorted((_name(path, self._root), path) for path in self._found.recordings))
        self._entries = self._manifest()
        notes = [f"{settings.crop} crop, {settings.size} pixels, {settings.fps} pictures/s"]
        there = set(map(same_name, self._paths))
        absent = [file for file in self._entries if file not in there]
        if absent:
            notes.append(
                f"{MANIFEST} lists {len(absent)} recordings that are not there, such as {absent[0]!r}"
            )
        notes += self._found.left_out(self._root)
        self.info = DatasetInfo(
            name, synthetic=False, licence="as the owner of the recordings says", note="; ".join(notes)
        )

    def items(self) -> Sequence[Item]:
        """All recordings by their relative path; each file is read, for its key, when its item is taken.

        Raises UsageError where there are none.
        """
        if not self._paths:
            kinds = " ".join(sorted(RECORDINGS))
            but = "".join(f"; {note}" for note in self._found.left_out(self._root))
            raise UsageError(f"no recordings in {str(self._root)!r}{but}; put some there ({kinds})")
        return _Items(self, list(self._paths)[: self._limit or None])

    def item(self, name: str) -> Item:
        """The recording of that name, with its key."""
        return Item(name, self._key(name, self._settings.identity()))

    def prepare(self, item: Item) -> PreparedClip:
        """The clip. Raises DatasetError naming the file when it cannot be used."""
        path = self._paths.get(item.name)
        if path is None:
            raise DatasetError(f"{item.name!r} is not in {str(self._root)!r}")
        try:
            clip, note = prepare(path, self._settings)
        except (DatasetError, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise DatasetError(f"{item.name!r} cannot be used: {reason}") from error
        entry, remark = self._entry(item.name)
        if entry.sha256 and entry.sha256.lower() != sha256_file(path):
            remark = "; ".join(
                filter(None, [remark, f"it is not the file that {MANIFEST} describes (sha256)"])
            )
        transcript = entry.transcript or None
        seconds = float(clip.spec.frames / clip.spec.fps)
        if transcript and too_much_for(transcript, seconds):
            words = (
                f"its transcript of {len(transcript.split())} words is too long for {seconds:.2f} s: not used"
            )
            transcript, remark = None, "; ".join(filter(None, [remark, words]))
        clip = replace(clip, clip_id=item.key, transcript=transcript)
        return PreparedClip(clip, entry.speaker, entry.licence, "; ".join(filter(None, [note, remark])))

    def _key(self, name: str, identity: Mapping[str, object]) -> str:
        entry, remark = self._entry(name)
        said = [entry.transcript, entry.speaker, entry.licence, entry.sha256, remark]
        try:
            content = sha256_file(self._paths[name])
        except OSError as error:  # preparation says so; a key that never comes again lets it be tried again
            content = f"cannot be read: {error.strerror} at {time.time_ns()}"
        return key("folder", content, identity, said)

    def _entry(self, name: str) -> tuple[Entry, str]:
        """What is known of a recording, and what is wrong with it; a sidecar's words come first."""
        entry = self._entries.get(same_name(name), Entry())
        besides = (self._paths[name].with_suffix(suffix) for suffix in SIDECARS)
        sidecar = next((path for path in besides if _state(path, self._trusted) == ""), None)
        if sidecar is None:
            return entry, ""
        words, wrong = read_sidecar(sidecar)
        return replace(entry, transcript=words or entry.transcript), wrong

    def _manifest(self) -> Mapping[str, Entry]:
        path = self._root / MANIFEST
        state = _state(path, self._trusted)
        if path.is_symlink() and state:
            raise UsageError(f"{path} is a link that leads out of the folder; put the table itself there")
        try:
            return read_manifest(path) if not state else {}
        except OSError as error:
            raise UsageError(f"{path} cannot be read ({error.strerror}); allow it to be read") from error


class _Items(Sequence[Item]):
    """Recordings whose keys are made when they are taken: `--limit 1` does not read the others."""

    def __init__(self, dataset: FolderDataset, names: list[str]) -> None:
        self._dataset, self._names = dataset, names

    def __len__(self) -> int:
        return len(self._names)

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | Sequence[Item]:
        if isinstance(index, slice):
            return _Items(self._dataset, self._names[index])
        return self._dataset.item(self._names[index])


@dataclass
class _Found:
    """The files below a folder. others: files named like recordings that are not, by reason."""

    recordings: list[Path] = field(default_factory=list)
    others: dict[str, list[Path]] = field(default_factory=dict)

    def left_out(self, root: Path) -> list[str]:
        """One sentence for each reason, with an example."""
        return [
            f"{len(paths)} left out that {why}, such as {_name(paths[0], root)!r}"
            for why, paths in sorted(self.others.items())
        ]


_LEADS_OUT = "are links out of the folder (copy what they lead to: cp -L)"
_LEADS_NOWHERE = "are links that lead nowhere"
_NO_FILE = "are not ordinary files"
_NOT_READABLE = "cannot be read"


def _find(root: Path, trusted: Sequence[Path]) -> _Found:
    """All files below `root` that are named like recordings, except hidden ones."""
    found = _Found()

    def unreadable(error: OSError) -> None:
        found.others.setdefault(_NOT_READABLE, []).append(Path(error.filename))

    for folder, folders, files in os.walk(root, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(folder, name)
            if name.startswith(".") or path.suffix.lower() not in RECORDINGS:
                continue
            why = _state(path, trusted)
            (found.others.setdefault(why, []) if why else found.recordings).append(path)
    return found


def _state(path: Path, trusted: Sequence[Path]) -> str:
    """'' for an ordinary file below one of `trusted`, links followed; else what it is."""
    try:
        if not path.exists():
            return _LEADS_NOWHERE if path.is_symlink() else "are missing"
        if not any(path.resolve().is_relative_to(folder) for folder in trusted):
            return _LEADS_OUT
        return "" if path.is_file() else _NO_FILE
    except (OSError, RuntimeError):  # no permission, or a loop of links
        return _NOT_READABLE


def _blobs(root: Path) -> list[Path]:
    """Where links may lead in a snapshot of Hugging Face's cache, NAME/snapshots/REVISION: NAME/blobs."""
    for folder in (root, *root.parents):
        blobs = folder.parent.parent / "blobs"
        if folder.parent.name == "snapshots" and blobs.is_dir() and not blobs.is_symlink():
            return [blobs.resolve()]
    return []


def _name(path: Path, root: Path) -> str:
    """Relative posix path as text that can be stored anywhere; bytes that are not UTF-8 are spelt out."""
    return os.fsencode(path.relative_to(root).as_posix()).decode("utf-8", "backslashreplace")


def _number(options: Mapping[str, object], option: str, default: int, low: int, high: int) -> Fraction:
    value = options.get(option, default)
    try:
        number = Fraction(str(value))
    except (ValueError, ZeroDivisionError):
        number = None
    if number is None or not low <= number <= high:
        raise UsageError(f"dataset folder: {option} must be a number from {low} to {high}, not {value!r}")
    return number


def _whole(options: Mapping[str, object], option: str, default: int, low: int, high: int) -> int:
    number = _number(options, option, default, low, high)
    if number.denominator != 1:
        raise UsageError(f"dataset folder: {option} must be a whole number, not {options[option]!r}")
    return int(number)


def _crop(value: str) -> Crop:
    for crop in get_args(Crop):
        if value == crop:
            return crop
    raise UsageError(f"dataset folder: crop must be one of {', '.join(get_args(Crop))}, not {value!r}")
