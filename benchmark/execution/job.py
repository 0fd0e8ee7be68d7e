"""What an executor runs, and how it ended."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Literal, Self, TypeVar

JobStatus = Literal["ok", "failed", "unavailable", "timeout", "oom", "died", "interrupted", "place"]


@dataclass(frozen=True, kw_only=True)
class Job(ABC):
    """Something to be done in a worker process.

    A kind of job is a frozen dataclass that says how to `run`: what it needs are its fields, which must be
    picklable. Whoever submitted it finds the same object in its outcome, and knows it by its type.
    """

    stage: ClassVar[str] = ""  # the progress bar and the sum of seconds that it counts for
    time_limit_s: float

    @property
    def home(self) -> str:
        """Whose code runs in it, such as `codec:hevc`.

        A process runs jobs of one home only: what code from outside does to its process reaches nobody else.
        """
        return ""

    @property
    def cells(self) -> int:
        """How many cells of its stage it fills."""
        return 1

    def parts(self) -> Sequence[Self]:
        """The same cells in smaller jobs, none where it is as small as can be.

        Once it has failed as a whole: one cell may have taken the others with it.
        """
        return ()

    @abstractmethod
    def run(self, device: str) -> Any:
        """Do it, on a torch device. What it returns must be picklable."""


Kind = TypeVar("Kind", bound=Job)


@dataclass(frozen=True)
class Call(Job):
    """A call of a module-level function, which gets `device=` beside `arguments`."""

    function: Callable[..., Any]
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def run(self, device: str) -> Any:
        return self.function(**self.arguments, device=device)


@dataclass(frozen=True)
class Outcome(Generic[Kind]):
    """How a job ended. `died`: its process ended without a word (a crash, or out of memory).

    `interrupted`: another program that it needs was killed from outside, as often as it was tried; `place`:
    the machine is at fault (see place.py). Both say nothing of the job, and are never rows.
    """

    job: Kind
    status: JobStatus
    value: Any = None
    error: str | None = None
    seconds: float = 0.0  # of worker time
