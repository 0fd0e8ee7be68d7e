"""What the report says of working memory: both stages, and nothing of stores that measured a whole worker."""

from pathlib import Path

import duckdb
import pytest
from store_factory import realistic
from talkbench.benchmark.store.database import Store
from talkbench.reports import words
from talkbench.reports.papers import cost
from talkbench.reports.queries import facts
from talkbench.reports.source import Source


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return realistic().build(tmp_path_factory.mktemp("memory") / "talkbench.duckdb")


def rows(store: Path) -> tuple[dict, list]:
    with duckdb.connect(str(store), read_only=True) as connection:
        speed = {row["codec"]: row for row in facts.speed(connection)}
        return speed, cost.points(Source(connection))


def test_both_stages_are_there_and_the_table_has_the_larger(store: Path) -> None:
    speed, points = rows(store)
    with duckdb.connect(str(store), read_only=True) as connection:
        largest = {
            codec: found
            for codec, *found in connection.execute(
                "SELECT codec, max(peak_rss_bytes), max(decode_peak_rss_bytes) FROM encodes "
                "WHERE status = 'ok' GROUP BY codec"
            ).fetchall()
        }
    assert {
        name: [row["encode_rss_bytes"], row["decode_rss_bytes"]] for name, row in speed.items()
    } == largest
    for row in points:
        assert cost.memory(row).text == words.sized(max(row["encode_rss_bytes"], row["decode_rss_bytes"]))


def test_no_memory_is_a_measure_too() -> None:
    none = dict.fromkeys(("encode_rss_bytes", "decode_rss_bytes"), 0)
    cell = cost.memory({**none, "encode_gpu_bytes": None, "decode_gpu_bytes": 3_000_000})
    assert (cell.text, cell.sort, cell.notes) == ("0 MB", 0, ("GPU 3 MB",))
    assert [words.sized(count) for count in (48_200, 999_000, 1_000_000)] == ["48 kB", "999 kB", "1 MB"]


def test_the_whole_worker_of_an_earlier_store_is_not_shown(store: Path, tmp_path: Path) -> None:
    old = tmp_path / "talkbench.duckdb"
    old.write_bytes(store.read_bytes())
    with duckdb.connect(str(old)) as connection:
        for view in connection.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall():
            connection.execute(f"DROP VIEW IF EXISTS {view[0]}")
        for column in ("decode_peak_rss_bytes", "decode_peak_gpu_bytes"):
            connection.execute(f"ALTER TABLE encodes DROP COLUMN {column}")
    with Store(old):
        pass
    speed, points = rows(old)
    assert speed
    assert points
    assert {row["encode_rss_bytes"] for row in speed.values()} == {None}
    assert {cost.memory(row).notes for row in points} == {("not measured",)}
