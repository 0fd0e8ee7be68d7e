"""The papers' tables: numbers recomputed from the store, printed ones apart, every choice in a browser."""

import csv
import io
import re
from collections import Counter
from dataclasses import replace
from importlib import resources

import duckdb
import numpy as np
import pytest
from reading import Opened, Tables, read, reading
from scipy.interpolate import PchipInterpolator
from store_factory import AUDIO, METRICS, VIDEO, FakeCodec, FakeMetric, StoreFactory
from talkbench.reports import words as text
from talkbench.reports.papers.published import LABEL
from talkbench.reports.site import write_report

EVIL = "<img src=x onerror=alert(1)>"
WANTED = (
    "dists",
    "psnr",
    "lpips_vgg",
    "mel_dac_eval",
    "stft_dac_eval",
    "visqol_speech",
    "pesq",
    "wer_sphinx",
)
FEW = tuple(metric for metric in METRICS if metric.name in (*WANTED, "lse_c"))
IN_PERCENT = tuple(replace(m, unit="errors/word") if m.name == "wer_sphinx" else m for m in FEW)
JOINT = tuple(
    FakeCodec(
        name,
        "joint",
        (1.5, 3, 6, 12, 24),
        gain,
        family="generative",
        weights="synthetic",
        parts={"keyframe": 0.3, "tokens": 0.7},
    )
    for name, gain in (("avcc", 3.0), ("avcc-plain", 2.5))
)
STORE = StoreFactory(
    video=VIDEO[1:],
    audio=AUDIO,
    joint=JOINT,
    metrics=(*IN_PERCENT, FakeMetric("avs_u", "video", 0.2, 0.8, unavailable="missing weights")),
    clips=tuple(f"c{i}" for i in range(6)),
    failures={("avcc-plain", "p1", "c1"): ("failed", "it broke"), ("vvc", "p0", "c4"): ("oom", "too big")},
)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Two datasets, two joint codecs, reference scores, some failures."""
    path = STORE.build(tmp_path_factory.mktemp("papers") / "talkbench.duckdb")
    with duckdb.connect(str(path)) as connection:
        connection.execute("INSERT INTO datasets VALUES ('MEAD', false, 'on request', '')")
        connection.execute("UPDATE clips SET dataset = 'MEAD' WHERE name >= 'c3'")
        connection.execute(
            "INSERT INTO scores BY NAME SELECT 'reference:' || clip_id AS encode_id, 'wer_sphinx' AS metric, "
            "'wer_sphinx-print' AS fingerprint, 0.25 AS value, 4.0 AS weight, 'ok' AS status FROM clips"
        )
        connection.execute(
            "INSERT INTO metrics BY NAME SELECT 'fid' AS metric, 'fid-print' AS fingerprint, 'set' AS kind, "
            "'video' AS modality, '' AS unit, false AS higher_is_better, 'mean' AS aggregate, "
            "'ok' AS status, true AS selected"
        )
        connection.execute(
            "INSERT INTO set_features BY NAME SELECT encode_id, 'fid' AS metric, 'fid-print' AS fingerprint, "
            "125 AS n, 'ok' AS status FROM encodes WHERE status = 'ok' AND codec NOT IN ('opus', 'encodec')"
        )
        connection.execute(
            "INSERT INTO set_scores BY NAME SELECT dataset, codec, any_value(fingerprint) AS fingerprint, "
            "point, 'fid' AS metric, "
            "'fid-print' AS metric_fingerprint, 90 - 30 * log10(avg(kbps_video)) AS value, "
            "125 * count(*) AS n, count(*) AS clips, 'ok' AS status "
            "FROM clip_points JOIN encodes USING (encode_id, codec, point, clip_id) "
            "WHERE codec NOT IN ('opus', 'encodec') GROUP BY dataset, codec, point"
        )
        connection.execute("UPDATE codecs SET parameters = 7200000 WHERE codec = 'avcc'")
        connection.execute("UPDATE encodes SET encode_s = encode_s * (1.003 + hash(clip_id) % 7 / 10)")
    return path


@pytest.fixture(scope="module")
def page(store):
    return write_report(store.parent).with_name("papers.html")


@pytest.fixture
def connection(store):
    with duckdb.connect(str(store), read_only=True) as opened:
        yield opened


@pytest.fixture(scope="module")
def tables(page):
    reader = Tables()
    reader.feed(page.read_text())
    return reader.tables


def value_of(shown):
    """The number that a cell begins with."""
    return float(re.match(r"[+−]?[\d.]+", shown)[0].replace("−", "-"))


def curve(connection, dataset, system, metric, rate, clips=None):
    """Rates, values and clips of a system's means over the clips that all of its points have, from rows."""
    rows = connection.execute(
        f"SELECT point, clip_id, kbps_{rate}, value, coalesce(weight, 1) FROM rd_clip_points "
        "WHERE dataset = ? AND system = ? AND metric = ?",
        [dataset, system, metric],
    ).fetchall()
    points = sorted({row[0] for row in rows})
    cells = {row[:2]: row[2:] for row in rows}
    whole = {row[1] for row in rows if all((point, row[1]) in cells for point in points)}
    if clips is not None:
        whole &= clips
    means = []
    for point in points:
        kbps, values, weights = np.array([cells[point, clip] for clip in whole]).T
        weights = weights if metric == "wer_sphinx" else np.ones_like(weights)
        means.append((kbps.mean(), float(np.average(values, weights=weights))))
    means.sort()
    return np.array(means).T[0], np.array(means).T[1], whole


