"""Curves read as arrays hold what the store's views say, row by row."""

from dataclasses import replace

import duckdb
import numpy as np
import pytest
from store_factory import METRICS, FakeCodec, StoreFactory, realistic
from talkbench.benchmark.analysis.bootstrap import draws
from talkbench.benchmark.analysis.clip_curves import bands, load

BOTH = FakeCodec("both", "joint", (8, 16, 32, 64), floor=-9, ceiling=9)

# What `load` says in arrays, said by the views: which metric goes over which rate, for which system.
VIEW = """
SELECT r.dataset, a.axis, r.metric, r.system, r.point, r.clip_id,
       CASE a.axis WHEN 'video' THEN r.kbps_video WHEN 'audio' THEN r.kbps_audio ELSE r.kbps_total END,
       r.value, coalesce(r.weight, 1)
FROM rd_clip_points r JOIN systems s USING (system), (VALUES ('video'), ('audio'), ('total')) a(axis)
WHERE isfinite(r.value) AND
      CASE WHEN a.axis = 'total' THEN s.listed AND s.kind IN ('pair', 'joint')
           ELSE s.kind IN (a.axis, 'joint') AND r.modality IN (a.axis, 'pair')
                AND NOT (s.kind = 'joint' AND r.modality = 'pair') END
UNION ALL
SELECT dataset, rate, metric, system, point, clip_id, kbps, value, coalesce(weight, 1)
FROM joint_half_clip_points WHERE isfinite(value)
"""


def said(connection):
    return {tuple(row[:6]): row[6:] for row in connection.execute(VIEW).fetchall()}


def loaded(connection):
    cells = {}
    for curve in load(connection):
        for row, column in zip(*np.nonzero(np.isfinite(curve.value)), strict=True):
            key = (curve.dataset, curve.rate, curve.metric, curve.system, curve.points[column])
            weight = curve.weight[row, column] if curve.weighted else 1.0
            cells[*key, curve.clips[row]] = curve.kbps[row, column], curve.value[row, column], weight
        assert np.array_equal(np.isnan(curve.kbps), np.isnan(curve.value))
        assert list(curve.points) == sorted(curve.points)
    return cells


def check(connection):
    expected, found = said(connection), loaded(connection)
    assert found.keys() == expected.keys()
    assert len(found) > 500
    keys = sorted(found)
    assert np.array([found[key] for key in keys]) == pytest.approx(np.array([expected[key] for key in keys]))


def test_every_cell_of_a_realistic_store(realistic_store):
    with duckdb.connect(str(realistic_store), read_only=True) as connection:
        check(connection)


def test_joint_codecs_two_datasets_and_holes(tmp_path):
    store = replace(realistic(), joint=(BOTH,), clips=tuple(f"c{i}" for i in range(6)))
    with duckdb.connect(str(store.build(tmp_path / "s.duckdb"))) as connection:
        connection.execute("UPDATE clips SET dataset = 'other' WHERE name IN ('c0', 'c1')")
        connection.execute("DELETE FROM scores WHERE hash(encode_id || metric) % 7 = 0")
        connection.execute("DELETE FROM pair_scores WHERE hash(video_encode_id || audio_encode_id) % 5 = 0")
        connection.execute("UPDATE scores SET value = 'nan' WHERE hash(metric || encode_id) % 11 = 0")
        connection.execute("UPDATE scores SET value = NULL, status = 'failed' WHERE hash(encode_id) % 13 = 0")
        connection.execute("UPDATE encodes SET selected = false WHERE hash(encode_id) % 17 = 0")
        connection.execute("INSERT INTO scores SELECT * REPLACE ('old' AS fingerprint) FROM scores")
        check(connection)
        assert {curve.dataset for curve in load(connection)} == {"synthetic", "other"}


def test_a_codec_alone_is_seen_with_the_clips_own_other_half(tmp_path):
    metrics = tuple(metric for metric in METRICS if metric.name in ("psnr", "pesq", "lse_c"))
    with duckdb.connect(
        str(replace(realistic(), metrics=metrics).build(tmp_path / "s.duckdb"))
    ) as connection:
        assert not [c for c in load(connection) if c.metric == "lse_c" and c.rate != "total"]
        for side, other in (("video", "audio"), ("audio", "video")):
            connection.execute(
                f"INSERT INTO pair_scores BY NAME SELECT encode_id AS {side}_encode_id,"
                f" 'reference:' || clip_id AS {other}_encode_id, 'lse_c' AS metric,"
                " 'lse_c-print' AS fingerprint, 5.0 AS value,"
                " 'ok' AS status FROM encodes JOIN codecs USING (codec)"
                f" WHERE encodes.status = 'ok' AND modalities = ['{side}']"
            )
        check(connection)
        alone = {(c.rate, c.system) for c in load(connection) if c.metric == "lse_c" and c.rate != "total"}
        assert {("video", "vvc"), ("audio", "opus")} <= alone


