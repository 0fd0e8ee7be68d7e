"""A store's tables as a folder of Parquet files, and results read from either form.

What is read may come from anywhere: names, types, keys and sizes are checked against schema.sql, and the
connection that reads has no access to anything but the files themselves.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..util.errors import UsageError
from . import validation
from .database import Store

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection

STORE = "talkbench.duckdb"
FOLDER = "tables"
REQUIRED = frozenset({"runs", "clips", "codecs", "metrics", "systems", "encodes", "scores"})
MAX_ROWS = 50_000_000
MAX_FILE_BYTES = 4 << 30

_PARQUET = "read_parquet(?, hive_partitioning = false)"  # a folder called 'a=b' is not a column
NUMBERED = "read_parquet(?, hive_partitioning = false, file_row_number = true)"
_VARIANTS = """(
    SELECT encode_id FROM encodes WHERE selected
    UNION ALL SELECT 'reference:' || clip_id FROM clips WHERE selected
)"""
_METRICS = "(SELECT metric, fingerprint FROM metrics WHERE selected)"
# What of each table belongs to the latest plan; tables that are not named here are written whole.
_LATEST = {
    "clips": "selected",
    "codecs": "selected",
    "metrics": "selected",
    "systems": "selected",
    "datasets": "dataset IN (SELECT dataset FROM clips WHERE selected)",
    "encodes": "selected AND clip_id IN (SELECT clip_id FROM clips WHERE selected)",
    "scores": f"encode_id IN {_VARIANTS} AND (metric, fingerprint) IN {_METRICS}",
    "set_features": f"encode_id IN {_VARIANTS} AND (metric, fingerprint) IN {_METRICS}",
    "pair_scores": f"video_encode_id IN {_VARIANTS} AND audio_encode_id IN {_VARIANTS} "
    f"AND (metric, fingerprint) IN {_METRICS}",
    "previews": f"encode_id IN {_VARIANTS}",
    "set_scores": f"(metric, metric_fingerprint) IN {_METRICS} AND "
    "(codec, fingerprint, point) IN (SELECT codec, fingerprint, point FROM encodes WHERE selected)",
}


class Column(NamedTuple):
    """A column of a base table, as schema.sql has it; `required` is NOT NULL or part of the key."""

    name: str
    type: str
    required: bool


def empty() -> Connection:
    """A new in-memory database with the schema and no row."""
    import duckdb

    connection = duckdb.connect()
    connection.execute(
        (resources.files("talkbench.benchmark.store") / "schema.sql").read_text(encoding="utf-8"),
    )
    return connection


@cache
def schema() -> dict[str, tuple[Column, ...]]:
    """Base table → its columns in order, from schema.sql."""
    with empty() as connection:
        return _columns(connection)


def _columns(connection: Connection) -> dict[str, tuple[Column, ...]]:
    rows = connection.execute(
        """
        SELECT table_name, column_name, data_type, NOT is_nullable FROM duckdb_columns()
        WHERE schema_name = 'main' AND NOT internal
          AND table_name IN (SELECT table_name FROM duckdb_tables() WHERE NOT internal AND NOT temporary)
        ORDER BY table_name, column_index
        """
    ).fetchall()
    found: dict[str, tuple[Column, ...]] = {}
    for table, *column in rows:
        found[table] = (*found.get(table, ()), Column(*column))
    return found


@cache
def keys(table: str) -> tuple[str, ...]:
    """The primary key of a base table, which also orders its rows."""
    with empty() as connection:
        row = connection.execute(
            "SELECT constraint_column_names FROM duckdb_constraints() "
            "WHERE table_name = ? AND constraint_type = 'PRIMARY KEY'",
            [table],
        ).fetchone()
    return tuple(row[0]) if row else ()


def latest(table: str) -> str:
    """SQL for the rows of a base table that belong to the latest plan."""
    return f'SELECT * FROM "{table}" WHERE {_LATEST.get(table, "true")}'


def counts(connection: Connection, without: Collection[str] = ()) -> dict[str, int]:
    """How many rows of each base table belong to the latest plan."""
    found = {}
    for table in _columns(connection):
        if table not in without:
            ((found[table],),) = connection.execute(f"SELECT count(*) FROM ({latest(table)})").fetchall()
    return found


def write(connection: Connection, folder: Path, without: Collection[str] = ()) -> list[Path]:
    """Write the latest plan's rows of every base table as `folder/TABLE.parquet`; returns the files.

    Rows are in order of their keys, so that equal stores give equal files. Views are not written: they
    follow from the tables. Rows of earlier plans stay behind, all runs are kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    present = _columns(connection)
    paths = []
    for table, columns in schema().items():
        have = {column.name for column in present.get(table, ())}
        if not have or table in without:  # not there: a store of an older talkbench, opened read-only
            continue
        chosen = ", ".join(
            f'"{c.name}"' if c.name in have else f'CAST(NULL AS {c.type}) AS "{c.name}"' for c in columns
        )
        order = ", ".join(f'"{name}"' for name in keys(table))
        path = folder / f"{table}.parquet"
        quoted = str(path).replace("'", "''")
        connection.execute(
            f"COPY (SELECT {chosen} FROM ({latest(table)}) ORDER BY {order}) "
            f"TO '{quoted}' (FORMAT parquet, COMPRESSION zstd)"
        )
        paths.append(path)
    return paths


