"""How far a sweep is: a live bar on a terminal, plain lines elsewhere. Failures are printed as they come."""

from __future__ import annotations

import time
from collections import Counter
from typing import Protocol

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.text import Text

from .terminal import Terminal, visible

STAGES = ("prepare", "encode", "decode", "score", "preview")
_LINE_EVERY_S = 15.0


class Progress(Protocol):
    """Shows how far a sweep is."""

    def total(self, stage: str, cells: int) -> None:
        """Say how many cells a stage has in all (clips, encodes, decodes, scores)."""
        ...

    def done(self, stage: str, label: str, error: str | None, cells: int = 1) -> None:
        """Say that cells have ended; `error` is the message when they failed."""
        ...


class TerminalProgress:
    """One bar per stage, with counts, rate and the time that is left. A context manager."""

    def __init__(self, console: Terminal) -> None:
        self._bar = Bar(
            TextColumn("{task.description:<8}"),
            BarColumn(bar_width=32),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            console=console,
        )
        self._tasks = {}
        self._began: dict[str, float] = {}

    def __enter__(self) -> TerminalProgress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def total(self, stage: str, cells: int) -> None:
        if stage not in self._tasks:
            if not cells:
                return
            self._tasks[stage] = self._bar.add_task(stage, total=0, rate="")
        task = self._tasks[stage]
        self._bar.update(task, total=(self._bar.tasks[task].total or 0) + cells)

    def done(self, stage: str, label: str, error: str | None, cells: int = 1) -> None:
        if error:
            words = visible(f" {stage} {label}: {error}")
            self._bar.console.print(Text.assemble(("failed", "red"), words))
        task = self._tasks[stage]
        began = self._began.setdefault(stage, time.monotonic())
        self._bar.advance(task, cells)
        state = self._bar.tasks[task]
        elapsed = time.monotonic() - began
        left = (state.total or 0) - state.completed
        rate = state.completed / elapsed if elapsed > 1 else 0.0
        words = f"{rate:.1f}/s, {duration(left / rate)} left" if rate and left else ""
        self._bar.update(task, rate=words)


class LineProgress:
    """A line every 15 seconds, for logs. A context manager."""

    def __init__(self, console: Terminal) -> None:
        self._console = console
        self._total: Counter[str] = Counter()
        self._done: Counter[str] = Counter()
        self._began = self._printed = time.monotonic()

    def __enter__(self) -> LineProgress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._total:
            self._line()

    def total(self, stage: str, cells: int) -> None:
        if cells:
            self._total[stage] += cells

    def done(self, stage: str, label: str, error: str | None, cells: int = 1) -> None:
        self._done[stage] += cells
        if error:
            self._console.say(f"failed {stage} {label}: {error}")
        if time.monotonic() - self._printed >= _LINE_EVERY_S:
            self._line()

    def _line(self) -> None:
        self._printed = time.monotonic()
        counts = ", ".join(f"{s} {self._done[s]}/{self._total[s]}" for s in STAGES if self._total[s])
        self._console.say(f"{duration(self._printed - self._began)}: {counts}")


def open_progress(console: Terminal) -> TerminalProgress | LineProgress:
    """The bar on a terminal, lines elsewhere."""
    return TerminalProgress(console) if console.is_terminal else LineProgress(console)


def duration(seconds: float) -> str:
    """Hours, minutes and seconds, as 1:02:03 or 2:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
