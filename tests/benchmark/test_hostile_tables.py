"""Tables from strangers: no value of any column passes the one check, and each command says so in a line."""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from talkbench.benchmark.cli import main
from talkbench.benchmark.sharing import archive
from talkbench.benchmark.sharing.manifest import File, Manifest
from talkbench.benchmark.store import parquet, validation
from talkbench.benchmark.util.errors import UsageError
from talkbench.benchmark.util.hashing import sha256_file
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[1] / "reports"))
from store_factory import StoreFactory  # pyright: ignore[reportMissingImports]

DEEP = '{"a": ' + "[" * 400 + "]" * 400 + "}"
VERY_DEEP = '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}"
HOSTILE = {
    "VARCHAR": ["repeat('x', 100000)", "'a' || chr(0) || 'b'"],
    "JSON": [
        f"'{DEEP}'",
        f"'{VERY_DEEP}'",
        "'{\"a\": ' || repeat('9', 5000) || '}'",
        "'{\"a\": 1e400}'",
        "'{\"a\": 5e-324}'",
        "'{\"a\": NaN}'",
        "'{\"a\": -Infinity}'",
        "'{\"a\": \"\\u0000\"}'",
        "'{\"a\": \"\\ud800\"}'",
        "'[1]'",
        "'3'",
        "'{1'",
        "''",
    ],
    "DOUBLE": ["'inf'::DOUBLE", "'-inf'::DOUBLE", "'nan'::DOUBLE", "5e-324", "1e308", "-1e200"],
    "BIGINT": ["-1", "9223372036854775807", "(-9223372036854775808)"],
    "INTEGER": ["-1", "(-2147483648)"],
    "TIMESTAMP": [
        "'infinity'::TIMESTAMP", "'-infinity'::TIMESTAMP",
        "TIMESTAMP '290000-01-01'", "TIMESTAMP '0001-01-01'",
    ],
    "VARCHAR[]": ["['smell']", "[NULL]::VARCHAR[]", "list_transform(range(99), lambda x: 'video')"],
    "FLOAT[]": ["['nan'::FLOAT]", "['inf'::FLOAT]", "[1e35::FLOAT]"],
}  # fmt: skip
COLUMNS = [
    (table, column.name, column.type) for table, columns in parquet.schema().items() for column in columns
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of all tables, of a small store, each with a row at least."""
    folder = tmp_path_factory.mktemp("whole")
    StoreFactory().build(folder / "store.duckdb")
    with duckdb.connect(str(folder / "store.duckdb"), read_only=True) as connection:
        parquet.write(connection, folder / "tables")
    return folder / "tables"


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


@pytest.mark.parametrize(
    ("table", "column", "kind"), COLUMNS, ids=[f"{table}.{column}" for table, column, _ in COLUMNS]
)
def test_no_value_of_any_column_gets_past(
    database: duckdb.DuckDBPyConnection, tmp_path: Path, table: str, column: str, kind: str
) -> None:
    written = "VARCHAR" if kind == "JSON" else kind
    for number, value in enumerate(HOSTILE.get(kind, [])):
        path = tmp_path / f"{number}.parquet"
        database.execute(
            f"COPY (SELECT NULL::{written} AS {column} UNION ALL SELECT {value}::{written}) "
            f"TO '{path}' (FORMAT parquet)"
        )
        wrong = validation.problem(database, parquet.NUMBERED, str(path), table, {column: kind})
        assert wrong is not None, value[:80]
        assert wrong.startswith(f"column {column!r}, row 2: "), wrong[:200]
        assert len(wrong) < 500
        assert "\n" not in wrong


def test_every_kind_of_column_has_hostile_values() -> None:
    assert {kind for _, _, kind in COLUMNS} - {"BOOLEAN"} == set(HOSTILE)


def test_what_a_store_has_passes(whole: Path) -> None:
    with parquet.read(whole) as connection:
        assert connection.execute("SELECT count(*) > 0 FROM scores").fetchone() == (True,)


_ATTACKS = [
    ("scores", "value", "5e-324"),
    ("encodes", "params", f"'{DEEP}'"),
    ("runs", "suite_resolved", f"'{VERY_DEEP}'"),
    ("runs", "started_at", "'infinity'::TIMESTAMP"),
    ("encodes", "parts", "'{\"x\": ' || repeat('9', 5000) || '}'"),
    ("clips", "transcript", "repeat('x', 20000000)"),
    ("codecs", "paper", "'a' || chr(0)"),
    ("scores", "detail", '\'{"a": "\\ud800"}\''),
]


def _attacked(whole: Path, folder: Path, table: str, column: str, value: str) -> Path:
    shutil.copytree(whole, folder / "tables")
    kind = "JSON" if column in ("params", "suite_resolved", "parts", "detail") else "same"
    cast = f"({value})" + ("::VARCHAR" if kind == "JSON" else "")
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT * REPLACE ({cast} AS {column}) FROM read_parquet('{whole / f'{table}.parquet'}')) "
            f"TO '{folder / 'tables' / f'{table}.parquet'}' (FORMAT parquet)"
        )
    return folder


def _packed(folder: Path) -> Path:
    paths = {f"tables/{path.name}": path for path in (folder / "tables").iterdir() if path.stem != "previews"}
    files = {name: File(sha256_file(path), path.stat().st_size) for name, path in paths.items()}
    archive.pack(folder / "a.zip", Manifest("0", "s", "", "", {}, files), paths)
    return folder / "a.zip"


@pytest.mark.parametrize(("table", "column", "value"), _ATTACKS)
def test_each_command_refuses_in_one_line(
    whole: Path, tmp_path: Path, table: str, column: str, value: str
) -> None:
    folder = _attacked(whole, tmp_path / "results", table, column, value)
    packed = _packed(folder)
    for command in (
        ["report", folder],
        ["export", folder, "--format", "csv"],
        ["verify", packed],
        ["merge", packed, folder, "--out", tmp_path / "merged"],
        ["merge", folder, packed, "--out", tmp_path / "merged"],
        ["bd-rate", folder, "--anchor", "vvc"],
    ):
        result = CliRunner().invoke(main.app, list(map(str, command)))
        assert isinstance(result.exception, UsageError), (command, result.exception)
        assert f"{table}.parquet: column {column!r}, row 1: " in str(result.exception)
        assert "\n" not in str(result.exception)


def test_text_that_is_not_utf8_is_one_line(whole: Path, tmp_path: Path) -> None:
    folder = _attacked(whole, tmp_path / "results", "clips", "name", "'QQQQQQQQ' || clip_id")
    path = folder / "tables" / "clips.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (FROM read_parquet('{path}')) TO '{path}.new' (FORMAT parquet, COMPRESSION uncompressed)"
        )
    data = Path(f"{path}.new").read_bytes()
    assert b"QQQQQQQQ" in data
    path.write_bytes(data.replace(b"QQQQQQQQ", b"\xff\xfe\xff\xfeQQQQ"))
    Path(f"{path}.new").unlink()
    with pytest.raises(UsageError, match=r"clips\.parquet: ") as caught, parquet.open_results(folder):
        pass
    assert "\n" not in str(caught.value)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=10,
)
_JSON_COLUMNS = [(table, column) for table, column, kind in COLUMNS if kind == "JSON"]


@given(value=_JSON, of=st.sampled_from(_JSON_COLUMNS))
@settings(max_examples=300, deadline=None)
def test_json_that_passes_can_be_written_again(value: Any, of: tuple[str, str]) -> None:
    text = json.dumps(value)
    if validation.json_problem(*of, text) is None:
        json.dumps(json.loads(text), allow_nan=False, ensure_ascii=False).encode("utf-8")
