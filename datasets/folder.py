"""Any folder of recordings as a dataset: listed by name, prepared one by one. See docs/your-own-clips.md."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import get_args

from ..benchmark.dataset import DatasetInfo, Item, PreparedClip
from ..benchmark.errors import DatasetError, UsageError
from ..benchmark.fingerprint import key, sha256_file
from ._preparation import Crop, Settings, prepare
from ._transcripts import MANIFEST, SIDECARS, Entry, read_manifest, read_sidecar, same_name, too_much_for

RECORDINGS = frozenset([".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg"])
_PACKAGES = {"av": "av", "dlib": "dlib-bin", "PIL": "pillow", "soxr": "soxr"}


def availability() -> str | None:
    """None when recordings can be prepared here, else what is missing and the command that mends it."""
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
        self._paths = dict(sorted((_name(path, self._root), path) for path in _recordings(self._root)))
        self._entries = self._manifest()
        note = f"{settings.crop} crop, {settings.size} pixels, {settings.fps} pictures/s"
        there = set(map(same_name, self._paths))
        absent = [file for file in self._entries if file not in there]
        if absent:
            note += f"; {MANIFEST} lists {len(absent)} recordings that are not there, such as {absent[0]!r}"
        self.info = DatasetInfo(
            name, synthetic=False, licence="as the owner of the recordings says", note=note
        )

    def items(self) -> Sequence[Item]:
        """All recordings by their relative path. Raises UsageError where there are none."""
        if not self._paths:
            kinds = " ".join(sorted(RECORDINGS))
            raise UsageError(f"no recordings in {str(self._root)!r}; put some there ({kinds})")
        names = list(self._paths)[: self._limit or None]
        identity = self._settings.identity()
        return [Item(name, self._key(name, identity)) for name in names]

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
        return key("folder", sha256_file(self._paths[name]), identity, said)

    def _entry(self, name: str) -> tuple[Entry, str]:
        """What is known of a recording, and what is wrong with it; a sidecar's words come first."""
        entry = self._entries.get(same_name(name), Entry())
        besides = (self._paths[name].with_suffix(suffix) for suffix in SIDECARS)
        sidecar = next((path for path in besides if _inside(path, self._root)), None)
        if sidecar is None:
            return entry, ""
        words, wrong = read_sidecar(sidecar)
        return replace(entry, transcript=words or entry.transcript), wrong

    def _manifest(self) -> Mapping[str, Entry]:
        path = self._root / MANIFEST
        if path.is_symlink() and not _inside(path, self._root):
            raise UsageError(f"{path} is a link that leads out of the folder; put the table itself there")
        return read_manifest(path) if path.is_file() else {}


def _recordings(root: Path) -> list[Path]:
    """All files below `root` that are named like recordings; hidden ones and links out of it are not."""
    found = []
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths = [Path(folder, name) for name in files if not name.startswith(".")]
        found += [path for path in paths if path.suffix.lower() in RECORDINGS and _inside(path, root)]
    return found


def _inside(path: Path, root: Path) -> bool:
    """Whether `path` is an ordinary file that lies below `root`, links followed."""
    return path.is_file() and path.resolve().is_relative_to(root)


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
