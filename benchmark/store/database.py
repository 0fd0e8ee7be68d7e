"""The store: one DuckDB file, written by one process only."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from ..util import place
from ..util.errors import PlaceFault, UsageError

if TYPE_CHECKING:
    import duckdb


Row = TypeVar("Row")


class Store:
    """An open `talkbench.duckdb`. A context manager; rows are committed as they are put, or together in a
    `transaction`."""

    def __init__(self, path: Path, read_only: bool = False) -> None:
        """Open or create the store. Raises UsageError when it is missing, damaged or in use."""
        import duckdb

        self.path = path
        self._in_transaction = False
        self._defaults: dict[str, dict[str, str]] = {}
        if read_only and not path.exists():
            raise UsageError(f"{path}: no store there; run `talkbench sweep --out {path.parent}` first")
        if not read_only:
            place.writable(path.parent, "choose another folder (--out)")
        try:
            self.connection: duckdb.DuckDBPyConnection = duckdb.connect(str(path), read_only=read_only)
            if not read_only:
                schema = (resources.files("talkbench.benchmark.store") / "schema.sql").read_text(
                    encoding="utf-8"
                )
                self.connection.execute(schema)
        except duckdb.IOException as error:
            if "lock" in str(error).lower():
                if "not supported" in str(error) or place.without_locks(path.parent):
                    raise PlaceFault(
                        f"{path}: its file system has no locks; choose a folder on another one (--out)"
                    ) from error
                raise UsageError(
                    f"{path}: another talkbench process has it open; wait for it to end"
                ) from error
            fault = place.fault(error) if "valid DuckDB" not in str(error) else None
            if fault is not None:
                raise fault from error
            raise UsageError(f"{path}: cannot be opened as a DuckDB store: {error}") from error

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()

    def rows(self, query: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[dict[str, Any]]:
        """All rows of a query, as dictionaries. Parameters are by position (`?`) or by name (`$name`)."""
        given = dict(parameters) if isinstance(parameters, Mapping) else list(parameters)
        result = self.connection.execute(query, given)
        names = [column[0] for column in result.description or []]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def records(
        self, kind: type[Row], query: str, parameters: Sequence[Any] | Mapping[str, Any] = ()
    ) -> list[Row]:
        """All rows of a query as `kind`, a record whose fields are named as the query's columns."""
        return [kind(**row) for row in self.rows(query, parameters)]

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes inside are there together, or none after an exception or a kill; may be nested."""
        if self._in_transaction:
            yield
            return
        self.connection.execute("BEGIN TRANSACTION")
        self._in_transaction = True
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        else:
            self.connection.execute("COMMIT")
        finally:
            self._in_transaction = False

    def put(self, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write whole rows, all or none, in the place of those with the same primary key.

        A column that a row does not name takes the table's default (NULL), never what an older row had: use
        `change` to set some columns of a row. Mappings become JSON. Raises UsageError for a column that the
        table does not have.
        """
        defaults = self._column_defaults(table)
        groups: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
        for row in rows:
            groups.setdefault(tuple(row), []).append(row)
        with self.transaction():
            for names, group in groups.items():
                if unknown := set(names) - set(defaults):
                    raise UsageError(
                        f"{self.path}: table {table!r} has no column {', '.join(sorted(unknown))}; "
                        f"its columns are {', '.join(defaults)}"
                    )
                # One statement with a list per column: hundreds of times faster than one per row.
                values = ["unnest(?)" if column in names else default for column, default in defaults.items()]
                given = [[_plain(row[column]) for row in group] for column in defaults if column in names]
                self.connection.execute(
                    f"INSERT OR REPLACE INTO {table} ({', '.join(defaults)}) SELECT {', '.join(values)}",
                    given,
                )

    def _column_defaults(self, table: str) -> dict[str, str]:
        """Column → SQL of its default, in the table's order."""
        if table not in self._defaults:
            found = self.connection.execute(
                "SELECT column_name, coalesce(column_default, 'NULL') FROM duckdb_columns() "
                "WHERE table_name = ? AND schema_name = 'main' ORDER BY column_index",
                [table],
            ).fetchall()
            self._defaults[table] = dict(found)
        return self._defaults[table]

    def change(self, table: str, key: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        """Set columns of the row with this key."""
        sets = ", ".join(f"{column} = ?" for column in values)
        where = " AND ".join(f"{column} = ?" for column in key)
        parameters = [*map(_plain, values.values()), *key.values()]
        self.connection.execute(f"UPDATE {table} SET {sets} WHERE {where}", parameters)


def _plain(value: Any) -> Any:
    return json.dumps(value, sort_keys=True) if isinstance(value, Mapping) else value
