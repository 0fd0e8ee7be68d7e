"""The index: its numbers against SQL and other libraries, and its controls in a browser."""

import json
import re
from dataclasses import replace

import bjontegaard
import duckdb
import numpy as np
import pytest
from reading import Opened, Reader, reading
from scipy.spatial import ConvexHull
from store_factory import AUDIO, METRICS, VIDEO, FakeCodec, FakeMetric, StoreFactory
from talkbench.benchmark.analysis import bd_rate
from talkbench.benchmark.analysis.clip_curves import load
from talkbench.reports import pages
from talkbench.reports.boards.columns import HEADLINE_COLUMNS
from talkbench.reports.boards.leaderboards import leaderboards
from talkbench.reports.pages.index import Scale
from talkbench.reports.site import write_report
from talkbench.reports.source import Source

FID = FakeMetric("fid", "video", 180, 4, higher_is_better=False, kind="set")
RICH = StoreFactory(
    video=(
        *VIDEO[:3],
        FakeCodec("liberal", "video", (3, 6, 12, 25, 60), 1.4, family="neural", weights="official"),
        FakeCodec("first-frame", "video", (0.5, 1, 2, 4), 20.0, family="floor"),
    ),
    joint=(FakeCodec("avcc", "joint", (2, 4, 9, 20), 2.2, family="generative", weights="synthetic"),),
    metrics=(
        *(m for m in METRICS if m.name in ("dists", "lpips_vgg", "psnr", "psnr_y", "pesq", "lse_c")),
        FID,
    ),
    clips=tuple(f"clip {i}" for i in range(6)),
    failures={("av1", "p4", "clip 5"): ("timeout", "too long")},
)


def with_fid(path):
    """A value of FID for each codec and point of the picture, one for all clips."""
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "INSERT INTO set_features BY NAME SELECT encode_id, 'fid' AS metric, 'fid-print' AS fingerprint,"
            " 'ok' AS status FROM encodes WHERE codec NOT IN ('opus', 'encodec')"
        )
        connection.execute(
            "INSERT INTO set_scores BY NAME SELECT 'synthetic' AS dataset, codec, fingerprint, point,"
            " 'fid' AS metric, 'fid-print' AS metric_fingerprint,"
            " 160 - 30 * ln(avg(bits_video + bits_joint) / 5000) AS value,"
            " 750 AS n, 6 AS clips, 'Few frames.' AS note, 'ok' AS status"
            " FROM encodes WHERE codec NOT IN ('opus', 'encodec') GROUP BY codec, fingerprint, point"
        )
    return path


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = with_fid(RICH.build(tmp_path_factory.mktemp("rich") / "talkbench.duckdb"))
    with duckdb.connect(str(path)) as connection:
        bd_rate.write(connection)
    return path


