"""BD-rates of whole stores: which clips, which points, which anchors, and how sure."""

import time
from dataclasses import replace

import duckdb
import numpy as np
import pytest
from store_factory import METRICS, FakeCodec, StoreFactory, realistic
from talkbench.benchmark.analysis.bd_rate import BdRow, compute, write
from talkbench.benchmark.analysis.clip_curves import load
from talkbench.benchmark.store.database import Store
from talkbench.benchmark.util.errors import UsageError

RATES = (4, 8, 16, 32, 64)
ANCHOR = FakeCodec("anchor", "video", RATES, floor=-9, ceiling=9)
HALF = FakeCodec("half", "video", tuple(rate / 2 for rate in RATES), gain=2, floor=-9, ceiling=9)
SPEECH = FakeCodec("speech", "audio", RATES, floor=-9, ceiling=9)
PSNR = tuple(metric for metric in METRICS if metric.name == "psnr")
WER = tuple(metric for metric in METRICS if metric.name == "wer_sphinx")


def connect(tmp_path, **settings):
    factory = StoreFactory(
        **{"video": (ANCHOR, HALF), "audio": (), "metrics": PSNR, "anchors": {}, **settings}
    )
    return duckdb.connect(str(factory.build(tmp_path / "store.duckdb")))


def test_half_the_rate_is_minus_fifty_percent(tmp_path):
    (row,) = compute(connect(tmp_path, noise=0))
    assert (row.system, row.anchor, row.rate, row.metric, row.status) == (
        "half",
        "anchor",
        "video",
        "psnr",
        "ok",
    )
    for value in (row.bd_rate, row.ci_low, row.ci_high, row.bd_rate_median, row.bd_rate_akima):
        assert value == pytest.approx(-50, abs=0.05)  # the store counts whole bytes
    assert (row.points, row.anchor_points, row.clips, row.median_clips) == (5, 5, 4, 4)
    assert row.overlap == pytest.approx(100, abs=1e-6)


def test_the_interval_is_that_of_a_plain_bootstrap_with_the_library(tmp_path):
    """Independent route: draw clips one by one, average, and ask `bjontegaard` for each resample."""
    import bjontegaard

    connection = connect(tmp_path, noise=0.05, clips=tuple(f"c{i}" for i in range(12)))
    (row,) = compute(connection)
    assert row.ci_low < row.bd_rate < row.ci_high
    anchor, test = load(connection)
    rng, values = np.random.default_rng(99), []
    for _ in range(400):
        drawn = rng.integers(12, size=12)
        means = [x[drawn].mean(axis=0) for x in (anchor.kbps, anchor.value, test.kbps, test.value)]
        values.append(bjontegaard.bd_rate(*means, method="pchip", min_overlap=0))
    width = row.ci_high - row.ci_low
    assert [row.ci_low, row.ci_high] == pytest.approx(np.percentile(values, [2.5, 97.5]), abs=0.15 * width)


def test_everything_is_deterministic(realistic_store):
    with duckdb.connect(str(realistic_store), read_only=True) as connection:
        chosen = ["dists", "wer_sphinx"]
        assert compute(connection, metrics=chosen) == compute(connection, metrics=chosen)


def test_one_clip_has_no_interval_but_a_number(tmp_path):
    (row,) = compute(connect(tmp_path, clips=("only",)))
    assert row.bd_rate is not None
    assert (row.ci_low, row.ci_high, row.bd_rate_median, row.clips) == (None, None, None, 1)


def test_a_clip_that_one_curve_lacks_counts_for_neither(tmp_path):
    (row,) = compute(connect(tmp_path, failures={("half", "p2", "bo_02"): ("failed", "boom")}))
    assert (row.clips, row.points) == (3, 5)


def test_a_point_that_failed_nearly_everywhere_goes_instead_of_the_clips(tmp_path):
    failures = {("half", "p2", clip): ("failed", "boom") for clip in ("amy_01", "bo_02", "cleo_03")}
    (row,) = compute(connect(tmp_path, failures=failures))
    assert (row.clips, row.points, row.status) == (4, 4, "ok")


def test_no_common_clip_is_no_number(tmp_path):
    failures = {("half", "p2", clip): ("failed", "boom") for clip in ("amy_01", "bo_02")}
    failures |= {("anchor", "p2", clip): ("failed", "boom") for clip in ("cleo_03", "dan_04")}
    (row,) = compute(connect(tmp_path, failures=failures))
    assert (row.clips, row.points, row.status, row.bd_rate) == (0, 0, "too_few_points", None)


