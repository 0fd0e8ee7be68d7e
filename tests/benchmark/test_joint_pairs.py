"""Pairs of picture and sound of a joint codec: together, and each half with the clip's own other half."""

from collections.abc import Callable
from pathlib import Path

from talkbench.benchmark.plan import plan
from talkbench.benchmark.plan.variants import reference_id
from talkbench.benchmark.stages.score_jobs import ScorePairs
from talkbench.benchmark.store.database import Store
from talkbench.benchmark.sweep import score_plan
from test_score_parts import planned
from test_stale_rows import run


def test_a_joint_codec_is_crossed_with_the_clip_itself() -> None:
    systems = [
        plan.System("both", "joint", "both", "both", True),
        plan.System("v", "video", "v", None, True),
        plan.System("a", "audio", None, "a", True),
    ]
    own = reference_id("c")
    codecs = {"both": ["b0", "b1"], "v": ["v0"], "a": ["a0"]}
    found = list(score_plan._pairs(systems, codecs, own))
    assert sorted(found) == sorted(
        [
            (own, own),
            *((b, b) for b in ("b0", "b1")),
            *((b, own) for b in ("b0", "b1")),
            *((own, b) for b in ("b0", "b1")),
            ("v0", own),
            (own, "a0"),
        ]
    )
    # Never the picture of one point with the sound of another: no decoder gives that.
    assert not {("b0", "b1"), ("b1", "b0")} & set(found)


def test_the_pairs_of_separate_codecs_are_what_they_were(tmp_path: Path) -> None:
    (job,) = (job for job in planned(tmp_path, 1, 2, 1800) if isinstance(job, ScorePairs))
    pairs = {pair.key for pair in job.pairs}
    own = reference_id("c")
    pictures, sounds = ("v0", "v1"), ("a0", "a1")
    assert pairs == {
        (own, own),
        *((v, a) for v in pictures for a in sounds),
        *((v, own) for v in pictures),
        *((own, a) for a in sounds),
    }


def test_a_sweep_scores_a_joint_codec_together_and_by_halves(
    tiny_suite: Callable[..., Path], tmp_path: Path
) -> None:
    """With a fake joint codec: nine points of one clip, each in three pairs, and the clip itself."""
    path, out = tiny_suite(["fake-joint"], metrics=("fake_sync",), clips=1), tmp_path / "out"
    run(path, out)
    with Store(out / "talkbench.duckdb") as store:
        pairs = store.rows(
            "SELECT video_encode_id AS v, audio_encode_id AS a, status, value FROM pair_scores"
        )
        halves = store.rows(
            "SELECT rate, count(*) AS n FROM joint_half_clip_points GROUP BY rate ORDER BY rate"
        )
    assert {row["status"] for row in pairs} == {"ok"}
    own = [row["v"].startswith("reference:") + 2 * row["a"].startswith("reference:") for row in pairs]
    assert sorted(own) == [0] * 9 + [1] * 9 + [2] * 9 + [3]
    assert all(row["v"] == row["a"] for row, kind in zip(pairs, own, strict=True) if kind == 0)
    assert halves == [{"rate": "audio", "n": 9}, {"rate": "video", "n": 9}]
