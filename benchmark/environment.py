"""Where a run happened: machine, versions and commit."""

from __future__ import annotations

import os
import platform
import re
import subprocess
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
        raise UsageError(f"--device {wanted}: say auto, cpu, cuda or cuda:0,1")
    chosen = [int(part) for part in indices.split(",")] if indices else list(range(count))
    missing = [index for index in chosen if index >= count]
    if missing or not chosen:
        raise UsageError(f"--device {wanted}: torch sees {count} CUDA devices here; use --device cpu")
    return [f"cuda:{index}" for index in chosen]


def _gpu_count() -> int:
    # Importing torch takes seconds; without the driver's device file there is nothing to ask it.
    if not Path("/dev/nvidiactl").exists():
        return 0
    import torch

    return torch.cuda.device_count()


def describe(device_names: list[str]) -> dict[str, Any]:
    """JSON-ready facts of this machine: CPU, GPUs, operating system, Python and library versions."""
    facts: dict[str, Any] = {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
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
    root = Path(__file__).parent.parent
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
