"""Where a run happened: machine, versions and commit."""

from __future__ import annotations

import ctypes
import math
import os
import platform
import re
import subprocess
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from .errors import UsageError


def devices(wanted: str) -> list[str]:
    """Torch device names for `auto`, `cpu`, `cuda` or `cuda:0,1`. Raises UsageError for a missing GPU."""
    if wanted == "cpu":
        return ["cpu"]
    count = _gpu_count()
    if wanted == "auto":
        return [f"cuda:{index}" for index in range(count)] or ["cpu"]
    kind, _, indices = wanted.partition(":")
    if kind != "cuda" or not all(part.isdigit() for part in indices.split(",") if indices):
        raise UsageError(f"--device {wanted}: expected auto, cpu, cuda or cuda:0,1")
    chosen = [int(part) for part in indices.split(",")] if indices else list(range(count))
    missing = [index for index in chosen if index >= count]
    if missing or not chosen:
        raise UsageError(f"--device {wanted}: torch sees {count} CUDA devices here; use --device cpu")
    return [f"cuda:{index}" for index in chosen]


def _gpu_count() -> int:
    # Importing torch takes seconds; without a driver there is nothing to ask it.
    if not _has_driver():
        return 0
    import torch

    return torch.cuda.device_count()


def _has_driver() -> bool:
    """Whether a driver that torch could use is installed: NVIDIA's by its library, AMD's by its device.

    NVIDIA's device files have other names under WSL2 (/dev/dxg) and on Jetson; its library has one name.
    """
    if Path("/dev/kfd").exists():
        return True
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True


def usable_cores(root: Path = Path("/")) -> int:
    """How many cores this process may keep busy, at least 1: those it may run on, and no more than its quota.

    The quota is the least of its control groups' and their parents' (`cpu.max`, or `cpu.cfs_quota_us` of
    version 1), rounded up. root: where `proc` and `sys` are.
    """
    allowed = len(os.sched_getaffinity(0))
    return max(1, min([allowed, *(math.ceil(quota) for quota in _quotas(root))]))


def _quotas(root: Path) -> Iterator[float]:
    """Cores that each control group above this process grants it, where it sets a limit."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:  # a kernel without control groups
        return
    mounts = root / "sys/fs/cgroup"
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            places = (mounts, mounts / "unified")
        elif "cpu" in controllers.split(","):
            places = (mounts / controllers, mounts / "cpu")
        else:
            continue
        # A container may see its own group as the mount's root, its path being the host's or outside.
        inside = Path() if ".." in path.split("/") else Path(path.lstrip("/"))
        for place in places:
            for group in (inside, *inside.parents):
                yield from _quota(place / group)


def _quota(group: Path) -> Iterator[float]:
    """The quota of one control group, of either version; nothing where there is no limit or no such group."""
    if (group / "cpu.max").is_file():
        quota, _, period = (group / "cpu.max").read_text(encoding="utf-8").partition(" ")
        if quota != "max":
            yield int(quota) / int(period)
    if (group / "cpu.cfs_quota_us").is_file():
        quota = int((group / "cpu.cfs_quota_us").read_text(encoding="utf-8"))
        if quota > 0:
            yield quota / int((group / "cpu.cfs_period_us").read_text(encoding="utf-8"))


def describe(device_names: list[str]) -> dict[str, Any]:
    """JSON-ready facts of this machine: CPU, its usable cores, GPUs, operating system, Python, libraries."""
    facts: dict[str, Any] = {
        "cpu": _cpu_name(),
        "cores": usable_cores(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": platform.platform(),
        "python": platform.python_version(),
        "libraries": _versions(),
    }
    if device_names != ["cpu"]:
        import torch

        facts["gpus"] = [torch.cuda.get_device_name(name) for name in device_names]
        facts["cuda"] = torch.version.cuda
    return facts


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )


def _versions() -> dict[str, str]:
    """Versions of talkbench's own dependencies, by name."""
    found = {}
    for line in metadata.requires("talkbench") or []:
        name = re.match(r"[A-Za-z0-9._-]+", line)
        if name and "extra ==" not in line:
            found[name.group()] = metadata.version(name.group())
    return found


def commit() -> tuple[str | None, bool | None]:
    """Git commit of this code and whether it has uncommitted changes; (None, None) outside a checkout."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None, None
    try:
        head = _git(root, "rev-parse", "HEAD")
        return head, bool(_git(root, "status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.SubprocessError):
        return None, None


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
