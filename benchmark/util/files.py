"""Files that are written whole or not at all, and the cache folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def cache_folder() -> Path:
    """Where prepared clips and weights are kept: `TALKBENCH_CACHE`, else the platform's cache folder."""
    chosen = os.environ.get("TALKBENCH_CACHE")
    if chosen:
        return Path(chosen).absolute()
    import platformdirs

    return Path(platformdirs.user_cache_dir("talkbench", appauthor=False))


def save_array(path: Path, array: np.ndarray) -> None:
    """Write an array as .npy, atomically."""
    import io

    import numpy

    data = io.BytesIO()
    numpy.save(data, array, allow_pickle=False)
    write_bytes(path, data.getvalue())


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file so that a reader, or a later run after a kill, never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A folder to fill, which takes the place of `folder` in the end; after an exception it is removed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
    temporary.mkdir()
    try:
        yield temporary
        if folder.exists():
            shutil.rmtree(folder)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
