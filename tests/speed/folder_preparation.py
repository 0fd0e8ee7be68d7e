"""Seconds of preparation per second of recording, on real clips."""

from __future__ import annotations

import time
from pathlib import Path

from talkbench.datasets._preparation import Settings, prepare

CLIPS = Path(__file__).resolve().parents[2].parent / "shared" / "clips"

for name in ("grid/bbaf2n.mpg", "vidtimit/fadg0_sa1.mkv", "wild/videoretalking_face2.mp4"):
    if not (CLIPS / name).is_file():
        print(f"{name}: absent")
        continue
    for crop in ("centre", "face"):
        begin = time.perf_counter()
        clip, _ = prepare(CLIPS / name, Settings(crop=crop))
        print(f"{name} {crop}: {(time.perf_counter() - begin) / clip.spec.duration_s:.2f} s per second")
