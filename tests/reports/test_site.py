"""What all pages say, from ordinary and from extreme stores; each page has its own tests beside this."""

import json
import re
from dataclasses import replace

import duckdb
import pytest
from reading import Reader, read_site, reading
from store_factory import AUDIO, METRICS, VIDEO, FakeCodec, StoreFactory
from talkbench.benchmark.util.errors import UsageError
from talkbench.reports.boards.series import COLOURS, script_json, styles
from talkbench.reports.queries.facts import problems
from talkbench.reports.site import write_report
from talkbench.reports.words import tint

FEW = tuple(metric for metric in METRICS if metric.name in ("psnr", "pesq", "lse_c"))
SMALL = StoreFactory(video=VIDEO[:2], audio=AUDIO, metrics=FEW)


@pytest.fixture(scope="module")
def page(realistic_page):
    reader = Reader()
    reader.feed(realistic_page.read_text())
    return realistic_page, reader


@pytest.fixture(scope="module")
def site(realistic_page):
    """Page name → (its path, its Reader)."""
    return {path.stem: (path, reading(path)) for path in sorted(realistic_page.parent.glob("*.html"))}


def test_the_realistic_site_says_what_a_reader_needs(site):
    text = " ".join(reader.text for _, reader in site.values())
    for words in (
        "synthetic: rendered, not recorded",
        "with uncommitted changes",
        "3 of 4",
        "low overlap",
        "no overlap",
        "small in-house weights",
        "weights 'avcc' are not here; run: talkbench weights fetch avcc",
        "encode took longer than 600 s",
        "killed at 6.1 GB",
        "no face found: centre crop",
        "higher is better",
        "lower is better",
        "What dists is, in one sentence.",
    ):
        assert words in text, words


def test_the_page_is_small_beside_plotly(page):
    assert page[0].stat().st_size < 1_000_000


def test_every_figure_and_table_of_numbers_has_a_caption(page):
    text = page[0].read_text()
    figures_drawn = len(re.findall(r'class="figure', text))
    captions = len(re.findall(r'class="caption"', text))
    boards = len(re.findall(r'class="board"', text))
    assert captions >= figures_drawn + boards


def test_script_json_round_trips_and_holds_no_markup():
    value = {"</script>": ["<!--", "\u2028", "&amp;", "é"]}
    written = script_json(value)
    assert json.loads(written) == value
    assert not set(written) & set("<>&\u2028")


CASES = {
    "tie": (
        replace(SMALL, audio=(), video=(VIDEO[0], replace(VIDEO[0], name="twin")), anchors={}),
        "tie for the lowest rate",
    ),
    "one system": (replace(SMALL, video=VIDEO[:1], audio=()), "no comparison possible"),
    "unavailable": (
        replace(SMALL, video=tuple(replace(c, unavailable="get the weights") for c in VIDEO[:2])),
        "get the weights",
    ),
    "unavailable metric": (
        replace(SMALL, metrics=(*FEW, replace(METRICS[0], unavailable="no weights for dists"))),
        "no weights for dists",
    ),
    "clip not prepared": (replace(SMALL, clip_failures={"bo_02": "file is truncated"}), "file is truncated"),
    "recorded": (replace(SMALL, dataset="folder"), "recorded"),
}
"""Beside the stores of odd_stores.py, whose every page is opened in a browser."""


@pytest.mark.parametrize("case", CASES)
def test_extreme_stores_give_clear_pages(case, tmp_path):
    factory, words = CASES[case]
    assert words in " ".join(reader.text for reader in read_site(factory, tmp_path).values())


def test_all_failed_is_told_by_cell(tmp_path):
    failures = {(codec.name, "*", "*"): ("failed", "it broke") for codec in VIDEO[:2] + AUDIO}
    factory = replace(SMALL, failures=failures)
    with duckdb.connect(str(factory.build(tmp_path / "s.duckdb"))) as connection:
        rows = problems(connection)
    assert {(row["stage"], row["subject"], row["n"]) for row in rows} == {
        ("encode", codec.name, len(codec.rates) * 4) for codec in VIDEO[:2] + AUDIO
    }
    assert rows[0]["cells"][0] == "amy_01 at p0"


def test_no_store_is_told_with_the_mend(tmp_path):
    with pytest.raises(UsageError, match="run `talkbench sweep"):
        write_report(tmp_path)


def test_looks_are_unique_within_a_figure(realistic_store):
    many = tuple(FakeCodec(f"v{i:02}", "video", (1,)) for i in range(20))
    sounds = tuple(FakeCodec(f"a{i}", "audio", (1,)) for i in range(4))
    systems = StoreFactory(video=many, audio=sounds)._systems()
    systems.insert(0, {"system": "joint", "kind": "joint", "video_codec": "joint", "audio_codec": "joint"})
    looks = styles(systems)
    for kinds in (("video", "joint"), ("audio", "joint")):
        seen = [tuple(looks[row["system"]].values()) for row in systems if row["kind"] in kinds]
        assert len(set(seen)) == len(seen)
    few = [row for row in systems if row["kind"] == "pair" and row["video_codec"] < f"v{COLOURS - 1:02}"]
    seen = [tuple(looks[row["system"]].values()) for row in few] + [tuple(looks["joint"].values())]
    assert len(set(seen)) == len(seen)


def test_tints_are_even_to_both_sides():
    assert tint(0.5) == ""
    assert (tint(100), tint(-50)) == ("more-5", "less-5")
    assert (tint(-99.99999), tint(25)) == ("less-5", "more-2")
