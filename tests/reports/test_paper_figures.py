"""Figures for papers: valid files, the store's numbers in them, names as text, the same bytes each time."""

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import duckdb
import numpy as np
import pytest
import talkbench
from store_factory import AUDIO, METRICS, VIDEO, FakeCodec, StoreFactory
from talkbench.benchmark.cli.main import app
from talkbench.reports.boards.columns import all_columns
from talkbench.reports.boards.series import COLOURS, DASHES, SYMBOLS
from talkbench.reports.publication import figures
from talkbench.reports.publication import style as paper_style
from talkbench.reports.source import Source
from typer.testing import CliRunner

STATIC = Path(talkbench.__file__).parent / "reports" / "static"
SVG = "{http://www.w3.org/2000/svg}"
EVIL = "_<b>$x_1^2$ & \u202e√"


def built(folder, **changes):
    """A store with uncoded scores beside those of the codecs; returns its folder."""
    folder.mkdir(exist_ok=True)
    names = ("dists", "visqol_speech")
    metrics = tuple(metric for metric in METRICS if metric.name in names)
    path = StoreFactory(**{"metrics": metrics, **changes}).build(folder / "talkbench.duckdb")
    with duckdb.connect(str(path)) as store:
        store.execute(
            "INSERT INTO scores BY NAME SELECT 'reference:' || clip_id AS encode_id, 'dists' AS metric, "
            "'dists-print' AS fingerprint, 0.01 AS value, 1.0 AS weight, 'ok' AS status FROM clips"
        )
    return folder