def front(kbps, value, sign):
    """The points that no cheaper one equals."""
    keep = [i for i in range(len(kbps)) if all(sign * value[i] > sign * value[j] for j in range(i))]
    return kbps[keep], value[keep]


def expected_bd(connection, dataset, test, anchor, metric, sign, rate="video"):
    """BD-rate, overlap (percent) and clips of two systems, from rows and with scipy; None without overlap."""
    clips = (
        curve(connection, dataset, test, metric, rate)[2]
        & curve(connection, dataset, anchor, metric, rate)[2]
    )
    ends, inverse = [], []
    for system in (test, anchor):
        kbps, value = front(*curve(connection, dataset, system, metric, rate, clips)[:2], sign)
        inverse.append(PchipInterpolator(sign * value, np.log10(kbps)))
        ends.append((min(sign * value), max(sign * value)))
    low, high = max(e[0] for e in ends), min(e[1] for e in ends)
    if low >= high:
        return None, 0, len(clips)
    step = (inverse[0].integrate(low, high) - inverse[1].integrate(low, high)) / (high - low)
    overlap = 100 * (high - low) / (max(e[1] for e in ends) - min(e[0] for e in ends))
    return 100 * (10**step - 1), overlap, len(clips)


def test_bd_rates_are_those_of_the_mean_curves(tables, connection):
    heads, *rows = tables["papers-bd-table"]
    assert heads[0] == "dataset, at equal"
    assert {name.split()[0] for name in heads[1:]} == {"avcc-plain", "fomm", "hevc", "vvc"}
    assert [row[0] for row in rows[:-1]] == [
        f"{dataset}: {metric}"
        for dataset in ("MEAD", "synthetic")
        for metric in ("dists ↓", "psnr ↑", "lpips_vgg ↓", "fid ↓ N = 250 to 375")
    ]
    seen = 0
    for row in rows[:-1]:
        dataset, metric, arrow = row[0].split()[:3]
        sign = 1 if arrow == "↑" else -1
        for head, shown in zip(heads[1:], row[1:], strict=True):
            if metric == "fid":
                assert shown == "— no overlap" or "no interval: one value for all clips" in shown
                continue
            at = (dataset.rstrip(":"), "avcc", head.split()[0], metric, sign)
            value, overlap, clips = expected_bd(connection, *at)
            if value is None:
                assert shown == "— no overlap"
                continue
            assert shown.startswith(text.percent(value))
            assert f"overlap {overlap:.0f} %" in shown
            assert (f"{clips} of 3 clips" in shown) == (clips < 3)
            assert re.search(r"to [+−][\d.]+ %", shown)
            assert ("low overlap" in shown) == (overlap < 50)
            seen += 1
    assert seen >= 18
    assert rows[-1] == ["lpips_alex", "— not requested by this suite; lpips_vgg is shown instead"]


