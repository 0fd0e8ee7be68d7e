"""Where jobs run. One small interface; `serial` runs them here, `local` in worker processes.

An executor takes jobs, and gives back outcomes as they finish. It knows nothing of stages, so that
another one (a cluster's) can take its place without touching plan or stages.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import multiprocessing
import os
import pickle
import re
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import forkserver
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from ..util import environment, helper_process, place
from ..util.errors import HelperKilled, Unavailable, describe_error
from . import process_state, worker_log
from .job import Job, JobStatus, Outcome

# A worker that has not begun a job by then is taken for lost; each time twice as patiently.
_START_GRACE_S = 30.0
_STARTS = 5  # of one job in processes that end before they begin it
# Jobs that are looked over for one whose process is warm, and how often a job may be overtaken meanwhile.
_AHEAD, _OVERTAKEN = 16, 64
_IDLE = 4  # warm processes beside those that run, at least


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

    def next(self, wait_s: float = 1.0) -> Outcome[Any] | None:
        """The next job to end, or None if none has within `wait_s` seconds.

        Raises LookupError when none is under way.
        """
        ...

    def close(self) -> None:
        """Stop at once; jobs under way are given up."""
        ...


def run_job(job: Job, device: str) -> tuple[JobStatus, Any, str | None, float]:
    """Run, and turn what can happen inside a process into (status, value, error, seconds)."""
    started = time.perf_counter()
    status: JobStatus = "ok"
    value, message = None, None
    try:
        with place.among(job):
            try:
                # Helper processes may be killed from outside: that says nothing of the job.
                value = helper_process.persistently(partial(job.run, device))
            except Exception as error:
                place.raise_fault(error)
                raise
    except place.PlaceFault as error:  # of the machine: it stops the run
        status, message = "place", describe_error(error)
    except HelperKilled as error:
        status, message = "interrupted", describe_error(error)
    except Unavailable as error:
        status, message = "unavailable", describe_error(error)
    except MemoryError as error:
        status, message = "oom", describe_error(error)
    except BaseException as error:  # a job's failure is a row, whatever it raised: SystemExit too
        # torch.OutOfMemoryError, by name: this process may never have imported torch.
        status = "oom" if type(error).__name__ == "OutOfMemoryError" else "failed"
        message = describe_error(error)
    return status, value, message, time.perf_counter() - started


class SerialExecutor:
    """Runs each job in this process when its outcome is asked for. For debugging: no time limit.

    Codecs are not kept apart: what one replaces in another module stays replaced for those after it. The
    state of the process (`process_state.kept`) is set back after each job.
    """

    def __init__(self, device: str) -> None:
        self.workers = 1
        self.devices = (device,)
        self._jobs: deque[Job] = deque()

    @property
    def free(self) -> int:
        return self.workers - len(self._jobs)

    def submit(self, job: Job) -> None:
        self._jobs.append(job)

    def next(self, wait_s: float = 1.0) -> Outcome[Any] | None:
        del wait_s  # the job runs now, however long it takes
        if not self._jobs:
            raise LookupError("no job is under way")
        job = self._jobs.popleft()
        if job.home:
            _load_libraries()
        with process_state.kept(), _ctrl_c_passes() as pressed:
            ended = run_job(job, self.devices[0])
        if pressed:
            raise KeyboardInterrupt
        return Outcome(job, *ended)

    def close(self) -> None:
        self._jobs.clear()


@contextlib.contextmanager
def _ctrl_c_passes() -> Iterator[list[int]]:
    """Tells a Ctrl-C that ends the body from a KeyboardInterrupt of its own: the list is not empty."""
    pressed: list[int] = []
    before = signal.getsignal(signal.SIGINT)
    if not callable(before) or threading.current_thread() is not threading.main_thread():
        yield pressed
        return

    def note(number: int, frame: FrameType | None) -> None:
        try:
            before(number, frame)
        except KeyboardInterrupt:
            pressed.append(number)
            raise

    signal.signal(signal.SIGINT, note)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


def _load_libraries() -> None:
    """Load what every stage needs, so that its state is known before a job can change it."""
    import numpy as np
    import torch

    del np, torch


@dataclass(frozen=True)
class _Start:
    """What a worker process begins with."""

    threads: int
    folder: str
    environment: Mapping[str, str]
    home: str
    log: Path | None  # None: what it prints goes where this process's output goes


def _thread_variables(threads: int) -> dict[str, str]:
    return dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads))


def _context(start: _Start) -> Any:
    """Processes that begin with torch and numpy loaded, in a few hundredths of a second.

    They are forks of a server that has loaded these and done nothing else. A fork of this process would
    inherit its threads and the store's lock.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["numpy", "torch"])
    before = dict(os.environ)
    # For the server, in case it starts now.
    os.environ.update({**start.environment, **_thread_variables(start.threads)})
    try:
        forkserver.ensure_running()
    finally:
        os.environ.clear()
        os.environ.update(before)
    return context


