"""The page of how it was made: warnings, what to cite, weights, suite, coverage and failures."""

import json
import re
from dataclasses import replace

import duckdb
import pytest
from reading import Opened, reading
from store_factory import AUDIO, METRICS, VIDEO, StoreFactory, realistic
from talkbench.benchmark import weights as registry
from talkbench.benchmark.plan import suite as suites
from talkbench.benchmark.util.hashing import key
from talkbench.reports.pages import trust
from talkbench.reports.site import write_report
from talkbench.reports.source import Source
from talkbench.reports.trust import cautions, provenance

TWELVE = tuple(f"clip_{at:02}" for at in range(12))
PLAIN = replace(
    StoreFactory(video=VIDEO[:1], audio=(), metrics=METRICS[4:5], clips=TWELVE, dataset="voices", anchors={}),
    noise=0.0,
)


def clean(path):
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE runs SET suite_sha256 = ?", [key({"name": "demo"})])
        connection.execute(
            'UPDATE runs SET git_dirty = false, workers = 1, suite_resolved = \'{"name": "demo"}\''
        )
    return path


def said(path):
    """about → says, of all warnings of a store."""
    with duckdb.connect(str(path), read_only=True) as connection:
        return {found.about: found.says for found in cautions.cautions(Source(connection))}


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory):
    """A store that deserves every warning, made on two machines."""
    path = replace(
        realistic(),
        notes={"cleo_03": "no face found: centre crop", "amy_01": "from 1920 × 1080"},
        metrics=METRICS,
    ).build(tmp_path_factory.mktemp("spoilt") / "talkbench.duckdb")
    lpips = registry.get("vgg16")
    with duckdb.connect(str(path)) as connection:
        other = {"cpu": "Another CPU", "libraries": {"numpy": "2.4.6"}, "gpus": ["H200", "H200"]}
        connection.execute(
            "INSERT INTO runs SELECT * REPLACE ('run-2' AS run_id, started_at + INTERVAL 1 DAY AS started_at,"
            " NULL AS finished_at, 'feedbeef' AS git_commit, ?::JSON AS environment) FROM runs",
            [json.dumps(other)],
        )
        connection.execute(
            "UPDATE encodes SET run_id = 'run-2', encode_device = 'cuda:0' WHERE codec = 'fomm'"
        )
        connection.execute("UPDATE encodes SET parts = '{\"x\": 1}' WHERE encode_id = 'vvc/0/amy_01'")
        connection.execute("UPDATE metrics SET options = '{\"precision\": \"bf16\"}' WHERE metric = 'dists'")
        connection.execute("UPDATE metrics SET weights = 'synthetic' WHERE metric = 'lse_c'")
        connection.execute(
            "UPDATE metrics SET weights = 'official', build = ? WHERE metric = 'lpips_vgg'",
            [json.dumps({"vgg16": lpips.sha256})],
        )
        connection.execute(
            "UPDATE metrics SET weights = 'official', build = ? WHERE metric = 'lpips_alex'",
            [json.dumps({"alexnet": "0" * 64})],
        )
        connection.execute(
            "UPDATE codecs SET build = ? WHERE codec = 'encodec'", [json.dumps({"encodec_24khz": "1" * 64})]
        )
        connection.execute(
            "INSERT INTO set_scores SELECT 'synthetic', codec, fingerprint, point, 'psnr', 'psnr-print', 1.0,"
            " CASE WHEN point = 'p0' THEN 375 ELSE 500 END, 4, 'N is small', '', 'ok', NULL, 'run-1' "
            "FROM (SELECT DISTINCT codec, fingerprint, point FROM encodes WHERE codec = 'vvc')"
        )
    return path


@pytest.fixture(scope="module")
def page(spoilt):
    write_report(spoilt.parent)
    return spoilt.parent / "report" / "trust.html"