def write_index(folder, connection=None, **options):
    """The report with this page alone: the other ones have their own tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages, "KINDS", (pages.index,))
        return write_report(folder, connection, **options)


@pytest.fixture(scope="module")
def index(store):
    return write_index(store.parent)


@pytest.fixture(scope="module")
def read(index):
    """part(kind, rate, label) → (what the page knows of the board at once, the part)."""
    boards = reading(index).data["boards"]

    def part(kind, rate, label):
        (header,) = [board for board in boards if (board["rate"], board["label"]) == (rate, label)]
        written = (index.parent / "data" / "index" / kind / f"{header['key']}.js").read_text()
        found = re.fullmatch(r'talkbench\.deliver\("[^"]+",(.*)\);\n', written, re.S)
        return header, json.loads(found[1])

    return part


def sql(store, query, *values):
    with duckdb.connect(str(store), read_only=True) as connection:
        return connection.execute(query, values).fetchall()


# ------------------------------------------------------------------------------------------- numbers


@pytest.mark.parametrize(("rate", "metric"), [("video", "dists"), ("audio", "pesq"), ("total", "lse_c")])
def test_pairs_are_the_rows_of_bd_rates_for_every_anchor(store, read, rate, metric):
    _, board = read("board", rate, metric)
    names, pairs = board["systems"], board["pairs"]
    rows = sql(
        store,
        "SELECT system, anchor, bd_rate, ci_low, ci_high, bd_rate_median, overlap, clips FROM bd_rates"
        " WHERE rate = ? AND metric = ?",
        rate,
        metric,
    )
    assert len(rows) == len(names) * (len(names) - 1) > 1
    for system, anchor, *expected in rows:
        at = names.index(system) * len(names) + names.index(anchor)
        found = [pairs[name][at] for name in ("bd", "low", "high", "median", "overlap", "clips")]
        for one, other in zip(found, expected, strict=True):
            assert one == (None if other is None else pytest.approx(other, rel=1e-5)), (system, anchor)


def test_a_bd_rate_of_the_page_recomputed_from_the_scores(store, read):
    """From SQL alone, by another library: clips that both have at every point, means, PCHIP."""
    _, board = read("board", "video", "dists")
    names = board["systems"]
    for system, anchor in (("liberal", "av1"), ("av1", "hevc"), ("hevc", "liberal")):
        found = {}
        for name in (system, anchor):
            points = {}
            for point, clip, kbps, value in sql(
                store,
                "SELECT point, clip_id, kbps_video, value FROM rd_clip_points"
                " WHERE metric = 'dists' AND system = ?",
                name,
            ):
                points.setdefault(point, {})[clip] = (kbps, value)
            found[name] = points
        common = set.intersection(*(set(clips) for points in found.values() for clips in points.values()))
        assert len(common) == (5 if "av1" in (system, anchor) else 6)
        means = {
            name: sorted(
                tuple(np.mean([clips[c] for c in sorted(common)], axis=0)) for clips in points.values()
            )
            for name, points in found.items()
        }
        (rate, value), (anchor_rate, anchor_value) = (np.array(means[name]).T for name in (system, anchor))
        expected = bjontegaard.bd_rate(
            anchor_rate,
            -anchor_value,
            rate,
            -value,
            method="pchip",
            require_matching_points=False,
            min_overlap=0,
        )
        at = names.index(system) * len(names) + names.index(anchor)
        assert board["pairs"]["bd"][at] == pytest.approx(expected, rel=1e-4)


def test_curves_are_the_view_rd_points_and_their_hulls_convex(store, read):
    seen = 0
    for rate, metric in (("video", "dists"), ("audio", "pesq"), ("total", "psnr"), ("total", "lse_c")):
        header, curves = read("curves", rate, metric)
        sign = 1 if header["higher"] else -1
        for curve in curves:
            stored = {
                row[0]: row[1:]
                for row in sql(
                    store,
                    f"SELECT point, kbps_{rate}, value, n_scored FROM rd_points"
                    " WHERE metric = ? AND system = ?",
                    metric,
                    curve["system"],
                )
            }
            assert len(curve["point"]) == len(stored)
            for at, point in enumerate(curve["point"]):
                found = curve["kbps"][at], curve["value"][at], curve["clips"][at]
                assert found == pytest.approx(stored[point], rel=1e-5)
                assert curve["low"][at] <= curve["value"][at] <= curve["high"][at]
                seen += 1
            front = [(curve["kbps"][at], sign * curve["value"][at]) for at in curve["front"]]
            assert front == sorted(front)
            assert [value for _, value in front] == sorted({value for _, value in front})
            hull = [(curve["kbps"][at], sign * curve["value"][at]) for at in curve["hull"]]
            assert (hull[0], hull[-1]) == (front[0], front[-1])
            if len(front) > 2:
                below = [(front[0][0], front[0][1] - 99), (front[-1][0], front[0][1] - 99)]
                corners = np.array([*front, *below])
                expected = {tuple(corners[at]) for at in ConvexHull(corners).vertices} - set(below)
                assert set(hull) == expected
    assert seen > 100


def test_bands_are_percentiles_of_means_over_drawn_clips(store, read):
    _, curves = read("curves", "video", "psnr")
    curve = next(curve for curve in curves if curve["system"] == "vvc")
    at = 2
    values = [
        value
        for (value,) in sql(
            store,
            "SELECT value FROM rd_clip_points WHERE metric = 'psnr' AND system = 'vvc' AND point = ?",
            curve["point"][at],
        )
    ]
    means = np.random.default_rng(5).choice(values, (40000, len(values))).mean(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    spread = high - low
    assert curve["low"][at] == pytest.approx(low, abs=0.1 * spread)
    assert curve["high"][at] == pytest.approx(high, abs=0.1 * spread)


def test_every_clips_own_curve_is_what_was_scored(store, read):
    _, part = read("clips", "video", "dists")
    expected = {}
    for system, name, kbps, value in sql(
        store,
        "SELECT system, c.name, kbps_video, value FROM rd_clip_points JOIN clips c USING (clip_id)"
        " WHERE metric = 'dists' AND system IN ('av1', 'vvc') ORDER BY kbps_video",
    ):
        expected.setdefault((system, name), []).append((kbps, value))
    for system in ("av1", "vvc"):
        assert len(part["lines"][system]) == 6
        for clip, kbps, value in part["lines"][system]:
            points = expected[system, part["clips"][clip]]
            np.testing.assert_allclose(np.array([kbps, value]).T, points, rtol=1e-3)
    assert len(expected["av1", "clip 5"]) == 4  # the one that timed out is no point


def test_a_baseline_never_wins(store, index):
    with duckdb.connect(str(store), read_only=True) as connection:
        boards = leaderboards(connection, load(connection))
    seen = 0
    for board in boards:
        rows = {row.system: row for row in board.rows}
        for name in [name for name in rows if name.startswith("first-frame")]:
            assert (rows[name].rank, rows[name].place.reason) == (None, "lower-bound baseline")
            seen += 1
        assert not any(row.system.startswith("first-frame") for row in board.best)
    assert seen > 5
    (board,) = [b for b in boards if (b.rate, b.metric) == ("video", "dists")]
    assert board.pairs.row("first-frame", "vvc").bd_rate < 0  # it would have won
    cards = re.search(r'<div class="cards">(.*?)</section>', index.read_text(), re.S)[1]
    winners = re.findall(r'<p class="win">.*?</p>', cards, re.S)
    assert len(winners) == 3
    assert not any("first-frame" in winner for winner in winners)
    assert "first-frame (lower-bound baseline)" in re.sub(r"\s+", " ", cards)


def test_a_synthetic_winner_is_marked(realistic_page):
    (first, *_) = re.findall(r'<p class="win">.*?</p>', realistic_page.read_text(), re.S)
    assert "fomm" in first
    assert ">synthetic<" in first


def test_headline_metrics_stand_by_modality_the_rates_own_first(index):
    boards = reading(index).data["boards"]
    headline = {}
    for board in sorted((b for b in boards if b["headline"] is not None), key=lambda b: b["headline"]):
        headline.setdefault(board["rate"], []).append(board["metric"])
    assert headline["video"] == ["dists", "lpips_vgg", "psnr", "fid", "lse_c"]
    assert headline["audio"] == ["pesq", "lse_c"]
    assert headline["total"] == ["lse_c", "dists", "lpips_vgg", "psnr", "fid", "pesq"]
    assert {name for names in HEADLINE_COLUMNS["video"] for name in names} >= {"vmaf", "ms_ssim"}


def test_unknown_metrics_stand_in_the_headline_too(tmp_path):
    metrics = tuple(FakeMetric(f"own_{i}", "video", 0, 1) for i in range(8))
    factory = StoreFactory(video=VIDEO[:2], audio=(), metrics=metrics, anchors={})
    factory.build(tmp_path / "talkbench.duckdb")
    boards = reading(write_index(tmp_path)).data["boards"]
    assert sum(board["headline"] is not None for board in boards) == 6


def test_two_fingerprints_of_a_metric_are_two_boards(tmp_path):
    store = replace(RICH, joint=(), audio=(), metrics=METRICS[:1]).build(tmp_path / "talkbench.duckdb")
    with duckdb.connect(str(store)) as connection:
        for table in ("metrics", "scores"):
            connection.execute(
                f"INSERT INTO {table} SELECT * REPLACE ('second-print' AS fingerprint) FROM {table}"
            )
        (first, second) = _labels(Source(connection))
    assert first != second
    assert {first, second} == {"dists (dists-)", "dists (second)"}


def _labels(source):
    from talkbench.reports.boards.columns import all_columns

    return [column.label for column in all_columns(source)]


def test_two_datasets_are_kept_apart(browser, tmp_path):
    store = replace(RICH, joint=(), metrics=METRICS[:1]).build(tmp_path / "talkbench.duckdb")
    with duckdb.connect(str(store)) as connection:
        connection.execute(
            "INSERT INTO datasets SELECT * REPLACE ('real' AS dataset, false AS synthetic) FROM datasets"
        )
        connection.execute("UPDATE clips SET dataset = 'real' WHERE name IN ('clip 0', 'clip 1')")
        boards = leaderboards(connection, load(connection))
    assert {board.dataset for board in boards} == {"real", "synthetic"}
    assert {(board.dataset, row.expected) for board in boards for row in board.rows} == {
        ("real", 2),
        ("synthetic", 4),
    }
    index = write_index(tmp_path)
    assert {board["dataset"] for board in reading(index).data["boards"]} == {"real", "synthetic"}
    with opened_at(browser, index) as opened:
        page = opened.page
        assert page.input_value("#index-dataset") == "real"
        assert {row[-1] for row in texts(page, DETAIL)[1:]} == {"2 of 2"}
        page.select_option("#index-dataset", "synthetic")
        settled(page)
        assert {row[-1] for row in texts(page, DETAIL)[1:]} == {"4 of 4", "3 of 4"}
        assert "synthetic" in page.locator(".view h3").inner_text()
        assert "dataset=synthetic" in page.url


def test_the_interval_plot_keeps_order_and_shows_zero(realistic_store):
    with duckdb.connect(str(realistic_store), read_only=True) as connection:
        board = leaderboards(connection, load(connection))[0]
    scale = Scale(board)
    places = [float(scale((row.bd and row.bd.bd_rate) or 0.0)) for row in board.rows if row.rank]
    assert places == sorted(places)
    assert all(0 <= place <= 100 for place in places)


# ------------------------------------------------------------------------------------------- browser


def settled(page):
    page.wait_for_selector('article[data-page="index"][aria-busy="false"]')
    return page


def texts(page, selector):
    """Rows of a table as texts, with what a screen shows and no more."""
    return page.evaluate(
        "(selector) => [...document.querySelector(selector).rows].map((row) =>"
        " [...row.cells].map((cell) => cell.textContent.replace(/\\s+/g, ' ').trim()))",
        selector,
    )


HEADLINE, DETAIL, MATRIX = ".view table", ".board table", "#index-matrix-table"
PLOT = "document.getElementById('index-curve-plot')"


def traces(page, meta="mean"):
    return page.evaluate(f"(meta) => {PLOT}.data.filter((t) => t.meta === meta).map((t) => t.name)", meta)


def column(page, table, at):
    """First column's name → sort key of another column, of the rows."""
    return page.evaluate(
        "([table, at]) => Object.fromEntries([...document.querySelector(table).tBodies[0].rows].map((row) =>"
        " [row.querySelector('th b').textContent, row.cells[at].dataset.sort]))",
        [table, at],
    )


