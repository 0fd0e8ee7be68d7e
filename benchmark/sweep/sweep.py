"""Runs a suite: prepares clips, plans cells, drives the executor through the stages, writes rows.

This process is the only writer of the store. Every row is written as its job ends, so that a
sweep which is killed at any moment resumes.
"""

from __future__ import annotations

import shutil
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from ..execution.executors import Executor
from ..execution.job import Job, Outcome
from ..execution.queue import WorkQueue
from ..plan import plan
from ..plan.suite import Suite
from ..stages.coding_jobs import Decode, Encode, Prepare
from ..stages.preview_jobs import Preview
from ..stages.score_jobs import ClipJob, Distance
from ..store import artifacts
from ..store.database import Store
from ..util.hashing import key, sha256_file
from ..util.progress import Progress
from . import catalogue, preview_plan, records, score_plan, set_scores

_FAILED = ("failed", "timeout", "oom")  # run again with --retry-failed only
_FIRST, _SCORE, _DECODE, _ENCODE = range(4)  # order in the queue: what frees the disk comes first


@dataclass
class _ClipState:
    """What is still to be done for one clip before its decoded variants can go."""

    cells: int = 0  # scores that are missing
    waiting: set[str] = field(default_factory=set)  # encode ids of variants not yet decoded
    using: int = 0  # cells of jobs not yet ended that look at decoded variants
    decoded: list[str] = field(default_factory=list)  # encode ids


class Interruption(NamedTuple):
    """Why jobs of a stage have no row: it says nothing of them, and the next sweep tries them again."""

    stage: str
    error: str | None


