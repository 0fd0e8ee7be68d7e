"""No row describes what no longer exists: whole rows, and scores that are deleted with their bits."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from talkbench.benchmark.execution.executors import SerialExecutor
from talkbench.benchmark.plan import plan, suite
from talkbench.benchmark.store import artifacts
from talkbench.benchmark.store.database import Store
from talkbench.benchmark.sweep import records, sweep
from talkbench.benchmark.util.errors import CodecError, UsageError
from talkbench.benchmark.util.progress import LineProgress
from talkbench.benchmark.util.terminal import Terminal

SETUP = ("psnr", "snr", "fake_sync", "fake_distance")
POINTS = '\n[codecs.fake-video]\npoints = ["v64", "v4"]\n[codecs.fake-audio]\npoints = ["a64"]\n'
TABLES = ("scores", "pair_scores", "set_features", "set_scores")


class Killed(BaseException):
    """What a test raises where a process would be killed."""


class DyingConnection:
    """A DuckDB connection that raises `Killed` before its n-th write of encodes or what is made of them."""

    def __init__(self, connection: Any, writes: int) -> None:
        self._connection = connection
        self.left = writes

    def execute(self, statement: str, *arguments: Any) -> Any:
        verb, *words = statement.split()
        if verb in ("INSERT", "UPDATE", "DELETE") and not {"encodes", "previews", *TABLES}.isdisjoint(words):
            self.left -= 1
            if self.left < 0:
                raise Killed
        return self._connection.execute(statement, *arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def run(suite_file: Path, out: Path, writes: int | None = None, retry_failed: bool = False) -> int:
    """One sweep in this process, killed before its write number `writes`. Returns how many were left."""
    chosen = suite.load(str(suite_file))
    progress = LineProgress(Terminal(file=io.StringIO()))
    with Store(out / "talkbench.duckdb") as store:
        if writes is not None:
            store.connection = DyingConnection(store.connection, writes)  # pyright: ignore
        running = sweep.Sweep(
            chosen, plan.make(chosen), out, store, SerialExecutor("cpu"), progress, retry_failed
        )
        running.run("test", {})
        return store.connection.left if writes is not None else 0  # pyright: ignore


@pytest.fixture
def suite_file(tiny_suite: Callable[..., Path]) -> Callable[..., Path]:
    def write(metrics: tuple[str, ...] = SETUP) -> Path:
        path = tiny_suite(["fake-video+fake-audio"], metrics=metrics, clips=1)
        path.write_text(path.read_text() + POINTS)
        return path

    return write


def encodes(out: Path) -> dict[str, dict[str, Any]]:
    with Store(out / "talkbench.duckdb") as store:
        return {row["point"]: row for row in store.rows("SELECT * FROM encodes")}


def made_of(out: Path, encode_id: str) -> dict[str, set[str]]:
    """Table → the runs that made what is there of one encode; of sets, of its codec and point."""
    queries = {
        "scores": "encode_id = $id",
        "pair_scores": "$id IN (video_encode_id, audio_encode_id)",
        "set_features": "encode_id = $id",
        "previews": "encode_id = $id",
        "set_scores": "(codec, point) = (SELECT (codec, point) FROM encodes WHERE encode_id = $id)",
    }
    with Store(out / "talkbench.duckdb") as store:
        return {
            table: {
                row["run_id"]
                for row in store.rows(f"SELECT run_id FROM {table} WHERE {where}", {"id": encode_id})
            }
            for table, where in queries.items()
        }


def counts(out: Path) -> dict[str, int]:
    with Store(out / "talkbench.duckdb") as store:
        return {
            table: store.rows(f"SELECT count(*) AS n FROM {table}")[0]["n"] for table in (*TABLES, "previews")
        }


def coded_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake codecs give other bits from now on, under the same identity: darker pictures."""
    from talkbench_example import fakes

    means = fakes.means
    monkeypatch.setattr(fakes, "means", lambda clip: means(clip) // 2)


def decoded_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    from talkbench_example import fakes

    decode = fakes.FakeCodec.decode

    def darker(self: Any, stream: Any, spec: Any) -> Any:
        clip = decode(self, stream, spec)
        clip.video.floor_divide_(2)
        return clip

    monkeypatch.setattr(fakes.FakeCodec, "decode", darker)


# -- a write is a whole row -------------------------------------------------------------------------


def test_a_put_replaces_the_whole_row(tmp_path: Path) -> None:
    with Store(tmp_path / "s.duckdb") as store:
        store.put("clips", [{"clip_id": "a", "dataset": "d", "name": "n", "status": "ok", "selected": True,
                             "speaker": "S1", "frames": 7, "truth": {"x": 1}}])  # fmt: skip
        short = {"clip_id": "a", "dataset": "d", "name": "n", "status": "failed", "selected": False}
        store.put("clips", [short])
        (row,) = store.rows("SELECT * FROM clips")
        assert row == {**dict.fromkeys(row), **short}
        # One that only sets some columns leaves the others.
        store.change("clips", {"clip_id": "a"}, {"note": "dark"})
        (row,) = store.rows("SELECT * FROM clips")
        assert (row["status"], row["note"]) == ("failed", "dark")


def test_every_table_is_replaced_whole(tmp_path: Path) -> None:
    """Put a full row, then one with what must be there only: nothing else is left, in any table."""
    from talkbench.benchmark.store import parquet

    samples = {
        "BOOLEAN": True,
        "TIMESTAMP": "2024-01-01 00:00:00",
        "JSON": "{}",
        "VARCHAR[]": ["x"],
        "FLOAT[]": [0.5],
    }
    with Store(tmp_path / "s.duckdb") as store:
        for table, columns in parquet.schema().items():
            full = {
                column.name: samples.get(column.type, "1" if column.type == "VARCHAR" else 1)
                for column in columns
            }
            needed = {column.name: full[column.name] for column in columns if column.required}
            store.put(table, [full])
            assert None not in store.rows(f"SELECT * FROM {table}")[0].values(), table
            store.put(table, [needed])
            (row,) = store.rows(f"SELECT * FROM {table}")
            assert {name for name, value in row.items() if value is not None} == set(needed), table


def test_rows_of_one_put_may_name_different_columns_and_all_or_none_are_written(tmp_path: Path) -> None:
    base = {"dataset": "a", "synthetic": True}
    with Store(tmp_path / "s.duckdb") as store:
        store.put(
            "datasets",
            [
                {**base, "note": "n"},
                {"note": "m", **base, "dataset": "b", "licence": "l"},
                {**base, "dataset": "c"},
            ],
        )
        found = store.rows("SELECT dataset, licence, note FROM datasets ORDER BY 1")
        assert [tuple(row.values()) for row in found] == [
            ("a", None, "n"),
            ("b", "l", "m"),
            ("c", None, None),
        ]
        with pytest.raises(UsageError, match=r"'datasets' has no column licence_of.*licence, note"):
            store.put("datasets", [{**base, "dataset": "d"}, {**base, "licence_of": "x"}])
        assert len(store.rows("FROM datasets")) == 3


def test_a_transaction_is_all_or_nothing(tmp_path: Path) -> None:
    with Store(tmp_path / "s.duckdb") as store:

        def write_and_die() -> None:
            with store.transaction():
                store.put("datasets", [{"dataset": "a", "synthetic": True}])
                raise Killed

        with pytest.raises(Killed):
            write_and_die()
        assert not store.rows("FROM datasets")
        with store.transaction(), store.transaction():
            store.put("datasets", [{"dataset": "a", "synthetic": True}])
        assert len(store.rows("FROM datasets")) == 1


# -- scores go with their bits ----------------------------------------------------------------------


def lose_and_recode(out: Path, monkeypatch: pytest.MonkeyPatch, encode_id: str) -> None:
    artifacts.bitstream_path(out, encode_id).unlink()
    coded_otherwise(monkeypatch)


def test_other_bits_are_scored_again_with_all_that_they_meet_whenever_it_is_killed(
    suite_file: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before each write in turn, then run again: nothing of the earlier bits is left at any time."""
    import shutil

    path, first = suite_file(), tmp_path / "first"
    run(path, first)
    before, whole = encodes(first)["v4"], counts(first)
    old_runs = made_of(first, before["encode_id"])["scores"]
    assert all(made_of(first, before["encode_id"]).values())
    lose_and_recode(first, monkeypatch, before["encode_id"])
    left, killed, at = 1_000, 0, 0
    while True:
        out = tmp_path / "again"
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(first, out)
        try:
            left = run(path, out, writes=at)
        except Killed:
            killed += 1
            now = encodes(out)["v4"]
            if now["bitstream_sha256"] != before["bitstream_sha256"]:
                stale = {t: runs & old_runs for t, runs in made_of(out, now["encode_id"]).items()}
                assert not any(stale.values()), (at, stale)
            run(path, out)
        now = encodes(out)["v4"]
        assert now["bitstream_sha256"] != before["bitstream_sha256"]
        assert now["decoded_sha256"] not in (None, before["decoded_sha256"])
        for table, runs in made_of(out, now["encode_id"]).items():
            assert runs, (at, table)
            assert not runs & old_runs, (at, table)
        assert counts(out) == whole, at
        if left < 1_000:
            break
        at += 1
        left = 1_000
    assert killed > 10


def test_an_encode_that_fails_keeps_nothing(
    suite_file: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from talkbench_example import fakes

    path, out = suite_file(), tmp_path / "out"
    run(path, out)
    encode_id = encodes(out)["v64"]["encode_id"]
    artifacts.bitstream_path(out, encode_id).write_bytes(b"damaged")

    def fail(*_: Any) -> Any:
        raise CodecError("it is broken now")

    with monkeypatch.context() as patch:
        patch.setattr(fakes.FakeCodec, "encode", fail)
        run(path, out)
    row = encodes(out)["v64"]
    assert (row["status"], row["error"]) == ("failed", "it is broken now")
    named = {
        "encode_id",
        "codec",
        "fingerprint",
        "point",
        "params",
        "clip_id",
        "duration_s",
        "run_id",
        "selected",
    }
    assert {name for name, value in row.items() if value is not None} == named | {"status", "error"}
    assert not any(made_of(out, encode_id).values())
    # Another point of the same codec keeps its own.
    assert all(made_of(out, encodes(out)["v4"]["encode_id"]).values())
    run(path, out, retry_failed=True)
    assert all(made_of(out, encode_id).values())


def test_another_decoded_clip_is_scored_again(
    suite_file: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A decoder that gives another clip for the same bits: found when a new metric needs it decoded."""
    out = tmp_path / "out"
    run(suite_file(), out)
    before = encodes(out)
    old_runs = made_of(out, before["v4"]["encode_id"])["scores"]
    run(suite_file((*SETUP, "fake_level")), out)  # needs the sounds only, and they are what they were
    assert made_of(out, before["a64"]["encode_id"])["scores"] > old_runs
    decoded_otherwise(monkeypatch)
    run(suite_file((*SETUP, "ssim")), out)
    after = encodes(out)
    for point in ("v4", "v64"):
        assert after[point]["bitstream_sha256"] == before[point]["bitstream_sha256"]
        assert after[point]["decoded_sha256"] != before[point]["decoded_sha256"]
        for table, runs in made_of(out, after[point]["encode_id"]).items():
            assert runs, table
            assert not runs & old_runs, table
    assert after["a64"]["decoded_sha256"] == before["a64"]["decoded_sha256"]


def test_a_decode_that_fails_keeps_no_score(
    suite_file: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from talkbench_example import fakes

    out = tmp_path / "out"
    run(suite_file(), out)

    def fail(*_: Any) -> Any:
        raise CodecError("it cannot decode now")

    monkeypatch.setattr(fakes.FakeCodec, "decode", fail)
    run(suite_file((*SETUP, "ssim")), out)
    row = encodes(out)["v4"]
    assert (row["status"], row["decode_status"], row["decoded_sha256"]) == ("ok", "failed", None)
    assert not any(made_of(out, row["encode_id"]).values())
    # What is not decoded again keeps its scores.
    assert made_of(out, encodes(out)["a64"]["encode_id"])["scores"]


def test_equal_bits_and_an_equal_clip_keep_their_scores(
    suite_file: Callable[..., Path], tmp_path: Path
) -> None:
    path, out = suite_file(), tmp_path / "out"
    run(path, out)
    before = encodes(out)["v4"]
    made = made_of(out, before["encode_id"])
    artifacts.bitstream_path(out, before["encode_id"]).unlink()
    run(path, out)
    after = encodes(out)["v4"]
    assert after["run_id"] != before["run_id"]
    assert (after["decode_status"], after["decoded_sha256"]) == ("ok", before["decoded_sha256"])
    assert made_of(out, before["encode_id"]) == made


def test_what_an_older_store_left_behind_goes_on_the_way_in(
    suite_file: Callable[..., Path], tmp_path: Path
) -> None:
    """Rows as earlier versions could leave them: no hash of a decoded clip, a decode of a failed encode, and
    an encode of a later run than its scores, whose forgetting lived in the memory of a killed process."""
    path, out = suite_file(), tmp_path / "out"
    run(path, out)
    rows = encodes(out)
    (old_run,) = made_of(out, rows["v4"]["encode_id"])["scores"]
    with Store(out / "talkbench.duckdb") as store:
        store.connection.execute("ALTER TABLE encodes DROP COLUMN decoded_sha256")
    with Store(out / "talkbench.duckdb") as store:  # opening it brings the column back, empty
        assert store.rows("SELECT count(decoded_sha256) AS n FROM encodes") == [{"n": 0}]
        assert records.forget_stale(store) == 0  # one run made all of it
        store.connection.execute("INSERT INTO runs (run_id, started_at) VALUES ('later', '2999-01-01')")
        store.change("encodes", {"encode_id": rows["v4"]["encode_id"]}, {"run_id": "later"})
        store.change("encodes", {"encode_id": rows["a64"]["encode_id"]}, {"status": "failed"})
        assert records.forget_stale(store) == 2
        assert records.forget_stale(store) == 0
    for point in ("v4", "a64"):
        assert not any(made_of(out, rows[point]["encode_id"]).values()), point
    assert encodes(out)["a64"]["decode_status"] is None
    assert made_of(out, rows["v64"]["encode_id"])["scores"] == {old_run}