def names(page, table=DETAIL):
    return page.locator(f"{table} tbody th b").all_inner_texts()


def opened_at(browser, index, query="", **context):
    opened = Opened(browser, index, **context)
    if query:
        opened.page.goto(index.as_uri() + query)
    settled(opened.page)
    return opened


def test_the_scripts_tables_say_what_the_templates_say(browser, index):
    """The plain page, without script, against the same tables made from data."""
    plain = browser.new_context(java_script_enabled=False).new_page()
    plain.goto(index.as_uri())
    assert plain.locator(".view").count() == 3
    assert all(plain.locator(".view").nth(at).is_visible() for at in range(3))
    assert not plain.locator("#index-metric").is_visible()
    expected = {}
    for kind in (".view", ".board"):
        for at in range(3):
            box = plain.locator(kind).nth(at)
            rows = box.locator("tr").all()
            cells = [row.locator("th, td").all_text_contents() for row in rows]
            expected[kind, box.get_attribute("data-rate")] = [
                [re.sub(r"\s+", " ", text).strip() for text in row] for row in cells
            ]
    plain.context.close()
    with opened_at(browser, index) as opened:
        for rate in ("video", "audio", "total"):
            opened.page.click(f"#index-rate [data-value={rate}]")
            settled(opened.page)
            for kind, table in ((".view", HEADLINE), (".board", DETAIL)):
                assert texts(opened.page, table) == expected[kind, rate], (kind, rate)


