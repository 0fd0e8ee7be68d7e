"""Verification of a submission: its files, its tables, its clips, and a sample of its numbers."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ... import __version__
from ..api import tolerance
from ..execution.executors import Executor
from ..execution.queue import BatchRunner
from ..store import parquet
from ..util.progress import Progress
from . import archive, checks, local_builds, structure, verify_clips, verify_scores
from .checks import Check
from .manifest import Manifest

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection

MEMORY_LIMIT = "4GB"
Verdict = Literal["verified", "wrong", "nothing checked"]


@dataclass(frozen=True)
class Request:
    """sample: how many bitstreams to decode (None: all); seed: of the draw; clips: folders of recordings."""

    archive: Path
    sample: int | None
    seed: int
    clips: Sequence[Path] = ()


@dataclass(frozen=True)
class Verification:
    """What was found. Of `bitstreams`, `decoded` were decoded again, and `scored` scores recomputed;
    unseen: codecs that were not decoded; largest: metric → the largest difference of a score."""

    manifest: Manifest
    checks: Sequence[Check]
    bitstreams: int
    decoded: int
    scored: int
    unseen: Sequence[str]
    largest: Mapping[str, float]
    seed: int

    @property
    def verdict(self) -> Verdict:
        """Wrong takes precedence; where no score could be recomputed, nothing is verified."""
        if checks.wrong(self.checks):
            return "wrong"
        return "verified" if self.decoded and self.scored else "nothing checked"


def new_seed() -> int:
    """A seed that the submitter could not know."""
    return secrets.randbelow(1 << 32)


def verify(request: Request, executor: Executor, progress: Progress) -> Verification:
    """Check an archive. Raises UsageError where it is not an archive of `talkbench submit`."""
    runner = BatchRunner(executor, progress)
    with (
        archive.unpacked(request.archive) as unpacked,
        parquet.read(
            unpacked.folder / parquet.FOLDER, memory_limit=MEMORY_LIMIT, archive=request.archive
        ) as connection,
    ):
        found = [_files(unpacked), *structure.check(connection, unpacked.folder)]
        found += [local_builds.descriptions(connection), _bd_rates(connection, unpacked.manifest)]
        clips, clip_check = verify_clips.reference_clips(connection, request.clips, runner)
        encodes, reasons = verify_scores.candidates(connection, unpacked.folder, clips)
        drawn = verify_scores.draw(encodes, request.sample, request.seed)
        rescoring = verify_scores.Rescoring(connection, unpacked.folder, runner)
        rescoring.decoded.not_checked.update(reasons)
        if len(drawn) < len(encodes):
            rescoring.decoded.not_checked["not drawn for the sample"] += len(encodes) - len(drawn)
        rescoring.run(drawn)
        found += [clip_check, rescoring.decoded, rescoring.scored, rescoring.sets]
        present = connection.execute(
            "SELECT codec, count(*) FROM encodes WHERE status = 'ok' GROUP BY codec ORDER BY codec"
        ).fetchall()
    return Verification(
        unpacked.manifest,
        found,
        sum(count for _, count in present),
        rescoring.decoded.verified,
        rescoring.scored.verified + rescoring.sets.verified,
        [codec for codec, _ in present if codec not in rescoring.codecs],
        rescoring.largest,
        request.seed,
    )


def _files(unpacked: archive.Unpacked) -> Check:
    result = Check("files are those of the manifest")
    result.verified = len(unpacked.manifest.files) - len(unpacked.damaged)
    result.wrong = [f"{member}: {reason}" for member, reason in unpacked.damaged.items()]
    return result


def _bd_rates(connection: Connection, manifest: Manifest) -> Check:
    """The stored BD-rates are those that follow from the scores. Recomputes the table."""
    from ..analysis import bd_rate

    result = Check("stored BD-rates follow from the scores")
    stored = _bd_rows(connection)
    if not stored:
        result.not_checked["none are stored"] += 1
        return result
    if manifest.talkbench_version != __version__:
        result.not_checked[f"made by talkbench {manifest.talkbench_version!r}; this is {__version__}"] += 1
        return result
    bd_rate.write(connection)
    expected = _bd_rows(connection)
    for identity, row in stored.items():
        label = " ".join(identity)
        if identity not in expected:
            result.wrong.append(f"{label}: no such BD-rate follows from the scores")
            continue
        other = expected[identity]
        differing = [
            f"{name} is {row[name]}, should be {other[name]}"
            for name in row
            if not _same(row[name], other[name])
        ]
        result.hold(not differing, f"{label}: {', '.join(differing)}")
    return result


def _bd_rows(connection: Connection) -> dict[tuple[str, ...], dict[str, Any]]:
    found = connection.execute("SELECT * FROM bd_rates")
    names = [column[0] for column in found.description or ()]
    rows = [dict(zip(names, values, strict=True)) for values in found.fetchall()]
    return {tuple(str(row[name]) for name in parquet.keys("bd_rates")): row for row in rows}


def _same(one: object, other: object) -> bool:
    if isinstance(one, float) or isinstance(other, float):
        return tolerance.close(one, other)  # pyright: ignore[reportArgumentType]
    return one == other