def test_variants_of_one_codec_are_compared_at_equal_points(tables, connection):
    heads, *rows = tables["papers-ablation-table"]
    assert heads == ["variant", "point", "kbit/s", "fid, N = 250 to 375 ↓", "lse_c ↑", "psnr, dB ↑", "clips"]
    means = {
        (system, point, metric): (kbps, value, n)
        for system, point, metric, kbps, value, n in connection.execute(
            "SELECT system, point, metric, kbps_video, value, n_scored FROM rd_points WHERE dataset = 'MEAD'"
        ).fetchall()
    }
    # Over the video rate, a joint codec's lip sync is that of its picture with the clip's sound.
    halves = connection.execute(
        "SELECT system, point, metric, avg(kbps), avg(value), count(*) FROM joint_half_clip_points "
        "WHERE dataset = 'MEAD' AND rate = 'video' GROUP BY ALL"
    ).fetchall()
    assert halves
    means |= {(system, point, metric): (kbps, value, n) for system, point, metric, kbps, value, n in halves}
    *rows, whole = rows
    assert whole[:3] == ["BD-rate, second to first", "", ""]
    value, overlap, _ = expected_bd(connection, "MEAD", "avcc-plain", "avcc", "psnr", 1)
    assert value is not None
    assert whole[5].startswith(text.percent(value))
    assert f"overlap {overlap:.0f} %" in whole[5]
    assert [row[1] for row in rows] == [f"p{i}" for i in range(5) for _ in range(3)]
    for first, second, step in zip(rows[::3], rows[1::3], rows[2::3], strict=True):
        assert (first[0], second[0], step[0]) == ("avcc synthetic", "avcc-plain synthetic", "difference")
        for at, metric in ((3, "fid"), (4, "lse_c"), (5, "psnr")):
            a, b = (means[system, first[1], metric] for system in ("avcc", "avcc-plain"))
            assert (first[at], second[at]) == (text.number(a[1]), text.number(b[1]))
            assert value_of(step[at]) == pytest.approx(b[1] - a[1], rel=6e-3)
            assert ("better" in step[at]) == ((b[1] < a[1]) if metric == "fid" else (b[1] > a[1]))
            assert ("clips differ" in step[at]) == (a[2] != b[2])
            assert (first[2], second[2]) == (text.number(a[0]), text.number(b[0]))


def test_complexity_is_of_the_points_nearest_to_one_rate(tables, page, connection):
    heads, *rows = tables["papers-cost-table"]
    assert heads[3:6] == ["lpips_vgg ↓", "encode, frames/s ↑", "decode, frames/s ↑"]
    kbps = value_of(re.search(r'id="papers-cost-kbps"[^>]*value="([\d.]+)"', page.read_text())[1])
    assert {row[0].split()[0] for row in rows} == {"avcc", "avcc-plain", "fomm", "hevc", "vvc"}
    for row in rows:
        codec = row[0].split()[0]
        points = connection.execute(
            "SELECT point, avg(kbps_video) AS kbps FROM clip_points WHERE codec = ? AND dataset = 'MEAD' "
            "GROUP BY point ORDER BY abs(log10(kbps / ?))",
            [codec, kbps],
        ).fetchall()
        assert (row[1], row[2]) == (points[0][0], text.number(points[0][1], 3))
        encode, decode, memory = np.array(
            connection.execute(
                "SELECT 125 / encode_s, 125 / decode_s, peak_rss_bytes "
                "FROM encodes JOIN clips USING (clip_id) "
                "WHERE codec = ? AND point = ? AND dataset = 'MEAD' AND encodes.status = 'ok'",
                [codec, row[1]],
            ).fetchall()
        ).T
        assert row[4:6] == [text.number(float(np.median(speed)), 3) for speed in (encode, decode)]
        assert row[6:9] == [
            "cpu",
            {"avcc": "7.2 M", "avcc-plain": "— not recorded", "fomm": "— not recorded"}.get(codec, "none"),
            text.sized(max(memory)),
        ]
    caption = re.search(r'id="papers-cost-table-caption">(.*?)</p>', page.read_text())[1]
    assert "AMD EPYC 7B13, 2 cores, 2 workers" in caption


