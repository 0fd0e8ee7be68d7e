"""Bitstreams of a submission, decoded again in fresh processes and scored again, against its rows."""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..api import tolerance
from ..api.metric import MetricInfo
from ..api.types import Point
from ..execution.queue import BatchRunner
from ..plan import plan
from ..plan.variants import reference_id
from ..stages.score_jobs import ClipJob, Embed, Score, ScorePairs
from ..stages.score_rows import Pair, PairKey, ScoreRow, Variant, VariantKey
from ..store import artifacts
from . import confined, local_builds, structure, verify_sets
from .checks import Check
from .local_builds import Build

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection

_BATCH = 32  # encodes whose decoded clips are on the disk at a time
_NOT_DRAWN = "not drawn for the sample"
_TIME_LIMIT_S = 1800.0


@dataclass(frozen=True)
class Candidate(plan.Cell):
    """An encode that can be decoded here, and the hash of its file."""

    bitstream_sha256: str


@dataclass(frozen=True)
class _Recorded:
    """A score as the submission has it."""

    of: VariantKey | PairKey
    build: Build
    status: str
    value: float | None
    weight: float | None
    frame_values: Sequence[float] | None


def candidates(
    connection: Connection, root: Path, clips: Mapping[str, plan.PlannedClip]
) -> tuple[list[Candidate], Counter[str]]:
    """The encodes that can be decoded here, and reason → how many cannot."""
    codecs, absent = local_builds.codecs(connection)
    found, reasons = [], Counter[str]()
    for encode_id, codec, fingerprint, point, params, clip_id, sha256 in connection.execute(
        "SELECT encode_id, codec, fingerprint, point, params, clip_id, bitstream_sha256 FROM encodes "
        "WHERE status = 'ok' AND decode_status = 'ok' ORDER BY encode_id"
    ).fetchall():
        build = Build(codec, fingerprint)
        if build not in codecs:
            reasons[absent.get(build, f"codec {codec!r} has no row")] += 1
        elif clip_id not in clips:
            reasons["its reference clip is not available"] += 1
        elif confined.clip_bytes(clips[clip_id].spec) > confined.MAX_CLIP_BYTES:
            reasons[
                f"its clip has more than {confined.MAX_CLIP_BYTES} bytes: too large to be decoded here"
            ] += 1
        elif structure.bitstream_problem(root, encode_id, sha256):
            reasons["its file is not the one of its row"] += 1
        else:
            point = Point(point, json.loads(params))
            found.append(Candidate(encode_id, codecs[build], point, clips[clip_id], sha256))
    return found, reasons


