"""Seconds, memory and size of the report of a store with a million scores; seconds of the bootstrap.

    python tests/speed/report.py [--keep DIR]

The store: 200 clips, 10 video and 4 audio codecs of 5 points each, their 40 pairs, 25 metrics, a few failed
encodes. The bootstrap alone: every pair of 40 systems × 12 metrics × 1000 resamples of 200 clips.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
from talkbench.benchmark.analysis.bootstrap import RESAMPLES
from talkbench.benchmark.analysis.clip_curves import ClipCurves
from talkbench.benchmark.analysis.paired import all_pairs
from talkbench.benchmark.store.database import Store

CLIPS, SYSTEMS, METRICS = 200, 40, 12
LIMITS = {"report_s": 60, "peak_bytes": 2e9, "bootstrap_s": 30, "index_bytes": 8e6, "index_open_s": 2}


def build(folder: Path) -> int:
    """Write the store; returns how many scores it has."""
    with Store(folder / "talkbench.duckdb") as store:
        store.connection.execute((Path(__file__).parent / "report_store.sql").read_text())
        counted = "SELECT (SELECT count(*) FROM scores) + (SELECT count(*) FROM pair_scores)"
        return store.connection.execute(counted).fetchall()[0][0]


def report(folder: Path) -> dict[str, float]:
    """Write the report as a user does, with a clock around what it is made of."""
    from talkbench.reports import site, source

    seconds = {}

    def timed(name, function):
        def call(*given):
            began = time.perf_counter(), time.process_time()
            result = function(*given)
            seconds[name] = time.perf_counter() - began[0]
            seconds[name.replace("_s", "_cpu_s")] = time.process_time() - began[1]
            return result

        return call

    source.load = timed("load_s", source.load)
    source.leaderboards = timed("boards_s", source.leaderboards)
    timed("report_s", site.write_report)(folder)
    return {**seconds, "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


def bootstrap() -> tuple[float, float]:
    """Wall and processor seconds of all pairs of SYSTEMS × METRICS × RESAMPLES, one system with gaps."""
    rng = np.random.default_rng(3)
    rate = 4 * 2.0 ** np.arange(6) * (1 + 0.3 * rng.random((CLIPS, 1)))
    names = tuple(f"clip{index:03}" for index in range(CLIPS))

    def curve(system: int, metric: int) -> ClipCurves:
        kbps = rate * (1 + 0.05 * system)
        value = np.log(rate) * (1 + 0.02 * metric) + 0.3 * rng.standard_normal((CLIPS, 6))
        if system == 7:
            value[5, 2] = np.nan
        points = tuple(f"p{index}" for index in range(6))
        facts = ("speed", "video", f"m{metric}", f"m{metric}", f"s{system:02}", True, False, False, 0)
        return ClipCurves(*facts, names, points, kbps, value, np.ones_like(value))

    boards = [[curve(system, metric) for system in range(SYSTEMS)] for metric in range(METRICS)]
    began = time.perf_counter(), time.process_time()
    for board in boards:
        assert np.isfinite(all_pairs(board, board[0], RESAMPLES).ci_low).sum() == SYSTEMS * (SYSTEMS - 1)
    return time.perf_counter() - began[0], time.process_time() - began[1]


def open_in_browser(index: Path) -> tuple[float, int] | None:
    """Seconds until Chromium has loaded the page from disk, and bytes that it asked for; None without it."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        return None
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        except Error:
            return None
        page = browser.new_page()
        asked: set[str] = set()
        page.on("request", lambda request: asked.add(request.url.partition("#")[0]))
        began = time.perf_counter()
        page.goto(index.as_uri(), wait_until="load")
        seconds = time.perf_counter() - began
        page.wait_for_load_state("networkidle")  # its scripts ask for the data of what they show
        browser.close()
    files = [Path(unquote(urlsplit(url).path)) for url in asked if url.startswith("file:")]
    return seconds, sum(file.stat().st_size for file in files)


def show(name: str, value: float, unit: str, key: str = "", scale: float = 1.0) -> None:
    """One line; with its limit where it has one."""
    limit = f" (limit {LIMITS[key] / scale:g})" if key else ""
    print(f"{name:<58} {value / scale:8.2f} {unit}{limit}", flush=True)


def main() -> None:
    """Measure and print all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--keep", type=Path, help="build the store here and leave it")
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(report(options.measure)))
        return
    wall, cpu = bootstrap()
    shape = f"{SYSTEMS} systems × {METRICS} metrics × {RESAMPLES} resamples"
    show(f"bootstrap of all pairs, {shape}", wall, "s", "bootstrap_s")
    show("  of one processor", cpu, "s")
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        if not (folder / "talkbench.duckdb").exists():
            show("scores in the store", build(folder), "million", scale=1e6)
        # A process of its own, so that its peak memory is the report's alone.
        command = [sys.executable, __file__, "--measure", str(folder)]
        lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
        found = json.loads(lines[-1])
        show("report, all of it", found["report_s"], "s", "report_s")
        show("  of one processor", found["report_cpu_s"], "s")
        show("  reading the scores", found["load_s"], "s")
        show("  all BD-rates, intervals and places", found["boards_s"], "s")
        show("  pages and figures", found["report_s"] - found["load_s"] - found["boards_s"], "s")
        show("peak memory", found["peak_bytes"], "GB", "peak_bytes", 1e9)
        opened = open_in_browser(folder / "report" / "index.html")
        if opened is None:
            print("index page in a browser: skipped, no Chromium with playwright here")
        else:
            show("index page with all that it loads at once", opened[1], "MB", "index_bytes", 1e6)
            show("  opened from disk in Chromium", opened[0], "s", "index_open_s")


if __name__ == "__main__":
    main()
