"""Jobs by priority, run on an executor until there are no more; those that end may add others."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterator

from ..util.errors import PlaceFault
from .executors import Executor, Job, Outcome


class WorkQueue:
    """What is to be run, and what has been."""

    def __init__(self, executor: Executor) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)  # worker seconds by stage
        self.jobs_run = 0
        self.interrupted = False  # set from outside: stop before the next job
        self._executor = executor
        self._waiting: list[tuple[int, int, Job]] = []
        self._order = 0
        self._deaths: Counter[tuple[str, ...]] = Counter()

    def push(self, priority: int, job: Job) -> None:
        """Add a job: lower `priority` runs first, in order within one."""
        self._order += 1
        heapq.heappush(self._waiting, (priority, self._order, job))

    def outcomes(self) -> Iterator[Outcome]:
        """Run all jobs, those pushed meanwhile too, and give each one's outcome as it ends.

        Raises KeyboardInterrupt between two jobs once `interrupted` is set; PlaceFault once a job met a
        fault of the machine and those under way have ended.
        """
        under_way = 0
        fault: str | None = None
        while under_way or (self._waiting and fault is None):
            if self.interrupted:
                raise KeyboardInterrupt
            while self._waiting and self._executor.free > 0 and fault is None:
                _, _, job = heapq.heappop(self._waiting)
                self._executor.submit(job)
                under_way += 1
            outcome = self._executor.next()
            if outcome is None:
                continue
            under_way -= 1
            if outcome.status == "place":
                fault = fault or outcome.error or "the machine is at fault"
                continue
            self.jobs_run += 1
            self.seconds[outcome.job.key[0]] += outcome.seconds
            if not self._once_more(outcome):
                yield outcome
        if fault is not None:
            raise PlaceFault(fault)

    def _once_more(self, outcome: Outcome) -> bool:
        """A worker's death may be nobody's fault (a kill from outside): once more, then it is the job's."""
        if outcome.status != "died":
            return False
        self._deaths[outcome.job.key] += 1
        if self._deaths[outcome.job.key] > 1:
            return False
        self.push(0, outcome.job)
        return True
