"""Bitstreams of a submission, decoded again in fresh processes and scored again, against its rows."""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..api import tolerance
from ..api.metric import MetricInfo
from ..api.types import Point
from ..execution.executors import Job
from ..plan import plan
from ..plan.variants import reference_id
from ..stages import coding_jobs, score_jobs, score_rows
from ..stages.scoring import embed
from ..store import artifacts
from . import confined, local_builds, structure, verify_sets
from .checks import Check
from .rerun import Runner

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection

_BATCH = 32  # encodes whose decoded clips lie on the disk at a time
_NOT_DRAWN = "not drawn for the sample"
_TIME_LIMIT_S = 1800.0


@dataclass(frozen=True)
class _Row:
    """A score as the submission has it. `of`: one encode (or reference), or a picture and a sound."""

    of: tuple[str, ...]
    metric: str
    fingerprint: str
    status: str
    value: float | None
    weight: float | None
    frame_values: Sequence[float] | None


def candidates(
    connection: Connection, root: Path, clips: Mapping[str, plan.PlannedClip]
) -> tuple[list[plan.Cell], dict[str, str], Counter[str]]:
    """The encodes that can be decoded here, the hashes of their files, and reason → how many cannot."""
    codecs, absent = local_builds.codecs(connection)
    found, hashes, reasons = [], {}, Counter[str]()
    for encode_id, codec, fingerprint, point, params, clip_id, sha256 in connection.execute(
        "SELECT encode_id, codec, fingerprint, point, params, clip_id, bitstream_sha256 FROM encodes "
        "WHERE status = 'ok' AND decode_status = 'ok' ORDER BY encode_id"
    ).fetchall():
        info = codecs.get((codec, fingerprint))
        if info is None:
            reasons[absent.get((codec, fingerprint), f"codec {codec!r} has no row")] += 1
        elif clip_id not in clips:
            reasons["its reference clip is not here"] += 1
        elif confined.clip_bytes(clips[clip_id].spec) > confined.MAX_CLIP_BYTES:
            reasons[
                f"its clip has more than {confined.MAX_CLIP_BYTES} bytes: too large to be decoded here"
            ] += 1
        elif structure.bitstream_problem(root, encode_id, sha256):
            reasons["its file is not the one of its row"] += 1
        else:
            found.append(plan.Cell(encode_id, info, Point(point, json.loads(params)), clips[clip_id]))
            hashes[encode_id] = sha256
    return found, hashes, reasons


def draw(cells: Sequence[plan.Cell], count: int | None, seed: int) -> list[plan.Cell]:
    """`count` encodes at random (None: all), spread over codecs, then points, then clips."""
    if count is None or count >= len(cells):
        return list(cells)
    pool = list(cells)
    random.Random(seed).shuffle(pool)
    codecs, points, clips = Counter[str](), Counter[tuple[str, str]](), Counter[str]()
    drawn = []
    for _ in range(count):
        cell = min(
            pool,
            key=lambda c: (codecs[c.codec.name], points[c.codec.name, c.point.name], clips[c.clip.clip_id]),
        )
        pool.remove(cell)
        drawn.append(cell)
        codecs[cell.codec.name] += 1
        points[cell.codec.name, cell.point.name] += 1
        clips[cell.clip.clip_id] += 1
    return drawn


