"""Where jobs run. One small interface; `serial` runs them here, `local` in worker processes.

An executor takes jobs, and gives back outcomes as they finish. It knows nothing of stages, so that
another one (a cluster's) can take its place without touching plan or stages.
"""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from . import place
from .errors import Unavailable, describe_error

JobStatus = Literal["ok", "failed", "unavailable", "timeout", "oom", "died", "place"]
# A worker that has not begun a job by then is taken for lost; each time twice as patiently.
_START_GRACE_S = 30.0


@dataclass(frozen=True)
class Job:
    """A call of a module-level function. `function` gets `device=` beside `arguments`."""

    key: tuple[str, ...]
    function: Callable[..., Any]
    arguments: Mapping[str, Any]
    time_limit_s: float


@dataclass(frozen=True)
class Outcome:
    """How a job ended. `died`: its process ended without a word (a crash, or out of memory).

    `place`: the machine is at fault, not the job (see place.py).
    """

    job: Job
    status: JobStatus
    value: Any = None
    error: str | None = None
    seconds: float = 0.0  # of worker time


class Executor(Protocol):
    """Runs jobs, as many at a time as it has workers."""

    @property
    def workers(self) -> int:
        """How many jobs run at a time."""
        ...

    @property
    def devices(self) -> Sequence[str]:
        """Torch device names."""
        ...

    @property
    def free(self) -> int:
        """How many more jobs it wants now."""
        ...

    def submit(self, job: Job) -> None: ...

    def next(self, wait_s: float = 1.0) -> Outcome | None:
        """The next job to end, or None if none has within `wait_s` seconds.

        Raises LookupError when none is under way.
        """
        ...

    def close(self) -> None:
        """Stop at once; jobs under way are given up."""
        ...


def run_job(
    function: Callable[..., Any], arguments: Mapping[str, Any], device: str
) -> tuple[JobStatus, Any, str | None, float]:
    """Call, and turn what can happen inside a process into (status, value, error, seconds)."""
    started = time.perf_counter()
    status: JobStatus = "ok"
    value, message = None, None
    try:
        with place.among(arguments):
            try:
                value = function(**arguments, device=device)
            except Exception as error:
                place.raise_fault(error)
                raise
    except place.PlaceFault as error:  # of the machine: it stops the run
        status, message = "place", describe_error(error)
    except Unavailable as error:
        status, message = "unavailable", describe_error(error)
    except MemoryError as error:
        status, message = "oom", describe_error(error)
    except Exception as error:  # a job's failure is a row, whatever it raised
        # torch.OutOfMemoryError, by name: this process may never have imported torch.
        status = "oom" if type(error).__name__ == "OutOfMemoryError" else "failed"
        message = describe_error(error)
    return status, value, message, time.perf_counter() - started


class SerialExecutor:
    """Runs each job in this process when its outcome is asked for. For debugging: no time limit."""

    def __init__(self, device: str) -> None:
        self.workers = 1
        self.devices = (device,)
        self._jobs: deque[Job] = deque()

    @property
    def free(self) -> int:
        return self.workers - len(self._jobs)

    def submit(self, job: Job) -> None:
        self._jobs.append(job)

    def next(self, wait_s: float = 1.0) -> Outcome | None:
        del wait_s  # the job runs now, however long it takes
        if not self._jobs:
            raise LookupError("no job is under way")
        job = self._jobs.popleft()
        return Outcome(job, *run_job(job.function, job.arguments, self.devices[0]))

    def close(self) -> None:
        self._jobs.clear()


def _start_worker(threads: int) -> None:
    """Runs first in every worker process."""
    import ctypes

    # A group of its own: Ctrl-C reaches the parent only, which then stops its workers.
    os.setpgrp()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Die with the parent, however it dies (Linux prctl PR_SET_PDEATHSIG = 1).
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(threads)


