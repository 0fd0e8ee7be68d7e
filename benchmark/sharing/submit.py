"""Packs the results of a sweep into one archive that others can verify and merge."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ... import __version__
from ..store import parquet
from ..store.artifacts import bitstream_path
from ..util.errors import UsageError
from ..util.hashing import sha256_file
from . import archive
from .checks import listed
from .manifest import File, Manifest

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection

LEFT_OUT = ("previews",)  # their files are for viewing and stay at home


@dataclass(frozen=True)
class Submission:
    """An archive that was written: its manifest, its bytes, and those of its tables and bitstreams."""

    path: Path
    manifest: Manifest
    bytes: int
    table_bytes: int
    bitstream_bytes: int


class Run(NamedTuple):
    """The suite of a run, and when it ended (ISO 8601, UTC), or ''."""

    suite: str
    finished_at: str


def submit(
    directory: Path, target: Path | None = None, name: str = "", unfinished: bool = False
) -> Submission:
    """Pack the latest plan's tables and bitstreams of `directory` into `target`.

    target: the archive (default: DIR.talkbench.zip in that folder);
    name: who submits, or ''; unfinished: pack a store whose latest run did not end.
    Raises UsageError where a bitstream is missing or has changed since it was written.
    """
    with (
        tempfile.TemporaryDirectory(prefix="talkbench-") as temporary,
        parquet.open_results(directory, out=Path(temporary)) as connection,
    ):
        run = latest_run(connection, directory, unfinished)
        sources = _bitstreams(connection, directory)
        bitstreams = len(sources)
        paths, rows = _tables(connection, Path(temporary))
        for path in paths:
            sources[f"{parquet.FOLDER}/{path.name}"] = path
        files = {member: File(sha256_file(path), path.stat().st_size) for member, path in sources.items()}
        counts = {**rows, "bitstreams": bitstreams}
        manifest = Manifest(__version__, run.suite, name, run.finished_at, counts, files)
        # What cannot be read back must not be written: the same rules for both sides.
        Manifest.from_bytes(manifest.to_bytes())
        target = target or directory / f"{directory.resolve().name}.talkbench.zip"
        size = archive.pack(target, manifest, sources)
    of_tables = sum(file.bytes for member, file in files.items() if member.startswith(parquet.FOLDER))
    return Submission(target, manifest, size, of_tables, sum(f.bytes for f in files.values()) - of_tables)


def _tables(connection: Connection, folder: Path) -> tuple[list[Path], dict[str, int]]:
    """Write the tables below `folder`; returns the files, and how many rows each has.

    BD-rates are recomputed: those of a store may be older than its scores, and `verify` recomputes them.
    """
    from ..analysis import bd_rate

    parquet.write(connection, folder / "plan", without=LEFT_OUT)
    with parquet.read(folder / "plan", out=folder) as copy:
        bd_rate.write(copy)
        paths = parquet.write(copy, folder / "whole", without=LEFT_OUT)
        return paths, parquet.counts(copy, without=LEFT_OUT)


def latest_run(connection: Connection, directory: Path, unfinished: bool) -> Run:
    """The latest run. Raises UsageError where there is none, or it did not end."""
    row = connection.execute(
        "SELECT suite, finished_at FROM runs ORDER BY started_at DESC, run_id DESC LIMIT 1"
    ).fetchone()
    if row is None:
        raise UsageError(
            f"{directory}: no run is recorded there; run `talkbench sweep --out {directory}` first"
        )
    suite, finished_at = row
    if finished_at is None and not unfinished:
        raise UsageError(
            f"{directory}: the latest run has not finished; run its sweep again (it resumes), "
            "or use --unfinished to pack what there is"
        )
    return Run(suite or "", finished_at.isoformat(timespec="seconds") if finished_at else "")


def _bitstreams(connection: Connection, directory: Path) -> dict[str, Path]:
    """Member → file of every finished encode of the latest plan."""
    rows = connection.execute(
        f"SELECT encode_id, codec, point, bitstream_sha256 FROM ({parquet.latest('encodes')}) "
        "WHERE status = 'ok' ORDER BY encode_id"
    ).fetchall()
    if not rows:
        raise UsageError(f"{directory}: no encode is finished there: nothing to submit")
    found, wrong = {}, []
    for encode_id, codec, point, sha256 in rows:
        path = bitstream_path(directory, encode_id)
        if not path.is_file():
            wrong.append(f"{path} ({codec} {point}): missing")
        elif sha256_file(path) != sha256:
            wrong.append(f"{path} ({codec} {point}): changed since it was written")
        found[path.relative_to(directory).as_posix()] = path
    if wrong:
        raise UsageError(
            f"{directory}: {len(wrong)} of {len(rows)} bitstreams do not match the store; run its sweep "
            "again to recreate them\n" + "\n".join(listed(wrong))
        )
    return found
