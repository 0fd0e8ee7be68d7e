"""Seconds to run a finished sweep again, and to plan one with 100,000 scores in its store.

    python tests/speed/planning.py

The first is the whole command on 200 finished encodes; the second is what the engine does between
reading the suite and its first job, on 5,000 encodes with 20 scores each.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import cast

from talkbench.benchmark.api.codec import CodecInfo
from talkbench.benchmark.api.metric import MetricInfo
from talkbench.benchmark.api.types import Bitstream, ClipSpec, Part, Point
from talkbench.benchmark.execution.executors import SerialExecutor
from talkbench.benchmark.plan import plan
from talkbench.benchmark.plan.suite import DatasetChoice, Suite
from talkbench.benchmark.store import artifacts
from talkbench.benchmark.store.database import Store
from talkbench.benchmark.sweep import records
from talkbench.benchmark.sweep.sweep import Sweep
from talkbench.benchmark.util import files
from talkbench.benchmark.util.hashing import key
from talkbench.benchmark.util.progress import LineProgress
from talkbench.benchmark.util.terminal import Terminal

SUITE = """
name = "finished"
systems = ["fake-video"]
metrics = ["psnr", "ssim"]
[[datasets]]
use = "moving"
clips = 20
[codecs.fake-video]
points = [{points}]
"""
ENTRY_POINTS = """
[talkbench.codecs]
fake-video = talkbench_example.fakes:video
[talkbench.datasets]
moving = talkbench_example.moving
"""


def rerun(folder: Path) -> float:
    """Seconds of the command on 200 finished encodes."""
    facts = folder / "site" / "talkbench_example-0.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: talkbench-example\nVersion: 0\n")
    (facts / "entry_points.txt").write_text(ENTRY_POINTS)
    package = Path(__file__).parents[1] / "example_package"
    paths = os.pathsep.join((str(folder / "site"), str(package)))
    environment = {**os.environ, "PYTHONPATH": paths, "TALKBENCH_CACHE": str(folder / "cache")}
    suite = folder / "finished.toml"
    points = ", ".join(f'{{ name = "v{step}", video_step = {step} }}' for step in range(60, 40, -2))
    suite.write_text(SUITE.format(points=points))
    command = [Path(sys.executable).parent / "talkbench", "sweep", suite, "--out", folder / "out"]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    began = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def planned(folder: Path) -> float:
    """Seconds to find out that nothing is missing among 5,000 encodes with 20 scores each."""
    info = CodecInfo("c", "1", ("video",), "conventional", "none")
    points = [Point(f"p{index}", {"index": index}) for index in range(50)]
    metrics = [
        plan.PlannedMetric("f", MetricInfo(f"m{i}", "video", "clip", "", True, (None, None), "", ""), None)
        for i in range(20)
    ]
    spec = ClipSpec(10, 64, 64, Fraction(25), 0, 16000, 1)
    clips = [plan.PlannedClip(f"clip{i}", key(i), folder, spec, "d") for i in range(100)]
    cells = plan.cells([plan.PlannedCodec(info, tuple(points), None)], clips)
    stream = Bitstream((Part("data", "video", bytes(1000)),)).to_bytes()
    sha256 = hashlib.sha256(stream).hexdigest()
    with Store(folder / "out" / "talkbench.duckdb") as store:
        for cell in cells:
            files.write_bytes(artifacts.bitstream_path(folder / "out", cell.encode_id), stream)
        store.connection.execute(
            "CREATE TEMP TABLE ids AS SELECT unnest(?) AS id", [[c.encode_id for c in cells]]
        )
        store.connection.execute(
            "INSERT INTO encodes (encode_id, codec, fingerprint, point, params, clip_id, status, "
            "bitstream_sha256, decode_status, selected) "
            "SELECT id, 'c', ?, 'p', '{}', 'clip', 'ok', ?, 'ok', true FROM ids",
            [info.fingerprint(), sha256],
        )
        for metric in metrics:
            store.connection.execute(
                "INSERT INTO metrics (metric, fingerprint, status, selected) VALUES (?, ?, 'ok', true)",
                [metric.info.name, metric.info.fingerprint()],
            )
            store.connection.execute(
                "INSERT INTO scores (encode_id, metric, fingerprint, value, status) "
                "SELECT id, ?, ?, 1.0, 'ok' FROM ids",
                [metric.info.name, metric.info.fingerprint()],
            )
        suite = Suite("s", ("c",), (DatasetChoice("d"),))
        everything = plan.Plan([], {}, metrics, cast(Sequence[plan.PlannedItem], []))
        sweep = Sweep(
            suite, everything, folder / "out", store, SerialExecutor("cpu"), LineProgress(Terminal())
        )
        began = time.perf_counter()
        cells = plan.cells([plan.PlannedCodec(info, tuple(points), None)], clips)
        plan.digest(cells, metrics, [])
        records.select_cells(store, cells)
        sweep.plan_cells(cells)
        return time.perf_counter() - began


def main() -> None:
    """Measure and print both."""
    with tempfile.TemporaryDirectory() as folder:
        print(f"finished sweep again, 200 encodes       {rerun(Path(folder)):6.2f} s (limit 5)")
    with tempfile.TemporaryDirectory() as folder:
        print(f"planning with 100,000 rows in the store {planned(Path(folder)):6.2f} s (limit 10)")


if __name__ == "__main__":
    main()