class Sweep:
    """One invocation of a suite on one folder."""

    def __init__(
        self,
        suite: Suite,
        planned: plan.Plan,
        root: Path,
        store: Store,
        executor: Executor,
        progress: Progress,
        retry_failed: bool = False,
    ) -> None:
        self.suite = suite
        self.planned = planned
        self.root = root.absolute()  # a codec may change the working directory in the middle of a job
        self.store = store
        self.executor = executor
        self.progress = progress
        self.retry_failed = retry_failed
        self.run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:6]}"
        self.queue: WorkQueue[Job] = WorkQueue(executor)
        self.interrupted: Counter[Interruption] = Counter()
        self._clips: dict[str, _ClipState] = defaultdict(_ClipState)
        self._cells: dict[str, plan.Cell] = {}
        self._bitstreams: dict[str, str] = {}  # encode_id -> sha256 of its file
        self._prepare_errors: dict[str, str] = {}
        self._unprepared: set[str] = set()  # keys of items whose preparation was interrupted

    def run(self, command: str, environment: Mapping[str, Any]) -> bool:
        """Do all that is missing. Returns whether the report shows anything that the last one did not."""
        started = time.perf_counter()
        records.start_run(self.store, self.run_id, self.suite, command, environment, self.executor)
        catalogue.put_plan(self.store, self.planned)
        if not self.suite.keep_decoded:  # what a killed sweep left behind
            shutil.rmtree(self.root / "artifacts" / "decoded", ignore_errors=True)
        self._prepare()
        items = [entry for entry in self.planned.items if entry.item.key not in self._unprepared]
        clips = catalogue.put_clips(self.store, self.run_id, items, self._prepare_errors)
        cells = plan.cells(self.planned.codecs.values(), clips)
        digest = key(
            plan.digest(cells, self.planned.metrics, self.planned.systems), catalogue.digest(self.store)
        )
        changed = not records.same_as_last(self.store, digest, self.suite)
        self._cells = {cell.encode_id: cell for cell in cells}
        records.select_cells(self.store, cells)
        self.plan_cells(cells)
        self._drain()
        self._score_sets()
        records.finish_run(self.store, self.run_id, digest, time.perf_counter() - started, self.queue.seconds)
        return changed or self.queue.jobs_run > 0

    # -- preparation ------------------------------------------------------------------------------

    def _prepare(self) -> None:
        if not self.retry_failed:
            self._prepare_errors = catalogue.failed_items(self.store)
        missing = [
            entry
            for entry in self.planned.items
            if entry.item.key not in self._prepare_errors
            and artifacts.clip_facts(artifacts.prepared_folder(entry.item.key)) is None
        ]
        self.progress.total("prepare", len(missing))
        for entry in missing:
            self.queue.push(_FIRST, Prepare.of(entry, self.suite.time_limit_s))
        self._drain()

    # -- planning ---------------------------------------------------------------------------------

    def plan_cells(self, cells: Sequence[plan.Cell]) -> None:
        """Queue what each cell lacks: an encode, a decode, or nothing."""
        ended = self._ended
        records.forget_stale(self.store)
        rows = records.known_encodes(self.store)
        alive = {c.encode_id for c in cells if not c.lacks and _alive(rows.get(c.encode_id), ended)}
        self._scores = score_plan.ScorePlan(
            self.store, self.planned, cells, alive, ended, self.root, self.suite.time_limit_s
        )
        self._previews = preview_plan.PreviewPlan(
            self.store, self.suite, cells, alive, rows, ended, self.root
        )
        counts: Counter[str] = Counter()
        for cell in cells:
            row = rows.get(cell.encode_id)
            if cell.lacks:
                if row is None:
                    records.put_encode(self.store, self.run_id, cell, "unavailable", cell.lacks)
                continue
            if row and row.status == "ok":
                self._bitstreams[cell.encode_id] = row.sha256
            if row is None or row.status not in ended or (row.status == "ok" and not self._intact(cell, row)):
                self.queue.push(_ENCODE, Encode.of(cell, self.root, self.suite.time_limit_s))
                counts["encode"] += 1
            elif row.status == "ok" and self._to_decode(cell, row):
                self._push_decode(cell)
            else:
                continue
            self._clips[cell.clip.clip_id].waiting.add(cell.encode_id)
            counts["decode"] += 1
        for stage in ("encode", "decode"):
            self.progress.total(stage, counts[stage])
        clips = {cell.clip.clip_id: cell.clip for cell in cells}
        for clip_id in clips:
            self._clips[clip_id].cells = self._scores.cells(clip_id)
        self.progress.total("score", sum(self._clips[clip_id].cells for clip_id in clips))
        for clip_id, clip in clips.items():
            if not self._clips[clip_id].waiting:  # the clip itself may lack scores, then
                self._push_scores(clip)

    @property
    def _ended(self) -> tuple[str, ...]:
        return ("ok",) if self.retry_failed else ("ok", *_FAILED)

    def _to_decode(self, cell: plan.Cell, row: records.EncodeRow) -> bool:
        if row.decode_status is None or row.decode_status not in self._ended:
            return True
        lacks = self._scores.lacks(cell.encode_id) or self._previews.lacks(cell.encode_id)
        return row.decode_status == "ok" and lacks

    def _intact(self, cell: plan.Cell, row: records.EncodeRow) -> bool:
        path = artifacts.bitstream_path(self.root, cell.encode_id)
        return path.is_file() and sha256_file(path) == row.sha256

    # -- the queue --------------------------------------------------------------------------------

    def _push_decode(self, cell: plan.Cell) -> None:
        sha256 = self._bitstreams[cell.encode_id]
        self.queue.push(_DECODE, Decode.of(cell, sha256, self.root, self.suite.time_limit_s))

    def _push_scores(self, clip: plan.PlannedClip) -> None:
        """Queue the scores and previews that a clip lacks; those of failed variants are done with."""
        state = self._clips[clip.clip_id]
        found = self._scores.jobs(clip, state.decoded)
        lost = state.cells - sum(job.cells for job in found)
        if lost:
            self.progress.done("score", clip.clip_id, None, lost)
        shown = self._previews.jobs(clip, state.decoded, self._bitstreams)
        self.progress.total("preview", sum(job.cells for job in shown))
        for job in (*found, *shown):
            state.using += job.cells
            self.queue.push(_SCORE, job)
        if not state.using:
            self._discard_decoded(state)

    def _drain(self) -> None:
        """Run the queue until it is empty; jobs that end may queue others."""
        for outcome in self.queue.outcomes():
            if outcome.status == "interrupted":
                self.interrupted[Interruption(outcome.job.stage, outcome.error)] += 1
            match outcome.job:
                case Prepare() as job:
                    self._prepared(job, outcome)
                case Encode() as job:
                    self._encoded(job, outcome)
                case Decode() as job:
                    self._decoded(job, outcome)
                case ClipJob() as job:
                    self._scored(job, outcome)
                case Distance() as job:
                    self._set_scored(job, outcome)
                case Preview() as job:
                    self._previewed(job, outcome)
                case job:
                    raise TypeError(f"a sweep has no use for a {type(job).__name__}")

    # -- what follows a job: rows, unless it was interrupted ------------------------------------------

    def _prepared(self, job: Prepare, outcome: Outcome[Job]) -> None:
        if outcome.status == "interrupted":
            self._unprepared.add(job.key)
        elif outcome.error:
            self._prepare_errors[job.key] = outcome.error
        self.progress.done("prepare", job.name, outcome.error)

    def _encoded(self, job: Encode, outcome: Outcome[Job]) -> None:
        cell = self._cells[job.encode_id]
        changed = outcome.status != "interrupted" and records.put_encode(
            self.store, self.run_id, cell, _status(outcome), outcome.error, outcome.value
        )
        self.progress.done("encode", _label(cell), outcome.error)
        if outcome.status != "ok":
            self.progress.done("decode", _label(cell), None)
            self._end_variant(cell, decoded=False)
            return
        self._bitstreams[cell.encode_id] = outcome.value.bitstream_sha256
        if changed:
            self._forget(cell)
        self._push_decode(cell)

    def _decoded(self, job: Decode, outcome: Outcome[Job]) -> None:
        cell = self._cells[job.encode_id]
        changed = outcome.status != "interrupted" and records.put_decode(
            self.store, cell.encode_id, _status(outcome), outcome.error, outcome.value
        )
        self.progress.done("decode", _label(cell), outcome.error)
        decoded = outcome.status == "ok"
        if changed and decoded:
            self._forget(cell)
        self._end_variant(cell, decoded)

    def _forget(self, cell: plan.Cell) -> None:
        """A variant is another than its scores were made from, which are deleted: plan them again.

        Pairs with other variants need those decoded too, so they are queued where they are not yet.
        """
        clip_id = cell.clip.clip_id
        state = self._clips[clip_id]
        self._scores.forget(cell.encode_id)
        self._previews.forget(cell.encode_id)
        cells = self._scores.cells(clip_id)
        self.progress.total("score", cells - state.cells)
        state.cells = cells
        others = self._scores.partners(cell.encode_id) - state.waiting - set(state.decoded)
        for encode_id in sorted(others & self._bitstreams.keys()):
            state.waiting.add(encode_id)
            self.progress.total("decode", 1)
            self._push_decode(self._cells[encode_id])

    def _end_variant(self, cell: plan.Cell, decoded: bool) -> None:
        """One variant is decoded, or never will be; with the clip's last one, scoring begins."""
        state = self._clips[cell.clip.clip_id]
        state.waiting.discard(cell.encode_id)
        if decoded:
            state.decoded.append(cell.encode_id)
        if not state.waiting:
            self._push_scores(cell.clip)

    def _scored(self, job: ClipJob, outcome: Outcome[Job]) -> None:
        rows = _rows(job, outcome)
        records.put_scores(self.store, self.run_id, self.planned.metrics, rows)
        self.progress.done("score", job.family, _failure(rows, outcome), job.cells)
        self._let_go(job, self._clips[job.clip_id])

    def _previewed(self, job: Preview, outcome: Outcome[Job]) -> None:
        preview_plan.put(self.store, self.run_id, _rows(job, outcome))
        self.progress.done("preview", "", None, job.cells)
        self._let_go(job, self._clips[job.clip_id])

    def _let_go(self, job: ClipJob | Preview, state: _ClipState) -> None:
        """A job that looked at decoded variants of a clip has ended."""
        state.using -= job.cells
        if not state.using:
            self._discard_decoded(state)

    def _score_sets(self) -> None:
        """With all clips scored: the metrics that look at all of them together."""
        found = set_scores.missing(self.store, self.planned, self.root, self._ended, self.suite.time_limit_s)
        self.progress.total("score", len(found))
        for job in found:
            self.queue.push(_SCORE, job)
        self._drain()

    def _set_scored(self, job: Distance, outcome: Outcome[Job]) -> None:
        rows = _rows(job, outcome)
        set_scores.put(self.store, self.run_id, self.planned.metrics, job, rows)
        self.progress.done("score", job.family, _failure(rows, outcome))

    def _discard_decoded(self, state: _ClipState) -> None:
        if self.suite.keep_decoded:
            return
        for encode_id in state.decoded:
            shutil.rmtree(artifacts.decoded_folder(self.root, encode_id), ignore_errors=True)


def _alive(row: records.EncodeRow | None, ended: Sequence[str]) -> bool:
    """Whether an encode is, or may yet be, decoded."""
    if row is None or row.status not in ended:
        return True
    if row.status != "ok":
        return False
    return row.decode_status in (None, "ok") or row.decode_status not in ended


def _status(outcome: Outcome[Job]) -> str:
    return "failed" if outcome.status == "died" else outcome.status


def _rows(job: ClipJob | Distance | Preview, outcome: Outcome[Job]) -> Sequence[Any]:
    """What a job gave, or the rows of its failure."""
    if outcome.status == "interrupted":
        return []
    return outcome.value or job.failed_rows(_status(outcome), outcome.error)


def _failure(rows: Sequence[Any], outcome: Outcome[Job]) -> str | None:
    """What a progress bar says where some of `rows` failed, or there are none."""
    if outcome.status == "interrupted":
        return outcome.error
    return next((row.error for row in rows if row.status in _FAILED), None)


def _label(cell: plan.Cell) -> str:
    return f"{cell.codec.name} {cell.point.name}"