def test_it_loads_little_and_draws_all(browser, index):
    with opened_at(browser, index) as opened:
        page = opened.page
        assert set(traces(page)) == {"av1", "hevc", "vvc", "liberal", "first-frame", "avcc"}
        assert traces(page, "band")
        files = [url.rsplit("/", 1)[-1] for url in opened.requests if url.startswith("file:")]
        parts = [url for url in opened.requests if "/data/index/" in url]
        assert len(parts) == len(set(parts)) == 6  # five headline boards and one board's curves
        assert {"index.js", "index-tables.js", "index-curves.js", "plotly.min.js"} <= set(files)
        held = sum((index.parent / url.split("/report/")[1]).stat().st_size for url in opened.requests[1:])
        assert held + index.stat().st_size < 8e6
        first = page.locator(".view tbody tr").first.bounding_box()
        assert first["y"] + first["height"] < 900  # verdict and winner are on the first screen


def test_another_anchor_gives_the_rows_of_bd_rates(browser, store, index):
    with opened_at(browser, index) as opened:
        page = opened.page
        page.select_option("#index-anchor", "av1")
        settled(page)
        rows = "SELECT system, bd_rate FROM bd_rates WHERE rate = 'video' AND anchor = 'av1' AND metric = ?"
        stored, psnr = dict(sql(store, rows, "dists")), dict(sql(store, rows, "psnr"))
        assert len(stored) == 5
        for table, at, expected in ((DETAIL, 2, stored), (HEADLINE, 1, stored), (HEADLINE, 3, psnr)):
            shown = column(page, table, at)
            assert float(shown.pop("av1")) == 0
            assert {name: float(value) for name, value in shown.items()} == pytest.approx(expected, rel=1e-5)
        assert "against av1" in page.locator(".view h3").inner_text()
        assert "against av1" in page.locator(".board .caption").inner_text()
        assert page.locator(".board tr.anchor th b").inner_text() == "av1"
        assert page.locator(".board .plot .dot").count() == 5
        # Ranks hold whatever the anchor, and stay with the names.
        ranks = column(page, DETAIL, 0)
        page.select_option("#index-anchor", "hevc")
        settled(page)
        assert column(page, DETAIL, 0) == ranks
        assert ranks["first-frame"] == ""
        page.click("#index-rate [data-value=audio]")
        settled(page)
        assert page.input_value("#index-anchor") == "opus"
        page.click("#index-rate [data-value=video]")
        settled(page)
        assert page.input_value("#index-anchor") == "hevc"


