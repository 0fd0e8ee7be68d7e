"""A run whose helper program is killed from outside leaves no row, and the next sweep does it by itself."""

import io
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from talkbench.benchmark.execution.executors import SerialExecutor
from talkbench.benchmark.media import ffmpeg
from talkbench.benchmark.plan import plan, suite
from talkbench.benchmark.stages import preview_media
from talkbench.benchmark.store.database import Store
from talkbench.benchmark.sweep import sweep
from talkbench.benchmark.util import helper_process
from talkbench.benchmark.util.progress import LineProgress
from talkbench.benchmark.util.terminal import Terminal

Ask = Callable[[Path, str], list[tuple[Any, ...]]]
Tables = Callable[[Path], dict[str, list[tuple[Any, ...]]]]
METRICS = ("fake_level", "fake_sync", "fake_distance")
POINTS = '\n[codecs.fake-video]\npoints = ["v64"]\n[codecs.fake-audio]\npoints = ["a64", "a4"]\n'
# In the order of a sweep: functions that need the helper program -> the rows that come of them.
STEPS = {
    "prepare": {"talkbench_example.moving.Moving.prepare": "clips"},
    "encode": {"talkbench_example.fakes.FakeCodec.encode": "encodes"},
    "decode": {"talkbench_example.fakes.FakeCodec.decode": "encodes WHERE decode_status IS NOT NULL"},
    "clips": {
        # The uncoded clip has its rows before anything is decoded.
        "talkbench_example.metrics.Level.compare": "scores WHERE encode_id NOT LIKE 'reference:%'",
        "talkbench_example.metrics.Sync.compare": "pair_scores WHERE video_encode_id NOT LIKE 'reference:%'",
        "talkbench_example.metrics.Crowd.embed": "set_features WHERE encode_id NOT LIKE 'reference:%'",
        f"{preview_media.__name__}.pictures": "previews WHERE encode_id NOT LIKE 'reference:%'",
    },
    "sets": {"talkbench_example.metrics.Crowd.distance": "set_scores"},
}


@pytest.fixture
def suite_file(tiny_suite: Callable[..., Path]) -> Path:
    path = tiny_suite(["fake-video+fake-audio"], metrics=METRICS, clips=1)
    path.write_text(path.read_text() + POINTS)
    return path


def run(suite_file: Path, out: Path) -> dict[str, str | None]:
    """One sweep in this process. Returns stage → why some of its jobs were interrupted."""
    chosen = suite.load(str(suite_file))
    progress = LineProgress(Terminal(file=io.StringIO()))
    with Store(out / "talkbench.duckdb") as store:
        running = sweep.Sweep(chosen, plan.make(chosen), out, store, SerialExecutor("cpu"), progress)
        running.run("test", {})
        return {why.stage: why.error for why in running.interrupted}


def killed_by(number: int) -> Callable[..., None]:
    return lambda *_, **__: helper_process.require_own_end("ffmpeg", -number)


def test_what_is_killed_from_outside_has_no_row_and_is_done_by_the_next_sweep(
    suite_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ask: Ask, tables: Tables
) -> None:
    out = tmp_path / "out"
    for step, functions in STEPS.items():
        with monkeypatch.context() as patched:
            for function in functions:
                patched.setattr(function, killed_by(signal.SIGKILL))
            interrupted = run(suite_file, out)
        stages = {"clips": {"score", "preview"}, "sets": {"score"}}.get(step, {step})
        assert interrupted == dict.fromkeys(
            stages, "ffmpeg was killed by SIGKILL, 3 times in a row; run again"
        )
        for rows in functions.values():
            assert ask(out, f"SELECT count(*) FROM {rows}") == [(0,)], rows
    assert run(suite_file, out) == {}
    run(suite_file, tmp_path / "undisturbed")
    assert tables(out) == tables(tmp_path / "undisturbed")


@pytest.mark.parametrize("step", STEPS)
def test_what_crashes_every_time_has_failed(
    step: str, suite_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ask: Ask
) -> None:
    for function in STEPS[step]:
        monkeypatch.setattr(function, killed_by(signal.SIGSEGV))
    assert run(suite_file, tmp_path / "out") == {}
    of = "decode_" if step == "decode" else ""
    for rows in STEPS[step].values():
        found = ask(tmp_path / "out", f"SELECT DISTINCT {of}status, {of}error FROM {rows}")
        assert found == [("failed", "ffmpeg was killed by SIGSEGV, 3 times in a row")], rows


def test_an_earlier_finding_stands(
    suite_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tables: Tables
) -> None:
    """A bitstream that is lost is encoded again, and that is interrupted: its scores stay, and are right."""
    out = tmp_path / "out"
    run(suite_file, out)
    before = tables(out)
    next(out.rglob("*.tkb")).unlink()
    with monkeypatch.context() as patched:
        patched.setattr(next(iter(STEPS["encode"])), killed_by(signal.SIGTERM))
        assert run(suite_file, out).keys() == {"encode"}
    assert tables(out) == before
    assert run(suite_file, out) == {}
    assert tables(out) == before
    assert len(list(out.rglob("*.tkb"))) == 3


def test_the_command_says_what_to_do_and_does_it(
    tiny_suite: Callable[..., Path],
    talkbench: Callable[..., subprocess.CompletedProcess[str]],
    ask: Ask,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    true, deadly, program = ffmpeg.executable(), tmp_path / "deadly", tmp_path / "ffmpeg"
    program.write_text(
        f'#!/bin/sh\ncase "$*" in *libx265*) if [ -e {deadly} ]; then kill -KILL $$; fi;; esac\n'
        f'exec {true} "$@"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(program))
    path, out = tiny_suite(["hevc"], metrics=("psnr",), clips=1), tmp_path / "out"
    deadly.touch()
    ended = talkbench("sweep", path, "--points", "hevc=qp37,qp47", "--out", out, "--workers", 2)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "interrupted: 2 runs (encode): ffmpeg was killed by SIGKILL, 3 times in a row" in ended.stdout
    assert "no cell failed" in ended.stdout
    assert "2 runs were interrupted and have no result: run the same command again" in ended.stdout
    assert ask(out, "SELECT count(*) FROM encodes") == [(0,)]
    deadly.unlink()
    ended = talkbench("sweep", path, "--points", "hevc=qp37,qp47", "--out", out, "--workers", 2)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "interrupted" not in ended.stdout
    assert ask(out, "SELECT count(*) FROM scores WHERE status = 'ok'") == [(2,)]
