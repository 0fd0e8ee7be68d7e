"""A sweep that is killed, at any moment, and run again ends with the same tables as one that was not."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

SYSTEMS = ["fake-video+fake-audio", "fake-joint"]
CLIPS = 3


@pytest.fixture
def start(program: str, tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    def launch(suite: Path, out: Path) -> subprocess.Popen[str]:
        command = [program, "sweep", str(suite), "--out", str(out), "--workers", "2"]
        return subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    return launch


def workers(parent: int) -> list[psutil.Process]:
    try:
        children = psutil.Process(parent).children()
        return [child for child in children if "spawn_main" in " ".join(child.cmdline())]
    except psutil.Error:
        return []


def finish(process: subprocess.Popen[str]) -> str:
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 0, output
    return output


@pytest.fixture
def undisturbed(
    tiny_suite: Callable[..., Path],
    start: Callable[..., subprocess.Popen[str]],
    tables: Callable[[Path], dict[str, Any]],
    tmp_path: Path,
) -> tuple[dict[str, Any], float]:
    """The tables of a sweep that nobody touched, and its seconds."""
    began = time.monotonic()
    finish(start(tiny_suite(SYSTEMS, clips=CLIPS), tmp_path / "undisturbed"))
    return tables(tmp_path / "undisturbed"), time.monotonic() - began


def test_sigkill_to_the_parent(
    undisturbed: tuple[dict[str, Any], float],
    start: Callable[..., subprocess.Popen[str]],
    tables: Callable[[Path], dict[str, Any]],
    tmp_path: Path,
) -> None:
    expected, seconds = undisturbed
    moments = random.Random(7)
    suite, out = tmp_path / "tiny.toml", tmp_path / "killed"
    orphans: list[psutil.Process] = []
    for _ in range(4):
        process = start(suite, out)
        time.sleep(moments.uniform(0.3, 0.8) * seconds)
        orphans += workers(process.pid)
        process.kill()
        process.wait()
    finish(start(suite, out))
    assert tables(out) == expected
    gone, alive = psutil.wait_procs(orphans, timeout=10)
    assert not alive, f"{len(alive)} workers outlived their parent ({len(gone)} did not)"


def test_sigkill_to_workers(
    undisturbed: tuple[dict[str, Any], float],
    start: Callable[..., subprocess.Popen[str]],
    tables: Callable[[Path], dict[str, Any]],
    tmp_path: Path,
) -> None:
    expected, seconds = undisturbed
    moments = random.Random(11)
    suite, out = tmp_path / "tiny.toml", tmp_path / "killed"
    process = start(suite, out)
    killed = 0
    while process.poll() is None and killed < 4:
        time.sleep(moments.uniform(0.1, 0.3) * seconds)
        found = workers(process.pid)
        if found:
            os.kill(moments.choice(found).pid, signal.SIGKILL)
            killed += 1
    finish(process)
    assert killed, "no worker was met alive: the test killed nobody"
    assert tables(out) == expected


def test_ctrl_c_leaves_a_state_that_resumes(
    undisturbed: tuple[dict[str, Any], float],
    start: Callable[..., subprocess.Popen[str]],
    tables: Callable[[Path], dict[str, Any]],
    tmp_path: Path,
) -> None:
    expected, seconds = undisturbed
    suite, out = tmp_path / "tiny.toml", tmp_path / "interrupted"
    process = start(suite, out)
    time.sleep(0.6 * seconds)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert "the same command goes on from here" in output
    assert "Traceback" not in output
    finish(start(suite, out))
    assert tables(out) == expected
