"""Peak memory of one task, child processes included."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

_EVERY_S = 0.05


class PeakMemory:
    """Context manager that samples resident memory of this process and its children 20 times a second.

    `rss_bytes` is the highest sum seen; `gpu_bytes` is torch's peak allocation on `device`, or None on a CPU.
    Pages that processes share, mapped clips among them, count in each.
    """

    def __init__(self, device: str = "cpu") -> None:
        self.device = device
        self.rss_bytes = 0
        self.gpu_bytes: int | None = None
        self._stop = threading.Event()

    def __enter__(self) -> PeakMemory:
        if self.device != "cpu":
            import torch

            torch.cuda.reset_peak_memory_stats(self.device)
        self._sample()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._sample()
        if self.device != "cpu":
            import torch

            self.gpu_bytes = torch.cuda.max_memory_allocated(self.device)

    def _run(self) -> None:
        while not self._stop.wait(_EVERY_S):
            self._sample()

    def _sample(self) -> None:
        self.rss_bytes = max(self.rss_bytes, sum(map(_resident_bytes, _family(os.getpid()))))


def _family(pid: int) -> Iterator[int]:
    """A process and its descendants, as Linux lists them: walking all processes would take too long."""
    yield pid
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _family(int(child))
    except OSError:  # it ended meanwhile
        return


def _resident_bytes(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:  # it ended meanwhile
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
