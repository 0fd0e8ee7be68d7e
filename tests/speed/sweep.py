"""Runs a suite from nothing and prints its wall time, overhead, and the peak memory of a worker.

    python tests/speed/sweep.py [SUITE and options of `talkbench sweep`]

Overhead is wall × workers over the seconds that workers spent in encode, decode, score and preview;
preparation of clips is printed apart. Memory is sampled 5 times a second: a worker's resident set
with its children, the highest of all workers.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import psutil


def worker_memory(parent: psutil.Process) -> int:
    """Bytes of the largest worker with its children."""
    highest = 0
    for worker in parent.children():
        try:
            family = [worker, *worker.children(recursive=True)]
            highest = max(highest, sum(process.memory_info().rss for process in family))
        except psutil.Error:
            continue
    return highest


def main() -> None:
    """Run and print."""
    arguments = sys.argv[1:] or ["demo"]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        environment = {**os.environ, "TALKBENCH_CACHE": str(Path(folder) / "cache")}
        program = Path(sys.executable).parent / "talkbench"
        began = time.perf_counter()
        process = subprocess.Popen([program, "sweep", *arguments, "--out", out], env=environment)
        peak = 0
        while process.poll() is None:
            peak = max(peak, worker_memory(psutil.Process(process.pid)))
            time.sleep(0.2)
        total = time.perf_counter() - began
        with duckdb.connect(str(out / "talkbench.duckdb"), read_only=True) as store:
            row = store.execute(
                "SELECT wall_s, workers, prepare_s, encode_s, decode_s, score_s, preview_s FROM runs"
            ).fetchone()
            assert row is not None
            wall, workers, prepare, encode, decode, score, preview = row
            shown = store.execute(
                "SELECT count(DISTINCT clip_id), max(total) / 1e6 FROM "
                "(SELECT clip_id, sum(bytes) AS total FROM previews GROUP BY clip_id)"
            ).fetchone()
            assert shown is not None
            codecs = store.execute(
                "SELECT codec, sum(frames) / sum(encode_s), sum(frames) / sum(decode_s), "
                "max(greatest(peak_rss_bytes, decode_peak_rss_bytes)) "
                "FROM encodes JOIN clips USING (clip_id) WHERE decode_status = 'ok' GROUP BY ALL ORDER BY ALL"
            ).fetchall()
    print(f"command, with BD-rates and report   {total:8.1f} s")
    print(f"sweep                               {wall:8.1f} s with {workers} workers")
    stages = {"prepare": prepare, "encode": encode, "decode": decode, "score": score, "preview": preview}
    for name, seconds in stages.items():
        print(f"  worker seconds in {name:<8}        {seconds:8.1f} s")
    if shown[0]:
        print(f"  previews of {shown[0]} clips, at most {shown[1]:.1f} MB each")
    work = encode + decode + score + preview
    print(f"overhead: wall x workers / work     {(wall - prepare / workers) * workers / work:8.3f}")
    print(f"overhead with preparation as work   {wall * workers / (work + prepare):8.3f}")
    print(f"largest worker                      {peak / 2**20:8.0f} MiB")
    for codec, encoding, decoding, rss in codecs:
        taken = "memory not measured" if rss is None else f"{rss / 2**20:5.0f} MiB"
        print(f"  {codec:<20} encodes {encoding:7.1f}, decodes {decoding:7.1f} frames/s, {taken}")


if __name__ == "__main__":
    main()
