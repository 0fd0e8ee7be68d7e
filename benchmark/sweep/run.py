"""One invocation of `talkbench sweep`: plan, run, BD-rates, report, and what to tell the user."""

from __future__ import annotations

import contextlib
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from ..api import registry
from ..execution import executors
from ..plan import plan
from ..plan.suite import Suite
from ..store import artifacts, summary
from ..store.database import Store
from ..util import environment, files, place, suggestions
from ..util.errors import UsageError
from ..util.progress import open_progress
from ..util.terminal import Terminal
from . import records, sweep

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Request:
    """What the user asked for. `devices` are torch device names."""

    suite: Suite
    out: Path
    devices: Sequence[str]
    executor: str
    workers: int
    limit: int | None
    rescore: Sequence[str]
    retry_failed: bool
    command: str


def _executor(request: Request) -> executors.Executor:
    if request.executor == "serial":
        return executors.SerialExecutor(request.devices[0])
    if request.executor == "local":
        logs = artifacts.log_folder(request.out.absolute())
        return executors.LocalExecutor(request.workers, request.devices, logs)
    raise UsageError(f"--executor {request.executor}: expected local or serial")


WriteReport = Callable[[Path, "duckdb.DuckDBPyConnection"], Path]
"""(a sweep's folder, its store) -> the report's first page."""


def run(request: Request, console: Terminal, write_report: WriteReport) -> bool:
    """Run or resume a sweep and have its report written. Returns whether any cell has no result that
    should have one: it failed or was interrupted.
    """
    for metric in request.rescore:
        if metric not in registry.metrics():
            raise suggestions.unknown("metrics", metric, sorted(registry.metrics()))
    executor = _executor(request)
    planned = plan.make(request.suite, request.limit)
    # After what the user may have mistyped, which leaves no folder behind, and before anything is computed.
    place.writable(request.out, "choose another folder (--out)")
    place.writable(files.cache_folder(), "set TALKBENCH_CACHE to a folder that can be written")
    facts = environment.describe(list(request.devices))
    page = request.out / "report" / "index.html"
    with Store(request.out / "talkbench.duckdb") as store:
        for metric in request.rescore:
            records.forget_scores(store, metric)
        try:
            with open_progress(console) as progress:
                running = sweep.Sweep(
                    request.suite, planned, request.out, store, executor, progress, request.retry_failed
                )
                with _ctrl_c_stops(running):
                    changed = running.run(request.command, facts)
        finally:
            executor.close()
        if changed or not page.exists():
            page = write_report(request.out, store.connection)
        _tell(console, store, running.interrupted)
        console.say(f"report: {page}")
        return bool(summary.failures(store) or running.interrupted)


@contextlib.contextmanager
def _ctrl_c_stops(running: sweep.Sweep) -> Iterator[None]:
    """Ctrl-C ends a sweep between two jobs; an exception in the middle of a write or of a lock would not do.

    A second Ctrl-C does not wait.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        if running.queue.stop_asked:
            raise KeyboardInterrupt
        running.queue.stop_asked = True

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _tell(console: Terminal, store: Store, interrupted: Counter[sweep.Interruption]) -> None:
    """Say how the latest plan stands."""
    for absent in summary.unavailable_metrics(store):
        console.say(f"unavailable: {', '.join(absent.metrics)}: {absent.error}")
    for found in summary.deviations(store):
        console.say(
            f"quick: {found.metric} is off by {found.mean:.2%} on average, {found.largest:.2%} at most "
            f"({found.frames} frames of {found.clips} clips scored both ways)"
        )
    failures = summary.failures(store)
    for row in failures:
        console.say(f"{row.status}: {row.what} ({row.stage}, {row.n} cells): {row.error}")
    previews = summary.failed_previews(store)
    if previews.n:
        console.say(f"previews: {previews.n} could not be made (no score is affected): {previews.error}")
    for why, count in interrupted.items():
        console.say(f"interrupted: {count} runs ({why.stage}): {why.error}")
    counts = summary.counts(store)
    failed = sum(row.n for row in failures)
    console.say(
        f"{counts.clips} clips, {counts.encodes} encodes, {counts.scores} scores; "
        f"{counts.unavailable} not applicable; " + (f"{failed} cells failed" if failed else "no cell failed")
    )
    if interrupted:
        console.say(
            f"{interrupted.total()} runs were interrupted and have no result: run the same command again"
        )


def show_plan(request: Request, console: Terminal) -> None:
    """Print what a sweep would do; nothing is written."""
    planned = plan.make(request.suite, request.limit)
    clips = len(planned.items)
    ready = sum(
        artifacts.clip_facts(artifacts.prepared_folder(entry.item.key)) is not None for entry in planned.items
    )
    done: set[str] = set()
    path = request.out / "talkbench.duckdb"
    if path.exists():
        with Store(path, read_only=True) as store:
            done = {key for key, row in records.known_encodes(store).items() if row.status == "ok"}
    console.say(f"suite {request.suite.name}: {request.suite.title}")
    console.say(f"clips: {clips}, of which {ready} are prepared")
    total = 0
    for name, codec in planned.codecs.items():
        if codec.unavailable:
            console.say(f"codec {name}: unavailable: {codec.unavailable}")
            continue
        total += clips * len(codec.points)
        points = ", ".join(point.name for point in codec.points)
        console.say(f"codec {name}: {clips * len(codec.points)} encodes at {points}")
    console.say(f"encodes: {total} in all; the store holds {len(done)} finished ones")
    for metric in planned.metrics:
        if metric.unavailable:
            line = f"metric {metric.info.name}: unavailable: {metric.unavailable}"
            console.say(line)
    console.say(f"metrics: {', '.join(m.info.name for m in planned.metrics if not m.unavailable)}")
    if request.suite.previews:
        console.say(f"previews: of the first {request.suite.previews} clips of each dataset")
    console.say(f"results: {request.out}")