def write(folder, into="figures"):
    with duckdb.connect(str(folder / "talkbench.duckdb"), read_only=True) as store:
        return figures.write(Source(store, folder), folder / into)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two video codecs, one of them with an invalid name, and two audio codecs."""
    evil = FakeCodec(EVIL, "video", (4, 9, 18, 40), 0.9, weights="synthetic")
    folder = built(tmp_path_factory.mktemp("figures") / "store", video=(VIDEO[2], evil), audio=AUDIO)
    write(folder)
    return folder


def parsed(path):
    return ElementTree.parse(path).getroot()


def texts(root):
    return ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]


def group(root, name):
    return next(element for element in root.iter(f"{SVG}g") if element.get("id") == name)


def vertices(element):
    """Places of the first path of an element, in points."""
    path = next(element.iter(f"{SVG}path"))
    return np.array([[float(n) for n in pair] for pair in re.findall(r"[ML] (\S+) (\S+)", path.get("d"))])


def scale(root, axis, law=None):
    """Place in points → number on an axis of the figure, from its ticks; x is logarithmic without a law."""
    ticks = [g for g in root.iter(f"{SVG}g") if re.fullmatch(rf"{axis}tick_\d+", g.get("id") or "")]
    places = [float(next(tick.iter(f"{SVG}use")).get(axis)) for tick in ticks]
    numbers = [float("".join(next(tick.iter(f"{SVG}text")).itertext()).replace("−", "-")) for tick in ticks]
    assert len(numbers) > 2
    numbers = (law or (np.log10 if axis == "x" else np.asarray))(numbers)
    slope = (numbers[-1] - numbers[0]) / (places[-1] - places[0])
    assert np.allclose(numbers, numbers[0] + slope * (np.array(places) - places[0]), atol=1e-4)
    return lambda place: numbers[0] + slope * (place - places[0])


def test_every_figure_is_a_pdf_and_an_svg_with_a_caption(folder):
    files = sorted((folder / "figures").iterdir())
    stems = {path.stem for path in files} - {"captions"}
    assert {path.name for path in files} == {f"{s}.{e}" for s in stems for e in ("pdf", "svg")} | {
        "captions.txt"
    }
    kinds = {stem.split("-")[0] for stem in stems}
    assert kinds == {"rd", "figure3", "surface", "contour", "bits"}
    assert {f"rd-synthetic-{r}-dists" for r in ("video", "total")} <= stems
    captions = (folder / "figures" / "captions.txt").read_text()
    blocks = dict(block.split("\n    ", 1) for block in captions.split("\n\n") if "\n    " in block)
    assert set(blocks) == stems
    for stem in stems:
        assert "synthetic" in blocks[stem]
        assert re.search(r"\b4( of 4| clips|\.)", blocks[stem]), stem
        pdf = (folder / "figures" / f"{stem}.pdf").read_bytes()
        assert pdf.startswith(b"%PDF-")
        assert pdf.rstrip().endswith(b"%%EOF")
        assert (
            b"/FontFile2" in pdf
        )  # TrueType outlines inside, which publishers ask for (Type 42, never Type 3)
        assert b"/Type3" not in pdf
        assert b"Date" not in pdf
        root = parsed(folder / "figures" / f"{stem}.svg")
        assert root.get("width") == "244.8pt"  # 3.4 inches
        assert not list(root.iter(f"{SVG}image"))
        assert "mathdefault" not in "".join(texts(root))
    assert "lower is better" in blocks["rd-synthetic-video-dists"]
    assert "1 minus dists" in blocks["figure3-synthetic-video-dists"]
    assert "uncoded clips (0.01)" in blocks["rd-synthetic-video-dists"]
    assert "uses small in-house weights" in blocks["rd-synthetic-video-dists"]


def test_a_line_holds_the_numbers_of_the_store(folder):
    root = parsed(folder / "figures" / "rd-synthetic-video-dists.svg")
    with duckdb.connect(str(folder / "talkbench.duckdb"), read_only=True) as store:
        rows = store.execute(
            "SELECT kbps_video, value FROM rd_points "
            "WHERE system = 'vvc' AND metric = 'dists' ORDER BY kbps_video"
        ).fetchall()
    names = [text for text in texts(root) if text in ("vvc", EVIL)]
    places = vertices(group(root, f"curve-{names.index('vvc')}"))
    x, y = scale(root, "x"), scale(root, "y")
    found = [(10 ** x(place[0]), y(place[1])) for place in places]
    np.testing.assert_allclose(found, rows, rtol=2e-4)
    # The uncoded clips' line, and the Figure 3 view of the same points.
    assert y(vertices(group(root, "uncoded"))[0][1]) == pytest.approx(0.01, abs=1e-4)
    assert "uncoded" in texts(root)
    turned = parsed(folder / "figures" / "figure3-synthetic-video-dists.svg")
    assert "1−DISTS ↑" in texts(turned)
    upside = [
        scale(turned, "y")(place[1]) for place in vertices(group(turned, f"curve-{names.index('vvc')}"))
    ]
    np.testing.assert_allclose(upside, [1 - value for _, value in rows], rtol=2e-4)


def test_lines_of_equal_rate_lie_where_the_rates_are(folder):
    """With one sound setting fixed, the picture's value at a rate is interpolated over log rate."""
    (path,) = (folder / "figures").glob("contour-*-dists-*.svg")
    root = parsed(path)
    lines = [g.get("id") for g in root.iter(f"{SVG}g") if re.fullmatch(r"line-\d+-\S+", g.get("id") or "")]
    rates = {float(name.split("-")[-1]) for name in lines}
    assert len(rates) >= 2
    with duckdb.connect(str(folder / "talkbench.duckdb"), read_only=True) as store:
        rows = store.execute(
            "SELECT kbps_total, value FROM rd_points WHERE system = 'vvc+opus' AND metric = 'dists' "
            "AND audio_point = 'p0' ORDER BY kbps_total"
        ).fetchall()
    names = [text for text in texts(root) if "+" in text]
    number = names.index("vvc+opus")
    x = scale(root, "x", np.asarray)
    assert x(100) > x(200)  # lower is better, so the axis runs down
    kbps, dists = np.array(rows).T
    checked = 0
    for rate in rates:
        if kbps[0] < rate < kbps[-1]:
            places = vertices(group(root, f"line-{number}-{rate:g}"))
            wanted = np.interp(np.log10(rate), np.log10(kbps), dists)
            assert np.abs(x(places[:, 0]) - wanted).min() < 1e-4
            checked += 1
    assert checked