class LocalExecutor:
    """Worker processes on this machine: one Pebble pool per device, a time limit per job.

    A worker that dies takes only its own job with it; a pool that breaks is built anew and its
    jobs are run again.
    """

    def __init__(self, workers: int, devices: Sequence[str]) -> None:
        self.workers = max(workers, len(devices))
        self.devices = devices
        self._threads = max(1, (os.cpu_count() or 1) // self.workers)
        self._share = -(-self.workers // len(devices))
        self._pools: dict[str, Any] = {}
        self._running: dict[concurrent.futures.Future[Any], tuple[Job, str]] = {}
        self._progress_at = time.monotonic()
        self._grace_s = _START_GRACE_S

    @property
    def free(self) -> int:
        # One job waits at each pool's door, so that a worker never idles for the parent.
        return self.workers + len(self.devices) - len(self._running)

    def _pool(self, device: str) -> Any:
        import pebble

        if device not in self._pools:
            # A forked worker would inherit torch's threads and the store's lock.
            context: Any = multiprocessing.get_context("spawn")
            self._pools[device] = pebble.ProcessPool(
                max_workers=self._share,
                initializer=_start_worker,
                initargs=(self._threads,),
                context=context,
            )
        return self._pools[device]

    def submit(self, job: Job) -> None:
        load = dict.fromkeys(self.devices, 0)
        for _, device in self._running.values():
            load[device] += 1
        device = min(load, key=lambda name: load[name])
        self._start(job, device)

    def _start(self, job: Job, device: str) -> None:
        call = (job.function, job.arguments, device)
        try:
            future = self._pool(device).schedule(run_job, args=call, timeout=job.time_limit_s)
        except RuntimeError:  # the pool broke (an idle worker was killed), and no future has said so yet
            self._rebuild(device, [job])
            return
        self._running[future] = (job, device)
        self._progress_at = time.monotonic()

    def next(self, wait_s: float = 1.0) -> Outcome | None:
        if not self._running:
            raise LookupError("no job is under way")
        done, _ = concurrent.futures.wait(
            self._running, timeout=wait_s, return_when=concurrent.futures.FIRST_COMPLETED
        )
        for future in done:
            # An earlier one of `done` may have had the pool rebuilt, and this one with it.
            outcome = self._finish(future) if future in self._running else None
            if outcome:
                return outcome
        self._mend_stall()
        return None

    def _finish(self, future: concurrent.futures.Future[Any]) -> Outcome | None:
        import pebble

        job, device = self._running.pop(future)
        self._progress_at = time.monotonic()
        try:
            return Outcome(job, *future.result())
        except concurrent.futures.TimeoutError:
            limit = f"took longer than its limit of {job.time_limit_s:g} s and was stopped"
            return Outcome(job, "timeout", error=limit, seconds=job.time_limit_s)
        except pebble.ProcessExpired as error:
            return Outcome(job, "died", error=f"the worker process died ({_exit_words(error.exitcode)})")
        except concurrent.futures.process.BrokenProcessPool:
            self._rebuild(device, [job])
            return None
        except concurrent.futures.CancelledError:
            self._start(job, device)
            return None

    def _rebuild(self, device: str, lost: Sequence[Job]) -> None:
        """Stop one device's pool, start another, and give it the jobs that were under way."""
        lost = list(lost)
        for future, (job, at) in list(self._running.items()):
            if at == device:
                lost.append(job)
                del self._running[future]
        pool = self._pools.pop(device, None)
        if pool is not None:
            pool.stop()
            pool.join()
        for job in lost:
            self._start(job, device)

    def _mend_stall(self) -> None:
        """A worker that is killed between taking a job and saying so leaves the job waiting for ever.

        Or it takes the lock of the pool's pipe with it, and no other worker gets a job again.
        """
        started = sum(future.running() for future in self._running)
        if started < min(self.workers, len(self._running)):
            if time.monotonic() - self._progress_at > self._grace_s:
                self._grace_s *= 2
                for device in self.devices:
                    self._rebuild(device, [])
        else:
            self._progress_at = time.monotonic()
            self._grace_s = _START_GRACE_S

    def close(self) -> None:
        for pool in self._pools.values():
            pool.stop()
            pool.join()
        self._pools.clear()
        self._running.clear()


def _exit_words(code: int | None) -> str:
    if code is not None and code < 0:
        hint = ", often a sign of too little memory" if -code == signal.SIGKILL else ""
        return f"{signal.Signals(-code).name}{hint}"
    return f"exit code {code}"
