"""Results as a folder of Parquet files: nothing is lost, and nothing that is not a table gets in."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from talkbench.benchmark.store import parquet
from talkbench.benchmark.util.errors import UsageError

sys.path.insert(0, str(Path(__file__).parents[1] / "reports"))
from store_factory import StoreFactory, realistic  # pyright: ignore[reportMissingImports]

Change = Callable[[str, str], None]


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `tables/` and the store that they were written from."""
    folder = tmp_path_factory.mktemp("a=b [c] it's")
    realistic().build(folder / "store.duckdb")
    with duckdb.connect(str(folder / "store.duckdb"), read_only=True) as connection:
        parquet.write(connection, folder / "tables")
    return folder


@pytest.fixture
def change(snapshot: Path, tmp_path: Path) -> Change:
    """`change(table, sql)`: a copy of the snapshot in `tmp_path`, one file of which is the rows of `sql`."""

    def make(table: str, sql: str) -> None:
        (tmp_path / "tables").mkdir(exist_ok=True)
        for path in (snapshot / "tables").iterdir():
            (tmp_path / "tables" / path.name).write_bytes(path.read_bytes())
        source = str(snapshot / "tables" / f"{table}.parquet").replace("'", "''")
        with duckdb.connect() as connection:
            connection.execute(f"CREATE VIEW t AS FROM read_parquet('{source}', hive_partitioning = false)")
            connection.execute(f"COPY ({sql}) TO '{tmp_path}/tables/{table}.parquet' (FORMAT parquet)")

    return make


def rows(connection: duckdb.DuckDBPyConnection, name: str) -> list[tuple[Any, ...]]:
    return connection.execute(f"SELECT * FROM {name} ORDER BY ALL").fetchall()