def _start_worker(start: _Start) -> None:
    """Runs first in every worker process."""
    import ctypes

    # A group of its own: Ctrl-C reaches the parent only, which then stops its workers.
    os.setpgrp()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Die with the parent, however it dies (Linux prctl PR_SET_PDEATHSIG = 1).
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    if start.log is not None:
        worker_log.redirect(start.log)
    os.environ.clear()
    os.environ.update(start.environment)
    os.chdir(start.folder)
    os.environ.update(_thread_variables(start.threads))
    if start.home:
        import torch

        torch.set_num_threads(start.threads)
    process_state.seed()


def _run_in_worker(job: Job, device: str) -> bytes:
    """`run_job`, pickled: a value that cannot be sent back is a failure of the job."""
    with process_state.kept():
        ended = run_job(job, device)
    worker_log.flush()
    try:
        return pickle.dumps(ended)
    except BaseException as error:  # pickling runs code of the value's own
        text = f"what it returned cannot leave its process: {describe_error(error)}"
        return pickle.dumps(("failed", None, text, ended[-1]))


def _unpickled(data: bytes) -> tuple[JobStatus, Any, str | None, float]:
    try:
        return pickle.loads(data)  # made by `_run_in_worker`
    except Exception as error:  # unpickling runs code of the value's own
        return "failed", None, f"what it returned cannot be read: {describe_error(error)}", 0.0


@dataclass
class _Task:
    """A job on its way."""

    job: Job
    overtaken: int = 0
    starts: int = 0


@dataclass
class _Worker:
    """One process, as a pool of one, and what it is doing."""

    device: str
    home: str
    pool: Any
    task: _Task | None = None
    future: concurrent.futures.Future[Any] | None = None
    since: float = field(default_factory=time.monotonic)

    def stop(self) -> None:
        self.pool.stop()
        self.pool.join()


