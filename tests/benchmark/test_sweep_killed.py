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
        servers = [child for child in children if "forkserver" in " ".join(child.cmdline())]
        return [worker for server in servers for worker in server.children()]
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
) -> dict[str, Any]:
    """The tables of a sweep that nobody touched."""
    finish(start(tiny_suite(SYSTEMS, clips=CLIPS), tmp_path / "undisturbed"))
    return tables(tmp_path / "undisturbed")


def wait_for(process: subprocess.Popen[str], out: Path, bitstreams: int) -> bool:
    """Wait until a sweep has written so many bitstreams. Returns whether it is still running then."""
    folder = out / "artifacts" / "bitstreams"
    while process.poll() is None and len(list(folder.rglob("[!.]*.tkb"))) < bitstreams:
        time.sleep(0.005)
    return process.poll() is None


def test_sigkill_to_the_parent(
    undisturbed: dict[str, Any],
    start: Callable[..., subprocess.Popen[str]],
    tables: Callable[[Path], dict[str, Any]],
    tmp_path: Path,
) -> None:
    moments = random.Random(7)
    suite, out = tmp_path / "tiny.toml", tmp_path / "killed"
    orphans: list[psutil.Process] = []
    killed = 0
    for bitstreams in (1, 12, 25, 38, 50):
        process = start(suite, out)
        alive = wait_for(process, out, bitstreams + moments.randrange(6))
        time.sleep(moments.uniform(0, 0.1))
        orphans += workers(process.pid)
        process.kill()
        process.wait()
        killed += alive
    assert killed >= 3, "most of the kills came too late to test anything"
    finish(start(suite, out))
    assert tables(out) == undisturbed
    gone, alive = psutil.wait_procs(orphans, timeout=10)
    assert not alive, f"{len(alive)} workers outlived their parent ({len(gone)} did not)"


def test_sigkill_to_workers(
    undisturbed: dict[str, Any],
    start: Callable[..., subprocess.Popen[str]],
    tables: Callable[[Path], dict[str, Any]],
    tmp_path: Path,
) -> None:
    moments = random.Random(11)
    suite, out = tmp_path / "tiny.toml", tmp_path / "killed"
    process = start(suite, out)
    killed = 0
    for bitstreams in (1, 15, 30, 45):
        if wait_for(process, out, bitstreams + moments.randrange(10)):
            for worker in workers(process.pid)[:1]:
                os.kill(worker.pid, signal.SIGKILL)
                killed += 1
    finish(process)
    assert killed >= 2, "too few workers were met alive to test anything"
    assert tables(out) == undisturbed


def test_ctrl_c_leaves_a_state_that_resumes(
    undisturbed: dict[str, Any],
    start: Callable[..., subprocess.Popen[str]],
    tables: Callable[[Path], dict[str, Any]],
    tmp_path: Path,
) -> None:
    suite, out = tmp_path / "tiny.toml", tmp_path / "interrupted"
    process = start(suite, out)
    assert wait_for(process, out, 10)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert "run the same command again to resume" in output
    assert "Traceback" not in output
    finish(start(suite, out))
    assert tables(out) == undisturbed