def test_ties_are_said_in_words(browser, store, index):
    ties = sql(
        store,
        "SELECT system FROM bd_rates WHERE rate = 'video' AND metric = 'dists' AND anchor = 'av1'"
        " AND ci_low <= 0 AND ci_high >= 0",
    )
    with opened_at(browser, index, "?anchor-video=av1") as opened:
        page = opened.page
        rows = {row[1]: row for row in texts(page, DETAIL)[1:]}
        said = {name for name, row in rows.items() if " tie" in row[2]}
        assert said == {name for (name,) in ties} != set()
        for name in said:
            assert "=" in rows[name][0]
            title = page.locator(".board td.rank[title*=av1]").first.get_attribute("title")
            assert title.startswith("not significantly better or worse than")


def test_sorting_holds_while_the_choice_changes(browser, index):
    with opened_at(browser, index) as opened:
        page = opened.page
        before = names(page)
        by_name = page.locator(".board thead button", has_text="system")
        by_name.click()
        assert names(page) == sorted(before) != before
        page.locator(".board thead button", has_text="system").focus()
        page.keyboard.press("Enter")
        assert names(page) == sorted(before, reverse=True)
        page.select_option("#index-metric", "psnr")
        settled(page)
        assert names(page) == sorted(before, reverse=True)
        page.locator(".board thead button", has_text="BD-rate").click()
        values = [float(v) for v in column(page, DETAIL, 2).values() if v]
        assert values == sorted(values)
        sorted_by = page.locator(".board th[aria-sort]")
        assert (sorted_by.count(), sorted_by.get_attribute("aria-sort")) == (1, "ascending")


def test_curves_follow_every_switch(browser, read, index):
    with opened_at(browser, index) as opened:
        page = opened.page
        page.select_option("#index-metric", "psnr")
        settled(page)
        axis = f"[{PLOT}.layout.xaxis.type, {PLOT}.layout.yaxis.title.text]"
        assert page.evaluate(axis) == ["log", "psnr (dB)  ↑ higher is better"]
        page.uncheck("#index-log")
        settled(page)
        assert page.evaluate(axis)[0] == "linear"
        page.uncheck("#index-bands")
        settled(page)
        assert not traces(page, "band")
        page.check("#index-hull")
        settled(page)
        assert len(traces(page, "hull")) == 6
        _, curves = read("curves", "video", "psnr")
        vvc = next(curve for curve in curves if curve["system"] == "vvc")
        drawn = page.evaluate(f"{PLOT}.data.find((t) => t.meta === 'mean' && t.name === 'vvc')")
        assert (drawn["x"], drawn["y"]) == (vvc["kbps"], vvc["value"])
        hover = page.evaluate(f"{PLOT}.data.find((t) => t.meta === 'mean' && t.name === 'av1').hovertext")
        assert "mean of 6 clips" in hover[0]
        assert "mean of 5 clips" in hover[-1]
        assert "95 % interval" in hover[0]
        assert not any("/data/index/clips/" in url for url in opened.requests)
        page.check("#index-clips")
        settled(page)
        assert len([url for url in opened.requests if "/data/index/clips/" in url]) == 1
        clips = page.evaluate(f"{PLOT}.data.find((t) => t.meta === 'clips' && t.name === 'vvc')")
        assert clips["x"].count(None) == 6
        assert clips["line"]["width"] < 1
        assert {text.split("</b>")[0] for text in clips["hovertext"] if text} == {
            f"<b>clip {i}" for i in range(6)
        }
        page.click("#index-legend [data-system=vvc]")
        settled(page)
        assert "vvc" not in traces(page)
        assert page.evaluate("document.activeElement.dataset.system") == "vvc"
        assert "5 of 6 drawn" in page.inner_text("#index-drawn")
        page.click("#index-points summary")
        page.wait_for_selector("#index-points-table tbody tr")
        assert "vvc" not in names(page, "#index-points-table")
        rows = texts(page, "#index-points-table")
        assert rows[0] == ["system", "point", "kbit/s", "psnr (dB)", "95 % interval", "clips"]
        assert len(rows) == 1 + sum(len(c["kbps"]) for c in curves if c["system"] != "vvc")
        page.click("#index-drawn button:has-text('none')")
        settled(page)
        assert traces(page) == []