class LocalExecutor:
    """Worker processes on this machine, one Pebble pool for each, with a time limit per job.

    `workers` jobs run at a time. A process runs jobs of one home; some stay warm for the next job of theirs,
    and the one that was idle for longest makes room when there are too many. Jobs whose process is warm go
    first, within bounds. A worker that dies takes only its own job with it.

    logs: folder for what jobs print, a file for each home; None: it goes where this process's output goes.
    """

    def __init__(self, workers: int, devices: Sequence[str], logs: Path | None = None) -> None:
        self.workers = max(workers, len(devices))
        self.devices = devices
        self._logs = logs
        self._folder, self._environment = os.getcwd(), dict(os.environ)
        self._threads = max(1, environment.usable_cores() // self.workers)
        self._share = -(-self.workers // len(devices))
        self._most = self.workers + max(_IDLE, self.workers)
        self._processes: list[_Worker] = []
        self._waiting: deque[_Task] = deque()
        self._ended: deque[Outcome[Any]] = deque()
        self._homes: set[str] = set()
        self._grace_s = _START_GRACE_S

    @property
    def free(self) -> int:
        under_way = len(self._waiting) + len(self._ended) + len(self._running())
        return self.workers * (1 + _AHEAD) - under_way

    def _running(self) -> list[_Worker]:
        return [worker for worker in self._processes if worker.task is not None]

    def submit(self, job: Job) -> None:
        self._waiting.append(_Task(job))
        self._dispatch()

    # -- which job goes where ---------------------------------------------------------------------

    def _dispatch(self) -> None:
        """Give waiting jobs to processes, while fewer than `workers` run."""
        while self._waiting and len(self._running()) < self.workers:
            load = dict.fromkeys(self.devices, 0)
            for worker in self._running():
                load[worker.device] += 1
            open_ = [name for name in self.devices if load[name] < self._share]
            task, worker = self._warm(open_) or (self._waiting[0], None)
            self._waiting.remove(task)
            device = min(open_, key=lambda name: load[name])
            self._begin(task, worker or self._process(device, task.job.home))

    def _warm(self, devices: Sequence[str]) -> tuple[_Task, _Worker] | None:
        """The first waiting job that has an idle process, unless one before it was overtaken too often."""
        idle = {w.home: w for w in self._processes if w.task is None and w.device in devices}
        for position, task in enumerate(self._waiting):
            if task.job.home in idle:
                for other in list(self._waiting)[:position]:
                    other.overtaken += 1
                return task, idle[task.job.home]
            if task.overtaken >= _OVERTAKEN:
                return None
        return None

    def _process(self, device: str, home: str) -> _Worker:
        """A new process; too many idle ones make room first."""
        while len(self._processes) >= self._most:
            oldest = min((w for w in self._processes if w.task is None), key=lambda w: w.since)
            self._retire(oldest)
        import pebble

        start = _Start(self._threads, self._folder, self._environment, home, self._log(home))
        context: Any = _context(start) if home else multiprocessing.get_context("spawn")
        pool = pebble.ProcessPool(1, initializer=_start_worker, initargs=(start,), context=context)
        worker = _Worker(device, home, pool)
        self._processes.append(worker)
        return worker

    def _log(self, home: str) -> Path | None:
        if self._logs is None:
            return None
        path = self._logs / f"{re.sub(r'[^A-Za-z0-9._-]', '-', home) or 'jobs'}.log"
        if home not in self._homes:  # of an earlier run
            self._homes.add(home)
            path.unlink(missing_ok=True)
        return path

    def _begin(self, task: _Task, worker: _Worker) -> None:
        job = task.job
        worker.task, worker.since = task, time.monotonic()
        try:
            worker.future = worker.pool.schedule(
                _run_in_worker, args=(job, worker.device), timeout=job.time_limit_s
            )
        except concurrent.futures.process.BrokenProcessPool:  # no process could be started
            self._again(worker)
        except RuntimeError:  # its process was killed while it was idle: no attempt of this job's
            self._again(worker, attempts=0)

    def _retire(self, worker: _Worker) -> None:
        self._processes.remove(worker)
        worker.stop()

    def _again(self, worker: _Worker, attempts: int = 1) -> None:
        """A process is lost before its job began: another one takes the job, a few times."""
        task = worker.task
        assert task is not None
        self._retire(worker)
        task.starts += attempts
        if task.starts < _STARTS:
            self._waiting.appendleft(task)
        else:
            error = f"no worker process lived to begin it, in {task.starts} attempts"
            self._ended.append(Outcome(task.job, "died", error=error))

    # -- what ends --------------------------------------------------------------------------------

    def next(self, wait_s: float = 1.0) -> Outcome[Any] | None:
        if not (self._waiting or self._ended or self._running()):
            raise LookupError("no job is under way")
        if not self._ended:
            futures = [worker.future for worker in self._running() if worker.future is not None]
            concurrent.futures.wait(futures, wait_s, concurrent.futures.FIRST_COMPLETED)
            for worker in self._running():
                if worker.future is not None and worker.future.done():
                    self._finish(worker)
                elif time.monotonic() - worker.since > self._grace_s:
                    self._end_stall(worker)
            self._dispatch()
        return self._ended.popleft() if self._ended else None

    def _finish(self, worker: _Worker) -> None:
        import pebble

        task, future = worker.task, worker.future
        assert task is not None
        assert future is not None
        job = task.job
        self._grace_s = _START_GRACE_S
        try:
            outcome = Outcome(job, *_unpickled(future.result()))
        except concurrent.futures.TimeoutError:
            limit = f"took longer than its limit of {job.time_limit_s:g} s and was stopped"
            outcome = Outcome(job, "timeout", error=limit, seconds=job.time_limit_s)
        except pebble.ProcessExpired as error:
            outcome = Outcome(job, "died", error=f"the worker process died ({_exit_words(error.exitcode)})")
        except (concurrent.futures.process.BrokenProcessPool, concurrent.futures.CancelledError):
            self._again(worker)
            return
        worker.task = worker.future = None
        worker.since = time.monotonic()
        self._ended.append(outcome)

    def _end_stall(self, worker: _Worker) -> None:
        """A worker that is killed between taking a job and saying so leaves the job waiting for ever."""
        if worker.future is not None and worker.future.running():
            return
        self._grace_s *= 2
        self._again(worker)

    def close(self) -> None:
        for worker in self._processes:
            worker.pool.stop()
        for worker in self._processes:
            worker.pool.join()
        self._processes.clear()
        self._waiting.clear()
        self._ended.clear()


def _exit_words(code: int | None) -> str:
    if code is not None and code < 0:
        hint = ", often a sign of too little memory" if -code == signal.SIGKILL else ""
        return f"{signal.Signals(-code).name}{hint}"
    return f"exit code {code}"