def test_lip_sync_is_read_off_the_curves_at_a_rate_that_all_cover(tables, page, connection):
    heads, truth, *rows = tables["papers-sync-table"]
    assert heads == ["system", "lse_c ↑", "measured, kbit/s", "clips"]
    assert truth == ["Ground truth", "— the uncoded clips have no score of these metrics"]
    assert rows[-1] == ["avs_u", "— unavailable: missing weights"]
    kbps = value_of(re.search(r'id="papers-sync-kbps"[^>]*value="([\d.]+)"', page.read_text())[1])
    tops = []
    for row in rows[:-1]:
        rate, value = front(*curve(connection, "MEAD", row[0].split()[0], "lse_c", "total")[:2], 1)
        assert row[1] == text.number(float(PchipInterpolator(np.log10(rate), value)(np.log10(kbps))))
        assert row[2] == f"{text.number(rate[0], 3)}–{text.number(rate[-1], 3)}"
        tops.append(rate[-1])
    assert kbps == pytest.approx(min(tops), rel=1e-2)
    assert kbps <= min(tops)
    assert "never extrapolated" in page.read_text()


def test_all_printed_numbers_are_there_and_apart(tables, page):
    raws = csv.DictReader(
        io.StringIO(
            (resources.files("talkbench.reports") / "published" / "published.csv").read_text(encoding="utf-8")
        )
    )
    beside = Tables()  # AVCC's Table 2 stands below ours, on the page of speech
    beside.feed(page.with_name("speech.html").read_text())
    shown = Counter()
    for label, (_, *rows) in (tables | beside.tables).items():
        if not label.endswith(LABEL):
            continue
        for row in rows:
            shown.update(
                found.replace("−", "-") for cell in row for found in re.findall(r"[−]?\d[\d.]*", cell)
            )
    missing = Counter(raw["value"] for raw in raws) - shown
    assert not missing
    source = page.read_text()
    assert source.count("Published, not reproduced here: as printed in") == 6
    # No printed number is part of what the scripts compute with.
    assert "crossattn" not in str(reading(page).data).lower()
    assert "hardly overlap" in " ".join(cell for row in tables[f"AV3D Table 1, {LABEL}"] for cell in row)
    for identity in ("arXiv:2512.15262", "10.1145/3731715.3734426"):
        assert identity in source


SMALL = StoreFactory(video=VIDEO[:2], audio=AUDIO, metrics=FEW)
CASES = {
    "empty": (
        replace(SMALL, video=(), audio=(), clips=(), metrics=(), runs=False),
        ("no system has a scored point, so there is no BD-rate",),
    ),
    "no picture": (
        replace(SMALL, video=()),
        ("encode, × realtime", "no system has a value of it over this rate"),
    ),
    "no scores": (
        replace(SMALL, metrics=(replace(METRICS[0], unavailable="no weights for dists"),)),
        ("no system has a scored point, so there is no BD-rate",),
    ),
    "all failed": (
        replace(SMALL, failures={(c.name, "*", "*"): ("failed", "broke") for c in VIDEO[:2] + AUDIO}),
        ("no codec alone has a scored point",),
    ),
    "one system": (
        replace(SMALL, video=VIDEO[:1], audio=()),
        ("the only system with a curve: no comparison possible", "no two systems with curves"),
    ),
    "one point": (
        replace(SMALL, video=tuple(replace(c, rates=c.rates[:1]) for c in VIDEO[:2])),
        ("fewer than 3 points",),
    ),
    "one clip": (replace(SMALL, clips=("only",)), ("no interval: one clip",)),
}