def test_corpus_metrics_are_averaged_by_weight(tmp_path):
    """With one good clip of many words and bad short ones, the weighted mean is near the long clip."""
    connection = connect(tmp_path, video=(), audio=(SPEECH,), metrics=WER, noise=0.1)
    (curves,) = load(connection)
    assert curves.weighted
    assert not curves.higher_is_better
    kbps, quality = curves.averages(np.ones((1, 4)))
    rows = connection.execute(
        "SELECT kbps_audio, value FROM rd_points WHERE metric = 'wer_sphinx' ORDER BY point"
    ).fetchall()
    assert kbps[0] == pytest.approx([rate for rate, _ in rows])
    assert -quality[0] == pytest.approx([value for _, value in rows])
    assert -quality[0] != pytest.approx(curves.value.mean(axis=0))


def test_statuses_of_a_realistic_sweep(realistic_store):
    with duckdb.connect(str(realistic_store), read_only=True) as connection:
        rows = {(r.system, r.rate, r.metric): r for r in compute(connection)}
    assert rows["h263", "video", "psnr"].status == "no_overlap"
    assert rows["h263", "video", "psnr"].bd_rate is None
    assert rows["fomm", "video", "psnr"].status in ("low_overlap", "non_monotone")
    assert rows["hevc", "video", "dists"].bd_rate > 20
    assert rows["encodec", "audio", "pesq"].bd_rate < -20
    assert not any(system == "avcc" for system, _, _ in rows)
    assert {rate for system, rate, _ in rows if "+" in system} == {"total"}
    assert {rate for system, rate, _ in rows if system == "hevc"} == {"video"}
    assert ("hevc+opus", "total", "lse_c") in rows
    assert ("hevc", "video", "lse_c") not in rows


def test_the_anchor_is_the_suites_or_the_first_by_name_or_as_asked(tmp_path):
    for wanted, expected in (({"video": "half"}, "half"), ({"video": "gone"}, "anchor"), ({}, "anchor")):
        (tmp_path / expected / str(len(wanted))).mkdir(parents=True)
        (row,) = compute(connect(tmp_path / expected / str(len(wanted)), anchors=wanted))
        assert row.anchor == expected
    connection = connect(tmp_path)
    assert compute(connection, anchors={"video": "half"})[0].anchor == "half"
    assert compute(connection, anchors="half")[0].anchor == "half"


def test_a_metric_that_the_anchor_lacks_takes_the_first_system(tmp_path):
    connection = connect(
        tmp_path, anchors={"video": "half"}, video=(ANCHOR, HALF, replace(HALF, name="other"))
    )
    connection.execute("DELETE FROM scores WHERE encode_id LIKE 'half/%'")
    (row,) = compute(connection)
    assert (row.system, row.anchor) == ("other", "anchor")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"anchors": "nobody"}, "anchor 'nobody' has no scored points; there are: anchor, half"),
        ({"anchors": {"audio": "half"}}, "there are: none"),
        ({"anchors": {"sound": "half"}}, "'sound' is not a rate; use one of video, audio, total"),
        ({"metrics": ["dists"]}, "metric 'dists' has no scores; there are: psnr"),
    ],
)
def test_wrong_names_say_what_there_is(tmp_path, asked, message):
    with pytest.raises(UsageError) as caught:
        compute(connect(tmp_path), **asked)
    assert message in str(caught.value)


def test_an_anchor_asked_by_name_is_compared_only_where_it_has_curves(realistic_store):
    with duckdb.connect(str(realistic_store), read_only=True) as connection:
        rows = compute(connection, anchors="vvc", metrics=["dists", "pesq"])
    assert {(row.rate, row.metric) for row in rows} == {("video", "dists")}


def test_write_replaces_the_table_and_matches_compute(tmp_path):
    connection = connect(
        tmp_path, video=(ANCHOR, HALF, replace(HALF, name="third")), anchors={"video": "half"}
    )
    by_anchor = {name: compute(connection, anchors=name) for name in ("anchor", "half", "third")}
    default = by_anchor.pop("half")
    others = [
        replace(row, bd_rate_akima=None, bd_rate_cubic=None, default_anchor=False)
        for rows in by_anchor.values()
        for row in rows
    ]
    for _ in range(2):
        write(connection)
        stored = connection.execute("SELECT * FROM bd_rates").fetchall()
        assert {BdRow(*row) for row in stored} == {*default, *others}
    shown = connection.execute("SELECT system, anchor, bd_status FROM leaderboard ORDER BY 1").fetchall()
    assert shown == [("anchor", "half", "ok"), ("half", None, None), ("third", "half", "ok")]


def test_a_table_of_an_older_store_gets_the_column(tmp_path):
    with connect(tmp_path) as connection:
        columns = "dataset, system, anchor, rate, metric, fingerprint, status, bd_rate, ci_low, ci_high"
        connection.execute(
            f"CREATE TABLE older AS SELECT {columns}, bd_rate_median, bd_rate_akima, bd_rate_cubic, overlap,"
            " points, anchor_points, clips, median_clips FROM bd_rates;"
            "DROP TABLE bd_rates; ALTER TABLE older RENAME TO bd_rates"
        )
    with Store(tmp_path / "store.duckdb") as store:
        write(store.connection)
        rows = store.rows("SELECT system, default_anchor FROM bd_rates ORDER BY system")
        assert [tuple(row.values()) for row in rows] == [("anchor", False), ("half", True)]
        assert store.rows("SELECT count(*) AS n FROM leaderboard WHERE bd_rate IS NOT NULL") == [{"n": 1}]


