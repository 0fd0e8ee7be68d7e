"""Jobs run to their end, batch by batch: what a verification needs of an executor."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable

from ..execution.executors import Executor, Job, Outcome
from ..stages import score_jobs, scoring
from ..util.errors import PlaceFault
from ..util.progress import Progress

_SCORING = (scoring.score, scoring.score_pairs, scoring.embed)


class Runner:
    """An executor, and a progress bar to tell of it."""

    def __init__(self, executor: Executor, progress: Progress) -> None:
        self.executor = executor
        self.progress = progress

    def run(
        self, stage: str, jobs: Iterable[Job], cells: Callable[[Job], int] = lambda _: 1
    ) -> list[Outcome]:
        """All outcomes. A job whose worker died runs once more; scoring that fails as a whole is split.

        Raises PlaceFault for a fault of the machine.
        """
        queue, found, deaths = deque(jobs), [], Counter[tuple[str, ...]]()
        self.progress.total(stage, sum(map(cells, queue)))
        under_way = 0
        while queue or under_way:
            while queue and self.executor.free > 0:
                self.executor.submit(queue.popleft())
                under_way += 1
            outcome = self.executor.next()
            if outcome is None:
                continue
            under_way -= 1
            job = outcome.job
            if outcome.status == "place":
                raise PlaceFault(outcome.error)
            if outcome.status == "died" and not deaths[job.key]:
                deaths[job.key] += 1
                queue.append(job)
            elif outcome.status != "ok" and job.function in _SCORING and (parts := score_jobs.split(job)):
                queue.extend(parts)
            else:
                self.progress.done(stage, "", None, cells(job))
                found.append(outcome)
        return found
