"""The memory that one task works in: what it takes beyond what its process held already.

A worker process has a history: libraries, loaded networks, and a heap that earlier tasks have freed and that
the next one uses again without growing. So neither its resident memory nor that memory's growth is a codec's
own. `PeakMemory` therefore

- gives the freed heap back to the system first (`malloc_trim`), so that using it again shows as growth;
- takes as zero what the process and its children hold then, so that a loaded network does not count;
- counts anonymous memory only (heap and stacks), so that mapped clips, programs and shared libraries do not
  count. Neither does memory that processes share: Linux does not tell whose it is;
- resets the kernel's own high-water mark (`/proc/PID/clear_refs`) and reads it afterwards, so that a peak
  between two samples is seen; samples find the children, and their marks.

Where the kernel keeps no such mark, or a child came and went unseen, nothing is measured, and `reason`
says why.
"""

from __future__ import annotations

import ctypes
import gc
import os
import platform
import resource
import threading
from pathlib import Path
from types import TracebackType

_EVERY_S = 0.005
_FIELDS = ("VmHWM", "VmRSS", "RssAnon")


class PeakMemory:
    """Context manager: the peak of memory taken within, by this process and its descendants together.

    `rss_bytes`: anonymous bytes beyond those held on entry; None where they could not be measured, and then
    `reason` says why. `gpu_bytes`: torch's peak allocation on `device` beyond what was allocated on entry, or
    None on a CPU. It is one process's: two of these at a time measure each other's task.
    """

    def __init__(self, device: str = "cpu") -> None:
        self.device = device
        self.rss_bytes: int | None = None
        self.gpu_bytes: int | None = None
        self.reason: str | None = None
        self._stop = threading.Event()
        self._own = _Process(os.getpid())
        self._family = _Family()
        self._peak = 0

    def __enter__(self) -> PeakMemory:
        if self.device != "cpu":
            import torch

            torch.cuda.reset_peak_memory_stats(self.device)
            self._gpu_before = torch.cuda.memory_allocated(self.device)
        gc.collect(1)
        _give_back_freed_heap()
        self._reaped = _faults_of_reaped_children()
        self.reason = self._own.reset()
        self._older = {child.pid for child in self._family.living()}
        for child in self._family.living():
            child.reset()
        self._seen: set[int] = set()  # children that began meanwhile
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._sample()
        self._peak = max(self._peak, self._own.peak())
        if self.device != "cpu":
            import torch

            self.gpu_bytes = torch.cuda.max_memory_allocated(self.device) - self._gpu_before
        if not self.reason and not self._seen and _faults_of_reaped_children() > self._reaped:
            self.reason = f"a child process came and went within {_EVERY_S * 1000:g} ms, unseen"
        if not self.reason:
            self.rss_bytes = self._peak

    def _run(self) -> None:
        while not self._stop.wait(_EVERY_S):
            self._sample()

    def _sample(self) -> None:
        total = self._own.now()
        for child in self._family.living():
            if child.pid not in self._older:
                self._seen.add(child.pid)
            total += child.peak()
        self._peak = max(self._peak, total)


