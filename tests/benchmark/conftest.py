"""Sweeps over tiny clips with fake codecs, in a folder and a cache of their own."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

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
def talkbench(program: str, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`talkbench(*arguments)`: run the command in `tmp_path`; its exit code, output and errors."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [program, *map(str, arguments)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)

    return run


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
