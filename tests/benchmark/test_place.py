"""Faults of the machine: reported in one line, never rows, and the run goes on once they are fixed."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from pathlib import Path

import duckdb
import pytest
from talkbench.benchmark.execution import executors
from talkbench.benchmark.execution.job import Call
from talkbench.benchmark.execution.queue import BatchRunner, WorkQueue
from talkbench.benchmark.stages import score_rows
from talkbench.benchmark.store import parquet
from talkbench.benchmark.store.database import Store
from talkbench.benchmark.util import files, place
from talkbench.benchmark.util.errors import CodecError, PlaceFault, Unavailable, UsageError
from talkbench.reports.publication import export as exporting


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TALKBENCH_CACHE", str(tmp_path / "cache"))


def _os_error(number: int, path: Path | None = None) -> OSError:
    return OSError(number, os.strerror(number), *([] if path is None else [str(path)]))


@pytest.mark.parametrize("number", ["ENOSPC", "EDQUOT", "EMFILE", "ENFILE", "ENOLCK", "EIO", "ESTALE"])
@pytest.mark.parametrize("path", [None, Path("/somewhere/of/a/codec")])
def test_what_only_the_machine_can_be_short_of_is_a_fault_of_the_place_whatever_the_file(number, path):
    found = place.fault(_os_error(getattr(errno, number), path))
    assert found is not None
    assert os.strerror(getattr(errno, number)) in str(found)
    assert "run the same command again" in str(found)
    assert "\n" not in str(found)


@pytest.mark.parametrize("number", ["EACCES", "EPERM", "EROFS", "ENOENT", "ENOTDIR"])
def test_a_file_that_cannot_be_used_is_of_the_place_where_it_is_ours(number, tmp_path):
    own = tmp_path / "out" / "artifacts" / "bitstreams" / "ab" / "abc.tkb"
    error = getattr(errno, number)
    for path in (own, own.with_name(f".{own.name}.0123"), own.parent, own.parent.parent):
        with place.among({"output": own}):
            assert place.fault(_os_error(error, path)), path
        assert not place.fault(_os_error(error, path)), path
    with place.among({"output": own}):
        assert not place.fault(_os_error(error, own.with_name("of-the-codec.bin")))
        assert not place.fault(_os_error(error))


def test_our_paths_are_found_within_lists_and_records(tmp_path):
    variant = score_rows.Variant("id", tmp_path / "decoded" / "id", ("snr",))
    with place.among({"variants": [variant], "reference": [(tmp_path / "x.npy", "sha")]}):
        assert place.fault(_os_error(errno.EACCES, variant.folder / "video.u8"))
        assert place.fault(_os_error(errno.EACCES, tmp_path / "x.npy"))
        assert not place.fault(_os_error(errno.EACCES, tmp_path / "y.npy"))


def test_a_cache_that_cannot_be_written_names_its_variable_and_a_weight_that_is_absent_is_not_of_the_place():
    cache = files.cache_folder()
    assert "TALKBENCH_CACHE" in str(place.fault(_os_error(errno.EACCES, cache / "weights" / "w.pt")))
    assert place.fault(_os_error(errno.ENOENT, cache / "clips" / "ab" / "abc" / "video.u8"))
    assert place.fault(_os_error(errno.ENOENT, cache / "weights" / "w.pt")) is None


@pytest.mark.parametrize(
    ("error", "is_one"),
    [
        (CodecError("ffmpeg failed with exit code 228: [out#0] Error: No space left on device"), True),
        (RuntimeError("unable to write to file </torch_1_2_3>: No space left on device (28)"), True),
        (CodecError("ffmpeg failed with exit code 1: x.mp4: Too many open files\nConversion failed"), True),
        (CodecError("a.mkv: Disk quota exceeded"), True),
        (CodecError("ffmpeg failed with exit code 251: a.mp4: Input/output error"), False),
        (CodecError("No space left on device.mp4: not a readable recording"), False),
        (CodecError("x: No space left on device.mp4: not a readable recording"), False),
        (ValueError("Permission denied"), False),
        (FileNotFoundError("No usable temporary directory found in ['/tmp']"), True),
    ],
)
def test_words_of_other_programs(error, is_one):
    assert (place.fault(error) is not None) == is_one


def test_the_cause_of_an_error_counts_and_a_hidden_one_does_not():
    def raised(hidden: bool) -> Exception:
        try:
            try:
                raise _os_error(errno.ENOSPC)
            except OSError as error:
                if hidden:
                    raise CodecError("another way was tried and failed") from None
                raise CodecError("cannot be written") from error
        except CodecError as error:
            return error

    assert place.fault(raised(hidden=False))
    assert place.fault(raised(hidden=True)) is None


def _raise(error: Exception, device: str) -> None:
    del device
    raise error


def _write(output: Path, device: str) -> str:
    del device
    files.write_bytes(output, b"x" * 10)
    return "written"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (_os_error(errno.ENOSPC), "place"),
        (CodecError("ffmpeg failed: No space left on device"), "place"),
        (FileNotFoundError(errno.ENOENT, "No such file", "/codec/table.bin"), "failed"),
        (PermissionError(errno.EACCES, "Permission denied", "/codec/table.bin"), "failed"),
        (Unavailable("no weights"), "unavailable"),
        (MemoryError(), "oom"),
    ],
)
def test_status_of_a_job(error, status):
    assert executors.run_job(Call(_raise, {"error": error}, time_limit_s=10), "cpu")[0] == status


def test_what_is_run_again_for_a_verification_stops_at_a_fault_of_the_place():
    class Silent:
        def total(self, stage: str, cells: int) -> None: ...

        def done(self, stage: str, label: str, error: str | None, cells: int = 1) -> None: ...

    job = Call(_raise, {"error": _os_error(errno.EMFILE)}, time_limit_s=10)
    with pytest.raises(PlaceFault, match="ulimit"):
        BatchRunner(executors.SerialExecutor("cpu"), Silent()).run([job])


def test_a_write_without_a_name_names_the_full_disk(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)

    def full(path: Path):
        return usage._replace(free=0 if Path(path).is_relative_to(tmp_path / "out") else 1 << 40)

    (tmp_path / "out").mkdir()
    monkeypatch.setattr(shutil, "disk_usage", full)
    with place.among({"output": tmp_path / "out" / "artifacts" / "x.tkb"}):
        assert str(place.fault(_os_error(errno.ENOSPC))).startswith(f"{tmp_path / 'out'}: No space left")


def test_a_score_never_holds_a_fault_of_the_place():
    of = score_rows.VariantKey("id")
    with pytest.raises(PlaceFault):
        score_rows.score_row(of, "snr", _os_error(errno.EMFILE), [])
    assert score_rows.score_row(of, "snr", ValueError("x"), []).status == "failed"


def test_the_queue_ends_with_the_fault_and_gives_what_was_under_way(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")

    class Two(executors.SerialExecutor):
        def __init__(self) -> None:
            super().__init__("cpu")
            self.workers = 2

    queue: WorkQueue[Call] = WorkQueue(Two())
    for name in ("file/a.tkb", "b.tkb", "c.tkb"):
        queue.push(0, Call(_write, {"output": tmp_path / name}, time_limit_s=10))
    seen = []
    with pytest.raises(PlaceFault, match="run the same command again"):
        seen.extend(outcome.job.arguments["output"].name for outcome in queue.outcomes())
    assert seen == ["b.tkb"]  # under way when the first one met the fault; the third never began
    assert not (tmp_path / "c.tkb").exists()


def test_half_a_file_does_not_stay(tmp_path, monkeypatch):
    def full(path: Path, data: bytes) -> int:
        path.touch()
        raise _os_error(errno.ENOSPC, path)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        files.write_bytes(tmp_path / "a" / "x.tkb", b"data")
    assert list((tmp_path / "a").iterdir()) == []


@pytest.mark.parametrize("chosen", [None, "/of/the/user"])
def test_numba_and_matplotlib_write_to_our_cache_unless_the_user_chose(chosen, monkeypatch):
    for name in ("NUMBA_CACHE_DIR", "MPLCONFIGDIR"):
        monkeypatch.delenv(name, raising=False)
        if chosen:
            monkeypatch.setenv(name, chosen)
    place.libraries_write_to_our_cache()
    for name in ("NUMBA_CACHE_DIR", "MPLCONFIGDIR"):
        assert os.environ[name].startswith(chosen or str(files.cache_folder()))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('IO Error: Cannot open file "/o/t.duckdb": Permission denied', "/o/t.duckdb: Permission denied; "),
        (
            'IO Error: Async write failed: {"exception_message":"Could not write file '
            '\\"/o/e/a.parquet\\": No space left on device","errno":"28"}',
            "/o/e/a.parquet: No space left on device; free some space there",
        ),
        ("IO Error: the block could not be read", "IO Error: the block could not be read; "),
    ],
)
def test_the_store_names_its_file(text, shown):
    assert str(place.fault(duckdb.IOException(text))).startswith(shown)


@pytest.mark.parametrize("format_name", ["csv", "parquet", "tables"])
def test_an_export_that_meets_a_full_disk_leaves_what_was_there(format_name, tmp_path, monkeypatch):
    results, out = tmp_path / "results", tmp_path / "out"
    with Store(results / parquet.STORE):
        pass
    exporting.export(results, format_name, out)
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    assert before
    assert all(path.is_file() for path in out.iterdir())
    written = exporting._written

    def full(*arguments):
        written(*arguments)
        raise _os_error(errno.ENOSPC)

    monkeypatch.setattr(exporting, "_written", full)
    with pytest.raises(OSError, match="No space"):
        exporting.export(results, format_name, out)
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir()} == before


def test_a_folder_that_cannot_be_made_is_one_line_with_the_fix(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PlaceFault, match=r"cannot be written: .*--out"):
        Store(tmp_path / "file" / "out" / parquet.STORE)


def test_a_file_system_without_locks_is_not_another_process(tmp_path, monkeypatch):
    def no_locks(*_: object) -> None:
        raise _os_error(errno.ENOLCK)

    def connect(*_: object, **__: object) -> None:
        raise duckdb.IOException("Could not set lock on file: Conflicting lock is held in PID 0.")

    monkeypatch.setattr(duckdb, "connect", connect)
    with pytest.raises(UsageError, match="another talkbench process"):
        Store(tmp_path / parquet.STORE)
    monkeypatch.setattr(fcntl, "lockf", no_locks)
    with pytest.raises(PlaceFault, match="has no locks"):
        Store(tmp_path / parquet.STORE)