def test_the_papers_views_are_one_click_away(browser, read, index):
    with opened_at(browser, index) as opened:
        page = opened.page
        words = page.locator("#index-papers button").all_inner_texts()
        assert words == ["1−DISTS", "1−LPIPS", "200−FID"]
        page.click("#index-papers [data-paper=fid]")
        settled(page)
        assert page.evaluate(f"{PLOT}.layout.yaxis.title.text") == "200−FID  ↑ higher is better"
        caption = page.inner_text("#index-curve-caption")
        assert "AVCC's Figure 3 view" in caption
        assert "means 200 minus FID" in caption
        _, curves = read("curves", "video", "fid")
        hevc = next(curve for curve in curves if curve["system"] == "hevc")
        drawn = page.evaluate(f"{PLOT}.data.find((t) => t.meta === 'mean' && t.name === 'hevc').y")
        assert drawn == pytest.approx([200 - value for value in hevc["value"]])
        assert "N = 750 frames" in page.locator(".board .notice").inner_text()
        assert "so no band" in caption
        page.click("#index-rate [data-value=audio]")
        settled(page)
        assert "200−FID" not in page.inner_text("#index-curve-caption")
        page.click("#index-papers [data-paper=dists]")  # not over the sound's rate: the picture's
        settled(page)
        assert page.locator("#index-rate [aria-checked=true]").inner_text() == "Video"
        _, curves = read("curves", "video", "dists")
        band = page.evaluate(f"{PLOT}.data.find((t) => t.meta === 'band' && t.name === 'hevc')")
        hevc = next(curve for curve in curves if curve["system"] == "hevc")
        assert max(band["y"]) == pytest.approx(1 - min(hevc["low"]))
        page.click("#index-papers [data-paper=dists]")
        settled(page)
        assert page.evaluate(f"{PLOT}.layout.yaxis.title.text") == "dists  ↓ lower is better"


def test_filters_act_on_all_of_the_page_and_say_what_they_hide(browser, index):
    with opened_at(browser, index, "?rate=total") as opened:
        page = opened.page
        everything = set(names(page))
        assert len(everything) == 11
        cards = page.inner_text("#verdict")
        assert not page.locator("#index-filters").is_visible()
        page.focus("#index-filter")
        page.keyboard.press("Enter")
        assert page.locator("#index-filters").is_visible()
        page.click("#index-families [data-value=floor]")
        settled(page)
        kept = {name for name in everything if not name.startswith("first-frame")}
        assert set(names(page)) == set(names(page, HEADLINE)) == set(names(page, MATRIX)) == kept
        assert set(traces(page)) <= kept
        assert "2 of 11 systems are hidden" in page.inner_text("#index-hidden")
        assert page.inner_text("#index-filter") == "Filter: 9 of 11"
        page.click("#index-weights [data-value=synthetic]")
        settled(page)
        assert "avcc" not in names(page)
        page.click("#index-hidden button")
        settled(page)
        assert set(names(page)) == everything
        assert not page.locator("#index-hidden").is_visible()
        page.click("#index-coding [data-value=joint]")
        settled(page)
        assert names(page) == ["avcc"]
        assert "10 of 11 systems are hidden" in page.inner_text("#index-hidden")
        page.keyboard.press("ArrowRight")
        settled(page)
        assert len(names(page)) == 10
        page.fill("#index-search", "OPUS vvc")
        settled(page)
        assert names(page) == ["vvc+opus"]
        page.fill("#index-search", "nothing of this name")
        settled(page)
        assert (names(page), traces(page)) == ([], [])
        assert page.inner_text("#verdict") == cards


def test_a_link_gives_the_same_view_back(browser, index):
    with opened_at(browser, index) as opened:
        page = opened.page
        assert page.url == index.as_uri()
        page.click("#index-rate [data-value=total]")
        page.select_option("#index-metric", "pesq")
        page.select_option("#index-anchor", "hevc+opus")
        page.click("#index-filter")
        page.click("#index-families [data-value=generative]")
        page.fill("#index-search", "+")
        page.uncheck("#index-log")
        page.click('#index-legend [data-system="vvc+opus"]')
        page.click(".view h3 .plain")
        settled(page)
        page.click(".links a:has-text('curves')")
        assert page.url.endswith("#curves")
        url, shown = page.url, [texts(page, table) for table in (HEADLINE, DETAIL, MATRIX)]
        drawn = traces(page)
        assert "vvc+opus" not in drawn
        context = browser.new_context()
        page = context.new_page()
        page.goto(url)
        settled(page)
        assert page.url == url
        assert [texts(page, table) for table in (HEADLINE, DETAIL, MATRIX)] == shown
        assert traces(page) == drawn
        assert page.evaluate(f"{PLOT}.layout.xaxis.type") == "linear"
        assert "against hevc+opus" in page.locator(".view h3").inner_text()
        top = page.evaluate("document.getElementById('curves').getBoundingClientRect().top")
        assert 0 <= top < 120
        # What a link says of things that are not here is not followed, and does no harm.
        page.goto(
            index.as_uri()
            + "?rate=none&metric=%3Cimg%3E&anchor-video=nobody&dataset=x&coding=y&draw=z&no-a=b"
        )
        settled(page)
        assert page.locator("#index-rate [aria-checked=true]").inner_text() == "Video"
        assert page.input_value("#index-anchor") == "vvc"
        context.close()