@contextlib.contextmanager
def open_results(
    directory: Path, out: Path | None = None, memory_limit: str | None = None
) -> Iterator[Connection]:
    """A connection to the results in `directory`: its `talkbench.duckdb`, else its `tables/*.parquet`.

    A store is opened read-only. Tables are read into memory, with the views of the schema over them; what
    is changed there is changed for this connection only, and COPY can write below `out` and nowhere else.
    memory_limit: of that database ('2GB').
    Raises UsageError naming the file, and the column, that is missing or is not what the schema says.
    """
    if (directory / STORE).is_file():
        with Store(directory / STORE, read_only=True) as store:
            yield store.connection
        return
    if not (directory / FOLDER).is_dir():
        raise UsageError(
            f"{directory}: no results there: neither {STORE} nor a folder {FOLDER}; "
            f"run `talkbench sweep --out {directory}` first"
        )
    with read(directory / FOLDER, out, memory_limit) as connection:
        yield connection


@contextlib.contextmanager
def read(
    folder: Path, out: Path | None = None, memory_limit: str | None = None, archive: Path | None = None
) -> Iterator[Connection]:
    """An in-memory database of `folder/*.parquet`. Raises UsageError as `open_results` does.

    archive: what `folder` was unpacked from: errors name it and its member.
    """

    def shown(table: str) -> str:
        return f"{archive}: {FOLDER}/{table}.parquet" if archive else str(folder / f"{table}.parquet")

    files = {path.stem: path.absolute() for path in sorted(folder.glob("*.parquet"))}
    for table in sorted(files.keys() - schema().keys()):
        raise UsageError(
            f"{shown(table)}: this talkbench has no table {table!r}; "
            "was it written by a newer one? Update talkbench, or take the file away"
        )
    for table in sorted(REQUIRED - files.keys()):
        raise UsageError(f"{shown(table)}: the file is missing, and the results need it")
    with empty() as connection:
        _confine(connection, list(files.values()), out, memory_limit)
        for table, path in files.items():
            _insert(connection, table, path, shown(table))
        yield connection


def _confine(connection: Connection, files: list[Path], out: Path | None, memory_limit: str | None) -> None:
    """From here on the connection reads these files and nothing else, and writes below `out` only."""
    connection.execute("SET temp_directory = ''")
    connection.execute("SET autoinstall_known_extensions = false")
    connection.execute("SET autoload_known_extensions = false")
    if memory_limit:
        connection.execute("SET memory_limit = ?", [memory_limit])
    connection.execute("SET allowed_paths = ?", [[str(path) for path in files]])
    if out is not None:
        connection.execute("SET allowed_directories = ?", [[str(out.absolute())]])
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _insert(connection: Connection, table: str, path: Path, shown: str) -> None:
    import duckdb

    if path.stat().st_size > MAX_FILE_BYTES:
        raise UsageError(f"{shown}: larger than {MAX_FILE_BYTES} bytes, which no table here is")
    try:
        names = _checked_columns(connection, table, path, shown)
        source = str(path)
        listed = ", ".join(f'"{name}"' for name in names)
        (rows,) = connection.execute(
            "SELECT sum(num_rows) FROM parquet_file_metadata(?)", [source]
        ).fetchall()
        if (rows[0] or 0) > MAX_ROWS:
            raise UsageError(f"{shown}: {rows[0]} rows; a table may have {MAX_ROWS}")
        types = {column.name: column.type for column in schema()[table] if column.name in names}
        if wrong := validation.problem(connection, NUMBERED, source, table, types):
            raise UsageError(f"{shown}: {wrong}")
        connection.execute(
            f'INSERT INTO "{table}" ({listed}) SELECT {listed} FROM {_PARQUET} LIMIT {MAX_ROWS}', [source]
        )
    except duckdb.ConstraintException as error:
        raise UsageError(f"{shown}: {_first_line(error)}") from error
    except duckdb.OutOfMemoryException as error:
        raise UsageError(f"{shown}: needs more memory than a table may take: {_first_line(error)}") from error
    except (duckdb.Error, UnicodeDecodeError) as error:
        raise UsageError(f"{shown}: cannot be read as a Parquet table: {_first_line(error)}") from error


def row_count(path: Path, shown: str) -> int:
    """Rows of a Parquet file, from its footer alone. Raises UsageError where it has none."""
    import duckdb

    with duckdb.connect() as connection:
        _confine(connection, [path.absolute()], None, None)
        try:
            (found,) = connection.execute(
                "SELECT sum(num_rows) FROM parquet_file_metadata(?)", [str(path.absolute())]
            ).fetchall()
        except (duckdb.Error, UnicodeDecodeError) as error:
            raise UsageError(f"{shown}: cannot be read as a Parquet table: {_first_line(error)}") from error
    return int(found[0] or 0)


def _checked_columns(connection: Connection, table: str, path: Path, shown: str) -> list[str]:
    """The columns of a file, all of which the schema has, with its types."""
    source = str(path)
    found = connection.execute(f"DESCRIBE SELECT * FROM {_PARQUET}", [source]).fetchall()
    types = {name: kind for name, kind, *_ in found}
    wanted = {column.name: column for column in schema()[table]}
    for name in types.keys() - wanted.keys():
        raise UsageError(
            f"{shown}: table {table} of this talkbench has no column {name!r}; "
            "was it written by a newer one? Update talkbench"
        )
    for column in wanted.values():
        if column.name not in types:
            if column.required:
                raise UsageError(f"{shown}: column {column.name!r} is missing")
        elif types[column.name] not in (column.type, "VARCHAR" if column.type == "JSON" else column.type):
            raise UsageError(
                f"{shown}: column {column.name!r} is of type {types[column.name]}; it should be {column.type}"
            )
    return list(types)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]
