"""Scoring, as jobs for an executor: their keys, how they are cut, and the rows of one that failed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ..api.metric import MetricInfo
from ..execution.executors import Job
from ..plan import plan
from . import score_jobs, score_rows, scoring
from .homes import SHARED


def split(job: Job) -> list[Job]:
    """A score job that failed as a whole, in smaller ones; empty when it is as small as can be.

    One variant may have taken the others with it.
    """
    arguments = dict(job.arguments)
    what = "pairs" if "pairs" in arguments else "variants"
    entries = arguments[what]
    if len(entries) < 2:
        return []
    if what == "pairs":
        groups: dict[str, list[score_rows.Pair]] = defaultdict(list)
        for pair in entries:
            groups[pair.video_encode_id].append(pair)
        smaller = list(groups.values()) if len(groups) > 1 else [[pair] for pair in entries]
    else:
        smaller = [[variant] for variant in entries]
    found = []
    for at, part in enumerate(smaller):
        own = {**arguments, what: part}
        if what == "variants":
            own["both_ways"] = arguments["both_ways"] and at == 0
        key = (*job.key[:3], *(score_jobs.entry_key(entry) for entry in part))
        found.append(replace(job, key=key, arguments=own))
    return found


def failed_rows(job: Job, status: str, error: str | None) -> list[score_rows.Row]:
    """The rows of a job that gave none."""
    rows: list[score_rows.Row] = []
    for pair in job.arguments.get("pairs", ()):
        for name in pair.metrics:
            row = score_rows.ScoreRow("", name, status, error=error)
            rows.append(score_rows.PairRow(pair.video_encode_id, pair.audio_encode_id, row))
    kind = score_rows.FeatureRow if job.function is scoring.embed else score_rows.ScoreRow
    for variant in job.arguments.get("variants", ()):
        rows += [kind(variant.encode_id, name, status, error=error) for name in variant.metrics]
    return rows


def cells_of(job: Job) -> int:
    """How many cells a score job fills."""
    entries = [*job.arguments.get("pairs", ()), *job.arguments.get("variants", ())]
    return sum(len(entry.metrics) for entry in entries)


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


def entry_key(entry: score_rows.Variant | score_rows.Pair) -> str:
    """A variant's or a pair's place in a job's key."""
    if isinstance(entry, score_rows.Pair):
        return f"{entry.video_encode_id}|{entry.audio_encode_id}"
    return entry.encode_id


def _score_key(
    clip: plan.PlannedClip, family: str, entries: Sequence[score_rows.Variant | score_rows.Pair]
) -> tuple[str, ...]:
    return ("score", clip.clip_id, family, *map(entry_key, entries))