@pytest.mark.parametrize("case", CASES)
def test_extreme_stores_say_what_is_missing(case, tmp_path):
    factory, words = CASES[case]
    reader = read(factory, tmp_path, "papers")
    for word in words:
        assert word in reader.text
    assert reader.text.count(LABEL) >= 7  # the printed numbers are there in any case


# ------------------------------------------------------------------------------------------- in a browser


def table(page, name):
    """Rows of texts of a table, as a reader sees and copies them."""
    return page.evaluate(
        """(id) => {
            const said = (part) => part.textContent.replace(/\\s+/g, ' ').trim();
            const cell = (one) => [said(one), one.dataset.text ?? '', one.className.trim(), one.colSpan];
            const rows = [...document.querySelectorAll(`#papers-${id}-table tr`)];
            const caption = document.getElementById(`papers-${id}-table-caption`);
            return [...rows.map((row) => [...row.cells].map(cell)), said(caption)];
        }""",
        name,
    )


def again(page, name, act):
    """The table after `act` has recreated it."""
    page.evaluate("(id) => { document.querySelector(`#papers-${id}-table tbody tr`).dataset.old = 1 }", name)
    act()
    page.wait_for_selector(f"#papers-{name}-table tbody tr:not([data-old])")
    page.wait_for_function(f"!document.querySelector('#papers-{name}-table tr[data-old]')")
    return table(page, name)


def column(rows, at):
    return [row[at][0] for row in rows[:-1] if len(row) > at]


def test_choices_in_a_browser(browser, page, connection):
    with Opened(browser, page) as opened:
        shown = opened.page
        # What a script makes is what the page came with.
        for name, act in {
            "bd": lambda: shown.click("#papers-bd-rate [data-value=video]"),
            "ablation": lambda: shown.click("#papers-ablation-rate [data-value=video]"),
            "cost": lambda: shown.locator("#papers-cost-metric").dispatch_event("change"),
            "sync": lambda: shown.click("#papers-sync-rate [data-value=total]"),
        }.items():
            first = table(shown, name)
            assert again(shown, name, act) == first

        # Another system, over another rate, with another metric.
        rows = again(shown, "bd", lambda: shown.select_option("#papers-bd-test", label="vvc"))
        assert rows[-1].startswith("BD-rate of vvc against")
        names = [cell[0].split()[0] for cell in rows[0]]
        found = dict(zip(names, [cell[0] for cell in rows[2]], strict=True))
        assert found["dataset,"] == "MEAD: psnr ↑"
        for anchor in ("avcc", "avcc-plain", "fomm", "hevc"):
            value = expected_bd(connection, "MEAD", "vvc", anchor, "psnr", 1)[0]
            assert found[anchor].startswith("— no overlap" if value is None else text.percent(value))
        rows = again(shown, "bd", lambda: shown.click("#papers-bd-rate [data-value=audio]"))
        assert {cell[0].split()[0] for cell in rows[0][1:]} == {"avcc-plain", "encodec", "opus"}
        shown.click("#papers-bd .metrics summary")
        rows = again(shown, "bd", lambda: shown.check("#papers-bd-metrics input[value=pesq]"))
        assert "synthetic: pesq ↑" in column(rows, 0)
        shown.keyboard.press("Escape")
        assert not shown.locator("#papers-bd .metrics[open]").count()

        # Other variants, at equal rates.
        rows = again(shown, "ablation", lambda: shown.select_option("#papers-ablation-second", "hevc"))
        rows = again(shown, "ablation", lambda: shown.click("#papers-ablation-mode [data-value=rates]"))
        assert "hevc" in rows[-1]
        assert "never extrapolated" in rows[-1]
        rate, value, _ = curve(connection, "MEAD", "hevc", "psnr", "video")
        inside = 0
        for row in rows[1:-1]:
            if row[0][0] == "hevc" and not row[5][0].startswith("—"):
                at = np.log10(value_of(row[2][0]))
                assert value_of(row[5][0]) == pytest.approx(
                    PchipInterpolator(np.log10(rate), value)(at), rel=1e-3
                )
                inside += 1
        assert 0 < inside < 5

        # Complexity near another rate, and of the codecs of sound.
        rows = again(shown, "cost", lambda: type_in(shown, "#papers-cost-kbps", "100"))
        assert {row[1][0] for row in rows[1:-1] if len(row) > 2} == {"p4"}
        label = shown.locator("#papers-cost-metric option", has_text="pesq").first.inner_text()
        rows = again(shown, "cost", lambda: shown.select_option("#papers-cost-metric", label=label))
        assert rows[0][4][0] == "encode, × realtime ↑"
        assert {cell.split()[0] for cell in column(rows[1:], 0)} == {"avcc", "avcc-plain", "encodec", "opus"}

        # Lip sync at a rate that not all cover.
        rows = again(shown, "sync", lambda: type_in(shown, "#papers-sync-kbps", "40"))
        said = {row[0][0].split()[0]: row[1][0] for row in rows[2:-2]}
        rate, value = front(*curve(connection, "MEAD", "hevc+opus", "lse_c", "total")[:2], 1)
        expected = float(PchipInterpolator(np.log10(rate), value)(np.log10(40)))
        assert value_of(said["hevc+opus"]) == pytest.approx(expected, rel=2e-4)
        assert said["avcc"] == "— above range"
        assert "40 kbit/s" in rows[-1]
        assert re.match(r"\d+ of \d+ systems", shown.inner_text("#papers-sync-covered"))

        # The other dataset, in all tables.
        again(shown, "sync", lambda: shown.select_option("#papers-dataset", label="synthetic"))
        for name in ("ablation", "cost", "sync"):
            shown.wait_for_function(
                f"document.getElementById('papers-{name}-table-caption').textContent.includes('on synthetic')"
            )