def test_a_set_metric_has_the_views_rates_and_values(tmp_path):
    with duckdb.connect(str(realistic().build(tmp_path / "s.duckdb"))) as connection:
        connection.execute(
            "INSERT INTO metrics BY NAME SELECT 'fid' metric, 'f' fingerprint, 'set' kind, 'video' modality,"
            " false higher_is_better, 'ok' status, true selected"
        )
        connection.execute(
            "INSERT INTO set_scores BY NAME SELECT 'synthetic' dataset, codec, fingerprint, 'p' || i point,"
            " 'fid' metric, 'f' metric_fingerprint, 200.0 - 30 * i AS value, 500 n, 'ok' status"
            " FROM codecs, range(5) t(i)"
        )
        connection.execute(
            "INSERT INTO set_features BY NAME SELECT encode_id, 'fid' metric, 'f' fingerprint,"
            " CASE WHEN hash(encode_id) % 3 = 0 THEN 'failed' ELSE 'ok' END AS status FROM encodes"
        )
        rows = connection.execute(
            "SELECT system, point, kbps_video, kbps_total, value, n_scored FROM set_points"
        ).fetchall()
        curves = {(c.rate, c.system): c for c in load(connection) if c.metric == "fid"}
    expected = {}
    for system, point, kbps_video, kbps_total, value, clips in rows:
        rate = "total" if "+" in system else "video"
        expected[rate, system, point] = (kbps_total if rate == "total" else kbps_video, value, clips)
    found = {}
    for (rate, system), curve in curves.items():
        assert curve.clips == ("all clips",)
        assert curve.pooled == min(n for (r, s, _), (*_, n) in expected.items() if (r, s) == (rate, system))
        for at, point in enumerate(curve.points):
            found[rate, system, point] = curve.kbps[0, at], curve.value[0, at]
    assert found.keys() == expected.keys()
    assert {len(key[2].split("|")) for key in found} == {1, 2}
    for key, (kbps, value) in found.items():
        assert (kbps, value) == pytest.approx(expected[key][:2])


def test_an_empty_store_has_no_curves(tmp_path):
    store = StoreFactory(video=(), audio=(), clips=(), runs=False).build(tmp_path / "s.duckdb")
    with duckdb.connect(str(store)) as connection:
        assert load(connection) == []


def test_bands_are_the_percentiles_of_resampled_means(realistic_store):
    """Also of points that lack clips, and of a corpus metric; a plain loop over points and resamples."""
    with duckdb.connect(str(realistic_store), read_only=True) as connection:
        curves = load(connection)
    seen = set()
    for curve in curves:
        if (curve.metric, curve.rate) not in {("psnr", "video"), ("wer_sphinx", "audio"), ("psnr", "total")}:
            continue
        low, high = bands(curve, resamples=200)
        for at in range(len(curve.points)):
            here = np.isfinite(curve.value[:, at])
            weight = curve.weight[here, at] if curve.weighted else np.ones(here.sum())
            means = [
                np.average(curve.value[here, at], weights=weight * drawn) for drawn in draws(here.sum(), 200)
            ]
            assert (low[at], high[at]) == pytest.approx(tuple(np.percentile(means, [2.5, 97.5])))
            seen.add((curve.metric, curve.rate, int(here.sum())))
    assert {("psnr", "video", 3), ("psnr", "video", 4), ("wer_sphinx", "audio", 4)} <= seen


def test_means_are_those_of_the_clips_that_a_point_has(realistic_store):
    with duckdb.connect(str(realistic_store), read_only=True) as connection:
        curves = load(connection)
        rows = connection.execute(
            "SELECT system, metric, point, kbps_video, kbps_audio, kbps_total, value, n_scored FROM rd_points"
        ).fetchall()
    expected = {tuple(row[:3]): row[3:] for row in rows}
    covered = set()
    for curve in curves:
        for point, *found in zip(curve.points, *curve.means(), strict=True):
            video, audio, total, value, clips = expected[curve.system, curve.metric, point]
            kbps = {"video": video, "audio": audio, "total": total}[curve.rate]
            assert found == pytest.approx([kbps, value, clips])
            covered.add(clips)
    assert covered == {3, 4}


def test_bands_need_two_clips(tmp_path):
    store = replace(realistic(), clips=("amy_01",)).build(tmp_path / "s.duckdb")
    with duckdb.connect(str(store)) as connection:
        low, high = bands(load(connection)[0])
    assert np.isnan(low).all()
    assert np.isnan(high).all()


def test_clips_own_fronts_are_those_of_their_curves(realistic_store):
    from talkbench.benchmark.analysis.curves import Curve

    with duckdb.connect(str(realistic_store), read_only=True) as connection:
        curves = [curve for curve in load(connection) if curve.metric in ("lse_c", "dists")]
    for curve in curves:
        sign = 1 if curve.higher_is_better else -1
        for clip, front in enumerate(curve.clip_fronts()):
            known = np.isfinite(curve.value[clip])
            expected = Curve.of(curve.kbps[clip, known], sign * curve.value[clip, known], grid=True)
            assert sorted(curve.kbps[clip, front]) == expected.kbps.tolist()