def test_every_warning_is_given_once_with_its_numbers(spoilt):
    found = said(spoilt)
    for about, words in {
        "The latest run has not finished": "stopped",
        "Uncommitted changes": "2 of 2 runs",
        "Made with several versions of the code": "0123456789ab",
        "Made with several machines": "Another CPU",
        "Made with several versions of libraries": "numpy",
        "The suite does not match its hash": "sha256",
        "Rendered clips: synthetic": "not recorded",
        "4 clips of synthetic": "too narrow",
        "2 clips changed or with a doubt in preparation": "Cropped",
        "Synthetic weights: fomm": "not indicative of the published model",
        "In-house metrics: lse_c": "not comparable with the published metric",
        "Quick mode: dists": "bfloat16",
        "Other weights than the registry's: alexnet": "lpips_alex ran",
        "psnr on synthetic: N = 375 to 500 frames": "Only values of equal N are comparable.",
        "1 encode with parts that do not add up": "billed",
        "Low overlap": "BD-rates",
        "1 codec could not run": "fixes",
        "3 results missing": "3 in encode",
        "Speeds on cpu and cuda": "one device",
        "Timed with up to 2 jobs at a time": "idle machine",
    }.items():
        assert words in found[about], (about, found[about])


def test_a_store_without_reproach_has_no_warning(tmp_path):
    path = clean(PLAIN.build(tmp_path / "talkbench.duckdb"))
    assert said(path) == {}
    write_report(tmp_path)
    assert "No warnings." in reading(tmp_path / "report" / "trust.html").text


def test_old_runs_that_made_nothing_shown_are_not_held_against_it(tmp_path):
    path = clean(PLAIN.build(tmp_path / "talkbench.duckdb"))
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "INSERT INTO runs SELECT * REPLACE ('run-0' AS run_id, true AS git_dirty, 'old' AS git_commit, "
            "started_at - INTERVAL 1 DAY AS started_at) FROM runs"
        )
        source = Source(connection)
        assert [run["run_id"] for run in provenance.contributing(source)] == ["run-1"]
        assert cautions.cautions(source) == []


def test_warnings_count_bd_rates_as_the_store_does(spoilt):
    from talkbench.benchmark.analysis.bd_rate import compute

    with duckdb.connect(str(spoilt), read_only=True) as connection:
        rows = [row for row in compute(connection) if row.system != row.anchor]
        low = sum(row.status == "low_overlap" for row in rows)
    assert said(spoilt)["Low overlap"].startswith(f"{low} of {len(rows)} BD-rates")


def test_weights_are_named_with_hash_licence_and_users(spoilt, page):
    with duckdb.connect(str(spoilt), read_only=True) as connection:
        rows = {row["name"]: row for row in provenance.weights(Source(connection))}
    vgg = registry.get("vgg16")
    assert rows["vgg16"]["used_by"] == ["lpips_vgg"]
    assert (rows["vgg16"]["licence"], rows["vgg16"]["same"]) == (vgg.licence, True)
    assert (rows["alexnet"]["known"], rows["alexnet"]["same"]) == (True, False)
    assert (rows["encodec_24khz"]["known"], rows["encodec_24khz"]["used_by"]) == (False, ["encodec"])
    assert rows[""]["used_by"] == ["avcc", "fomm", "lse_c"]
    text = reading(page).text
    assert vgg.licence in text
    assert "not the registry's" in text
    assert "not recorded by the version that ran" in text


@pytest.mark.parametrize("name", suites.names())
def test_the_suite_shown_is_the_suite_that_ran(name, tmp_path):
    suite = suites.load(name)
    file = tmp_path / "again.toml"
    file.write_text(provenance.suite_toml(json.loads(json.dumps(suite.resolved(), sort_keys=True))))
    again = suites.load(str(file))
    assert again.sha256() == suite.sha256()
    assert provenance.suite_is_whole({"suite_resolved": suite.resolved(), "suite_sha256": suite.sha256()})


def test_a_suite_of_odd_values_stays_text():
    text = provenance.suite_toml(
        {"name": 'a"\n[x]\n</pre>', "points": [None, {"a.b": None, "c": [1.5, True]}]}
    )
    assert "\n[x]\n" not in text
    assert "None" not in text


def test_what_to_cite_comes_from_the_store(spoilt, page):
    with duckdb.connect(str(spoilt), read_only=True) as connection:
        ((version, sha, run),) = connection.execute(
            "SELECT talkbench_version, suite_sha256, run_id FROM runs ORDER BY started_at DESC LIMIT 1"
        ).fetchall()
    text = reading(page).text
    assert f"talkbench {version}, commit feedbeef with uncommitted changes" in text
    assert f"suite demo, sha256 {sha}" in text
    assert f"run {run}, 2025-11-21 (UTC)" in text
    assert "dataset synthetic (rendered): 4 of 4 clips" in text


