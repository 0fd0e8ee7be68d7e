"""What the loops of recipes share: progress, rates, running averages, resuming from a file."""

from __future__ import annotations

import contextlib
import pickle
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import weights
from ..util import environment
from ..util.errors import UsageError
from ..util.progress import duration

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class Progress:
    """What a checkpoint knows besides tensors.

    curve: facts at each validation, JSON-ready; commits: of the code that has trained, each (sha, whether it
    had uncommitted changes); losses: further parts of the loss that the recipe has with certain weights only;
    recent: parts of the loss at the last steps, whose means the curve holds.
    """

    step: int = 0
    seconds: float = 0.0
    curve: list[dict[str, Any]] = field(default_factory=list)
    commits: list[list[Any]] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)
    recent: list[dict[str, float]] = field(default_factory=list)

    def begin(self) -> None:
        """Notes the commit, which may be another when the training ends."""
        now = list(environment.commit())
        if now not in self.commits[-1:]:
            self.commits.append(now)

    def state_dict(self) -> dict[str, Any]:
        """For the checkpoint."""
        return asdict(self)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """From a checkpoint. Raises TypeError for the state of something else."""
        vars(self).update(vars(Progress(**state)))


def learning_rate(step: int, share: float, warm_up: int, first: float, last: float) -> float:
    """Rate at a step, when `share` of the training is done: a cosine from first to last after the warm-up."""
    left = (1 + np.cos(np.pi * min(1.0, share))) / 2
    return min(1.0, (step + 1) / warm_up) * float(last + (first - last) * left)


def running_average(most: float) -> Callable[[Tensor, Tensor, Tensor | int], Tensor]:
    """For torch's `AveragedModel`: early steps, of a network that knows nothing, are soon forgotten.

    most: what the average keeps of itself at each step, after as many as make one.
    """

    def average(kept: Tensor, now: Tensor, count: Tensor | int) -> Tensor:
        if not kept.is_floating_point():  # a size or a counter, which has no mean
            return now
        keep = min(most, (1 + float(count)) / (10 + float(count)))
        return keep * kept + (1 - keep) * now

    return average


@contextlib.contextmanager
def reading(checkpoint: Path) -> Iterator[None]:
    """Within, a checkpoint is read. Raises UsageError where it is not one of this recipe."""
    try:
        yield
    except (*weights.UNREADABLE, pickle.UnpicklingError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        if isinstance(error, pickle.UnpicklingError):
            reason = "it contains more than tensors, and was not read, as it could run code"
        raise UsageError(
            f"{checkpoint} is not a checkpoint of this recipe ({reason[:200]}); "
            "train from the start with another --out"
        ) from error


@contextlib.contextmanager
def between_steps() -> Iterator[Callable[[], None]]:
    """Within, Ctrl-C and a scheduler's SIGTERM wait until the step is whole.

    What it yields is to be called after each step; it raises KeyboardInterrupt where one waits. So what is
    saved then is never half of a step.
    """
    asked: list[int] = []

    def let_through() -> None:
        if asked:
            raise KeyboardInterrupt

    def note(number: int, frame: object) -> None:
        asked.append(number)

    before = {}
    if threading.current_thread() is threading.main_thread():  # others cannot be asked
        before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield let_through
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)


def pace(seconds: float, steps: int, left: float) -> str:
    """How fast steps of this run are, which took `seconds` so far, and for how long it goes on."""
    return f"{seconds / steps:.2f} s a step, {duration(left)} left"