def test_an_empty_store_has_no_rows(tmp_path):
    connection = connect(tmp_path, video=(), clips=(), runs=False)
    write(connection)
    assert connection.execute("SELECT count(*) FROM bd_rates").fetchall() == [(0,)]


def test_a_pairs_curve_is_the_front_of_its_grid(tmp_path):
    """Picture metrics do not change with the sound, so the front has the cheapest sound only."""
    connection = connect(tmp_path, audio=(SPEECH,), noise=0)
    (row,) = [row for row in compute(connection) if row.rate == "total"]
    assert (row.system, row.points, row.status) == ("half+speech", 5, "ok")
    curve = next(c for c in load(connection) if (c.system, c.rate) == ("anchor+speech", "total"))
    assert len(curve.points) == 25
    assert curve.mean_curve().kbps == pytest.approx(curve.kbps.mean(axis=0)[::5], abs=1e-9)


def test_a_joint_codec_is_compared_at_every_rate(tmp_path):
    """Its joint parts are charged in full to picture and to sound, and once in total."""
    metrics = tuple(metric for metric in METRICS if metric.name in ("psnr", "pesq", "lse_c"))
    both = FakeCodec("both", "joint", tuple(rate * 2 for rate in RATES), floor=-9, ceiling=9)
    connection = connect(tmp_path, audio=(SPEECH,), joint=(both,), metrics=metrics, noise=0, anchors={})
    rows = {(row.system, row.rate, row.metric): row for row in compute(connection)}
    assert rows["both", "video", "psnr"].bd_rate == pytest.approx(0, abs=0.5)
    assert rows["speech", "audio", "pesq"].anchor == "both"
    assert rows["speech", "audio", "pesq"].bd_rate == pytest.approx(0, abs=0.5)
    assert rows["both", "total", "psnr"].anchor == "anchor+speech"
    assert rows["both", "total", "psnr"].bd_rate < 0
    assert ("both", "total", "lse_c") in rows
    assert ("both", "video", "pesq") not in rows


def test_a_set_metric_has_one_curve_and_no_interval(tmp_path):
    connection = connect(tmp_path)
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
        "INSERT INTO set_features BY NAME SELECT encode_id, 'fid' metric, 'f' fingerprint, 'ok' status"
        " FROM encodes"
    )
    (row,) = [row for row in compute(connection) if row.metric == "fid"]
    assert row.bd_rate == pytest.approx(-50, abs=0.1)
    assert (row.ci_low, row.bd_rate_median, row.clips, row.points) == (None, None, 4, 5)


def test_a_codec_that_sends_nothing_has_no_log_rate_and_is_left_out(tmp_path):
    floor = FakeCodec("still", "video", (0.0001,), family="floor")
    (row,) = [r for r in compute(connect(tmp_path, video=(ANCHOR, floor))) if r.system == "still"]
    assert (row.status, row.points, row.bd_rate) == ("too_few_points", 0, None)


def test_rows_of_other_metric_fingerprints_are_never_mixed(tmp_path):
    connection = connect(tmp_path)
    before = compute(connection)
    connection.execute("INSERT INTO scores SELECT * REPLACE ('old' AS fingerprint, 0.0 AS value) FROM scores")
    assert compute(connection) == before


def test_many_systems_stay_fast(tmp_path):
    """All pairs of 40 systems × 12 metrics × 1000 resamples of 20 clips; wide, since machines differ."""
    codecs = tuple(replace(HALF, name=f"codec{i:02}", gain=1 + i / 20) for i in range(40))
    metrics = tuple(replace(PSNR[0], name=f"metric{i:02}") for i in range(12))
    connection = connect(tmp_path, video=codecs, metrics=metrics, clips=tuple(f"c{i}" for i in range(20)))
    start = time.process_time()
    write(connection)
    assert time.process_time() - start < 30
    counted = "SELECT count(*), count(ci_low), count(*) FILTER (WHERE default_anchor) FROM bd_rates"
    assert connection.execute(counted).fetchall() == [(40 * 39 * 12, 40 * 39 * 12, 39 * 12)]


def test_the_factory_is_what_it_claims(realistic_store):
    with duckdb.connect(str(realistic_store), read_only=True) as connection:
        statuses = dict(connection.execute("SELECT status, count(*) FROM encodes GROUP BY 1").fetchall())
        assert statuses["ok"] > 100
        assert {"failed", "timeout", "oom"} <= set(statuses)
        assert connection.execute("SELECT count(*) FROM metrics").fetchone() == (17,)
    assert len(realistic().clips) == 4