def test_names_are_text_whatever_is_in_them(folder):
    root = parsed(folder / "figures" / "rd-synthetic-video-dists.svg")
    assert EVIL in texts(root)
    assert paper_style.brief("short name") == "short name"
    assert paper_style.brief("a" * 40 + "b" * 40, 20) == "a" * 12 + "…" + "b" * 7
    assert paper_style.plain("a\nb\x00\ud800c") == "a\ufffdb\ufffd\ufffdc"


def test_the_same_store_gives_the_same_bytes(folder):
    write(folder, "again")
    for path in (folder / "figures").iterdir():
        assert (folder / "again" / path.name).read_bytes() == path.read_bytes(), path.name


def test_looks_are_those_of_the_pages(folder):
    style = (STATIC / "report.css").read_text()
    wanted = [re.search(rf"--c{at}: (#\w+)", style).group(1) for at in range(COLOURS)]
    assert list(paper_style.palette()) == wanted
    assert (len(paper_style.DASHES), len(paper_style.MARKERS)) == (DASHES, SYMBOLS)
    script = (STATIC / "plots.js").read_text()
    for name, count in (("DASHES", DASHES), ("SYMBOLS", SYMBOLS)):
        assert len(re.search(rf"const {name} = \[(.*?)\]", script).group(1).split(",")) == count
    papers = re.search(
        r"const PAPERS = \{(.*?)\n  \};", (STATIC / "pages" / "index-curves.js").read_text(), re.S
    )
    views = re.findall(r'(\w+): \{ from: (\d+), word: "(.*?)" \}', papers.group(1))
    assert {name: int(number) for name, number, _ in views} == {
        name: number for name, (number, _) in figures.PAPER_VIEWS.items()
    }
    svg = (folder / "figures" / "rd-synthetic-video-dists.svg").read_text()
    assert f"stroke: {wanted[0]}" in svg
    assert f"stroke: {wanted[1]}" in svg


def test_many_systems_are_cut_to_the_best_and_the_caption_says_so(tmp_path):
    codecs = tuple(FakeCodec(f"codec{at:02}", "video", (4, 9, 18, 40), 1 + at / 10) for at in range(12))
    built(tmp_path, video=codecs, audio=(), anchors={})
    with duckdb.connect(str(tmp_path / "talkbench.duckdb"), read_only=True) as store:
        source = Source(store, tmp_path)
        column = next(c for c in all_columns(source) if c.board.metric == "dists")
        curves = [curve for curve in source.curves if curve.metric == "dists" and curve.rate == "video"]
        with paper_style.paper_style():
            figure, caption = figures.curve_figure(source, column, curves, None)
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    best = [row.system for row in column.board.rows][: figures.MOST_CURVES]
    assert sorted(names) == sorted(best)
    assert "The 8 best of 12 systems by BD-rate are shown." in caption


def test_the_command_writes_them_and_says_where(tmp_path):
    built(
        tmp_path, video=VIDEO[:1], audio=(), clips=("only",), failures={("av1", "*", "*"): ("failed", "no")}
    )
    old = tmp_path / "figures"
    old.mkdir()
    (old / "stale.pdf").write_text("from an older run")
    result = CliRunner().invoke(app, ["report", str(tmp_path), "--figures"])
    assert result.exit_code == 0, result.output
    assert str(old / "captions.txt") in result.output.replace("\n", "")
    assert [path.name for path in old.iterdir()] == ["captions.txt"]
    assert "No figure" in (old / "captions.txt").read_text()


def test_the_command_line_starts_without_matplotlib():
    code = "import sys, talkbench.benchmark.cli.main; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
