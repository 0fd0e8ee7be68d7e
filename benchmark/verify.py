"""Whether a submission is what it says: its files, its tables, its clips, and a sample of its numbers."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .. import __version__
from . import archive, checks, known_here, structure, tables, verify_clips, verify_scores
from .checks import Check
from .executors import Executor
from .manifest import Manifest
from .progress import Progress
from .rerun import Runner

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
    """What was found. Of `bitstreams`, `decoded` were decoded again, and `scored` scores made again;
    largest: metric → the largest difference among those."""

    manifest: Manifest
    checks: Sequence[Check]
    bitstreams: int
    decoded: int
    scored: int
    largest: Mapping[str, float]
    seed: int

    @property
    def verdict(self) -> Verdict:
        """Wrong beats all; where not one score could be made again, nothing is verified."""
        if checks.wrong(self.checks):
            return "wrong"
        return "verified" if self.decoded and self.scored else "nothing checked"


def new_seed() -> int:
    """A seed that nobody who made a submission could know."""
    return secrets.randbelow(1 << 32)


def verify(request: Request, executor: Executor, progress: Progress) -> Verification:
    """Check an archive. Raises UsageError where it is no archive of `talkbench submit`."""
    runner = Runner(executor, progress)
    with (
        archive.unpacked(request.archive) as unpacked,
        tables.read(unpacked.folder / tables.FOLDER, memory_limit=MEMORY_LIMIT) as connection,
    ):
        found = [_files(unpacked), *structure.check(connection, unpacked.folder)]
        found += [known_here.descriptions(connection), _bd_rates(connection, unpacked.manifest)]
        clips, clip_check = verify_clips.reference_clips(connection, request.clips, runner)
        cells, hashes, reasons = verify_scores.candidates(connection, unpacked.folder, clips)
        drawn = verify_scores.draw(cells, request.sample, request.seed)
        rescoring = verify_scores.Rescoring(connection, unpacked.folder, hashes, runner)
        rescoring.decoded.not_checked.update(reasons)
        if len(drawn) < len(cells):
            rescoring.decoded.not_checked["not drawn for the sample"] += len(cells) - len(drawn)
        rescoring.run(drawn)
        found += [clip_check, rescoring.decoded, rescoring.scored]
        ((bitstreams,),) = connection.execute("SELECT count(*) FROM encodes WHERE status = 'ok'").fetchall()
    return Verification(
        unpacked.manifest,
        found,
        bitstreams,
        rescoring.decoded.verified,
        rescoring.scored.verified,
        rescoring.largest,
        request.seed,
    )


def _files(unpacked: archive.Unpacked) -> Check:
    result = Check("files are those of the manifest")
    result.verified = len(unpacked.manifest.files) - len(unpacked.damaged)
    result.wrong = [f"{member}: {reason}" for member, reason in unpacked.damaged.items()]
    return result


def _bd_rates(connection: verify_scores.Connection, manifest: Manifest) -> Check:
    if manifest.talkbench_version == __version__:
        return structure.bd_rates(connection)
    result = Check(structure.BD_RATES)
    result.not_checked[f"made by talkbench {manifest.talkbench_version!r}; this is {__version__}"] += 1
    return result
