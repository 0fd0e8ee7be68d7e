"""A clip's scores are cut into jobs by an amount of work, each with the time limit to itself."""

from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from talkbench.benchmark.api.codec import CodecInfo
from talkbench.benchmark.api.metric import MetricInfo
from talkbench.benchmark.api.types import ClipSpec, Point
from talkbench.benchmark.plan import plan
from talkbench.benchmark.stages.score_jobs import ClipJob, ScorePairs, VariantsJob
from talkbench.benchmark.store.database import Store
from talkbench.benchmark.sweep import score_plan


def metric(family: str, name: str, kind: Any, modality: Any, **more: Any) -> plan.PlannedMetric:
    return plan.PlannedMetric(
        family, MetricInfo(name, modality, kind, "", True, (0, 1), "", "", **more), None
    )


METRICS = (
    metric("perceptual", "lpips", "frame", "video"),
    metric("perceptual", "dists", "frame", "video"),
    metric("pesq", "pesq", "clip", "audio", of_reference=True),
    metric("fid", "fid", "set", "video"),
    metric("lipsync", "lse", "pair", "pair"),
)


def planned(
    folder: Path, seconds: int, points: int, time_limit_s: float, size: int = 256, frames: int | None = None
) -> list[ClipJob]:
    """The score jobs of one clip with a codec of pictures and one of sound, `points` points each."""
    frames = 25 * seconds if frames is None else frames
    spec = ClipSpec(frames, size, size, Fraction(25), 16000 * seconds, 16000, 1)
    clip = plan.PlannedClip("c", "sha", folder, spec, "d")
    codecs = (
        CodecInfo("v", "1", ("video",), "conventional", ""),
        CodecInfo("a", "1", ("audio",), "conventional", ""),
    )
    cells = [
        plan.Cell(f"{codec.name}{at}", codec, Point(str(at), {}), clip)
        for codec in codecs
        for at in range(points)
    ]
    cells = [cell for cell in cells if not cell.lacks]
    names = {cell.encode_id for cell in cells}
    systems = [
        plan.System("v+a", "pair", "v", "a", True),
        plan.System("v", "video", "v", None, False),
        plan.System("a", "audio", None, "a", False),
    ]
    with Store(folder / "s.duckdb") as store:
        made = plan.Plan(systems, {}, METRICS, [])
        scores = score_plan.ScorePlan(store, made, cells, names, ("ok",), folder, time_limit_s)
    return scores.jobs(clip, sorted(names))


def of_variants(jobs: list[ClipJob], family: str) -> list[VariantsJob]:
    return [job for job in jobs if isinstance(job, VariantsJob) and job.family == family]


@pytest.mark.parametrize(
    ("seconds", "points", "limit_s", "size"),
    [
        (10, 25, 1800, 256),
        (4, 40, 1800, 256),
        (10, 25, 300, 256),
        (10, 8, 1800, 512),
        (60, 3, 1800, 256),
        (1, 5, 60, 128),
    ],
)
def test_no_job_has_more_work_than_its_limit_and_none_is_lost(
    tmp_path: Path, seconds: int, points: int, limit_s: float, size: int
) -> None:
    jobs = planned(tmp_path, seconds, points, limit_s, size)
    cells: Counter[tuple[str, ...]] = Counter()
    for job in jobs:
        assert job.time_limit_s == limit_s
        pictures = {entry.key[0] for entry in job.entries}
        frames = seconds * 25 * (size / 256) ** 2 * len(pictures)
        assert frames <= limit_s or len(pictures) == 1
        assert job.cells == sum(len(entry.metrics) for entry in job.entries)
        for entry in job.entries:
            for name in entry.metrics:
                cells[(name, *entry.key)] += 1
    assert set(cells.values()) == {1}
    per_metric = Counter(name for name, *_ in cells)
    grid = points * points + 2 * points + 1
    assert per_metric == {
        "lpips": points,
        "dists": points,
        "pesq": points + 1,
        "fid": points + 1,
        "lse": grid,
    }


def test_parts_are_large_and_share_the_reference(tmp_path: Path) -> None:
    """10 s at the default limit: at least six variants by the reference's one analysis, in equal parts."""
    long = of_variants(planned(tmp_path, 10, 25, 1800), "perceptual")
    assert [len(job.variants) for job in long] == [6, 6, 6, 7]
    (short,) = of_variants(planned(tmp_path, 2, 25, 1800), "perceptual")
    assert len(short.variants) == 25
    assert [info.name for info in short.infos] == ["lpips", "dists"]


def test_a_clip_of_sound_alone_is_cut_by_its_seconds(tmp_path: Path) -> None:
    jobs = of_variants(planned(tmp_path, 100, 6, 5000, frames=0), "pesq")
    assert [len(job.variants) for job in jobs] == [1, 2, 2, 2]


def test_the_exact_form_is_computed_once_for_a_clip(tmp_path: Path) -> None:
    for family in ("perceptual", "fid"):
        jobs = of_variants(planned(tmp_path, 10, 25, 1800), family)
        assert [job.both_ways for job in jobs] == [True, False, False, False]
        pieces = [part for job in jobs for part in job.parts()]
        assert [part.both_ways for part in pieces] == [True] + [False] * (len(pieces) - 1)


def test_the_parts_of_a_job_are_its_cells(tmp_path: Path) -> None:
    for job in planned(tmp_path, 10, 4, 1800):
        pieces = list(job.parts())
        assert len(pieces) > 1
        assert sum(piece.cells for piece in pieces) == job.cells
        assert [entry for piece in pieces for entry in piece.entries] == list(job.entries)
        while smaller := [part for piece in pieces for part in piece.parts()]:
            pieces = smaller
        assert all(len(piece.entries) == 1 for piece in pieces)


def test_pictures_stay_together_with_all_their_sounds(tmp_path: Path) -> None:
    jobs = [job for job in planned(tmp_path, 10, 12, 1800) if isinstance(job, ScorePairs)]
    seen = [{pair.key.video_encode_id for pair in job.pairs} for job in jobs]
    assert len(seen) == 2
    assert not seen[0] & seen[1]


def test_parts_are_even() -> None:
    assert score_plan.parts([], 3) == []
    assert [len(part) for part in score_plan.parts(range(10), 4)] == [3, 3, 4]
    assert [list(part) for part in score_plan.parts([1, 2], 1)] == [[1], [2]]