def draw(cells: Sequence[Candidate], count: int | None, seed: int) -> list[Candidate]:
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

    def __init__(self, connection: Connection, root: Path, runner: BatchRunner) -> None:
        self.decoded = Check("bitstreams, decoded again")
        self.scored = Check("scores, recomputed")
        self.codecs: set[str] = set()  # of which something was decoded
        self.largest: dict[str, float] = {}  # metric → largest difference that was within tolerance
        self._connection, self._root, self._runner = connection, root, runner
        self._metrics, self._absent = local_builds.metrics(connection)
        self._sets = verify_sets.SetRescoring(connection, root, runner, _TIME_LIMIT_S)
        self.sets = self._sets.check

    def run(self, cells: Sequence[Candidate]) -> None:
        """All of `cells`, clip by clip, a batch of clips at a time."""
        self._sets.want({cell.encode_id for cell in cells})
        by_clip: dict[str, list[Candidate]] = defaultdict(list)
        for cell in cells:
            by_clip[cell.clip.clip_id].append(cell)
        batch: list[Candidate] = []
        for group in by_clip.values():
            batch += group
            if len(batch) >= _BATCH:
                self._batch(batch)
                batch = []
        if batch:
            self._batch(batch)
        self._count_the_rest()
        self._sets.finish()

    def _batch(self, cells: Sequence[Candidate]) -> None:
        whole: dict[str, list[str]] = defaultdict(list)  # clip_id → encodes that are decoded
        clips = {cell.clip.clip_id: cell.clip for cell in cells}
        for cell in self._decode(cells):
            whole[cell.clip.clip_id].append(cell.encode_id)
        jobs: list[ClipJob] = []
        expected: dict[tuple[VariantKey | PairKey, Build], _Recorded] = {}
        for clip_id, encode_ids in whole.items():
            rows = self._rows(clip_id, encode_ids)
            expected |= {(row.of, row.build): row for row in rows}
            jobs += self._jobs(clips[clip_id], encode_ids, rows)
            jobs += self._sets.jobs(clips[clip_id], encode_ids)
        for outcome in self._runner.run(jobs):
            job = outcome.job
            if isinstance(job, Embed):
                self._sets.keep(job, outcome.value or ())
                continue
            if outcome.status != "ok":
                reason = f"{outcome.status} while it was scored here: {outcome.error}"
                self.scored.not_checked[reason] += job.cells
                continue
            builds = {info.name: Build(info.name, info.fingerprint()) for info in job.infos}
            for row in outcome.value:
                self._compare(expected[row.of, builds[row.metric]], row)
        for cell in cells:
            shutil.rmtree(artifacts.decoded_folder(self._root, cell.encode_id), ignore_errors=True)

    def _decode(self, cells: Sequence[Candidate]) -> Iterator[Candidate]:
        """Those of `cells` that could be decoded."""
        jobs = [
            confined.ConfinedDecode.of(cell, cell.bitstream_sha256, self._root, _TIME_LIMIT_S)
            for cell in cells
        ]
        outcomes = {outcome.job.encode_id: outcome for outcome in self._runner.run(jobs)}
        for cell in cells:
            outcome = outcomes[cell.encode_id]
            if outcome.status == "ok":
                self.decoded.verified += 1
                self.codecs.add(cell.codec.name)
                yield cell
            elif outcome.status in ("failed", "died"):
                label = f"encode {cell.encode_id[:16]} ({cell.codec.name} {cell.point.name})"
                self.decoded.wrong.append(f"{label}: does not decode here: {outcome.error}")
            else:
                self.decoded.not_checked[f"{outcome.status} while it was decoded here"] += 1

    def _rows(self, clip_id: str, encode_ids: Sequence[str]) -> list[_Recorded]:
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
        for of, metric, fingerprint, *score in found:
            of = PairKey(*of) if len(of) == 2 else VariantKey(*of)
            row = _Recorded(of, Build(metric, fingerprint), *score)
            if row.build not in self._metrics:
                reason = self._absent.get(row.build, f"metric {metric!r} has no row")
                self.scored.not_checked[reason] += 1
            elif self._fits(
                (self._metrics[row.build].info.kind == "pair") == isinstance(of, PairKey),
                f"{metric}: a row in the wrong table",
            ):
                rows.append(row)
        return rows

    def _fits(self, ok: bool, message: str) -> bool:
        if not ok:
            self.scored.wrong.append(message)
        return ok

    def _jobs(
        self, clip: plan.PlannedClip, encode_ids: Sequence[str], rows: Sequence[_Recorded]
    ) -> Iterator[Score | ScorePairs]:
        folders = {reference_id(clip.clip_id): clip.folder}
        folders |= {name: artifacts.decoded_folder(self._root, name) for name in encode_ids}
        # A form of its own for each fingerprint of a metric: one job knows a name once.
        forms: dict[str, list[str]] = defaultdict(list)
        groups: dict[tuple[str, int], dict[VariantKey | PairKey, list[str]]] = defaultdict(
            lambda: defaultdict(list)
        )
        infos: dict[tuple[str, int], dict[str, MetricInfo]] = defaultdict(dict)
        for row in rows:
            family, info = self._metrics[row.build]
            if row.build.fingerprint not in forms[info.name]:
                forms[info.name].append(row.build.fingerprint)
            group = family, forms[info.name].index(row.build.fingerprint)
            groups[group][row.of].append(info.name)
            infos[group][info.name] = info
        for (family, form), entries in groups.items():
            chosen = list(infos[family, form].values())
            if chosen[0].kind == "pair":
                yield ScorePairs(
                    clip_id=clip.clip_id,
                    family=family,
                    infos=chosen,
                    clip_folder=clip.folder,
                    folders=folders,
                    pairs=[
                        Pair(of, tuple(names)) for of, names in entries.items() if isinstance(of, PairKey)
                    ],
                    time_limit_s=_TIME_LIMIT_S,
                )
            else:
                yield Score(
                    clip_id=clip.clip_id,
                    family=family,
                    infos=chosen,
                    clip_folder=clip.folder,
                    variants=[
                        Variant(of.encode_id, folders[of.encode_id], tuple(names))
                        for of, names in entries.items()
                        if isinstance(of, VariantKey)
                    ],
                    time_limit_s=_TIME_LIMIT_S,
                )

    def _compare(self, row: _Recorded, found: ScoreRow) -> None:
        metric, info = row.build.name, self._metrics[row.build].info
        label = f"{metric} of {' with '.join(name[:16] for name in row.of)}"
        if found.status == "ok" and row.status in ("timeout", "oom"):
            self.scored.not_checked[f"recorded as {row.status}; it can be scored here"] += 1
            return
        if found.status != row.status:
            said = f"{found.value}" if found.status == "ok" else f"{found.status}: {found.error}"
            recorded = f"{row.value}" if row.status == "ok" else row.status
            self.scored.wrong.append(f"{label}: recomputed {said}, recorded {recorded}")
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
            f"{label}: recomputed {found.value}, recorded {row.value}"
            + ("" if frames_agree else f" (frame values differ by up to {frames:.3g})"),
        ):
            self.largest[metric] = max(self.largest.get(metric, 0.0), difference)

    def _count_the_rest(self) -> None:
        """Counts the scores that were not checked."""
        ((total,),) = self._connection.execute(
            "SELECT (SELECT count(*) FROM scores) + (SELECT count(*) FROM pair_scores)"
        ).fetchall()
        seen = self.scored.verified + len(self.scored.wrong) + self.scored.not_checked.total()
        if total > seen:
            self.scored.not_checked["of encodes that were not decoded again"] += total - seen


def _frames_difference(one: Sequence[float] | None, other: Sequence[float] | None) -> float:
    if one is None or other is None or len(one) != len(other):
        return 0.0 if one is None and other is None else float("inf")
    return max(map(tolerance.difference, one, other), default=0.0)
