"""Distribution metrics of a submission (FID), recomputed where all their clips were decoded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..api import tolerance
from ..execution.job import Outcome
from ..execution.queue import BatchRunner
from ..plan import plan
from ..plan.variants import reference_id
from ..stages.score_jobs import Distance, Embed
from ..stages.score_rows import FeatureFile, FeatureRow, SetKey, Variant
from ..store import artifacts
from . import local_builds
from .checks import Check
from .local_builds import Build

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection

_SETS = """
    SELECT s.dataset, s.codec, s.fingerprint, s.point, s.metric, s.metric_fingerprint, s.value, s.n,
           list([e.encode_id, c.clip_id] ORDER BY c.clip_id)
    FROM set_scores s
    JOIN encodes e ON e.codec = s.codec AND e.fingerprint = s.fingerprint AND e.point = s.point
    JOIN clips c ON c.clip_id = e.clip_id AND c.dataset = s.dataset
    JOIN set_features f ON f.encode_id = e.encode_id AND f.metric = s.metric
                       AND f.fingerprint = s.metric_fingerprint AND f.status = 'ok'
    WHERE s.status = 'ok' GROUP BY ALL ORDER BY ALL
"""


@dataclass(frozen=True)
class _Set:
    """A value over all clips of a codec and point: encode id → clip id."""

    of: SetKey
    build: Build
    value: float | None
    n: int | None
    clips: dict[str, str]

    @property
    def label(self) -> str:
        return f"{self.build.name} of {self.of.codec} {self.of.point} on {self.of.dataset}"


class SetRescoring:
    """Embeds what its sets need, clip by clip, and compares their values at the end."""

    def __init__(self, connection: Connection, root: Path, runner: BatchRunner, limit_s: float) -> None:
        self.check = Check("distribution scores, recomputed")
        self._connection, self._root, self._runner, self._limit_s = connection, root, runner, limit_s
        self._metrics, self._absent = local_builds.metrics(connection)
        self._features: dict[tuple[str, Build], FeatureFile] = {}  # of a variant, by a metric
        self._sets: list[_Set] = []

    def want(self, drawn: set[str]) -> None:
        """Choose the values that can be made from the encodes that are drawn."""
        for row in self._connection.execute(_SETS).fetchall():
            dataset, codec, codec_fingerprint, point, metric, fingerprint, value, n, clips = row
            build = Build(metric, fingerprint)
            if build not in self._metrics:
                self.check.not_checked[self._absent.get(build, f"metric {metric!r} has no row")] += 1
            elif {encode_id for encode_id, _ in clips} - drawn:
                self.check.not_checked["computed over clips that were not all decoded again (see --all)"] += 1
            else:
                of = SetKey(dataset, codec, codec_fingerprint, point)
                self._sets.append(_Set(of, build, value, n, dict(clips)))
        ((total,),) = self._connection.execute("SELECT count(*) FROM set_scores").fetchall()
        if rest := total - len(self._sets) - self.check.not_checked.total():
            self.check.not_checked["without a value, or without features"] += rest

    def jobs(self, clip: plan.PlannedClip, encode_ids: Sequence[str]) -> Iterator[Embed]:
        """What embeds one clip and its decoded variants, where a set needs them."""
        wanted: dict[Build, list[str]] = defaultdict(list)
        for one in self._sets:
            wanted[one.build] += [name for name in encode_ids if name in one.clips]
        for build, names in wanted.items():
            if not names:
                continue
            family, info = self._metrics[build]
            folders = {reference_id(clip.clip_id): clip.folder}
            folders |= {name: artifacts.decoded_folder(self._root, name) for name in names}
            yield Embed(
                clip_id=clip.clip_id,
                family=family,
                infos=[info],
                variants=[Variant(name, folder, (info.name,)) for name, folder in folders.items()],
                root=self._root,
                time_limit_s=self._limit_s,
            )

    def keep(self, job: Embed, rows: Sequence[FeatureRow]) -> None:
        """Remember the features that a job wrote."""
        (info,) = job.infos
        build = Build(info.name, info.fingerprint())
        for row in rows:
            if row.status == "ok" and row.sha256:
                path = artifacts.features_path(self._root, row.encode_id, build.fingerprint)
                self._features[row.encode_id, build] = FeatureFile(path, row.sha256)

    def finish(self) -> None:
        """Make every value whose features are all there, and compare."""
        sets: dict[tuple[SetKey, Build], _Set] = {}
        jobs = []
        for one in self._sets:
            family, info = self._metrics[one.build]
            reference = [
                self._features.get((reference_id(clip_id), one.build)) for clip_id in one.clips.values()
            ]
            decoded = [self._features.get((encode_id, one.build)) for encode_id in one.clips]
            if None in (*reference, *decoded):
                self.check.not_checked["computed over a clip that could not be embedded here"] += 1
                continue
            sets[one.of, one.build] = one
            jobs.append(
                Distance(
                    family=family,
                    infos=[info],
                    of=one.of,
                    reference=[file for file in reference if file],
                    decoded=[file for file in decoded if file],
                    time_limit_s=self._limit_s,
                )
            )
        for outcome in self._runner.run(jobs):
            (info,) = outcome.job.infos
            self._compare(sets[outcome.job.of, Build(info.name, info.fingerprint())], outcome)

    def _compare(self, one: _Set, outcome: Outcome[Distance]) -> None:
        if outcome.status != "ok":
            self.check.not_checked[f"{outcome.status} while it was scored here: {outcome.error}"] += 1
            return
        (row,) = outcome.value
        allowed = tolerance.of(self._metrics[one.build].info)
        same = row.status == "ok" and row.n == one.n and tolerance.difference(row.value, one.value) <= allowed
        made = f"{row.value} over {row.n}" if row.status == "ok" else f"{row.status}: {row.error}"
        self.check.hold(same, f"{one.label}: recomputed {made}, recorded {one.value} over {one.n}")