def test_tables_and_views_come_back_equal(snapshot: Path) -> None:
    with (
        duckdb.connect(str(snapshot / "store.duckdb"), read_only=True) as store,
        parquet.open_results(snapshot) as found,
    ):
        names = [name for (name,) in store.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        assert sorted(names) == sorted(parquet.schema())
        for name in (*names, "rd_points", "leaderboard", "clip_points", "reference_points"):
            assert rows(found, name) == rows(store, name), name


def test_equal_stores_give_equal_files(snapshot: Path, tmp_path: Path) -> None:
    with parquet.open_results(snapshot, out=tmp_path) as connection:
        for path in parquet.write(connection, tmp_path / "again"):
            assert path.read_bytes() == (snapshot / "tables" / path.name).read_bytes()


def test_rows_of_earlier_plans_stay_behind(tmp_path: Path) -> None:
    StoreFactory().build(tmp_path / "store.duckdb")
    with duckdb.connect(str(tmp_path / "store.duckdb")) as connection:
        (gone, kept) = [
            connection.execute(
                f"SELECT count(*) FROM scores JOIN encodes USING (encode_id) WHERE {which}"
            ).fetchall()[0][0]
            for which in ("codec = 'hevc'", "codec <> 'hevc'")
        ]
        connection.execute("UPDATE encodes SET selected = false WHERE codec = 'hevc'")
        parquet.write(connection, tmp_path / "tables")
    with parquet.open_results(tmp_path) as found:
        assert rows(found, "(SELECT DISTINCT codec FROM encodes)") == [
            ("av1",),
            ("encodec",),
            ("fomm",),
            ("opus",),
            ("vvc",),
        ]
        assert gone
        assert len(rows(found, "scores")) == kept


@pytest.mark.parametrize(
    ("table", "sql", "words"),
    [
        ("encodes", "SELECT * EXCLUDE (encode_id) FROM t", r"encodes.parquet: column 'encode_id' is missing"),
        ("encodes", "SELECT *, 1 AS best FROM t", "has no column 'best'"),
        (
            "scores",
            "SELECT * REPLACE (value::VARCHAR AS value) FROM t",
            "'value' is of type VARCHAR; .* DOUBLE",
        ),
        ("scores", "SELECT * REPLACE (value::FLOAT AS value) FROM t", "'value' is of type FLOAT"),
        ("scores", "SELECT * REPLACE ([[1.0]] AS frame_values) FROM t", "'frame_values' is of type"),
        ("encodes", "SELECT * REPLACE ('{1' AS params) FROM t", "encodes.parquet: .*JSON"),
        ("encodes", "SELECT * REPLACE ('[1]' AS params) FROM t", "'params', row 1: must hold JSON objects"),
        ("encodes", "SELECT * REPLACE ('{\"qp\": [1]}' AS params) FROM t", "'qp' must be a text or a number"),
        ("encodes", "SELECT * REPLACE ('{\"x\": -8}' AS parts) FROM t", "'x' must be a whole number of bits"),
        (
            "scores",
            "SELECT * REPLACE ('nan'::DOUBLE AS value) FROM t",
            "'value', row 1: must hold finite numbers",
        ),
        (
            "scores",
            "SELECT * REPLACE ('inf'::DOUBLE AS weight) FROM t",
            "'weight', row 1: must hold finite numbers",
        ),
        ("runs", "SELECT * REPLACE ('{\"anchors\": 3}' AS suite_resolved) FROM t", "'anchors' must name"),
        (
            "runs",
            "SELECT * REPLACE ('{\"metrics\": [3]}' AS suite_resolved) FROM t",
            "'metrics' must be a list",
        ),
        ("runs", 'SELECT * REPLACE (\'{"matched_kbps": "x"}\' AS suite_resolved) FROM t', "list of numbers"),
        ("runs", "SELECT * REPLACE ('{\"gpus\": [[1]]}' AS environment) FROM t", "'gpus' is nested"),
        ("encodes", "FROM t UNION ALL FROM t", "encodes.parquet: .*[Dd]uplicate"),
        ("clips", "SELECT * REPLACE (NULL::VARCHAR AS name) FROM t", "clips.parquet: .*NOT NULL"),
    ],
)
def test_what_is_no_such_table_is_refused(
    change: Change, tmp_path: Path, table: str, sql: str, words: str
) -> None:
    change(table, sql)
    with pytest.raises(UsageError, match=words), parquet.open_results(tmp_path):
        pass


def test_missing_optional_columns_are_null(change: Change, tmp_path: Path) -> None:
    change("metrics", "SELECT * EXCLUDE (weights) FROM t")
    with parquet.open_results(tmp_path) as found:
        assert rows(found, "(SELECT DISTINCT weights FROM metrics)") == [(None,)]


def test_missing_and_unknown_tables(change: Change, tmp_path: Path) -> None:
    change("runs", "FROM t")
    (tmp_path / "tables" / "clips.parquet").rename(tmp_path / "tables" / "victims.parquet")
    with pytest.raises(UsageError, match="has no table 'victims'"), parquet.open_results(tmp_path):
        pass
    (tmp_path / "tables" / "victims.parquet").unlink()
    with pytest.raises(UsageError, match=r"clips.parquet: the file is missing"):
        parquet.open_results(tmp_path).__enter__()
    with pytest.raises(UsageError, match="no results there"):
        parquet.open_results(tmp_path / "nowhere").__enter__()


def test_limits_of_rows_and_memory(change: Change, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Runs of equal values: kilobytes that unpack to 80 MB.
    change(
        "scores", "SELECT * REPLACE (list_resize([1.0::FLOAT], 2_000_000, 1) AS frame_values) FROM t LIMIT 10"
    )
    assert (tmp_path / "tables" / "scores.parquet").stat().st_size < 1_000_000
    with pytest.raises(UsageError, match="needs more memory"):
        parquet.open_results(tmp_path, memory_limit="60MB").__enter__()
    change("scores", "FROM t")
    monkeypatch.setattr(parquet, "MAX_ROWS", 200)
    with pytest.raises(UsageError, match=r"scores.parquet: \d+ rows; a table may have 200"):
        parquet.open_results(tmp_path).__enter__()


def test_the_connection_reaches_no_other_file(snapshot: Path, tmp_path: Path) -> None:
    with parquet.open_results(snapshot) as found:
        for sql in (
            "FROM read_text('/etc/hostname')",
            f"COPY runs TO '{tmp_path}/runs.csv'",
            f"ATTACH '{tmp_path}/new.duckdb'",
            "SET enable_external_access = true",
        ):
            with pytest.raises(duckdb.Error):
                found.execute(sql)
    assert not list(tmp_path.iterdir())


@given(st.data())
def test_damaged_files_are_refused_or_read(snapshot: Path, data: st.DataObject) -> None:
    """A flipped byte never ends in anything but rows or a UsageError."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for path in (snapshot / "tables").iterdir():
            (copy / path.name).write_bytes(path.read_bytes())
        victim = copy / f"{data.draw(st.sampled_from(sorted(parquet.schema())))}.parquet"
        content = bytearray(victim.read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        victim.write_bytes(bytes(content))
        try:
            with parquet.read(copy, memory_limit="1GB") as connection:
                rows(connection, victim.stem)
        except UsageError as refusal:
            message = str(refusal)
            assert victim.name in message
