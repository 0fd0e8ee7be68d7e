"""Previews, as jobs for an executor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..execution.executors import Job
from ..plan import plan
from . import preview as preview_job
from .homes import SHARED


def preview(
    clip: plan.PlannedClip,
    sources: Sequence[preview_job.Source],
    root: Path,
    cap: int,
    used: int,
    time_limit_s: float,
) -> Job:
    """Make previews of variants of one clip. Key: preview, clip_id. cap, used: bytes, as for the function."""
    arguments = {
        "clip_id": clip.clip_id,
        "sources": list(sources),
        "root": root,
        "cap": cap,
        "used": used,
    }
    return Job(("preview", clip.clip_id), preview_job.make, arguments, time_limit_s, SHARED)
