"""Merges the results of several machines or teams into one store, or says why that is not possible.

All or nothing: the new folder is built beside its place, and takes it when it is whole.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..store import parquet as tables
from ..store.artifacts import bitstream_path, preview_folder
from ..store.database import Store
from ..util.errors import UsageError
from ..util.hashing import sha256_file
from . import archive, checks, merge_conflicts, merge_rows, structure, submit

if TYPE_CHECKING:
    from ..store.database import Store
    from .merge import Part

MEMORY_LIMIT = "4GB"


@dataclass(frozen=True)
class Part:
    """One of the results to merge. name: as given; source: its file's or folder's name, and who submitted;
    tables: folder of its Parquet files; root: where its artifacts/bitstreams are."""

    name: str
    source: str
    tables: Path
    root: Path


@dataclass(frozen=True)
class Merged:
    """What a merge made: rows by table, duplicate rows, void distribution scores, bitstreams."""

    counts: dict[str, int]
    repeated: int
    void_set_scores: int
    bitstreams: int
    systems: Sequence[str]


def merge(
    parts: Sequence[Path], out: Path, keep_fingerprints: bool = False, unfinished: bool = False
) -> Merged:
    """Merge folders of results and archives into the new folder `out`.

    keep_fingerprints: metrics of one name and different fingerprints stand side by side; unfinished: also
    folders whose latest run did not end. Raises UsageError, and leaves nothing, where parts contradict
    each other or one of them fails its checks.
    """
    if len(parts) < 2:
        raise UsageError("merge needs two or more folders or archives")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"--out {out}: already exists and is not an empty folder; give a new folder")
    out.absolute().parent.mkdir(parents=True, exist_ok=True)
    building = out.absolute().with_name(f".{out.absolute().name}.{uuid.uuid4().hex[:8]}")
    try:
        with contextlib.ExitStack() as stack:
            opened = [stack.enter_context(_part(path, unfinished)) for path in parts]
            merged = _build(opened, building, keep_fingerprints)
        if out.is_dir():
            out.rmdir()
        building.rename(out.absolute())
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return merged


@contextlib.contextmanager
def _part(path: Path, unfinished: bool) -> Iterator[Part]:
    """Open a folder or an archive and check it. Raises UsageError where its checks fail."""
    if path.is_dir():
        with (
            tempfile.TemporaryDirectory(prefix="talkbench-") as temporary,
            tables.open_results(path, out=Path(temporary)) as connection,
        ):
            submit.latest_run(connection, path, unfinished)
            tables.write(connection, Path(temporary))
            part = Part(str(path), path.resolve().name, Path(temporary), path)
            _check(part, None)
            yield part
        return
    with archive.unpacked(path) as unpacked:
        for member, reason in unpacked.damaged.items():
            raise UsageError(f"{path}: {member}: {reason}")
        by = f" by {unpacked.manifest.name}" if unpacked.manifest.name else ""
        part = Part(str(path), f"{path.name}{by}", unpacked.folder / tables.FOLDER, unpacked.folder)
        _check(part, path)
        yield part


def _check(part: Part, archived: Path | None) -> None:
    """Raise UsageError unless a part passes its checks; an archive has no bitstreams beside those needed."""
    with tables.read(part.tables, memory_limit=MEMORY_LIMIT, archive=archived) as connection:
        found = structure.check(connection, part.root, whole=archived is not None)
    lines = [checks.plain(line) for check in found for line in check.wrong]
    if lines:
        shown = "\n".join(checks.listed(lines))
        raise UsageError(f"{part.name}: its tables or bitstreams fail their checks:\n{shown}")


def _build(parts: Sequence[Part], folder: Path, keep_fingerprints: bool) -> Merged:
    from ..analysis import bd_rate

    names = [part.name for part in parts]
    with Store(folder / tables.STORE) as store:
        for table in merge_rows.TABLES:
            files = [part.tables / f"{table}.parquet" for part in parts]
            merge_rows.stage(store, table, [str(file) if file.is_file() else None for file in files])
        for number, part in enumerate(parts):
            store.connection.execute(
                "UPDATE all_runs SET source = ? WHERE part = ? AND source IS NULL", [part.source, number]
            )
        contradictions = merge_conflicts.found(store, names, keep_fingerprints)
        if contradictions:
            raise UsageError("cannot merge, the results contradict each other:\n" + "\n".join(contradictions))
        repeated = sum(merge_rows.take(store, table) for table in merge_rows.TAKEN_BY_KEY)
        void = merge_rows.take_set_scores(store)
        bitstreams = take_bitstreams(store, parts, folder)
        take_previews(store, parts, folder)
        _check_merged(store, folder)
        bd_rate.write(store.connection)
        counts = tables.counts(store.connection, without=submit.LEFT_OUT)
        systems = [
            name
            for (name,) in store.connection.execute(
                "SELECT system FROM systems WHERE listed ORDER BY 1"
            ).fetchall()
        ]
        for table in merge_rows.TABLES:
            store.connection.execute(f"DROP TABLE all_{table}")
    return Merged(counts, repeated, void, bitstreams, systems)


def _check_merged(store: Store, folder: Path) -> None:
    """Apply the checks of each part to the whole; where they fail, the parts do not fit together."""
    lines = [line for check in structure.check(store.connection, folder, True) for line in check.wrong]
    if lines:
        shown = "\n".join(checks.plain(line) for line in checks.listed(lines))
        raise UsageError(f"the merged tables are not consistent:\n{shown}")


def _link(source: Path, target: Path) -> None:
    """Link a file, or copy it where links do not reach. Results are only ever replaced, never changed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)