def type_in(page, selector, value):
    page.fill(selector, value)
    page.press(selector, "Enter")
    page.locator(selector).blur()


def test_a_phone_scrolls_the_tables_alone_and_printed_numbers_look_different(browser, page):
    with Opened(browser, page, viewport={"width": 390, "height": 844}, color_scheme="dark") as opened:
        shown = opened.page
        assert shown.evaluate("document.documentElement.scrollWidth") == 390
        styles = shown.evaluate(
            """() => ['.mine td.number', '.printed td.number'].map((where) => {
                const style = getComputedStyle(document.querySelector(where));
                return [style.fontStyle, style.color];
            })"""
        )
        assert styles[1][0] == "italic" != styles[0][0]
        assert styles[0][1] != styles[1][1]


def test_evil_names_stay_text(browser, tmp_path):
    factory = StoreFactory(
        video=(
            *VIDEO[:1],
            FakeCodec(EVIL, "video", (4, 9, 18, 40), gain=0.9),
            FakeCodec("__proto__", "video", (4, 9, 18)),
        ),
        audio=(),
        metrics=(*FEW[:3], FakeMetric("{evil}<b>", "video", 1, 2), FakeMetric("toString", "video", 1, 2)),
        dataset=EVIL,
        anchors={},
    )
    factory.build(tmp_path / "talkbench.duckdb")
    path = write_report(tmp_path).with_name("papers.html")
    with Opened(browser, path) as opened:
        shown = opened.page
        for name, select in (("bd", "#papers-bd-test"), ("ablation", "#papers-ablation-second")):
            for label in (EVIL, "__proto__"):
                rows = again(shown, name, lambda s=select, to=label: shown.select_option(s, label=to))
                assert label in rows[-1]
        shown.click("#papers-sync .metrics summary")
        for metric in ("{evil}<b>", "toString"):
            rows = again(
                shown,
                "sync",
                lambda m=metric: shown.locator("#papers-sync-metrics label", has_text=m).click(),
            )
            assert any(metric in cell[0] for cell in rows[0])
        assert shown.locator("article img, article b b").count() == 0
