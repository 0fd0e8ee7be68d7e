"""Jobs by priority, run on an executor until there are no more; those that end may add others."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic

from ..util.errors import PlaceFault
from ..util.progress import Progress
from .executors import Executor
from .job import Kind, Outcome


class WorkQueue(Generic[Kind]):
    """What is to be run, and what has been.

    A job whose worker died runs once more, and one that failed as a whole runs again in parts where it has
    any: these are no outcomes.
    """

    def __init__(self, executor: Executor) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)  # worker seconds by stage
        self.jobs_run = 0
        self.stop_asked = False  # set from outside: stop before the next job
        self._executor = executor
        self._waiting: list[tuple[int, int, Kind]] = []
        self._order = 0
        self._died: dict[int, Kind] = {}  # by identity: their fields need not be hashable

    def push(self, priority: int, job: Kind) -> None:
        """Add a job: lower `priority` runs first, in order within one."""
        self._order += 1
        heapq.heappush(self._waiting, (priority, self._order, job))

    def outcomes(self) -> Iterator[Outcome[Kind]]:
        """Run all jobs, those pushed meanwhile too, and give each one's outcome as it ends.

        Raises KeyboardInterrupt between two jobs once `stop_asked` is set; PlaceFault once a job met a
        fault of the machine and those under way have ended.
        """
        under_way = 0
        fault: str | None = None
        while under_way or (self._waiting and fault is None):
            if self.stop_asked:
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
            self.seconds[outcome.job.stage] += outcome.seconds
            again = self._again(outcome)
            for job in again:
                self.push(0, job)
            if not again:
                yield outcome
        if fault is not None:
            raise PlaceFault(fault)

    def _again(self, outcome: Outcome[Kind]) -> Sequence[Kind]:
        """What is to be run before it is known how the cells of a job end."""
        job = outcome.job
        # A worker's death may be nobody's fault (a kill from outside): once more, then it is the job's.
        if outcome.status == "died" and id(job) not in self._died:
            self._died[id(job)] = job
            return [job]
        return [] if outcome.status == "ok" else job.parts()


@dataclass(frozen=True)
class BatchRunner:
    """Runs jobs to their end, batch by batch, and shows how far they are."""

    executor: Executor
    progress: Progress

    def run(self, jobs: Iterable[Kind]) -> list[Outcome[Kind]]:
        """All outcomes, in the order in which they come. Raises as `WorkQueue.outcomes`."""
        queue: WorkQueue[Kind] = WorkQueue(self.executor)
        found = []
        for job in jobs:
            self.progress.total(job.stage, job.cells)
            queue.push(0, job)
        for outcome in queue.outcomes():
            self.progress.done(outcome.job.stage, "", None, outcome.job.cells)
            found.append(outcome)
        return found