class Rescoring:
    """Decodes and scores drawn encodes, and compares each row that the submission has of them."""

    def __init__(self, connection: Connection, root: Path, hashes: Mapping[str, str], runner: Runner) -> None:
        self.decoded = Check("bitstreams, decoded again")
        self.scored = Check("scores, made again")
        self.codecs: set[str] = set()  # of which something was decoded
        self.largest: dict[str, float] = {}  # metric → largest difference that was within tolerance
        self._connection, self._root, self._hashes, self._runner = connection, root, hashes, runner
        self._metrics, self._absent = local_builds.metrics(connection)
        self._sets = verify_sets.SetRescoring(connection, root, runner, _TIME_LIMIT_S)
        self.sets = self._sets.check

    def run(self, cells: Sequence[plan.Cell]) -> None:
        """All of `cells`, clip by clip, a batch of clips at a time."""
        self._sets.want({cell.encode_id for cell in cells})
        by_clip: dict[str, list[plan.Cell]] = defaultdict(list)
        for cell in cells:
            by_clip[cell.clip.clip_id].append(cell)
        batch: list[plan.Cell] = []
        for group in by_clip.values():
            batch += group
            if len(batch) >= _BATCH:
                self._batch(batch)
                batch = []
        if batch:
            self._batch(batch)
        self._count_the_rest()
        self._sets.finish()

    def _batch(self, cells: Sequence[plan.Cell]) -> None:
        work = [decoding(cell, self._hashes[cell.encode_id], self._root) for cell in cells]
        outcomes = {outcome.job.key[1]: outcome for outcome in self._runner.run("decode", work)}
        whole: dict[str, list[str]] = defaultdict(list)
        clips = {}
        for cell in cells:
            outcome = outcomes[cell.encode_id]
            label = f"encode {cell.encode_id[:16]} ({cell.codec.name} {cell.point.name})"
            if outcome.status == "ok":
                self.decoded.verified += 1
                self.codecs.add(cell.codec.name)
                whole[cell.clip.clip_id].append(cell.encode_id)
                clips[cell.clip.clip_id] = cell.clip
            elif outcome.status in ("failed", "died"):
                self.decoded.wrong.append(f"{label}: does not decode here: {outcome.error}")
            else:
                self.decoded.not_checked[f"{outcome.status} while it was decoded here"] += 1
        scoring: list[Job] = []
        expected: dict[tuple[tuple[str, ...], str, str], _Row] = {}
        for clip_id, encode_ids in whole.items():
            rows = self._rows(clip_id, encode_ids)
            expected |= {(row.of, row.metric, row.fingerprint): row for row in rows}
            scoring += self._jobs(clips[clip_id], encode_ids, rows)
            scoring += self._sets.jobs(clips[clip_id], encode_ids)
        for outcome in self._runner.run("score", scoring):
            if outcome.job.function is embed:
                self._sets.keep(outcome)
                continue
            if outcome.status != "ok":
                lost = _entries(outcome.job)
                self.scored.not_checked[f"{outcome.status} while it was scored here: {outcome.error}"] += lost
                continue
            prints = {info.name: info.fingerprint() for info in outcome.job.arguments["infos"]}
            for row in outcome.value:
                pair = isinstance(row, score_rows.PairRow)
                of = (row.video_encode_id, row.audio_encode_id) if pair else (row.encode_id,)
                score = row.score if pair else row
                self._compare(expected[of, score.metric, prints[score.metric]], score)
        for cell in cells:
            shutil.rmtree(artifacts.decoded_folder(self._root, cell.encode_id), ignore_errors=True)

    def _rows(self, clip_id: str, encode_ids: Sequence[str]) -> list[_Row]:
        """The scores of these encodes, of their pairs and of the reference that can be made here."""
        ids = [reference_id(clip_id), *encode_ids]
        found = self._connection.execute(
            "SELECT [encode_id], metric, fingerprint, status, value, weight, frame_values FROM scores "
            "WHERE list_contains($ids, encode_id) UNION ALL "
            "SELECT [video_encode_id, audio_encode_id], metric, fingerprint, status, value, weight, NULL "
            "FROM pair_scores WHERE list_contains($ids, video_encode_id) "
            "AND list_contains($ids, audio_encode_id) ORDER BY ALL",
            {"ids": ids},
        ).fetchall()
        rows = []
        for of, *rest in found:
            row = _Row(tuple(of), *rest)
            name = row.metric, row.fingerprint
            if name not in self._metrics:
                self.scored.not_checked[self._absent.get(name, f"metric {row.metric!r} has no row")] += 1
            elif self._fits(
                (self._metrics[name][1].kind == "pair") == (len(of) == 2),
                f"{row.metric}: a row in the wrong table",
            ):
                rows.append(row)
        return rows

    def _fits(self, ok: bool, message: str) -> bool:
        if not ok:
            self.scored.wrong.append(message)
        return ok

    def _jobs(self, clip: plan.PlannedClip, encode_ids: Sequence[str], rows: Sequence[_Row]) -> Iterator[Job]:
        folders = {reference_id(clip.clip_id): clip.folder}
        folders |= {name: artifacts.decoded_folder(self._root, name) for name in encode_ids}
        # A form of its own for each fingerprint of a metric: one job knows a name once.
        forms: dict[str, list[str]] = defaultdict(list)
        groups: dict[tuple[str, int], dict[tuple[str, ...], list[str]]] = defaultdict(
            lambda: defaultdict(list)
        )
        infos: dict[tuple[str, int], dict[str, MetricInfo]] = defaultdict(dict)
        for row in rows:
            family, info = self._metrics[row.metric, row.fingerprint]
            if row.fingerprint not in forms[row.metric]:
                forms[row.metric].append(row.fingerprint)
            group = family, forms[row.metric].index(row.fingerprint)
            groups[group][row.of].append(row.metric)
            infos[group][row.metric] = info
        for group, entries in groups.items():
            family, chosen = group[0], list(infos[group].values())
            if chosen[0].kind == "pair":
                pairs = [score_rows.Pair(of[0], of[1], tuple(names)) for of, names in entries.items()]
                yield score_jobs.score_pairs(family, chosen, clip, folders, pairs, _TIME_LIMIT_S)
            else:
                variants = [score_rows.Variant(of[0], folders[of[0]], tuple(n)) for of, n in entries.items()]
                yield score_jobs.score(family, chosen, clip, variants, self._root, _TIME_LIMIT_S)

    def _compare(self, row: _Row, found: score_rows.ScoreRow) -> None:
        info = self._metrics[row.metric, row.fingerprint][1]
        label = f"{row.metric} of {' with '.join(name[:16] for name in row.of)}"
        if found.status == "ok" and row.status in ("timeout", "oom"):
            self.scored.not_checked[f"recorded as {row.status}; it can be scored here"] += 1
            return
        if found.status != row.status:
            said = f"{found.value}" if found.status == "ok" else f"{found.status}: {found.error}"
            recorded = f"{row.value}" if row.status == "ok" else row.status
            self.scored.wrong.append(f"{label}: made again it is {said}; the row says {recorded}")
            return
        if row.status != "ok":
            self.scored.verified += 1
            return
        allowed = tolerance.of(info)
        difference = tolerance.difference(row.value, found.value)
        frames = _frames_difference(row.frame_values, found.frame_values)
        # float32 keeps seven digits of a frame's value
        frames_agree = frames <= max(allowed, tolerance.EXACT)
        same = difference <= allowed and frames_agree and tolerance.close(row.weight, found.weight)
        if self.scored.hold(
            same,
            f"{label}: made again it is {found.value}; the row says {row.value}"
            + ("" if frames_agree else f" (frame values differ by up to {frames:.3g})"),
        ):
            self.largest[row.metric] = max(self.largest.get(row.metric, 0.0), difference)

    def _count_the_rest(self) -> None:
        """Scores that nobody looked at, so that what was is seen beside what was not."""
        ((total,),) = self._connection.execute(
            "SELECT (SELECT count(*) FROM scores) + (SELECT count(*) FROM pair_scores)"
        ).fetchall()
        seen = self.scored.verified + len(self.scored.wrong) + self.scored.not_checked.total()
        if total > seen:
            self.scored.not_checked["of encodes that were not decoded again"] += total - seen


def decoding(cell: plan.Cell, sha256: str, root: Path) -> Job:
    """The job that decodes one bitstream, within limits of the system: its bytes are a stranger's."""
    job = coding_jobs.decode(cell, sha256, root, _TIME_LIMIT_S)
    limits = confined.of(cell.clip.spec)
    arguments = {"function": job.function, "arguments": job.arguments, "limits": limits}
    return replace(job, function=confined.call, arguments=arguments)


def _frames_difference(one: Sequence[float] | None, other: Sequence[float] | None) -> float:
    if one is None or other is None or len(one) != len(other):
        return 0.0 if one is None and other is None else float("inf")
    return max(map(tolerance.difference, one, other), default=0.0)


def _entries(job: Job) -> int:
    return sum(len(e.metrics) for e in (*job.arguments.get("pairs", ()), *job.arguments.get("variants", ())))
