"""A codec whose import alone changes the process."""

from __future__ import annotations

import os

from .fakes import VIDEO_POINTS, FakeCodec, info

os.environ["IMAGEIO_FFMPEG_EXE"] = "/nowhere"
os.environ["TALKBENCH_CACHE"] = "/nowhere"
os.chdir("/")

codec = FakeCodec(info("rude-imports", ("video",)), VIDEO_POINTS)
