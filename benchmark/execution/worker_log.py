"""What code in a worker process prints, C code and its children too: into a file of bounded size."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from pathlib import Path

LIMIT_BYTES = 1_000_000
_EVERY_S = 0.2
_FULL = f"\n[talkbench: more than {LIMIT_BYTES} bytes; what was printed after this is dropped]\n".encode()


def redirect(path: Path | None) -> None:
    """Send standard output and error of this process to the end of `path` from now on; None: nowhere.

    A thread keeps the file within its limit, by cutting the rest.
    """
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    target = os.devnull if path is None else path
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for number in (1, 2):
        os.dup2(descriptor, number)
    os.close(descriptor)
    # The streams' own buffers would hide what a process that dies said last.
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.reconfigure(line_buffering=True, errors="backslashreplace")  # pyright: ignore[reportAttributeAccessIssue]
    if path is not None:
        threading.Thread(target=_watch, args=(path,), daemon=True).start()


def flush() -> None:
    """Hand on what Python's own streams hold."""
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is not None:
            with contextlib.suppress(ValueError):  # code from outside closed it: there is nothing to hand on
                stream.flush()


def cut(path: Path) -> None:
    """Bring a log that is too long to its limit, and say so at its end."""
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return
    if size <= LIMIT_BYTES + len(_FULL):
        return
    with path.open("r+b") as file:
        file.truncate(LIMIT_BYTES)
        file.seek(LIMIT_BYTES)
        file.write(_FULL)


def _watch(path: Path) -> None:
    pause = threading.Event()
    while not pause.wait(_EVERY_S):
        cut(path)
