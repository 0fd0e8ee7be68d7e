"""Peak memory of one task, child processes included."""

from __future__ import annotations

import threading
from types import TracebackType


class PeakMemory:
    """Context manager that samples resident memory of this process and its children 20 times a second.

    `rss_bytes` is the highest sum seen; `gpu_bytes` is torch's peak allocation on `device`, or None on a CPU.
    """

    def __init__(self, device: str = "cpu") -> None:
        self.device = device
        self.rss_bytes = 0
        self.gpu_bytes: int | None = None
        self._stop = threading.Event()

    def __enter__(self) -> PeakMemory:
        import psutil

        self._process = psutil.Process()
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
        while not self._stop.wait(0.05):
            self._sample()

    def _sample(self) -> None:
        import psutil

        total = self._process.memory_info().rss
        for child in self._process.children(recursive=True):
            try:
                total += child.memory_info().rss
            except psutil.Error:  # the child ended between listing and reading
                continue
        self.rss_bytes = max(self.rss_bytes, total)
