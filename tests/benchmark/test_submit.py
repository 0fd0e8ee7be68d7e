"""What a submission holds, and what is not submitted."""

import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from talkbench.benchmark.sharing import archive, submit
from talkbench.benchmark.store import parquet
from talkbench.benchmark.util.errors import UsageError
from talkbench.benchmark.util.hashing import sha256_file

Sweeps = Callable[..., Path]


@pytest.fixture
def swept(sweep_of: Sweeps, tmp_path: Path) -> Path:
    """A finished sweep that may be changed."""
    return shutil.copytree(sweep_of(), tmp_path / "swept")


def change(folder: Path, *statements: str) -> None:
    with duckdb.connect(str(folder / "talkbench.duckdb")) as connection:
        for statement in statements:
            connection.execute(statement)


def test_a_submission_holds_the_tables_and_the_bitstreams(swept: Path, tmp_path: Path) -> None:
    made = submit.submit(swept, tmp_path / "one.zip", name="Speech <Lab>")
    with zipfile.ZipFile(made.path) as file:
        names = file.namelist()
        assert names[0] == "manifest.json"
        assert {entry.compress_type for entry in file.infolist()} == {zipfile.ZIP_STORED}
    bitstreams = [name for name in names if name.startswith("artifacts/bitstreams/")]
    assert len(bitstreams) == 20
    assert "tables/previews.parquet" not in names
    assert len(names) == 1 + 20 + len(parquet.schema()) - 1
    with archive.unpacked(made.path) as found:
        assert found.damaged == {}
        assert found.manifest.name == "Speech <Lab>"
        assert found.manifest.suite == "tiny"
        assert found.manifest.counts["bitstreams"] == 20
        assert found.manifest.counts["scores"] == 20
        for name in bitstreams:
            assert (found.folder / name).read_bytes() == (swept / name).read_bytes()
        with parquet.open_results(swept) as one, parquet.open_results(found.folder) as other:
            for name in ("runs", "encodes", "scores", "rd_points", "bd_rates"):
                rows = [c.execute(f"SELECT * FROM {name} ORDER BY ALL").fetchall() for c in (one, other)]
                assert rows[0] == rows[1], name
    assert made.bytes == made.path.stat().st_size
    assert made.table_bytes + made.bitstream_bytes < made.bytes


def test_equal_results_give_equal_bytes(swept: Path, tmp_path: Path) -> None:
    one = submit.submit(swept, tmp_path / "one.zip").path
    for path in swept.rglob("*.tkb"):
        path.touch()
    other = submit.submit(swept, tmp_path / "other.zip").path
    assert sha256_file(one) == sha256_file(other)


def test_bd_rates_are_those_of_the_scores(sweep_of: Sweeps, tmp_path: Path) -> None:
    swept = shutil.copytree(sweep_of(("fake-video", "fake-joint")), tmp_path / "swept")
    with parquet.open_results(swept) as connection:
        expected = connection.execute("FROM bd_rates ORDER BY ALL").fetchall()
    assert expected
    change(swept, "UPDATE bd_rates SET overlap = 7", "DELETE FROM bd_rates WHERE metric = 'psnr'")
    path = submit.submit(swept, tmp_path / "one.zip").path
    with archive.unpacked(path) as found, parquet.open_results(found.folder) as connection:
        assert connection.execute("FROM bd_rates ORDER BY ALL").fetchall() == expected


def test_rows_of_earlier_plans_and_their_bitstreams_stay_at_home(swept: Path, tmp_path: Path) -> None:
    change(swept, "UPDATE encodes SET selected = false WHERE codec = 'fake-video'")
    with archive.unpacked(submit.submit(swept, tmp_path / "one.zip").path) as found:
        assert len(list(found.folder.rglob("*.tkb"))) == 10
        with parquet.open_results(found.folder) as connection:
            assert connection.execute("SELECT DISTINCT codec FROM encodes").fetchall() == [("fake-audio",)]
            assert connection.execute("SELECT DISTINCT metric FROM scores").fetchall() == [("snr",)]


def test_an_unfinished_run_is_refused_unless_it_is_wanted(swept: Path, tmp_path: Path) -> None:
    change(swept, "UPDATE runs SET finished_at = NULL")
    with pytest.raises(UsageError, match="the latest run has not finished; run its sweep again"):
        submit.submit(swept, tmp_path / "one.zip")
    assert submit.submit(swept, tmp_path / "one.zip", unfinished=True).manifest.finished_at == ""


def test_missing_and_changed_bitstreams_are_listed(swept: Path, tmp_path: Path) -> None:
    lost, changed, *_ = sorted(swept.rglob("*.tkb"))
    lost.unlink()
    changed.write_bytes(changed.read_bytes() + b"\x00")
    with pytest.raises(UsageError, match="2 of 20 bitstreams do not match the store") as refusal:
        submit.submit(swept, tmp_path / "one.zip")
    assert f"{lost} (fake-" in str(refusal.value)
    assert "missing" in str(refusal.value)
    assert "changed since it was written" in str(refusal.value)
    assert not (tmp_path / "one.zip").exists()


def test_what_is_no_result_is_refused(swept: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no results there"):
        submit.submit(tmp_path)
    with pytest.raises(UsageError, match="name must be text of at most 200 characters"):
        submit.submit(swept, tmp_path / "one.zip", name="x" * 300)
    change(swept, "DELETE FROM encodes")
    with pytest.raises(UsageError, match="no encode is finished there"):
        submit.submit(swept, tmp_path / "one.zip")
    change(swept, "DELETE FROM runs")
    with pytest.raises(UsageError, match="no run is recorded there"):
        submit.submit(swept, tmp_path / "one.zip")
    assert list(tmp_path.glob("*.zip")) == []
    assert list(tmp_path.glob(".*")) == []


def test_the_command_says_what_it_packed(
    swept: Path, talkbench: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    ended = talkbench("submit", "swept", "--name", "[bold]Lab")
    assert ended.returncode == 0, ended.stderr
    assert "suite tiny: 2 clips, 20 encodes, 97 scores, 1 runs" in ended.stdout
    assert "20 bitstreams: " in ended.stdout
    size = (swept / "swept.talkbench.zip").stat().st_size
    assert f"swept/swept.talkbench.zip: {size / 1000:.1f} kB" in ended.stdout
    # A snapshot without bitstreams cannot be submitted: nobody could check it.
    with parquet.open_results(swept) as connection:
        parquet.write(connection, swept.parent / "snapshot" / "tables")
    ended = talkbench("submit", "snapshot")
    assert ended.returncode == 2
    assert "20 of 20 bitstreams" in ended.stderr