def test_failures_and_coverage_are_those_of_the_tables(spoilt, page):
    with duckdb.connect(str(spoilt), read_only=True) as connection:
        source = Source(connection)
        counted = sum(
            connection.execute(f"SELECT count(*) FROM {table} WHERE status <> 'ok'").fetchone()[0]
            for table in ("clips", "codecs", "metrics", "encodes", "scores", "pair_scores")
        )
        assert sum(row["n"] for row in trust.gathered(source.problems)) == counted
        decoded = {
            (codec, point): n
            for codec, point, n in connection.execute(
                "SELECT codec, point, count(*) FROM encodes WHERE decode_status = 'ok' GROUP BY ALL"
            ).fetchall()
        }
    cover = re.search(r'<table class="tight cover">(.*?)</table>', page.read_text(), re.S)[1]
    seen = {}
    for row in cover.split("<tr>")[1:]:
        codec = re.search(r"<b>(.*?)</b>", row)[1]
        for point, n in re.findall(r"<small>(p\d)</small> (\d+) of 4", row):
            seen[codec, point] = int(n)
    assert seen == decoded


def test_metrics_that_are_away_for_one_reason_stand_together(tmp_path):
    away = tuple(replace(metric, unavailable="fetch them") for metric in METRICS[:2])
    path = replace(PLAIN, metrics=(*METRICS[4:5], *away)).build(tmp_path / "talkbench.duckdb")
    with duckdb.connect(str(path), read_only=True) as connection:
        (row,) = trust.gathered(Source(connection).problems)
    assert (row["subjects"], row["n"]) == (["dists", "lpips_alex"], 2)


def test_many_and_long_messages_and_runs_are_cut_and_said_so(tmp_path):
    path = PLAIN.build(tmp_path / "talkbench.duckdb")
    more = trust.MOST_ROWS + 40
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "UPDATE scores SET status = 'failed', error = encode_id || '!' WHERE encode_id LIKE 'av1/%'"
        )
        connection.execute(
            "INSERT INTO encodes SELECT e.* REPLACE (encode_id || i AS encode_id, 'q' || i AS point, "
            "'failed' AS status, repeat('long ', 400) || i AS error) "
            f"FROM (SELECT * FROM encodes LIMIT 1) e, range({more}) t(i)"
        )
        connection.execute(
            "INSERT INTO runs SELECT r.* REPLACE "
            "(run_id || i AS run_id, started_at - INTERVAL 1 DAY AS started_at) "
            f"FROM runs r, range({more}) t(i)"
        )
        distinct = connection.execute(
            "SELECT (SELECT count(*) FROM encodes WHERE status <> 'ok') + "
            "(SELECT count(*) FROM scores WHERE status <> 'ok')"
        ).fetchall()[0][0]
    write_report(tmp_path)
    html = (tmp_path / "report" / "trust.html").read_text()
    failures = html[html.index('aria-label="Failures"') : html.index('id="made"')]
    assert failures.count('class="flag"') == trust.MOST_ROWS
    assert f"{distinct - trust.MOST_ROWS} more with other messages are in the store." in failures
    assert failures.count("<summary>all of it</summary>") == trust.MOST_ROWS
    assert "41 older runs: in the store" in html


def test_every_average_is_told(page):
    text = reading(page).text
    for words in ("frames, then clips", "clips, weighted by words", "Σ value · weight / Σ weight"):
        assert words in text
    for metric in METRICS:
        assert f"What {metric.name} is, in one sentence." in text


def test_texts_are_copied_by_their_buttons(browser, page):
    with Opened(browser, page, permissions=["clipboard-read", "clipboard-write"]) as opened:
        shown = opened.page
        shown.click("#trust-cite [data-copy]")
        shown.wait_for_function("document.querySelector('#trust-cite [data-copy]').textContent === 'copied'")
        cited = shown.evaluate("navigator.clipboard.readText()")
        assert cited.startswith("talkbench 0.1.0, commit feedbeef")
        assert cited == shown.locator("#trust-cite pre").text_content()
        shown.click("#trust-warnings a >> text=Low overlap")
        assert shown.url.endswith("trust.html#trust-definitions")
        assert AUDIO[0].name in shown.locator("#coverage").inner_text()
