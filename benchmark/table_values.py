"""What the JSON and the numbers of a table may be: tables from anywhere are shown and computed with."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection


def problem(connection: Connection, table: str, types: Mapping[str, str]) -> str | None:
    """Why a table's values cannot be; None when they can. types: column → type."""
    for column, kind in types.items():
        rule = {
            "JSON": f"json_type(\"{column}\") <> 'OBJECT'",
            "DOUBLE": f'NOT isfinite("{column}")',
        }.get(kind)
        if rule and connection.execute(f'SELECT 1 FROM "{table}" WHERE {rule} LIMIT 1').fetchone():
            wanted = "JSON objects" if kind == "JSON" else "finite numbers, or NULL for none"
            return f"column {column!r} must hold {wanted}"
        check = _SHAPES.get((table, column))
        if check is None:
            continue
        for (text,) in connection.execute(
            f'SELECT DISTINCT "{column}"::VARCHAR FROM "{table}" WHERE "{column}" IS NOT NULL'
        ).fetchall():
            if wrong := check(json.loads(text)):
                return f"column {column!r}: {wrong}"
    return None


def _plain(value: object) -> bool:
    return value is None or isinstance(value, str | int | float)


def _scalars(values: Mapping[str, Any]) -> str | None:
    """Of params, options and builds."""
    for name, value in values.items():
        if not _plain(value):
            return f"{name!r} must be a text or a number"
    return None


def _counts(values: Mapping[str, Any]) -> str | None:
    """Of the parts of a bitstream."""
    for name, value in values.items():
        if type(value) is not int or value < 0:
            return f"{name!r} must be a whole number of bits"
    return None


def _environment(values: Mapping[str, Any]) -> str | None:
    for name, value in values.items():
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
        if not all(map(_plain, inner)):
            return f"{name!r} is nested more deeply than an environment is"
    return None


def _suite(values: Mapping[str, Any]) -> str | None:
    """The keys of a suite that reports read."""
    anchors = values.get("anchors") or {}
    if not isinstance(anchors, dict) or not all(isinstance(name, str) for name in anchors.values()):
        return "'anchors' must name a system for each rate"
    for name in ("systems", "metrics"):
        found = values.get(name) or []
        if not isinstance(found, list) or not all(isinstance(entry, str) for entry in found):
            return f"{name!r} must be a list of names"
    kbps = values.get("matched_kbps") or []
    if not isinstance(kbps, list) or not all(type(rate) in (int, float) for rate in kbps):
        return "'matched_kbps' must be a list of numbers"
    return None


_SHAPES: dict[tuple[str, str], Callable[[Mapping[str, Any]], str | None]] = {
    ("runs", "suite_resolved"): _suite,
    ("runs", "environment"): _environment,
    ("encodes", "params"): _scalars,
    ("encodes", "parts"): _counts,
    ("codecs", "build"): _scalars,
    ("codecs", "options"): _scalars,
    ("metrics", "build"): _scalars,
    ("metrics", "options"): _scalars,
}


def shape_problem(table: str, column: str, values: Mapping[str, Any]) -> str | None:
    """Why a JSON column may not hold `values`; None when it may, or has no shape of its own."""
    check = _SHAPES.get((table, column))
    return check(values) if check else None