class _Process:
    """Anonymous memory of one process, in bytes; what has ended holds none."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.anonymous = 0  # at the last look
        self._high = 0  # the most of all looks
        self._mapped = 0  # of files, the most of all looks
        self._zero = 0
        self._marked = True
        self._may_be_copy = pid != os.getpid()

    def reset(self) -> str | None:
        """Begin again from what it holds now. Returns why its mark cannot be reset, or None."""
        failure = None
        try:
            Path(f"/proc/{self.pid}/clear_refs").write_text("5")
        except OSError as error:
            failure = f"this system does not reset a process's high-water mark ({error})"
            self._marked = False
        found = self._look()
        if failure is None and not found:
            failure = f"this system does not say what a process holds (/proc/{self.pid}/status)"
        self._zero = self._high = self.anonymous
        return failure

    def now(self) -> int:
        """Beyond what it held at the reset; a process that holds less now holds nothing beyond."""
        self._look()
        return max(0, self.anonymous - self._zero)

    def peak(self) -> int:
        """The most that it has held since the reset, beyond what it held then."""
        self._look()
        return max(0, self._high - self._zero)

    def _look(self) -> dict[str, int]:
        found = _status(self.pid)
        if not found:
            return {}
        if self._may_be_copy:
            self._may_be_copy = _stack(self.pid) == _stack(os.getpid())
            # What was read above may still be of the copy, where the program began in between.
            found = _status(self.pid)
            if not found:
                return {}
        if self._may_be_copy and _in_our_memory(self.pid):
            return found
        if self._may_be_copy:
            # Forked, and no other program yet: all but what it wrote itself is its parent's.
            self.anonymous = _private_bytes(self.pid)
        else:
            self.anonymous = found["RssAnon"]
            # The mark counts mapped files too: without the most of those it is never too high.
            self._mapped = max(self._mapped, found["VmRSS"] - found["RssAnon"])
            if self._marked:
                self._high = max(self._high, found["VmHWM"] - self._mapped)
        self._high = max(self._high, self.anonymous)
        return found


class _Family:
    """The living descendants of this process. A process is asked for its parent once only."""

    def __init__(self) -> None:
        self._own = os.getpid()
        self._parents: dict[int, int] = {}
        self._known: dict[int, _Process] = {}

    def living(self) -> list[_Process]:
        """Those alive now; the same object for the same process each time."""
        if not _has_children():
            return []
        present = {int(name) for name in os.listdir("/proc") if name.isdigit()}
        self._parents = {pid: parent for pid, parent in self._parents.items() if pid in present}
        for pid in present - self._parents.keys():
            self._parents[pid] = _parent(pid)
        found = [pid for pid in present if self._descends(pid)]
        self._known = {pid: self._known.get(pid) or _Process(pid) for pid in found}
        return list(self._known.values())

    def _descends(self, pid: int) -> bool:
        while pid := self._parents.get(pid, 0):
            if pid == self._own:
                return True
        return False


def _has_children() -> bool:
    """Whether this process has any, ended ones that nobody has waited for among them: one cheap call."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _parent(pid: int) -> int:
    """0 for a process that has ended meanwhile."""
    return int((_stat(pid) or ("", "0"))[1])


_KCMP = {"x86_64": 312, "aarch64": 272}  # number of the system call
_KCMP_VM = 1


def _in_our_memory(pid: int) -> bool:
    """Whether a child works in this very process's memory: between `vfork` and the program that it begins.

    False where the kernel does not tell.
    """
    import ctypes

    number = _KCMP.get(platform.machine())
    if number is None:
        return False
    return ctypes.CDLL(None).syscall(number, os.getpid(), pid, _KCMP_VM, 0, 0) == 0


def _stack(pid: int) -> int:
    """Address of its stack, drawn by lot when a program starts; a forked copy has its parent's."""
    return int((_stat(pid) or ["0"] * 26)[25])


def _stat(pid: int) -> list[str] | None:
    """Fields of /proc/PID/stat from the third (state) on; None for a process that has ended."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return line.rpartition(")")[2].split()  # a program's name may hold spaces and brackets


def _private_bytes(pid: int) -> int:
    """Pages that it wrote and no other process shares; 0 for a process that has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_Dirty:"))


def _status(pid: int) -> dict[str, int]:
    """`_FIELDS` in bytes; empty for a process that has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    found = {
        name: int(value.split()[0]) * 1024
        for name, _, value in (line.partition(":") for line in lines)
        if name in _FIELDS
    }
    return found if len(found) == len(_FIELDS) else {}


def _give_back_freed_heap() -> None:
    library = ctypes.CDLL(None)
    if hasattr(library, "malloc_trim"):  # of glibc; others give back what is freed, or have no such call
        library.malloc_trim(0)


def _faults_of_reaped_children() -> int:
    """Pages that ended children have touched: it grows with each child that this process waits for."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt
