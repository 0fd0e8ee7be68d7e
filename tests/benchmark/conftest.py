"""Sweeps over tiny clips with fake codecs, in a folder and a cache of their own."""

import io
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from talkbench.benchmark import weights
from talkbench.benchmark.cli import main as cli
from talkbench.benchmark.cli import weights as weights_cli
from talkbench.benchmark.weights import download

sys.path.insert(0, str(Path(__file__).parent))  # importlib mode puts no test folder on the path

SUITE = """
name = "tiny"
systems = {systems}
metrics = {metrics}
time_limit_s = {time_limit_s}

[[datasets]]
use = "moving"
clips = {clips}
odd = {odd}
"""


@pytest.fixture
def tiny_suite(tmp_path: Path, example_codecs: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """`tiny_suite(systems, …)`: a suite file on the `moving` dataset."""
    monkeypatch.setenv("TALKBENCH_CACHE", str(tmp_path / "cache"))

    def write(
        systems: list[str],
        metrics: tuple[str, ...] = ("psnr", "ssim", "snr"),
        clips: int = 2,
        odd: bool = False,
        time_limit_s: float = 60,
    ) -> Path:
        path = tmp_path / "tiny.toml"
        path.write_text(
            SUITE.format(
                systems=systems,
                metrics=list(metrics),
                clips=clips,
                odd=str(odd).lower(),
                time_limit_s=time_limit_s,
            )
        )
        return path

    return write


@pytest.fixture(scope="session")
def program() -> str:
    """The `talkbench` command of this environment."""
    return str(Path(sys.executable).parent / "talkbench")


@pytest.fixture
def talkbench(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`talkbench(*arguments)`: run the command in `tmp_path`; its exit code, output and errors.

    It runs in this process, so that the server of its workers loads torch once for all tests.
    """

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = ["talkbench", *map(str, arguments)]
        written = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2)]
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(written[0]), redirect_stderr(written[1]):
            patch.chdir(tmp_path)
            patch.setattr(sys, "argv", command)
            code = _exit_code(cli.main)
        output, errors = (stream.buffer.getvalue().decode() for stream in written)  # pyright: ignore[reportAttributeAccessIssue]
        return subprocess.CompletedProcess(command, code, output, errors)

    return run


def _exit_code(command: Callable[[], None]) -> int:
    try:
        command()
    except SystemExit as end:
        return int(end.code or 0)
    except Exception:
        traceback.print_exc()
        return 1
    return 0


def query(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(folder / "talkbench.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


@pytest.fixture(scope="session")
def ask() -> Callable[[Path, str], list[tuple[Any, ...]]]:
    """`ask(folder, sql)`: rows of a sweep's store."""
    return query


RESULTS = {
    "clips": "clip_id, dataset, name, sha256, frames, samples, speaker, status, error, selected",
    "encodes": "encode_id, codec, fingerprint, point, params, clip_id, status, error, bits_video, "
    "bits_audio, bits_joint, parts, duration_s, bitstream_sha256, decode_status, decode_error, selected",
    "scores": "encode_id, metric, fingerprint, value, frame_values, weight, detail, status, error",
    "pair_scores": "video_encode_id, audio_encode_id, metric, fingerprint, value, weight, status, error",
    "set_features": "encode_id, metric, fingerprint, n, sha256, status, error",
    "set_scores": "* EXCLUDE (run_id)",
    "previews": "* EXCLUDE (run_id)",
    "reference_points": "*",
    "rd_points": "*",
    "bd_rates": "*",
    "systems": "*",
}


@pytest.fixture(scope="session")
def tables() -> Callable[[Path], dict[str, list[tuple[Any, ...]]]]:
    """`tables(folder)`: every result of a sweep, without timings and run names."""

    def read(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
        return {
            name: query(folder, f"SELECT {columns} FROM {name} ORDER BY ALL")
            for name, columns in RESULTS.items()
        }

    return read


@pytest.fixture
def server() -> Iterator[Any]:
    """An empty `file_server.FileServer` on this machine."""
    from file_server import FileServer

    with FileServer() as running:
        yield running


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder under which weights are looked for, wherever that is: `mine`, `cache`, `xdg`."""
    for variable in ("HF_HOME", "HUGGINGFACE_HUB_CACHE", "TALKBENCH_OFFLINE", "HF_HUB_CACHE", "TORCH_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("TALKBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TALKBENCH_WEIGHTS", str(tmp_path / "mine"))
    (tmp_path / "mine").mkdir()
    return tmp_path


@pytest.fixture
def register(places: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`register(key=value, …)`: a registry of `part_factory.NET`, so changed, and of those before it."""
    from part_factory import NET

    known = {"net": NET}
    monkeypatch.setattr(weights, "registry", lambda: known)
    monkeypatch.setattr(weights_cli._out, "_width", 400)
    monkeypatch.setattr(download, "WAITS_S", (0.0,))

    def add(**changes: Any) -> None:
        part = replace(NET, **changes)
        known[part.name] = part

    return add


@pytest.fixture(scope="session")
def sweep_of(
    example_site: list[Path], program: str, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Path]:
    """`sweep_of(systems, clips, metrics)`: the folder of a finished sweep, made once; do not change it."""
    done: dict[tuple[object, ...], Path] = {}
    base = tmp_path_factory.mktemp("sweeps")

    def sweep(
        systems: tuple[str, ...] = ("fake-video+fake-audio",),
        clips: int = 2,
        metrics: tuple[str, ...] = ("psnr", "snr", "fake_sync", "fake_distance"),
    ) -> Path:
        key = systems, clips, metrics
        if key not in done:
            out, suite = base / f"sweep-{len(done)}", base / f"suite-{len(done)}.toml"
            text = SUITE.format(
                systems=list(systems), metrics=list(metrics), clips=clips, odd="false", time_limit_s=60
            )
            suite.write_text(text)
            environment = {
                **os.environ,
                "PYTHONPATH": os.pathsep.join(map(str, example_site)),
                "TALKBENCH_CACHE": str(base / "cache"),
            }
            command = [program, "sweep", str(suite), "--out", str(out), "--executor", "serial"]
            ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
            assert ended.returncode == 0, ended.stdout + ended.stderr
            done[key] = out
        return done[key]

    return sweep


@pytest.fixture
def same_cache(
    sweep_of: Callable[..., Path], example_codecs: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Path]:
    """`sweep_of`, with its fake codecs and its cache in this process too."""
    monkeypatch.setenv("TALKBENCH_CACHE", str(sweep_of().parent / "cache"))
    return sweep_of
