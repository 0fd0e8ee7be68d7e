"""Submissions for tests: honest ones, and what an attacker makes of them."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
from talkbench.benchmark.execution.executors import SerialExecutor
from talkbench.benchmark.sharing import archive, submit
from talkbench.benchmark.sharing.manifest import File
from talkbench.benchmark.sharing.verify import Request, Verification, verify
from talkbench.benchmark.store import parquet
from talkbench.benchmark.util.hashing import key, sha256_file

Connection = duckdb.DuckDBPyConnection
Change = Callable[[Connection, Path], None]


class NoProgress:
    """A progress bar that says nothing."""

    def total(self, stage: str, cells: int) -> None: ...

    def done(self, stage: str, label: str, error: str | None, cells: int = 1) -> None: ...


def check(path: Path, sample: int | None = None, clips: tuple[Path, ...] = (), seed: int = 0) -> Verification:
    """`talkbench verify` in this process; `sample` None is --all."""
    return verify(Request(path, sample, seed, clips), SerialExecutor("cpu"), NoProgress())


def wrong(found: Verification) -> dict[str, list[str]]:
    """Check → what is wrong, of those that found something."""
    return {check.name: check.wrong for check in found.checks if check.wrong}


def not_checked(found: Verification, name: str) -> dict[str, int]:
    (one,) = [check for check in found.checks if check.name == name]
    return dict(one.not_checked)


def tamper(source: Path, target: Path, change: Change, new_manifest: bool = True) -> Path:
    """A copy of an archive with its tables (a connection) and files (a folder) changed.

    new_manifest: the manifest is rewritten, so that all hashes in it are right; else the tables stay too.
    """
    with archive.unpacked(source) as found:
        folder, new = found.folder, found.folder / "new"
        with parquet.read(folder / "tables", out=new) as connection:
            change(connection, folder)
            new.mkdir()
            for table in parquet.schema().keys() - submit.LEFT_OUT:
                connection.execute(f"COPY {table} TO '{new}/{table}.parquet' (FORMAT parquet)")
        shutil.rmtree(folder / "tables" if new_manifest else new)
        if new_manifest:
            new.rename(folder / "tables")
        paths = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
        manifest = found.manifest
        if new_manifest:
            files = {name: File(sha256_file(path), path.stat().st_size) for name, path in paths.items()}
            manifest = replace(manifest, files=files)
        archive.pack(target, manifest, paths)
    return target


def sql(*statements: str) -> Change:
    """A change of tables only."""

    def change(connection: Connection, folder: Path) -> None:
        for statement in statements:
            connection.execute(statement)

    return change


def rename_codec(old: str, new: str, identity: Mapping[str, Any] | None = None) -> Change:
    """Every row of a codec under another name, with all names that are hashes recomputed, files too.

    identity: other columns of the codec's row (fingerprint included); default: its own, under the new name.
    """

    def change(connection: Connection, folder: Path) -> None:
        ((version, weights, build, options),) = connection.execute(
            "SELECT version, weights, build, options FROM codecs WHERE codec = ?", [old]
        ).fetchall()
        made = key(new, version, weights, json.loads(build), json.loads(options))[:16]
        values = {"fingerprint": made, **(identity or {})}
        names = {}
        for encode_id, params, sha256 in connection.execute(
            "SELECT encode_id, params, c.sha256 FROM encodes JOIN clips c USING (clip_id) WHERE codec = ?",
            [old],
        ).fetchall():
            names[encode_id] = key(sha256, values["fingerprint"], json.loads(params))
        connection.execute("UPDATE codecs SET codec = ? WHERE codec = ?", [new, old])
        for column, value in values.items():
            connection.execute(f"UPDATE codecs SET {column} = ? WHERE codec = ?", [value, new])
        for table in ("encodes", "set_scores"):
            connection.execute(
                f"UPDATE {table} SET codec = ?, fingerprint = ? WHERE codec = ?",
                [new, values["fingerprint"], old],
            )
        connection.execute("DELETE FROM bd_rates")
        connection.execute("DELETE FROM systems WHERE kind = 'pair'")
        for column in ("system", "video_codec", "audio_codec"):
            connection.execute(f"UPDATE systems SET {column} = ? WHERE {column} = ?", [new, old])
        for before, after in names.items():
            for table, column in (
                ("encodes", "encode_id"),
                ("scores", "encode_id"),
                ("set_features", "encode_id"),
                ("pair_scores", "video_encode_id"),
                ("pair_scores", "audio_encode_id"),
            ):
                connection.execute(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", [after, before])
            path = folder / f"artifacts/bitstreams/{before[:2]}/{before}.tkb"
            if path.is_file():
                target = folder / f"artifacts/bitstreams/{after[:2]}/{after}.tkb"
                target.parent.mkdir(exist_ok=True)
                path.rename(target)

    return change


def raw_zip(path: Path, members: Mapping[str, bytes], **attributes: Any) -> Path:
    """A zip with any members, which `pack` would not write."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as target:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            for attribute, value in attributes.items():
                setattr(info, attribute, value)
            target.writestr(info, data)
    return path
