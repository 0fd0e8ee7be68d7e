"""What the values of a table may be: tables from anywhere are shown, computed with and written again.

Every column of every table has limits, and they are checked on the file, before a row of it is read into a
database: texts by their length and without NUL, numbers by their size, times by their year, JSON by its
depth, its numbers and its texts.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection

MAX_TEXT_BYTES = 1 << 16  # of a message, a transcript, a definition
MAX_NAME_BYTES = 1024  # of what identifies a row
MAX_JSON_BYTES = 64 << 20  # the ground truth of a long rendered clip takes some
MAX_JSON_DEPTH = 16
MAX_DIGITS = 20  # of an integer in JSON: 64 bits
MAX_COUNT = 1 << 53  # integers that a float holds exactly
MAX_MAGNITUDE = 1e30  # the sixth power of it is still a float
MIN_MAGNITUDE = 1e-60  # no measured value is smaller; float32 ends at 1e-45
MAX_FRAMES = 10_000_000
MAX_LIST = 16  # of a list of names
FIRST_YEAR, LAST_YEAR = 1970, 2999

_NAMES = frozenset(
    [
        "run_id", "suite", "suite_sha256", "plan_sha256", "talkbench_version",
        "git_commit", "device", "clip_id", "dataset", "name",
        "sha256", "item_key", "codec", "fingerprint", "version",
        "family", "weights", "metric", "kind", "modality",
        "unit", "aggregate", "system", "video_codec", "audio_codec",
        "encode_id", "point", "bitstream_sha256", "encode_device", "decode_status",
        "decode_device", "video_encode_id", "audio_encode_id", "metric_fingerprint", "inputs",
        "anchor", "rate", "status", "speaker",
    ]
)  # fmt: skip
_STATUSES = ("ok", "failed", "timeout", "oom", "unavailable")
_BD_STATUSES = ("ok", "low_overlap", "no_overlap", "non_monotone", "too_few_points")
_WORDS: Mapping[tuple[str, str], tuple[str, ...]] = {
    **{
        (table, "status"): _STATUSES
        for table in (
            "clips", "codecs", "metrics", "encodes", "scores", "pair_scores", "set_features", "set_scores",
            "previews",
        )
    },
    ("encodes", "decode_status"): _STATUSES,
    ("bd_rates", "status"): _BD_STATUSES,
    ("bd_rates", "rate"): ("video", "audio", "total"),
    ("systems", "kind"): ("pair", "joint", "video", "audio"),
    ("metrics", "kind"): ("frame", "clip", "pair", "set"),
    ("metrics", "modality"): ("video", "audio", "pair"),
}  # fmt: skip
# Lowest and highest value, of numbers whose size decides what is reserved or divided by.
_RANGES: Mapping[tuple[str, str], tuple[float, float]] = {
    ("clips", "frames"): (0, MAX_FRAMES),
    ("clips", "height"): (0, 16384),
    ("clips", "width"): (0, 16384),
    ("clips", "fps"): (0, 1000),
    ("clips", "samples"): (0, 1 << 36),
    ("clips", "sample_rate"): (0, 1_000_000),
    ("clips", "channels"): (0, 64),
    ("encodes", "duration_s"): (1e-6, 1e9),
    ("encodes", "bits_video"): (0, 1 << 50),
    ("encodes", "bits_audio"): (0, 1 << 50),
    ("encodes", "bits_joint"): (0, 1 << 50),
    ("scores", "weight"): (0, MAX_MAGNITUDE),
    ("pair_scores", "weight"): (0, MAX_MAGNITUDE),
}


def problem(
    connection: Connection, source: str, path: str, table: str, types: Mapping[str, str]
) -> str | None:
    """Why a file's values cannot be, naming the column and the row; None when they can.

    source: SQL of the file's rows, with their number as `file_row_number` and `path` as its only parameter;
    types: column of the file → its type in the schema.
    """
    rules = {column: rule for column, kind in types.items() if (rule := _rule(table, column, kind))}
    listed = ", ".join(f"min(file_row_number) FILTER (WHERE {wrong})" for wrong, _ in rules.values())
    (rows,) = connection.execute(f"SELECT {listed} FROM {source}", [path]).fetchall()
    for (column, (_, wanted)), row in zip(rules.items(), rows, strict=True):
        if row is not None:
            return f"column {column!r}, row {row + 1}: must {wanted}"
    for column, kind in types.items():
        if kind != "JSON":
            continue
        for row, text in _json_values(connection, source, path, column):
            if wrong := json_problem(table, column, text):
                return f"column {column!r}, row {row + 1}: {wrong}"
    return None


def _rule(table: str, column: str, kind: str) -> tuple[str, str] | None:
    """SQL that is true of a wrong value, and what a value must be."""
    name = f'"{column}"'
    if words := _WORDS.get((table, column)):
        return f"{name} NOT IN {words}", f"be one of {', '.join(words)}"
    if kind == "VARCHAR":
        most = MAX_NAME_BYTES if column in _NAMES else MAX_TEXT_BYTES
        return (
            f"strlen({name}) > {most} OR contains({name}, chr(0))",
            f"be a text of at most {most} bytes without NUL",
        )
    if kind == "JSON":
        return f"strlen({name}::VARCHAR) > {MAX_JSON_BYTES}", f"have at most {MAX_JSON_BYTES} bytes"
    if kind == "VARCHAR[]":
        return (
            f"len({name}) > {MAX_LIST} OR len(list_filter({name}, lambda x: x IS NULL OR "
            f"x NOT IN ('video', 'audio'))) > 0",
            "be a list of 'video' and 'audio'",
        )
    if kind == "FLOAT[]":
        return (
            f"len({name}) > {MAX_FRAMES} OR len(list_filter({name}, lambda x: x IS NOT NULL AND "
            f"(NOT isfinite(x) OR abs(x) > {MAX_MAGNITUDE}))) > 0",
            f"be a list of at most {MAX_FRAMES} finite numbers, within ±{MAX_MAGNITUDE:g}",
        )
    if kind == "TIMESTAMP":
        return (
            f"NOT isfinite({name}) OR {name} < TIMESTAMP '{FIRST_YEAR}-01-01' OR "
            f"{name} > TIMESTAMP '{LAST_YEAR}-12-31'",
            f"be a time of the years {FIRST_YEAR} to {LAST_YEAR}",
        )
    if kind == "DOUBLE":
        low, high = _RANGES.get((table, column), (-MAX_MAGNITUDE, MAX_MAGNITUDE))
        return (
            f"NOT isfinite({name}) OR {name} NOT BETWEEN {low} AND {high} OR "
            f"{name} <> 0 AND abs({name}) < {MIN_MAGNITUDE}",
            f"hold finite numbers from {low:g} to {high:g}, none smaller than {MIN_MAGNITUDE:g} but 0",
        )
    if kind in ("INTEGER", "BIGINT"):
        low, high = _RANGES.get((table, column), (0, MAX_COUNT))
        return f"{name} NOT BETWEEN {low} AND {high}", f"be a whole number from {low} to {high}"
    return None


def _json_values(connection: Connection, source: str, path: str, column: str) -> Iterator[tuple[int, str]]:
    """Row (from 0) and text of each different value."""
    found = connection.execute(
        f'SELECT min(file_row_number), "{column}"::VARCHAR AS text FROM {source} '
        f'WHERE "{column}" IS NOT NULL GROUP BY text ORDER BY 1',
        [path],
    )
    while rows := found.fetchmany(1000):
        yield from rows


def json_problem(table: str, column: str, text: str) -> str | None:
    """Why a JSON column may not hold `text`; None when it may."""
    try:
        values = json.loads(text, parse_int=_integer, parse_constant=_no_constant)
    except RecursionError:
        return f"its JSON is nested more deeply than {MAX_JSON_DEPTH}"
    except ValueError as error:
        return f"cannot be read as JSON: {error}"
    if not isinstance(values, dict):
        return "must hold JSON objects"
    return _tree_problem(values) or shape_problem(table, column, values)


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"an integer of {len(digits)} digits; {MAX_DIGITS} are the most")
    return int(digits)


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number in JSON")


def _tree_problem(values: object) -> str | None:
    """What no JSON here has: depth, numbers that are too large or too small, texts that are not Unicode."""
    level = [values]
    for _ in range(MAX_JSON_DEPTH):
        inner: list[object] = []
        for value in level:
            if isinstance(value, dict):
                inner += value
                inner += value.values()
            elif isinstance(value, list):
                inner += value
            elif isinstance(value, float) and not _usable(value):
                return f"holds the number {value:g}, which nothing here is"
            elif isinstance(value, str) and ("\0" in value or not _is_unicode(value)):
                return "holds a text with NUL, or half of a character"
        if not inner:
            return None
        level = inner
    return f"its JSON is nested more deeply than {MAX_JSON_DEPTH}"


def _usable(value: float) -> bool:
    return math.isfinite(value) and (value == 0 or MIN_MAGNITUDE <= abs(value) <= MAX_MAGNITUDE)


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any(0xD800 <= ord(c) < 0xE000 for c in text)


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
    """The keys of a suite that reports and verifications read."""
    for name in ("name", "title"):
        if not isinstance(values.get(name) or "", str):
            return f"{name!r} must be a text"
    anchors = values.get("anchors") or {}
    if not isinstance(anchors, dict) or not all(isinstance(name, str) for name in anchors.values()):
        return "'anchors' must name a system for each rate"
    for name in ("systems", "metrics"):
        found = values.get(name) or []
        if not isinstance(found, list) or not all(isinstance(entry, str) for entry in found):
            return f"{name!r} must be a list of names"
    kbps = values.get("matched_kbps") or []
    if not isinstance(kbps, list) or not all(type(rate) in (int, float) and 0 < rate < 1e12 for rate in kbps):
        return "'matched_kbps' must be a list of numbers above 0"
    datasets = values.get("datasets") or []
    if not isinstance(datasets, list) or not all(isinstance(entry, dict) for entry in datasets):
        return "'datasets' must be a list of tables"
    for entry in datasets:
        if wrong := _scalars(entry):
            return f"'datasets': {wrong}"
    options = values.get("metric_options") or {}
    if not isinstance(options, dict) or not all(isinstance(entry, dict) for entry in options.values()):
        return "'metric_options' must hold a table for each family"
    for family, entry in options.items():
        if wrong := _scalars(entry):
            return f"'metric_options' of {family!r}: {wrong}"
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
