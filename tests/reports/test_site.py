"""What all pages say, from ordinary and from extreme stores; each page has its own tests beside this."""

import json
import re
from dataclasses import replace

import duckdb
import pytest
from reading import Reader, read_site, reading
from store_factory import AUDIO, METRICS, VIDEO, FakeCodec, StoreFactory
from talkbench.benchmark.errors import UsageError
from talkbench.reports.facts import problems
from talkbench.reports.figures import COLOURS, script_json, styles
from talkbench.reports.site import write_report
from talkbench.reports.text import tint

EVIL = "<script>alert(1)</script>"
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
        "runs on synthetic weights",
        "weights 'avcc' are not here; run: talkbench weights fetch avcc",
        "encode took longer than 600 s",
        "killed at 6.1 GB",
        "no face found: centre crop",
        "higher is better",
        "lower is better",
        "What dists is, in one sentence.",
    ):
        assert words in text, words


def test_every_link_of_the_site_leads_somewhere_in_it(site):
    folder = site["index"][0].parent
    ids = {name: {a["id"] for _, a in reader.tags if "id" in a} for name, (_, reader) in site.items()}
    seen = 0
    for name, (_, reader) in site.items():
        for tag, attributes in reader.tags:
            for key in ("src", "href", "action", "data", "poster"):
                target = attributes.get(key)
                if not target or target == "data:,":
                    continue
                file, _, section = target.partition("#")
                page = file.removesuffix(".html") if file else name
                assert not file or (folder / file).is_file(), (name, tag, target)
                if section:
                    assert section in ids[page], (name, tag, target)
                seen += 1
    assert seen > 20
    for style in folder.rglob("*.css"):
        assert "url(" not in style.read_text()
        assert "@import" not in style.read_text()


def test_the_page_is_small_beside_plotly(page):
    assert page[0].stat().st_size < 1_000_000


def test_every_figure_and_table_of_numbers_has_a_caption(page):
    text = page[0].read_text()
    figures_drawn = len(re.findall(r'class="figure', text))
    captions = len(re.findall(r'class="caption"', text))
    boards = len(re.findall(r'class="board"', text))
    assert captions >= figures_drawn + boards


def test_names_and_messages_cannot_become_markup(tmp_path):
    codecs = (*VIDEO[:1], FakeCodec(EVIL, "video", (4, 9, 18, 40), gain=0.9))
    factory = StoreFactory(
        video=codecs,
        audio=(),
        metrics=FEW,
        dataset=EVIL,
        clips=(EVIL, "b", "c"),
        notes={"b": EVIL},
        failures={(EVIL, "p0", "b"): ("failed", f"</script>{EVIL}<!--")},
        anchors={},
    )
    readers = read_site(factory, tmp_path)
    for reader in readers.values():
        for tag, attributes in reader.tags:
            assert not [name for name in attributes if name.startswith("on")]
            assert tag != "img"
            if tag == "script":
                assert (
                    attributes.get("src", "").startswith("assets/")
                    or attributes["type"] == "application/json"
                )
    assert "alert(1)" in readers["trust"].text
    assert EVIL in readers["index"].text


def test_script_json_round_trips_and_holds_no_markup():
    value = {"</script>": ["<!--", "\u2028", "&amp;", "é"]}
    written = script_json(value)
    assert json.loads(written) == value
    assert not set(written) & set("<>&\u2028")


CASES = {
    "empty": (replace(SMALL, video=(), audio=(), clips=(), metrics=(), runs=False), "No curve yet."),
    "one clip": (replace(SMALL, clips=("only",)), "No interval: the order is not tested."),
    "one point": (
        replace(SMALL, video=tuple(replace(c, rates=c.rates[:1]) for c in VIDEO[:2])),
        "fewer than 3 points",
    ),
    "all failed": (
        replace(SMALL, failures={(c.name, "*", "*"): ("failed", "it broke") for c in VIDEO[:2] + AUDIO}),
        "it broke",
    ),
    "no sound": (replace(SMALL, audio=()), "tie for the least rate"),
    "no picture": (replace(SMALL, video=()), "encodec"),
    "one system": (replace(SMALL, video=VIDEO[:1], audio=()), "nothing to compare it with"),
    "unavailable": (
        replace(SMALL, video=tuple(replace(c, unavailable="get the weights") for c in VIDEO[:2])),
        "get the weights",
    ),
    "unavailable metric": (
        replace(SMALL, metrics=(*FEW, replace(METRICS[0], unavailable="no weights for dists"))),
        "no weights for dists",
    ),
    "stopped": (replace(SMALL, finished=False), "This run has not finished"),
    "clip not prepared": (replace(SMALL, clip_failures={"bo_02": "file is truncated"}), "file is truncated"),
    "joint codec": (
        replace(SMALL, joint=(FakeCodec("avcc", "joint", (3, 6, 12, 24), weights="synthetic"),)),
        "avcc: runs on synthetic weights",
    ),
    "recorded": (replace(SMALL, dataset="folder"), "recorded"),
}


@pytest.mark.parametrize("case", CASES)
def test_extreme_stores_give_clear_pages(case, tmp_path):
    factory, words = CASES[case]
    if case == "no sound":
        factory = replace(factory, video=(VIDEO[0], replace(VIDEO[0], name="twin")), anchors={})
    assert words in " ".join(reader.text for reader in read_site(factory, tmp_path).values())


def test_all_failed_is_told_by_cell(tmp_path):
    factory, _ = CASES["all failed"]
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
