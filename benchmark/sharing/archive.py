"""A submission as one file: a plain zip whose members are stored, not compressed.

What is read is untrusted. Only members with the names that a submission has are taken, each as a new file
of a temporary folder; their number, sizes and sum are bounded by the archive's own size; hashes are made
while they are copied.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
import stat
import struct
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from ..store import parquet
from ..util import place
from ..util.errors import UsageError
from .manifest import NAME, File, Manifest

MAX_FILES = 250_000  # of what a listing of members may hold
MAX_BYTES = 1 << 40
SPARE_BITSTREAMS = 100  # that no row names: `verify` lists so many, more are not copied
MAX_MANIFEST_BYTES = 64 << 20
_CHUNK = 1 << 20
_DIRECTORY_BYTES = 48 << 20  # of the zip's list of members, which is read at once
_UNREADABLE = (zipfile.BadZipFile, struct.error, OSError, EOFError, ValueError, RuntimeError)
_EPOCH = (1980, 1, 1, 0, 0, 0)  # equal contents, equal bytes
_BITSTREAM = re.compile(r"artifacts/bitstreams/([0-9a-f]{2})/\1[0-9a-f]{62}\.tkb")
_ENCODES = f"{parquet.FOLDER}/encodes.parquet"
_TABLE = re.compile(r"tables/([a-z_]+)\.parquet")


@dataclass(frozen=True)
class Unpacked:
    """A submission in a folder of its own, laid out as a folder of results.

    damaged: member → what is wrong with it, where it is not what the manifest says.
    """

    archive: Path
    folder: Path
    manifest: Manifest
    damaged: Mapping[str, str] = field(default_factory=dict)


def pack(archive: Path, manifest: Manifest, sources: Mapping[str, Path]) -> int:
    """Write the manifest and its files, from `sources` (member → file), as one archive. Returns its bytes.

    Equal inputs give equal bytes. An archive that was there is replaced when the new one is whole.
    """
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=archive.parent, prefix=f".{archive.name}.", delete=False) as file:
        temporary = Path(file.name)
        try:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as target:
                target.writestr(_member(NAME), manifest.to_bytes())
                for member in sorted(manifest.files):
                    with (
                        sources[member].open("rb") as source,
                        target.open(_member(member, manifest.files[member].bytes), "w") as copy,
                    ):
                        while chunk := source.read(_CHUNK):
                            copy.write(chunk)
            file.flush()
            temporary.chmod(0o644)
            temporary.replace(archive)
        finally:
            temporary.unlink(missing_ok=True)
    return archive.stat().st_size


def _member(name: str, size: int = 0) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.create_system = 3
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    info.file_size = size
    return info


@contextlib.contextmanager
def unpacked(archive: Path) -> Iterator[Unpacked]:
    """The members of an archive as files of a temporary folder, which is removed afterwards.

    Raises UsageError naming the archive, the member and the reason for anything that `pack` does not write;
    a member whose bytes do not match the manifest is listed in `damaged`.
    """
    if not archive.is_file():
        raise UsageError(f"{archive}: no such file")
    with tempfile.TemporaryDirectory(prefix="talkbench-") as name:
        folder = Path(name)
        try:
            with _Bounded(archive) as file, zipfile.ZipFile(file) as source:
                result = _unpack(archive, source, folder)
        except _UNREADABLE as error:
            place.raise_fault(error)
            raise UsageError(
                f"{archive}: cannot be read as an archive of `talkbench submit`: {error}"
            ) from error
        yield result


class _Bounded:
    """A file that gives no more than _DIRECTORY_BYTES at once: zipfile reads its list of members whole."""

    def __init__(self, path: Path) -> None:
        self._file: IO[bytes] = path.open("rb")

    def __enter__(self) -> _Bounded:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(min(size, _DIRECTORY_BYTES + 1) if size >= 0 else _DIRECTORY_BYTES + 1)
        if len(data) > _DIRECTORY_BYTES:
            raise ValueError(f"its list of members takes more than {_DIRECTORY_BYTES} bytes")
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True


def _unpack(archive: Path, source: zipfile.ZipFile, folder: Path) -> Unpacked:
    members = _checked_members(archive, source.infolist())
    if NAME not in members:
        raise UsageError(f"{archive}: has no {NAME}; it is not an archive of `talkbench submit`")
    if members[NAME].file_size > MAX_MANIFEST_BYTES:
        raise UsageError(f"{archive}: {NAME}: larger than {MAX_MANIFEST_BYTES} bytes")
    try:
        with source.open(members[NAME]) as file:
            manifest = Manifest.from_bytes(file.read(MAX_MANIFEST_BYTES + 1))
    except zipfile.BadZipFile as error:
        raise UsageError(f"{archive}: {NAME}: {error}") from error
    except UsageError as error:
        raise UsageError(f"{archive}: {NAME}: {error}") from error
    for member in sorted(manifest.files.keys() - members.keys()):
        raise UsageError(f"{archive}: {_shown(member)}: the manifest names it, but it is not there")
    for member in sorted(members.keys() - manifest.files.keys() - {NAME}):
        raise UsageError(f"{archive}: {member}: the manifest does not name it")
    _check_room(archive, manifest, folder)
    damaged = {}
    # Tables first: they say which bitstreams there may be, before one of them is copied.
    in_order = sorted(manifest.files.items(), key=lambda entry: (not _TABLE.fullmatch(entry[0]), entry[0]))
    checked = False
    for member, wanted in in_order:
        if not checked and not _TABLE.fullmatch(member) and _ENCODES not in damaged:
            _check_bitstreams(archive, manifest, folder)
            checked = True
        wrong = _copy(source, members[member], folder / member, wanted)
        if wrong:
            damaged[member] = wrong
    return Unpacked(archive, folder, manifest, damaged)


def _check_room(archive: Path, manifest: Manifest, folder: Path) -> None:
    """Raise UsageError where the files do not fit on the disk that they are unpacked on."""
    wanted, free = sum(file.bytes for file in manifest.files.values()), shutil.disk_usage(folder).free
    if wanted > free:
        raise UsageError(
            f"{archive}: its files take {wanted} bytes, and {folder.parent} has {free} free; "
            "set TMPDIR to a folder of a larger disk"
        )


def _check_bitstreams(archive: Path, manifest: Manifest, folder: Path) -> None:
    """Raise UsageError where there are many more bitstreams than rows of encodes, before they are copied."""
    bitstreams = sum(not _TABLE.fullmatch(member) for member in manifest.files)
    table = folder / _ENCODES
    rows = parquet.row_count(table, f"{archive}: {_ENCODES}") if table.is_file() else 0
    if bitstreams > rows + SPARE_BITSTREAMS:
        raise UsageError(
            f"{archive}: {bitstreams} bitstreams, but {rows} rows of encodes; no row names the rest"
        )


def _checked_members(archive: Path, infos: Sequence[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """Name → member. Raises UsageError for a member that no submission has."""
    size = archive.stat().st_size
    if size > MAX_BYTES:
        raise UsageError(f"{archive}: larger than {MAX_BYTES} bytes, which no submission is")
    if len(infos) > MAX_FILES:
        raise UsageError(f"{archive}: {len(infos)} members; an archive may have {MAX_FILES}")
    found: dict[str, zipfile.ZipInfo] = {}
    total = 0
    for info in infos:
        reason = _refused(info) or ("is there twice" if info.filename in found else None)
        total += info.file_size
        if reason is None and total > size:
            reason = "the declared sizes of the members exceed the archive's size"
        if reason:
            raise UsageError(f"{archive}: {_shown(info.orig_filename)}: {reason}")
        found[info.filename] = info
    return found


def _refused(info: zipfile.ZipInfo) -> str | None:
    """Why a member is not taken."""
    name, kind = info.orig_filename, stat.S_IFMT(info.external_attr >> 16)
    if "\\" in name or name.startswith("/") or re.match(r"[A-Za-z]:", name) or ".." in name.split("/"):
        return "its name leads out of the archive"
    if kind not in (0, stat.S_IFREG):
        return "it is not an ordinary file (a link, a folder or a device)"
    if info.flag_bits & 0x1:
        return "it is encrypted"
    if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
        return "it is compressed; `talkbench submit` stores files as they are"
    if name != info.filename or not name.isascii():
        return "its name is not a valid file name"
    table = _TABLE.fullmatch(name)
    if table and table[1] not in parquet.schema():
        return f"this talkbench has no table {table[1]!r}"
    if name != NAME and not table and not _BITSTREAM.fullmatch(name):
        return "it is not part of a submission"
    return None


def _copy(source: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, wanted: File) -> str | None:
    """Copy one member; returns what is wrong with it. It never grows beyond what its header says."""
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with target.open("xb") as copy:
        try:
            with source.open(info) as file:
                while chunk := file.read(_CHUNK):
                    size += len(chunk)
                    if size > info.file_size:
                        raise zipfile.BadZipFile("it is longer than its header says")
                    digest.update(chunk)
                    copy.write(chunk)
        except zipfile.BadZipFile as error:
            return f"damaged: {error}"
    if size != wanted.bytes:
        return f"has {size} bytes; the manifest says {wanted.bytes}"
    if digest.hexdigest() != wanted.sha256:
        return f"its sha256 is {digest.hexdigest()[:16]}…; the manifest says {wanted.sha256[:16]}…"
    return None


def _shown(name: str) -> str:
    text = ascii(name)[1:-1]
    return text if len(text) <= 120 else f"{text[:120]}…"
