"""The registry of weights: what each file is, where it comes from, and its local path.

`weights.toml` lists them. Nothing is fetched without being asked for: `talkbench weights fetch` does that.
"""

from __future__ import annotations

import os
import re
import shlex
import struct
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..util.errors import DownloadError, Unavailable
from ..util.files import cache_folder
from . import entry as _weight
from . import locate
from .entry import Weight
from .locate import Found

if TYPE_CHECKING:
    from torch import Tensor

    from .download import Progress, Say

OFFLINE = "TALKBENCH_OFFLINE"
# What torch raises where the bytes of a file make no sense, unless it is an UnpicklingError.
UNREADABLE = (LookupError, RuntimeError, ValueError, TypeError, AttributeError, EOFError, struct.error)


@cache
def registry() -> Mapping[str, Weight]:
    """All weights by name."""
    return _weight.read()


def get(name: str) -> Weight:
    """One weights file. Raises UsageError for an unknown name, with the nearest ones."""
    from ..util.suggestions import unknown

    known = registry()
    if name not in known:
        raise unknown("weights", name, sorted(known))
    return known[name]


def find(name: str) -> Found:
    """The local path of the weights, verified, and which files were refused."""
    return locate.find(get(name))


def path(name: str) -> Path:
    """The verified file. Raises Unavailable with the command that gets it."""
    found = find(name)
    if found.path is None:
        raise Unavailable(_absent([found]))
    return found.path


def sha256(name: str) -> str:
    """The registered sha256 of a file (hex), or what was recorded when it was first seen here, or ''."""
    weight = get(name)
    return weight.sha256 or locate.first_seen(weight) or find(name).sha256


def missing(names: Iterable[str]) -> str | None:
    """Which of these files are absent, with the command that gets them; None when all are here. Cheap."""
    absent = [found for found in map(find, names) if found.path is None]
    return _absent(absent) if absent else None


def _absent(absent: Iterable[Found]) -> str:
    parts = [found.weight for found in absent]
    refused = "".join(f"; {problem}" for found in absent for problem in found.refused)
    fetched = [part.name for part in parts if part.url]
    fixes = [f"run `talkbench weights fetch {shlex.join(fetched)}`"] if fetched else []
    fixes += [f"by hand: {_by_hand(part)}" for part in parts if not part.url]
    names = ", ".join(part.name for part in parts)
    return f"missing weights: {names}; {'; '.join(fixes)}{refused}"


def _by_hand(weight: Weight) -> str:
    """How to get the file by hand."""
    if weight.shipped and not weight.url:
        return f"reinstall talkbench, which includes {weight.shipped}"
    unpack = f", unpack it ({weight.unpack})" if weight.unpack else ""
    found = [f"download {weight.url}{unpack}"] if weight.url else []
    found += [f"find {weight.file} through {weight.page}"] if weight.page else []
    return f"{' or '.join(found)} and put it, as {weight.file}, into the folder that {locate.FOLDER} names"


def fetch(name: str, progress: Progress = lambda here, total: None, say: Say = lambda text: None) -> Path:
    """The verified file, downloaded into the cache if it is not here; `progress` and `say` as in `download`.

    Whether the licence suits is for the caller to ask. Raises DownloadError saying what to do by hand.
    """
    found = find(name)
    if found.path:
        return found.path
    from . import download

    weight = found.weight
    if not weight.url:
        raise DownloadError(_absent([found]))
    target = locate.cached(weight)
    expected = weight.sha256 or locate.first_seen(weight)
    try:
        if offline():
            raise DownloadError(f"{name}: not available locally, and not fetched because offline ({OFFLINE})")
        source = download.Source(weight.url, weight.bytes, expected, weight.unpack)
        received = download.download(source, target, progress, say)
    except DownloadError as error:
        raise DownloadError(f"{error}\n  by hand: {_by_hand(weight)}") from error
    locate.remember_sha256(target, received)
    return path(name)


def offline() -> bool:
    """Whether nothing may be fetched: TALKBENCH_OFFLINE is set, and not to 0."""
    return os.environ.get(OFFLINE, "0") not in ("", "0")


def state_dict(name: str) -> dict[str, Tensor]:
    """The part's tensors by name, on the CPU; floats as they are in the file.

    Of several state dicts in one checkpoint (`Weight.inside`), names begin with the dict's own: `KEY.NAME`.

    A pickle is read with `weights_only=True` and converted once to safetensors, in the cache.
    Raises Unavailable where the file is absent, or holds anything else than tensors.
    """
    from filelock import FileLock
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    found = find(name)
    if found.path is None:
        raise Unavailable(_absent([found]))
    if found.path.suffix == ".safetensors":
        try:
            return load_file(found.path)
        except SafetensorError as error:
            raise Unavailable(f"{found.path}: not a file of safetensors: {error}") from error
    inside = found.weight.inside
    keys = [found.sha256, *([inside] if isinstance(inside, str) else inside)]
    converted = cache_folder() / "weights" / name / f"{'-'.join(filter(None, keys))}.safetensors"
    try:
        if not converted.is_file():
            converted.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{converted}.lock"):  # of many workers one converts
                if not converted.is_file():
                    _save(_read_pickle(found.path, found.weight), converted)
        return load_file(converted)
    except (OSError, SafetensorError):  # a cache that cannot be written costs time only
        return _read_pickle(found.path, found.weight)


class _Inert:
    """In place of a class that a checkpoint names beside its tensors."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


def _read_pickle(path: Path, weight: Weight) -> dict[str, Tensor]:
    import pickle
    import zipfile

    import torch

    stand_ins: list[Any] = [(_Inert, name) for name in weight.inert]
    try:
        with torch.serialization.safe_globals(stand_ins):
            # Mapped where the format allows: a checkpoint of 3 GB is not held twice.
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError as error:
        named = re.search(r"GLOBAL (\S+)", str(error))
        raise Unavailable(
            f"{path}: this checkpoint of {weight.name} holds more than tensors "
            f"({named[1] if named else 'no plain pickle'}) and was not read, as it could run code"
        ) from error
    except UNREADABLE as error:
        reason = str(error) or type(error).__name__
        raise Unavailable(f"{path}: not a checkpoint that torch can read: {reason}") from error
    if isinstance(weight.inside, str):
        return _tensors(path, weight, content, weight.inside)
    found = {key: _tensors(path, weight, content, key) for key in weight.inside}
    return {f"{key}.{name}": tensor for key, tensors in found.items() for name, tensor in tensors.items()}


def _tensors(path: Path, weight: Weight, content: Any, key: str) -> dict[str, Tensor]:
    """The state dict under `key`, or all of `content` for ''. Raises Unavailable where it is none."""
    import torch

    if key:
        content = content.get(key) if isinstance(content, dict) else None
    if not isinstance(content, dict) or not all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in content.items()
    ):
        where = f" under {key!r}" if key else ""
        raise Unavailable(f"{path}: this checkpoint of {weight.name} has no tensors by name{where}")
    return content


def _save(tensors: Mapping[str, Tensor], path: Path) -> None:
    import uuid

    import torch
    from safetensors.torch import save_file

    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    seen: set[int] = set()

    def own(tensor: Tensor) -> Tensor:
        """The tensor, copied where it shares its memory, which safetensors do not allow."""
        storage = tensor.untyped_storage()
        alone = storage.nbytes() == tensor.nbytes and storage.data_ptr() not in seen
        seen.add(storage.data_ptr())
        return (
            tensor
            if alone and tensor.is_contiguous()
            else tensor.clone(memory_format=torch.contiguous_format)
        )

    try:
        save_file({key: own(value.detach()) for key, value in tensors.items()}, temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
