"""The manifest of a submission: who, what, and the hash of every file beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from ..util.errors import UsageError

FORMAT = 1
NAME = "manifest.json"
_MAX_TEXT = 200  # characters of a name


@dataclass(frozen=True)
class File:
    """What a file must be: sha256 (64 hex digits) and size."""

    sha256: str
    bytes: int


@dataclass(frozen=True)
class Manifest:
    """`name`: who submits, or ''; finished_at: when the latest run ended (ISO 8601, UTC), or '';
    counts: rows by table, and `bitstreams`; files: path in the archive → what it must be."""

    talkbench_version: str
    suite: str
    name: str
    finished_at: str
    counts: Mapping[str, int]
    files: Mapping[str, File]

    def to_bytes(self) -> bytes:
        """JSON, the same bytes for equal manifests."""
        values = {
            "format": FORMAT,
            "talkbench_version": self.talkbench_version,
            "suite": self.suite,
            "name": self.name,
            "finished_at": self.finished_at,
            "counts": dict(self.counts),
            "files": {
                path: {"sha256": file.sha256, "bytes": file.bytes} for path, file in self.files.items()
            },
        }
        return json.dumps(values, indent=1, sort_keys=True, ensure_ascii=True).encode() + b"\n"

    @classmethod
    def from_bytes(cls, data: bytes) -> Manifest:
        """Inverse of `to_bytes`, of untrusted bytes. Raises UsageError naming the key that is wrong."""
        try:
            values = json.loads(
                data.decode("utf-8"),
                object_pairs_hook=_once,
                parse_constant=_no_constant,
                parse_float=_no_float,
            )
        except (UnicodeDecodeError, ValueError, RecursionError) as error:
            raise UsageError(f"not a manifest in JSON: {error}") from error
        values = _object(values, "the manifest")
        if type(values.get("format")) is not int or values["format"] != FORMAT:
            raise UsageError(
                f"format is {_shown(values.get('format'))}; this talkbench reads format {FORMAT}: "
                "use the talkbench that wrote it, or a newer one"
            )
        texts = {key: _text(values, key) for key in ("talkbench_version", "suite", "name", "finished_at")}
        counts = _object(values.get("counts"), "counts")
        files = {}
        for path, entry in _object(values.get("files"), "files").items():
            entry = _object(entry, f"files: {_shown(path)}")
            sha256 = entry.get("sha256")
            if not isinstance(sha256, str) or len(sha256) != 64 or set(sha256) - set("0123456789abcdef"):
                raise UsageError(f"files: {_shown(path)}: sha256 must be 64 hex digits, got {_shown(sha256)}")
            files[path] = File(sha256, _count(entry.get("bytes"), f"files: {_shown(path)}: bytes"))
        known = {"format", "counts", "files", *texts}
        for key in values.keys() - known:
            raise UsageError(f"unknown key {_shown(key)}; a manifest has {', '.join(sorted(known))}")
        return cls(
            **texts,
            counts={key: _count(value, f"counts: {_shown(key)}") for key, value in counts.items()},
            files=files,
        )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


def _no_float(text: str) -> NoReturn:
    raise ValueError(f"{text[:40]}: a manifest has whole numbers only")


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UsageError(f"{what} must be an object, got {_shown(value)}")
    return value


def _text(values: Mapping[str, Any], key: str) -> str:
    value = values.get(key)
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        raise UsageError(f"{key} must be text of at most {_MAX_TEXT} characters, got {_shown(value)}")
    return value


def _count(value: Any, what: str) -> int:
    if type(value) is not int or not 0 <= value < 1 << 53:
        raise UsageError(f"{what} must be a whole number from 0, got {_shown(value)}")
    return value


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}…"
