"""The queue: what runs again before it is known how it ends, alone or in parts, and what the bar counts."""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any, Self

from talkbench.benchmark.execution.executors import SerialExecutor
from talkbench.benchmark.execution.job import Job, Outcome
from talkbench.benchmark.execution.queue import BatchRunner, WorkQueue


@dataclass(frozen=True)
class Inverses(Job):
    """Of several numbers at once; a zero among them takes all with it. A list is not hashable."""

    numbers: list[int]

    @property
    def cells(self) -> int:
        return len(self.numbers)

    def parts(self) -> list[Self]:
        if len(self.numbers) < 2:
            return []
        return [replace(self, numbers=[number]) for number in self.numbers]

    def run(self, device: str) -> list[float]:
        return [1 / number for number in self.numbers]


class Deadly(SerialExecutor):
    """An executor whose worker dies of a number's job, so many times."""

    def __init__(self, deaths: dict[int, int]) -> None:
        super().__init__("cpu")
        self.deaths = deaths

    def next(self, wait_s: float = 1.0) -> Outcome[Any] | None:
        job = self._jobs[0]
        assert isinstance(job, Inverses)
        if self.deaths.get(job.numbers[0], 0):
            self.deaths[job.numbers[0]] -= 1
            return Outcome(self._jobs.popleft(), "died", error="the worker process died")
        return super().next(wait_s)


class Bar:
    def __init__(self) -> None:
        self.totals, self.dones = Counter[str](), Counter[str]()

    def total(self, stage: str, cells: int) -> None:
        self.totals[stage] += cells

    def done(self, stage: str, label: str, error: str | None, cells: int = 1) -> None:
        self.dones[stage] += cells


def test_a_job_that_fails_as_a_whole_runs_in_parts() -> None:
    bar = Bar()
    job = Inverses([2, 0, 4], time_limit_s=10)
    outcomes = BatchRunner(SerialExecutor("cpu"), bar).run([job, replace(job, numbers=[1, 5])])
    found = {tuple(outcome.job.numbers): (outcome.status, outcome.value) for outcome in outcomes}
    assert found == {
        (2,): ("ok", [0.5]),
        (0,): ("failed", None),
        (4,): ("ok", [0.25]),
        (1, 5): ("ok", [1.0, 0.2]),
    }
    assert bar.totals == bar.dones == {"": 5}


def test_a_job_whose_worker_dies_runs_once_more() -> None:
    queue: WorkQueue[Inverses] = WorkQueue(Deadly({1: 1, 2: 2}))
    for number in (1, 2):
        queue.push(0, Inverses([number], time_limit_s=10))
    assert {outcome.job.numbers[0]: outcome.status for outcome in queue.outcomes()} == {1: "ok", 2: "died"}
    assert queue.jobs_run == 4