def test_the_matrix_has_intervals_and_keeps_its_heads(browser, store, index):
    with opened_at(browser, index, "?rate=total", viewport={"width": 900, "height": 500}) as opened:
        page = opened.page
        cell = page.locator(f"{MATRIX} tbody tr", has=page.locator("th b", has_text="avcc")).locator("td")
        heads = [text.replace("\u200b", "") for text in page.locator(f"{MATRIX} thead th").all_inner_texts()]
        at = [re.sub(r"\s", "", head) for head in heads].index("vvc+opus") - 1
        ((value, low, high),) = sql(
            store,
            "SELECT bd_rate, ci_low, ci_high FROM bd_rates WHERE rate = 'total' AND metric = 'lse_c'"
            " AND system = 'avcc' AND anchor = 'vvc+opus'",
        )
        title = cell.nth(at).get_attribute("title")
        copied = cell.nth(at).get_attribute("data-text")
        for number in (value, low, high):
            assert f"{abs(number):.1f}" in title
            assert f"{abs(number):.1f}" in copied
        box = page.locator(".pairs-box")
        before = page.locator(f"{MATRIX} tbody th").nth(1).bounding_box()["x"]
        box.evaluate("(node) => { node.scrollLeft = 400; node.scrollTop = 60; }")
        assert box.evaluate("(node) => node.scrollLeft") > 100
        assert page.locator(f"{MATRIX} tbody th").nth(1).bounding_box()["x"] == pytest.approx(before, abs=1)
        corner = page.locator(f"{MATRIX} thead th").first.bounding_box()
        assert corner["y"] == pytest.approx(box.bounding_box()["y"], abs=2)


def test_everything_is_reached_by_keyboard_in_order(browser, index):
    with opened_at(browser, index) as opened:
        page = opened.page
        page.click("#index-filter")
        page.focus("#theme")
        seen = []
        for _ in range(90):
            page.keyboard.press("Tab")
            here = page.evaluate(
                "() => { const at = document.activeElement;"
                " return [at.id || at.dataset.value || at.dataset.system || at.textContent.trim(),"
                " getComputedStyle(at).outlineStyle]; }"
            )
            if page.evaluate("document.activeElement === document.body"):
                break  # past the end
            assert here[1] != "none", here
            seen.append(here[0])
        wanted = [
            "video",
            "index-metric",
            "index-anchor",
            "index-filter",
            "index-search",
            "floor",
            "index-log",
        ]
        places = [seen.index(name) for name in wanted]
        assert places == sorted(places)
        assert {"vvc", "avcc"} <= set(seen[places[-1] :])


def test_dark_follows_the_system_and_the_button(browser, index):
    def look(page):
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return ground, page.evaluate(f"{PLOT}.layout.font.color")

    with opened_at(browser, index, color_scheme="dark") as dark, opened_at(browser, index) as light:
        assert look(dark.page)[0] == "rgb(20, 23, 26)"
        assert look(light.page)[0] == "rgb(253, 253, 252)"
        assert look(dark.page)[1] != look(light.page)[1]
        light.page.click("#theme")
        assert look(light.page) == look(dark.page)
        light.page.click("#theme")
        assert look(light.page)[0] == "rgb(253, 253, 252)"
        dark.page.emulate_media(color_scheme="light")
        assert look(dark.page)[0] == "rgb(253, 253, 252)"


def test_a_phone_scrolls_tables_and_not_the_page(browser, index):
    with opened_at(browser, index, "?rate=total", viewport={"width": 390, "height": 844}) as opened:
        page = opened.page
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert page.locator(".card").first.bounding_box()["width"] > 340
        assert 300 < page.locator("#index-curve-plot").bounding_box()["width"] <= 390
        for table in (HEADLINE, DETAIL, MATRIX):
            box = page.locator(table).locator("xpath=..")
            box.evaluate("(node) => { node.scrollLeft = 300; }")
            name = page.locator(f"{table} tbody th b").first.bounding_box()
            assert 0 <= name["x"] < 120, table