def take_bitstreams(store: Store, parts: Sequence[Part], folder: Path) -> int:
    """Bring the file of every finished encode, and check its hash at its new place. Returns how many."""
    rows = store.connection.execute(
        "SELECT e.encode_id, e.bitstream_sha256, min(a.part) FROM encodes e "
        "JOIN all_encodes a ON a.encode_id = e.encode_id AND a.bitstream_sha256 = e.bitstream_sha256 "
        "WHERE e.status = 'ok' GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    for encode_id, sha256, number in rows:
        target = bitstream_path(folder, encode_id)
        _link(bitstream_path(parts[number].root, encode_id), target)
        if target.is_symlink() or sha256_file(target) != sha256:
            raise UsageError(f"{parts[number].name}: the bitstream {encode_id} changed while it was read")
    return len(rows)


def take_previews(store: Store, parts: Sequence[Part], folder: Path) -> None:
    """Bring previews of what is merged, from the first part that has the files; archives have none.

    Nothing is checked here: a report looks at each preview before it shows it.
    """
    connection = store.connection
    rows = connection.execute(
        "SELECT encode_id, part FROM all_previews WHERE status = 'ok' AND encode_id IN "
        "(SELECT encode_id FROM encodes UNION ALL SELECT 'reference:' || clip_id FROM clips) ORDER BY ALL"
    ).fetchall()
    taken: dict[str, int] = {}
    for encode_id, number in rows:
        source = preview_folder(parts[number].root, encode_id)
        if encode_id in taken or not source.is_dir():
            continue
        taken[encode_id] = number
        for path in source.iterdir():
            if path.is_file() and not path.is_symlink():
                _link(path, preview_folder(folder, encode_id) / path.name)
    connection.execute(
        "INSERT INTO previews BY NAME SELECT * EXCLUDE (part) FROM all_previews "
        "WHERE (encode_id, part) IN (SELECT (unnest(?), unnest(?)))",
        [list(taken), list(taken.values())],
    )
    connection.execute(
        "INSERT INTO previews BY NAME SELECT * EXCLUDE (part) FROM all_previews "
        "WHERE status <> 'ok' AND encode_id NOT IN (SELECT encode_id FROM previews) "
        "QUALIFY row_number() OVER (PARTITION BY encode_id ORDER BY part) = 1"
    )
