"""Content keys: sha256 over canonical JSON, the same on every machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path


def canonical_json(value: object) -> str:
    """JSON with sorted keys and no spaces. Raises ValueError for NaN, TypeError for other objects."""

    def plain(item: object) -> object:
        if isinstance(item, Mapping):
            return dict(item)
        raise TypeError(f"{type(item).__name__} has no canonical JSON form")

    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, default=plain)


def key(*values: object) -> str:
    """64 hex digits that identify `values`."""
    return hashlib.sha256(canonical_json(list(values)).encode()).hexdigest()


def sha256_file(path: Path) -> str:
    """sha256 of a file's bytes, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
