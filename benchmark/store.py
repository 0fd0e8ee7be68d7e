"""The store: one DuckDB file, written by one process only."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from . import place
from .errors import PlaceFault, UsageError

if TYPE_CHECKING:
    import duckdb


class Store:
    """An open `talkbench.duckdb`. A context manager; rows are committed as they are put."""

    def __init__(self, path: Path, read_only: bool = False) -> None:
        """Open or create the store. Raises UsageError when it is missing, damaged or in use."""
        import duckdb

        self.path = path
        if read_only and not path.exists():
            raise UsageError(f"{path}: no store there; run `talkbench sweep --out {path.parent}` first")
        if not read_only:
            place.writable(path.parent, "choose another folder (--out)")
        try:
            self.connection: duckdb.DuckDBPyConnection = duckdb.connect(str(path), read_only=read_only)
            if not read_only:
                schema = (resources.files("talkbench.benchmark") / "schema.sql").read_text(encoding="utf-8")
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

    def put(self, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Insert rows, all or none, replacing those with the same primary key. Mappings become JSON."""
        rows = list(rows)
        if not rows:
            return
        columns = list(rows[0])
        # One statement with a list per column: hundreds of times faster than one per row.
        statement = (
            f"INSERT OR REPLACE INTO {table} ({', '.join(columns)}) "
            f"SELECT {', '.join(['unnest(?)'] * len(columns))}"
        )
        self.connection.execute(statement, [[_plain(row[column]) for row in rows] for column in columns])

    def change(self, table: str, key: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        """Set columns of the row with this key."""
        sets = ", ".join(f"{column} = ?" for column in values)
        where = " AND ".join(f"{column} = ?" for column in key)
        parameters = [*map(_plain, values.values()), *key.values()]
        self.connection.execute(f"UPDATE {table} SET {sets} WHERE {where}", parameters)


def _plain(value: Any) -> Any:
    return json.dumps(value, sort_keys=True) if isinstance(value, Mapping) else value
