"""One entry of the registry `weights.toml`: what the weights are and where they come from."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path, PurePosixPath
from typing import Any, Literal
from urllib.parse import urlsplit

from ..util.errors import UsageError

REGISTRY = Path(__file__).with_name("weights.toml")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Weight:
    """One weights file.

    name: in the registry; what: one line; file: name of the file here, unique in the registry;
    licence: of the weights; non_commercial: whether it forbids commercial use (asked before a fetch);
    variant: `official`, or `synthetic` for parts that this project trained on its own data;
    url: where the official file is (https; http only with a sha256); unpack: how it is packed there;
    page: where people find the file, if no program may fetch it there or the url is not the authors' own;
    bytes, sha256: of the file as it is used, unpacked; without a sha256 the first complete file is recorded;
    package, package_file: an installed Python package that brings the same file, and the path inside it;
    shipped: path inside talkbench; hub: caches of other programs that may hold it: `torch` or `whisper` (by
    file name), `huggingface:OWNER/NAME/PATH`;
    inside: key of the state dict within the checkpoint, where it is not the whole, or keys of several, whose
    tensors are then named KEY.NAME; inert: classes beside it that are read as empty stand-ins, never as
    themselves.
    """

    name: str
    what: str
    file: str
    licence: str
    non_commercial: bool = False
    variant: Literal["official", "synthetic"] = "official"
    url: str = ""
    page: str = ""
    unpack: Literal["", "bz2"] = ""
    bytes: int = 0
    sha256: str = ""
    package: str = ""
    package_file: str = ""
    shipped: str = ""
    hub: tuple[str, ...] = ()
    inside: str | tuple[str, ...] = ""
    inert: tuple[str, ...] = ()


def read(path: Path = REGISTRY) -> Mapping[str, Weight]:
    """The registry by name. Raises UsageError naming file, table and key of what is wrong."""
    with path.open("rb") as file:
        try:
            tables = tomllib.load(file)
        except tomllib.TOMLDecodeError as error:
            raise UsageError(f"{path}: not valid TOML: {error}") from error
    found = {name: _weight(path, name, table) for name, table in tables.items()}
    files = [weight.file for weight in found.values()]
    for weight in found.values():
        if files.count(weight.file) > 1:
            raise _wrong(path, weight.name, f"file {weight.file!r} is another's too; give it its own name")
    return found


def _weight(path: Path, name: str, table: Mapping[str, Any]) -> Weight:
    defaults = {part.name: part.default for part in fields(Weight) if part.name != "name"}
    types = {
        "non_commercial": (bool,),
        "bytes": (int,),
        "hub": (list,),
        "inert": (list,),
        "inside": (str, list),
    }
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in defaults:
            raise _wrong(path, name, f"unknown key {key!r}; there are: {', '.join(defaults)}")
        allowed = types.get(key, (str,))
        if type(value) not in allowed:
            raise _wrong(
                path, name, f"{key} must be a {' or '.join(kind.__name__ for kind in allowed)}, got {value!r}"
            )
        if isinstance(value, list) and not all(isinstance(item, str) for item in value):
            raise _wrong(path, name, f"{key} must be a list of strings, got {value!r}")
        values[key] = tuple(value) if isinstance(value, list) else value
    for key in ("what", "file", "licence"):
        if not table.get(key):
            raise _wrong(path, name, f"key {key!r} is missing")
    weight = Weight(name, **values)
    _check(path, weight)
    return weight


def _check(path: Path, weight: Weight) -> None:
    """Nothing that the registry names may lead out of the folder that it belongs to."""
    inner = [weight.package, weight.package_file, weight.shipped]
    inner += [place.partition(":")[2] for place in weight.hub]
    keys = (weight.inside,) if isinstance(weight.inside, str) else weight.inside
    rules = [
        (not _NAME.fullmatch(weight.name), "names are lower case, digits, '.', '_' and '-'"),
        (not _FILE.fullmatch(weight.file), f"file must be a plain file name, got {weight.file!r}"),
        (
            any(PurePosixPath(part).is_absolute() or ".." in PurePosixPath(part).parts for part in inner),
            f"one of {[part for part in inner if part]} leads out of its folder",
        ),
        (
            not all(re.fullmatch(r"torch|whisper|huggingface:[^/]+/[^/]+/.+", place) for place in weight.hub),
            f"hub may have 'torch', 'whisper' and 'huggingface:OWNER/NAME/PATH', got {list(weight.hub)}",
        ),
        (
            bool(weight.sha256) and not _SHA256.fullmatch(weight.sha256),
            f"sha256 must be 64 hex digits in lower case, got {weight.sha256!r}",
        ),
        (weight.variant not in ("official", "synthetic"), "variant must be official or synthetic"),
        (weight.unpack not in ("", "bz2"), f"unpack may be 'bz2', got {weight.unpack!r}"),
        (bool(weight.unpack) and not weight.bytes, "what is unpacked needs bytes, its size unpacked"),
        ("." in weight.package, "package must be a top-level one; the rest goes into package_file"),
        (bool(weight.package) != bool(weight.package_file), "package and package_file go together"),
        (
            weight.inside != "" and not (keys and all(map(_FILE.fullmatch, keys))),
            f"inside must be a plain key, or several, got {weight.inside!r}",
        ),
        (bool(weight.shipped) and not weight.sha256, "what is shipped needs its sha256"),
        (not (weight.url or weight.page or weight.shipped), "it needs a url, a page, or shipped"),
        (bool(weight.page) and not may_fetch(weight.page, False), f"page must be https, got {weight.page!r}"),
        (
            bool(weight.url) and not may_fetch(weight.url, bool(weight.sha256)),
            f"url must be https (http only with a sha256), got {weight.url!r}",
        ),
    ]
    for broken, problem in rules:
        if broken:
            raise _wrong(path, weight.name, problem)


def may_fetch(url: str, hash_is_known: bool) -> bool:
    """Whether `url` is safe to fetch: https, or http where the hash is known or the host is this machine."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return bool(parts.hostname)
    return parts.scheme == "http" and (hash_is_known or parts.hostname in LOCAL_HOSTS)


def _wrong(path: Path, name: str, problem: str) -> UsageError:
    return UsageError(f"{path}: [{name}]: {problem}")
