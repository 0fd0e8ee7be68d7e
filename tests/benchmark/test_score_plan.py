"""Score jobs in parts: every entry is in one of them, and what shares a picture stays together."""

from __future__ import annotations

from pathlib import Path

import pytest
from talkbench.benchmark import score_plan, scoring
from talkbench.benchmark.executors import Job
from talkbench.benchmark.jobs import entry_key
from talkbench.benchmark.score_rows import Pair, Variant

VARIANTS = [Variant(f"v{number}", Path(), ("psnr", "ssim")) for number in range(7)]
PAIRS = [Pair(f"v{number}", f"a{sound}", ("avs_u",)) for number in range(5) for sound in range(3)]


def _job(**entries: list[Variant] | list[Pair]) -> Job:
    (found,) = entries.values()
    key = ("score", "clip", "family", *map(entry_key, found))
    return Job(key, scoring.score, {"family": "family", **entries}, 1.0)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 50])
@pytest.mark.parametrize("job", [_job(variants=VARIANTS), _job(pairs=PAIRS)], ids=["variants", "pairs"])
def test_the_parts_of_a_job_are_the_job(job: Job, count: int) -> None:
    parts = score_plan.cut(job, count)
    assert len(parts) == min(count, 7 if "variants" in job.arguments else 5)
    assert sorted(key for part in parts for key in part.key[3:]) == sorted(job.key[3:])
    assert len({part.key for part in parts}) == len(parts)
    cells = [score_plan.cells_of(part) for part in parts]
    assert sum(cells) == score_plan.cells_of(job)
    assert max(cells) - min(cells) <= 3  # of one size, up to one picture's entries


def test_pairs_of_one_picture_stay_in_one_part() -> None:
    parts = score_plan.cut(_job(pairs=PAIRS), 2)
    pictures = [{pair.video_encode_id for pair in part.arguments["pairs"]} for part in parts]
    assert pictures[0].isdisjoint(pictures[1])


def test_a_failed_job_goes_down_to_single_entries() -> None:
    queue, single = [_job(pairs=PAIRS)], 0
    while queue:
        parts = score_plan.split(queue.pop())
        single += not parts
        queue += parts
    assert single == len(PAIRS)
