"""Over the rate of one modality a joint codec's lip sync is of that half alone, as its rivals' is."""

from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest
from store_factory import METRICS, FakeCodec, realistic
from talkbench.benchmark.analysis.clip_curves import ClipCurves, load

BOTH = FakeCodec("both", "joint", (8, 16, 32, 64), floor=-9, ceiling=9)
VALUES = {"video": 11.0, "audio": 22.0, "total": 33.0}


@pytest.fixture
def connection(tmp_path: Path):
    metrics = tuple(metric for metric in METRICS if metric.name in ("psnr", "lse_c"))
    store = replace(realistic(), joint=(BOTH,), metrics=metrics).build(tmp_path / "s.duckdb")
    with duckdb.connect(str(store)) as opened:
        for side, other in (("video", "audio"), ("audio", "video")):
            opened.execute(
                f"UPDATE pair_scores SET value = {VALUES[side]} WHERE {side}_encode_id LIKE 'both/%' "
                f"AND {other}_encode_id LIKE 'reference:%'"
            )
        opened.execute(
            f"UPDATE pair_scores SET value = {VALUES['total']} WHERE video_encode_id = audio_encode_id"
        )
        yield opened


def lip_sync(connection: duckdb.DuckDBPyConnection) -> dict[str, ClipCurves]:
    return {c.rate: c for c in load(connection) if c.system == "both" and c.metric == "lse_c"}


def test_each_rate_has_the_pair_that_its_rivals_have(connection: duckdb.DuckDBPyConnection) -> None:
    found = lip_sync(connection)
    assert set(found) == set(VALUES)
    for rate, curve in found.items():
        known = np.isfinite(curve.value)
        assert known.sum() == len(BOTH.rates) * len(curve.clips)
        assert set(curve.value[known]) == {VALUES[rate]}
    # Metrics of one modality are what they were: one value for every rate.
    psnr = [c for c in load(connection) if c.system == "both" and c.metric == "psnr"]
    assert {c.rate for c in psnr} >= {"video", "total"}
    assert all(np.array_equal(psnr[0].value, other.value, equal_nan=True) for other in psnr)


@pytest.mark.parametrize("side", ["video", "audio"])
def test_a_half_that_was_not_scored_is_missing_there_and_not_replaced(
    connection: duckdb.DuckDBPyConnection, side: str
) -> None:
    other = "audio" if side == "video" else "video"
    connection.execute(
        f"DELETE FROM pair_scores WHERE {side}_encode_id LIKE 'both/%' "
        f"AND {other}_encode_id LIKE 'reference:%'"
    )
    assert set(lip_sync(connection)) == {other, "total"}


def test_views_say_the_same(connection: duckdb.DuckDBPyConnection) -> None:
    halves = connection.execute(
        "SELECT DISTINCT rate, value FROM joint_half_clip_points WHERE metric = 'lse_c' ORDER BY 1"
    ).fetchall()
    assert halves == [("audio", 22.0), ("video", 11.0)]
    whole = "SELECT DISTINCT value FROM rd_clip_points WHERE metric = 'lse_c' AND kind = 'joint'"
    assert connection.execute(whole).fetchall() == [(33.0,)]