def test_tables_fit_a_laptop(browser, realistic_page):
    with opened_at(browser, realistic_page) as opened:
        for rate in ("video", "audio", "total"):
            opened.page.click(f"#index-rate [data-value={rate}]")
            settled(opened.page)
            for table in (HEADLINE, DETAIL):
                box = opened.page.locator(table).locator("xpath=..")
                assert box.evaluate("(node) => node.scrollWidth - node.clientWidth") <= 0, (rate, table)


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """200 systems, two of them with names that would be markup."""
    evil = ("<img src=x onerror=alert(1)>", "</script><script>alert(2)</script>")
    codecs = tuple(
        FakeCodec(f"codec-{i:03}" if i > 1 else evil[i], "video", (4, 9, 18 + i / 100, 40), gain=1 + i / 400)
        for i in range(200)
    )
    folder = tmp_path_factory.mktemp("many")
    factory = StoreFactory(
        video=codecs, audio=(), metrics=METRICS[:1], clips=("a", "b", "c"), anchors={"video": "codec-003"}
    )
    factory.build(folder / "talkbench.duckdb")
    return write_index(folder)


def test_two_hundred_systems_stay_readable(browser, many):
    reader = Reader()
    reader.feed(many.read_text())
    assert many.stat().st_size < 3e6
    with opened_at(browser, many) as opened:
        page = opened.page
        assert len(names(page)) == 200
        assert page.locator("img").count() == 0
        assert len(traces(page)) == 12
        assert "12 of 200 drawn: the best-ranked, and the anchor" in page.inner_text("#index-drawn")
        assert "codec-003" in traces(page)
        assert len(names(page, MATRIX)) == 60
        assert "60 best-ranked of 200" in page.inner_text("#index-matrix-caption")
        page.click("#index-filter")
        page.fill("#index-search", "img")
        settled(page)
        assert names(page) == ["<img src=x onerror=alert(1)>"]
        assert traces(page) == ["&lt;img src=x onerror=alert(1)&gt;"]
        page.fill("#index-search", "codec-0")
        settled(page)
        assert len(names(page)) == 98
        page.select_option("#index-anchor", "codec-050")
        settled(page)
        assert "only against the default anchor" in page.inner_text(DETAIL)
        page.click("#index-drawn button:has-text('all')")
        settled(page)
        assert len(traces(page)) == 98


def test_a_single_file_keeps_its_sections_and_its_view(browser, store, tmp_path):
    with duckdb.connect(str(store), read_only=True) as connection:
        whole = write_report(tmp_path, connection, single_file=True)
    with opened_at(browser, whole, "?rate=audio#index:curves") as opened:
        page = opened.page
        assert set(traces(page)) == {"opus", "encodec", "avcc"}
        page.click("nav.pages a[href*='surfaces']")
        assert page.url.endswith("?rate=audio#surfaces")
        page.click("nav.pages a >> nth=0")
        page.click(".links a:has-text('pairs') >> visible=true")
        assert page.url.endswith("?rate=audio#index:matrix")
        assert page.locator(MATRIX).is_visible()
        page.check("#index-clips")
        settled(page)
        assert traces(page, "clips")
        assert [url for url in opened.requests if "/data/" in url] == []


def test_a_missing_part_is_told(browser, store, tmp_path):
    with duckdb.connect(str(store), read_only=True) as connection:
        index = write_index(tmp_path, connection)
    for file in (index.parent / "data" / "index" / "clips").iterdir():
        file.unlink()
    opened = opened_at(browser, index)
    opened.page.check("#index-clips")
    opened.page.wait_for_function(
        "document.getElementById('index-curve-caption').textContent.includes('is missing beside this page')"
    )
    assert len(opened.complaints) > 0
    opened.context.close()


def test_without_results_there_is_a_plain_statement(browser, tmp_path):
    StoreFactory(video=(), audio=(), clips=(), metrics=(), runs=False).build(tmp_path / "talkbench.duckdb")
    with Opened(browser, write_index(tmp_path)) as opened:
        assert "No curve yet." in opened.page.inner_text("#verdict")
        assert "nothing to rank" in opened.page.inner_text("#leaderboard")
        assert not opened.page.locator("#index-toolbar").is_visible()


def test_audio_alone_needs_no_picture(browser, tmp_path):
    factory = StoreFactory(video=(), audio=AUDIO, metrics=(METRICS[10],), clips=("only",), anchors={})
    factory.build(tmp_path / "talkbench.duckdb")
    with opened_at(browser, write_index(tmp_path)) as opened:
        page = opened.page
        assert page.locator("#index-rate button").count() == 1
        assert page.locator("#index-papers").is_hidden()
        assert "one clip" in page.inner_text(DETAIL)
        assert "the order is not tested" in page.inner_text(".board .caption")
        assert traces(page, "band") == []
