"""Calls of the stages, as jobs for an executor. A key starts with its stage and names what the job is for.

Codecs run in homes of their own; all else in `SHARED`, whose processes no codec ever runs in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from . import artifacts, plan, preview_job, score_rows, scoring, stages
from .executors import Job
from .metric import MetricInfo

SHARED = "shared"


def home(codec: str) -> str:
    """Where a codec's code runs, and nobody else's."""
    return f"codec:{codec}"


def prepare(entry: plan.PlannedItem, time_limit_s: float) -> Job:
    """Make one clip. Key: prepare, item key, name."""
    arguments = {
        "dataset": entry.choice.use,
        "options": dict(entry.choice.options),
        "name": entry.item.name,
        "key": entry.item.key,
    }
    return Job(("prepare", entry.item.key, entry.item.name), stages.prepare, arguments, time_limit_s, SHARED)


def encode(cell: plan.Cell, root: Path, time_limit_s: float) -> Job:
    """Encode one cell. Key: encode, encode_id."""
    arguments = {
        "codec": cell.codec.name,
        "point": cell.point,
        "clip_folder": cell.clip.folder,
        "output": artifacts.bitstream_path(root, cell.encode_id),
    }
    return Job(("encode", cell.encode_id), stages.encode, arguments, time_limit_s, home(cell.codec.name))


def decode(cell: plan.Cell, sha256: str, root: Path, time_limit_s: float) -> Job:
    """Decode the bitstream of one cell, whose file must have this hash. Key: decode, encode_id."""
    arguments = {
        "codec": cell.codec.name,
        "bitstream": artifacts.bitstream_path(root, cell.encode_id),
        "sha256": sha256,
        "spec": cell.clip.spec,
        "folder": artifacts.decoded_folder(root, cell.encode_id),
    }
    return Job(("decode", cell.encode_id), stages.decode, arguments, time_limit_s, home(cell.codec.name))


def score(
    family: str,
    infos: Sequence[MetricInfo],
    clip: plan.PlannedClip,
    variants: Sequence[score_rows.Variant],
    root: Path,
    time_limit_s: float,
    both_ways: bool = True,
) -> Job:
    """Score variants of one clip by one family. Key: score, clip_id, family, the variants.

    both_ways: compare a quick form with the exact one, on the first variant.
    """
    del root
    arguments = {
        "family": family,
        "infos": infos,
        "clip_folder": clip.folder,
        "variants": list(variants),
        "both_ways": both_ways,
    }
    return Job(_score_key(clip, family, variants), scoring.score, arguments, time_limit_s, SHARED)


def embed(
    family: str,
    infos: Sequence[MetricInfo],
    clip: plan.PlannedClip,
    variants: Sequence[score_rows.Variant],
    root: Path,
    time_limit_s: float,
    both_ways: bool = True,
) -> Job:
    """Write the features of variants of one clip for a set metric. Key and `both_ways` as for `score`."""
    arguments = {
        "family": family,
        "infos": infos,
        "root": root,
        "variants": list(variants),
        "both_ways": both_ways,
    }
    return Job(_score_key(clip, family, variants), scoring.embed, arguments, time_limit_s, SHARED)


def score_pairs(
    family: str,
    infos: Sequence[MetricInfo],
    clip: plan.PlannedClip,
    folders: Mapping[str, Path],
    pairs: Sequence[score_rows.Pair],
    time_limit_s: float,
) -> Job:
    """Score pictures with sounds of one clip by one family. Key: score, clip_id, family, the pairs."""
    arguments = {
        "family": family,
        "infos": infos,
        "clip_folder": clip.folder,
        "folders": dict(folders),
        "pairs": list(pairs),
    }
    return Job(_score_key(clip, family, pairs), scoring.score_pairs, arguments, time_limit_s, SHARED)


def distance(
    family: str,
    infos: Sequence[MetricInfo],
    of: Sequence[str],
    reference: Sequence[tuple[Path, str]],
    decoded: Sequence[tuple[Path, str]],
    time_limit_s: float,
) -> Job:
    """A set metric of one codec and point (`of`) from files of features. Key: score, set, family, of."""
    arguments = {"family": family, "infos": infos, "reference": list(reference), "decoded": list(decoded)}
    return Job(("score", "set", family, *of), scoring.distance, arguments, time_limit_s, SHARED)


def preview(
    clip: plan.PlannedClip,
    sources: Sequence[preview_job.Source],
    root: Path,
    cap: int,
    used: int,
    time_limit_s: float,
) -> Job:
    """Make previews of variants of one clip. Key: preview, clip_id. cap, used: bytes, as for the function."""
    arguments = {
        "clip_id": clip.clip_id,
        "sources": list(sources),
        "root": root,
        "cap": cap,
        "used": used,
    }
    return Job(("preview", clip.clip_id), preview_job.make, arguments, time_limit_s, SHARED)


def entry_key(entry: score_rows.Variant | score_rows.Pair) -> str:
    """A variant's or a pair's place in a job's key."""
    if isinstance(entry, score_rows.Pair):
        return f"{entry.video_encode_id}|{entry.audio_encode_id}"
    return entry.encode_id


def _score_key(
    clip: plan.PlannedClip, family: str, entries: Sequence[score_rows.Variant | score_rows.Pair]
) -> tuple[str, ...]:
    return ("score", clip.clip_id, family, *map(entry_key, entries))
