"""The page of bits and speed: the ledger recomputed from the store, and the figures in a browser."""

import json

import duckdb
import numpy as np
import pytest
from reading import Opened, reading
from store_factory import AUDIO, METRICS, VIDEO, FakeCodec, StoreFactory
from talkbench.reports.queries.ledger import NOT_SPLIT, kind, ledger, unbalanced
from talkbench.reports.site import write_report

AVCC = FakeCodec(
    "avcc", "joint", (3, 6, 12, 24), weights="synthetic",
    parts={"keyframe": 0.3, "motion": 0.3, "audio_tokens": 0.35, "headers": 0.05},
)  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Pairs of codecs and a joint one, with failures, a codec without parts and one that was not timed."""
    factory = StoreFactory(
        video=VIDEO,
        audio=AUDIO,
        joint=(AVCC,),
        metrics=METRICS[:1],
        failures={("fomm", "p1", "amy_01"): ("oom", "killed"), ("av1", "p4", "*"): ("failed", "no")},
    )
    path = factory.build(tmp_path_factory.mktemp("bits") / "talkbench.duckdb")
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE encodes SET parts = NULL WHERE codec = 'hevc'")
        connection.execute("UPDATE encodes SET encode_s = NULL, decode_s = NULL WHERE codec = 'opus'")
    return path


@pytest.fixture(scope="module")
def page(store):
    write_report(store.parent)
    return store.parent / "report" / "bits.html"


def encodes(store, codec):
    """(point, parts, duration, bits) of a codec's encodes, read without the report's queries."""
    with duckdb.connect(str(store), read_only=True) as connection:
        return connection.execute(
            "SELECT point, parts, duration_s, bits_video + bits_audio + bits_joint FROM encodes "
            "WHERE codec = ? AND status = 'ok'",
            [codec],
        ).fetchall()


def test_the_ledger_is_the_mean_over_encoded_clips(store):
    with duckdb.connect(str(store), read_only=True) as connection:
        rows = {(row["codec"], row["point"]): row for row in ledger(connection)}
    assert ("av1", "p4") not in rows
    assert rows["fomm", "p1"]["clips"] == 3
    for codec in ("fomm", "avcc", "vvc", "encodec"):
        found = encodes(store, codec)
        for point in {row[0] for row in found}:
            clips = [(json.loads(parts), seconds) for name, parts, seconds, _ in found if name == point]
            expected = {
                part: np.mean([8 * parts[part] / 8000 / seconds for parts, seconds in clips])
                for part in clips[0][0]
            }
            row = rows[codec, point]
            assert row["parts"] == pytest.approx(expected, rel=1e-12)
            assert row["kbps"] == pytest.approx(sum(expected.values()), rel=1e-12)
            assert row["clips"] == len(clips)
    for point, _, seconds, bits in encodes(store, "hevc"):
        assert set(rows["hevc", point]["parts"]) == {NOT_SPLIT}
        assert bits / 1000 / seconds == pytest.approx(rows["hevc", point]["kbps"], rel=0.6)


def test_parts_that_do_not_add_up_are_counted(store, tmp_path):
    copy = tmp_path / "copy.duckdb"
    copy.write_bytes(store.read_bytes())
    with duckdb.connect(str(copy)) as connection:
        assert unbalanced(connection) == 0
        connection.execute("UPDATE encodes SET parts = '{\"keyframe\": 8}' WHERE encode_id = 'vvc/0/amy_01'")
        connection.execute("UPDATE encodes SET parts = '[1, 2]' WHERE encode_id = 'vvc/0/bo_02'")
        assert unbalanced(connection) == 2
        assert {row["codec"] for row in ledger(connection)} >= {"vvc"}


@pytest.mark.parametrize(
    ("part", "modalities", "expected"),
    [
        ("keyframe", ("video",), "keyframe"),
        ("motion", ("video",), "motion"),
        ("inter", ("video",), "residual"),
        ("parameter_sets", ("video",), "headers"),
        ("tokens", ("video",), "tokens"),
        ("stream", ("video",), "other"),
        ("tokens", ("audio",), "audio"),
        ("x", ("audio",), "audio"),
        ("lengths", ("audio",), "headers"),
        ("audio_tokens", ("video", "audio"), "audio"),
    ],
)
def test_what_a_part_is_for_is_read_off_its_name(part, modalities, expected):
    assert kind(part, modalities) == expected


def test_the_page_holds_the_ledger_and_says_what_is_not_known(page, store):
    reader = reading(page)
    with duckdb.connect(str(store), read_only=True) as connection:
        rates = {
            (codec, point): kbps
            for codec, point, kbps in connection.execute(
                "SELECT codec, point, avg(kbps_total) FROM clip_points GROUP BY 1, 2"
            ).fetchall()
        }
    assert {(row["codec"], row["point"]) for row in reader.data["ledger"]} == set(rates)
    for row in reader.data["ledger"]:
        total = sum(kbps for _, _, kbps in row["parts"])
        assert total == pytest.approx(rates[row["codec"], row["point"]], rel=1e-5)
    assert "not timed" in reader.text
    assert "with up to 2 jobs at a time" in reader.text


def bars(page, plot):
    """Trace names, and the sum of every bar by its label."""
    return page.evaluate(
        """(id) => {
          const plot = document.getElementById(id), sums = {};
          for (const trace of plot.data) {
            const [names, values] = trace.orientation === 'h' ? [trace.y, trace.x] : [trace.x, trace.y];
            names.forEach((name, i) => { sums[name] = (sums[name] ?? 0) + values[i]; });
          }
          return [plot.data.map((t) => t.name), sums];
        }""",
        plot,
    )


def nearest(rates, target):
    return min(rates, key=lambda name: abs(np.log(rates[name] / target)))


def test_figures_and_their_tables_show_the_same(browser, page, store):
    with duckdb.connect(str(store), read_only=True) as connection:
        mean = {}
        for row in ledger(connection):
            mean.setdefault(row["codec"], {})[row["point"]] = row["kbps"]
    with Opened(browser, page) as opened:
        shown = opened.page
        shown.select_option("#bits-target", "20")
        shown.select_option("#bits-sound", "7")
        names, sums = bars(shown, "bits-budget-plot")
        assert "keyframe" in names
        assert "audio" in names
        for system, total in sums.items():
            name = system.removesuffix(" ⚠")
            if name == "avcc":
                expected = mean["avcc"][nearest(mean["avcc"], 20)]
            else:
                video, audio = name.split("+")
                sound = mean[audio][nearest(mean[audio], 7)]
                expected = min(
                    (kbps + sound for kbps in mean[video].values()), key=lambda v: abs(np.log(v / 20))
                )
            assert total == pytest.approx(expected, rel=1e-4)
            assert ("⚠" in system) == (abs(np.log(expected / 20)) > np.log(1.5))
        assert len(sums) == 9
        shown.click("#bits-budget-numbers summary")
        rows = shown.locator("#bits-budget-table tbody tr").all_inner_texts()
        assert sorted(row.split("\t")[0] for row in rows) == sorted(n.removesuffix(" ⚠") for n in sums)
        shown.check("#bits-budget-share")
        assert bars(shown, "bits-budget-plot")[1] == {name: pytest.approx(100) for name in sums}
        shown.select_option("#bits-scope", "audio")
        assert not shown.locator("#bits-sound").is_visible()
        assert {name.removesuffix(" ⚠") for name in bars(shown, "bits-budget-plot")[1]} == {
            "opus",
            "encodec",
            "avcc",
        }

        assert shown.input_value("#bits-codec") == "avcc"
        shown.select_option("#bits-codec", "fomm")
        names, sums = bars(shown, "bits-plot")
        assert names == ["keyframe", "motion"]
        assert sums == pytest.approx(mean["fomm"], rel=1e-4)
        shown.click("#bits-numbers summary")
        heads, *rows = shown.locator("#bits-table tr").all_inner_texts()
        assert heads.split("\t") == [
            "point",
            "keyframe (kbit/s)",
            "motion (kbit/s)",
            "total (kbit/s)",
            "clips",
        ]
        assert [row.split("\t")[-1] for row in rows] == ["4", "3", "4", "4", "4"]

        codecs = shown.evaluate("document.getElementById('bits-pace-plot').data.map((t) => t.name)")
        assert "opus" not in codecs
        assert "fomm" in codecs
        times = shown.evaluate(
            "document.getElementById('bits-pace-plot').data.find((t) => t.name === 'fomm').y"
        )
        assert times == pytest.approx([5 / (30 / 20)] * 5, rel=1e-5)
