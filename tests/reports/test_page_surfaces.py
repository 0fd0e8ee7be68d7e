"""The page of surfaces: what it says, what a browser shows, and its numbers made again from the store."""

import json

import duckdb
import matplotlib as mpl
import numpy as np
import pytest
from reading import Opened, read, reading
from scipy.interpolate import LinearNDInterpolator, interp1d
from store_factory import AUDIO, METRICS, VIDEO, FakeCodec, FakeMetric, StoreFactory
from talkbench.reports.site import write_report
from talkbench.reports.source import Source
from talkbench.reports.surfaces.correlation import correlations
from talkbench.reports.surfaces.grids import Sheet, Surfaces
from talkbench.reports.surfaces.mesh import (
    LADDER,
    LATTICE,
    SCATTERED,
    TRIANGULATED,
    factors,
    lattice,
    preferred_rates,
    triangulated,
)
from talkbench.reports.surfaces.view import SurfaceView

JOINT = FakeCodec("avcc", "joint", tuple(float(rate) for rate in range(4, 16)), 2.0, family="generative")
"""Twelve points; `shared` makes a grid of 4 × 3 settings of them."""


def shared(path):
    """Give the joint codec a grid: picture from `motion`, sound from `tokens`, some bits for both."""
    with duckdb.connect(str(path)) as store:
        rows = store.execute(
            "SELECT encode_id, point, duration_s FROM encodes WHERE codec = 'avcc' ORDER BY encode_id"
        ).fetchall()
        low_high = ", ".join(f"('{m.name}', '{m.modality}', {m.low}, {m.high})" for m in METRICS)
        for number, (encode_id, point, seconds) in enumerate(rows):
            motion, tokens = divmod(int(point[1:]), 3)
            bits = [8 * round(kbps * 125 * seconds) for kbps in (1.5 + 2 * motion, 1 + 0.8 * tokens, 1.2)]
            store.execute(
                "UPDATE encodes SET params = ?, parts = ?, bits_video = ?, bits_audio = ?, bits_joint = ? "
                "WHERE encode_id = ?",
                [
                    json.dumps({"motion": 8 * motion, "tokens": tokens}),
                    json.dumps(dict(zip(("motion", "audio", "shared"), bits, strict=True))),
                    *bits,
                    encode_id,
                ],
            )
            levels = {"video": 0.1 + 0.15 * motion, "audio": 0.15 + 0.2 * tokens + 0.05 * motion}
            for modality, level in levels.items():
                store.execute(
                    f"UPDATE scores SET value = s.low + (s.high - s.low) * ? FROM (VALUES {low_high}) "
                    "s(metric, modality, low, high) "
                    "WHERE encode_id = ? AND scores.metric = s.metric AND s.modality = ?",
                    [level + 0.01 * np.sin(number), encode_id, modality],
                )
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four pairs and a joint codec with a grid; a failed cell, and a metric that lacks a clip everywhere."""
    folder = tmp_path_factory.mktemp("surfaces")
    factory = StoreFactory(
        video=VIDEO[2:], joint=(JOINT,), failures={("fomm", "p1", "amy_01"): ("failed", "it broke")}
    )
    path = shared(factory.build(folder / "talkbench.duckdb"))
    with duckdb.connect(str(path)) as store:
        store.execute(
            "UPDATE scores SET status = 'failed', value = NULL "
            "WHERE metric = 'pesq' AND encode_id LIKE '%/bo_02'"
        )
    return folder


@pytest.fixture(scope="module")
def store(folder):
    with duckdb.connect(str(folder / "talkbench.duckdb"), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def page(folder):
    """The page itself, written before `store` holds the file open."""
    return write_report(folder).with_name("surfaces.html")


def key(metric):
    return metric, f"{metric}-print"


def measured(store, system, *metrics):
    """Point → [video point, audio point, total rate, metric, …] over clips with all scores; their count."""
    found = {}
    for metric in metrics:
        for point, clip, *row in store.execute(
            "SELECT point, clip_id, video_point, audio_point, kbps_total, value FROM rd_clip_points "
            "WHERE system = ? AND metric = ?",
            [system, metric],
        ).fetchall():
            found.setdefault((point, clip), {})[metric] = row
    points = {point for point, _ in found}
    clips = [
        c for c in {c for _, c in found} if all(len(found.get((p, c), ())) == len(metrics) for p in points)
    ]
    return {
        point: [
            *found[point, clips[0]][metrics[0]][:2],
            np.mean([found[point, clip][metrics[0]][2] for clip in clips]),
            *(np.mean([found[point, clip][metric][3] for clip in clips]) for metric in metrics),
        ]
        for point in points
    }, len(clips)


def grid_of(store, system):
    return next(grid for grid in Surfaces(Source(store)).grids if grid.system == system)


# ---------------------------------------------------------------------------------------- numbers


@pytest.mark.parametrize("system", ["vvc+opus", "fomm+encodec", "avcc"])
def test_lines_of_equal_rate_are_those_of_another_contourer(page, store, system):
    mpl.use("agg")
    from matplotlib import pyplot
    from matplotlib.tri import Triangulation

    rows, clips = measured(store, system, "dists", "visqol_speech")
    grid = grid_of(store, system)
    sheet = grid.sheet(key("dists"), key("visqol_speech"))
    assert isinstance(sheet, Sheet)
    assert sheet.count == clips == (3 if "fomm" in system else 4)
    kbps, video, audio = np.array([rows[point][2:] for point in sheet.points]).T
    np.testing.assert_allclose(sheet.kbps, kbps, rtol=1e-12)
    np.testing.assert_allclose(grid.means(sheet, key("dists")), video, rtol=1e-12)
    mesh = sheet.mesh(video)
    assert (mesh.form, mesh.shape) == (LATTICE, (4, 3) if system == "avcc" else (5, 5))
    for rate in (6.0, 12.0, 25.0):
        lines = sheet.equal_rate(mesh, rate)
        figure, axes = pyplot.subplots()
        level = np.log10(rate)
        drawn = axes.tricontour(Triangulation(video, audio, mesh.triangles), np.log10(kbps), levels=[level])
        theirs = [vertex for path in drawn.get_paths() for vertex in np.asarray(path.vertices)]
        pyplot.close(figure)
        ours = [
            (video[p] + t * (video[q] - video[p]), audio[p] + t * (audio[q] - audio[p]))
            for line in lines
            for p, q, t in line
        ]
        assert bool(ours) == (kbps.min() < rate <= kbps.max())
        if ours:
            # The same places, whatever their order and however often each is named.
            distances = np.abs(np.array(ours)[:, None] - np.array(theirs)[None]).max(axis=2)
            assert distances.min(axis=1).max() < 1e-12
            assert distances.min(axis=0).max() < 1e-12


def partial_correlation(x, y, given):
    """By the inverse of the correlation matrix."""
    inverse = np.linalg.inv(np.corrcoef([x, y, given]))
    return -inverse[0, 1] / np.sqrt(inverse[0, 0] * inverse[1, 1])


@pytest.mark.parametrize(("system", "audio"), [("vvc+opus", "visqol_speech"), ("avcc", "wer_sphinx")])
def test_the_correlation_at_equal_rate_is_made_again_from_the_clips(page, store, system, audio):
    rows = store.execute(
        "SELECT v.point, v.clip_id, v.kbps_total, -v.value, "
        "a.value * (CASE WHEN a.higher_is_better THEN 1 ELSE -1 END), "
        "CASE WHEN a.aggregate = 'weighted' THEN a.weight ELSE 1 END "
        "FROM rd_clip_points v JOIN rd_clip_points a USING (system, point, clip_id) "
        "WHERE system = ? AND v.metric = 'dists' AND a.metric = ? "
        "ORDER BY v.point, v.clip_id",
        [system, audio],
    ).fetchall()
    clips = sorted({row[1] for row in rows})
    kbps, video, sound, weight = (
        np.array([row[at] for row in rows]).reshape(-1, len(clips)) for at in (2, 3, 4, 5)
    )

    def once(counts):
        return partial_correlation(
            (video * counts).sum(axis=1),
            (sound * weight * counts).sum(axis=1) / (weight * counts).sum(axis=1),
            np.log10((kbps * counts).sum(axis=1)),
        )

    draws = np.random.default_rng(0).multinomial(len(clips), np.full(len(clips), 1 / len(clips)), size=1000)
    pair = (key("dists"), key(audio))
    found = correlations(grid_of(store, system), [pair])[pair]
    assert found.value == pytest.approx(once(np.ones(len(clips))), abs=1e-9)
    ends = np.percentile([once(drawn) for drawn in draws], [2.5, 97.5])
    assert (found.low, found.high) == pytest.approx(tuple(ends), abs=1e-9)
    assert -1 < found.value < 0  # what the one gains, the other loses


def test_a_baseline_is_drawn_after_every_codec(tmp_path):
    low = FakeCodec("a-floor", "video", (4, 9, 18, 40), 0.1, family="floor")
    factory = StoreFactory(video=(low, *VIDEO[:3]), audio=AUDIO[:2], metrics=METRICS[:1], anchors={})
    path = factory.build(tmp_path / "talkbench.duckdb")
    with duckdb.connect(str(path)) as connection:
        first = Surfaces(Source(connection)).first(limit=8)
    assert [name.split("+")[0] for name in first] == ["av1", "hevc", "vvc"] * 2 + ["a-floor"] * 2


def test_what_has_no_correlation_says_why(page, store):
    grid = grid_of(store, "vvc+opus")
    pairs = [(key("lse_c"), key("lse_c")), (key("dists"), key("absent"))]
    words = [found.reason for found in correlations(grid, pairs, 10).values()]
    assert sorted(words) == ["no absent scores", "one metric on both axes"]


@pytest.fixture
def odd(tmp_path):
    """A joint codec whose points form no grid, one that is a ladder, and FID: one value for all clips."""
    ladder = FakeCodec("ladder", "joint", (3.0, 5, 9, 17), 2.0)
    metrics = tuple(metric for metric in METRICS if metric.name in ("dists", "psnr", "visqol_speech"))
    fid = FakeMetric("fid", "video", 200, 10, higher_is_better=False, kind="set")
    path = StoreFactory(
        video=VIDEO[2:3], audio=AUDIO[1:], joint=(JOINT, ladder), metrics=(*metrics, fid), anchors={}
    ).build(tmp_path / "talkbench.duckdb")
    with duckdb.connect(str(path)) as store:
        store.execute("DELETE FROM scores WHERE metric = 'fid'")
        features = (
            "SELECT encode_id, 'fid' AS metric, 'fid-print' AS fingerprint, 'ok' AS status FROM encodes"
        )
        store.execute(f"INSERT INTO set_features BY NAME {features} WHERE codec = 'vvc'")
        store.execute(
            "INSERT INTO set_scores BY NAME SELECT DISTINCT 'synthetic' AS dataset, codec, fingerprint, "
            "point, 'fid' AS metric, 'fid-print' AS metric_fingerprint, 150.0 - 20 * point[2]::INT AS value, "
            "500 AS n, 4 AS clips, 'ok' AS status FROM encodes WHERE codec = 'vvc'"
        )
    shared(path)
    with duckdb.connect(str(path)) as store:
        # Three parameters that all vary on their own.
        store.execute(
            "UPDATE encodes SET params = json_object('a', point[2:]::INT % 2, 'b', point[2:]::INT % 3, "
            "'c', point[2:]::INT) WHERE codec = 'avcc'"
        )
        yield store


def test_set_metrics_and_codecs_without_a_grid(odd):
    grid = grid_of(odd, "vvc+opus")
    pair = (key("fid"), key("visqol_speech"))
    sheet = grid.sheet(*pair)
    assert isinstance(sheet, Sheet)
    values = dict(zip(sheet.points, grid.means(sheet, key("fid")), strict=True))
    assert values["p3|p1"] == 90
    assert sheet.count == 4
    found = correlations(grid, [pair])[pair]
    assert (found.value is None, found.low, found.reason) == (False, None, "one value for all clips")

    view = SurfaceView(Surfaces(Source(odd)), "synthetic")
    parts = {system["system"]: system for system in view.part()["systems"]}
    (alone,) = parts["ladder"]["sheets"]
    assert {mesh["form"] for mesh in alone["meshes"].values()} == {LADDER}
    # Without a grid the triangles depend on the picture's metric: one mesh for each.
    (free,) = parts["avcc"]["sheets"]
    names = [metric for metric, _ in view.video]
    assert {name: free["meshes"][str(names.index(name))]["form"] for name in ("dists", "psnr")} == {
        "dists": TRIANGULATED,
        "psnr": TRIANGULATED,
    }
    assert parts["avcc"]["pairs"][names.index("fid")] == ["no fid scores"]
    # Inside its hull the surface is scipy's linear interpolation over (log rate, picture).
    grid = grid_of(odd, "avcc")
    sheet = grid.sheet(key("psnr"), key("visqol_speech"))
    assert isinstance(sheet, Sheet)
    psnr, visqol = (grid.means(sheet, key(metric)) for metric in ("psnr", "visqol_speech"))
    plane = np.stack([np.log10(sheet.kbps), psnr], axis=1)
    span = np.ptp(plane, axis=0)
    surface = LinearNDInterpolator((plane - plane.min(axis=0)) / span, visqol)
    lines = sheet.equal_rate(sheet.mesh(psnr), 8.0)
    assert lines
    for p, q, t in (place for line in lines for place in line):
        at = plane[p] + t * (plane[q] - plane[p])
        assert at[0] == pytest.approx(np.log10(8))
        assert visqol[p] + t * (visqol[q] - visqol[p]) == pytest.approx(
            surface((at - plane.min(axis=0)) / span).item(), abs=1e-9
        )


def test_meshes_of_grids_with_holes_ladders_and_no_grid():
    full = lattice([0, 0, 1, 1], [0, 1, 0, 1])
    assert (full.form, full.triangles) == (LATTICE, ((0, 2, 1), (2, 3, 1)))
    assert (full.rows, full.columns) == (((0, 1), (2, 3)), ((0, 2), (1, 3)))
    assert lattice([0, 0, 1], [0, 1, 1]).triangles == ((0, 2, 1),)  # three corners: one triangle
    holed = lattice([0, 0, 0, 1, 1, 2, 2, 2], [0, 1, 2, 0, 2, 0, 1, 2])
    assert len(holed.triangles) == 4  # each of the four cells has one of its corners missing
    ladder = lattice([0, 1, 2], [0, 0, 0])
    assert (ladder.form, ladder.rows, ladder.triangles) == (LADDER, ((0, 1, 2),), ())
    assert ladder.crossings([0.0, 1.0, 2.0], 1.5) == [[(1, 2, 0.5)]]
    assert lattice([0, 1], [0, 1]).form == SCATTERED
    assert triangulated([1, 2, 3], [1, 2, 3]).form == SCATTERED  # all on one line
    free = triangulated([1, 2, 1.5, 1.6], [0, 0, 1, 0.3])
    assert (free.form, len(free.triangles)) == (TRIANGULATED, 3)
    # A peak inside: its line of equal height is closed.
    (line,) = free.crossings([0, 0, 0, 1], 0.5)
    assert line[0] == line[-1]
    assert len(line) == 4


def test_settings_of_a_joint_codec_are_found_in_its_parameters():
    rows = [{"q": q, "twin": 2 * q, "tokens": n, "fixed": 1} for q in (1, 2, 3) for n in ("a", "b")]
    assert [name for name, _ in factors(rows)] == ["q", "tokens"]
    assert factors([{"q": 1}, {"q": 1}]) is None  # nothing varies
    assert factors([{"a": i, "b": j, "c": k} for i in (0, 1) for j in (0, 1) for k in (0, 1)]) is None
    assert (
        factors([{"a": 1, "b": 1}, {"a": 1, "b": 2}, {"a": 2, "b": 1}, {"a": 1, "b": 1, "c": None}]) is None
    )


def test_rates_of_the_lines_are_round():
    assert preferred_rates(0.94, 2.1) == [1, 1.2, 1.5, 1.8, 2]
    assert preferred_rates(40, 130) == [40, 50, 60, 70, 80, 90, 100, 120]
    assert preferred_rates(0, 5) == []


# ---------------------------------------------------------------------------------------- the browser

PLOT = "document.getElementById('surfaces-plot')"


def drawn(page, figure="surfaces-plot"):
    """The traces of a figure as (name, type, mode)."""
    return page.evaluate(
        f"document.getElementById('{figure}').data.map((t) => [t.name, t.type, t.mode ?? ''])"
    )


def lines_of(page, figure, system):
    """The lines that a system has in a plane: lists of (picture, sound)."""
    found = page.evaluate(
        "([figure, system]) => document.getElementById(figure).data.filter((t) => t.name === system)"
        ".map((t) => [[...t.x], [...t.y]])",
        [figure, system],
    )
    return [list(zip(*line, strict=True)) for line in found]


def wait(page, condition):
    page.wait_for_function(condition)


def test_the_page_in_a_browser(browser, page, store):
    with Opened(browser, page) as opened:
        web = opened.page
        wait(web, f"{PLOT}.data?.length === 15")
        traces = drawn(web)
        systems = {"avcc", "vvc+opus", "vvc+encodec", "fomm+opus", "fomm+encodec"}
        assert {(name, kind, mode) for name, kind, mode in traces} == {
            (name, *kind)
            for name in systems
            for kind in (("mesh3d", ""), ("scatter3d", "lines"), ("scatter3d", "markers"))
        }
        scene = web.evaluate(
            f"['xaxis', 'yaxis', 'zaxis'].map((name) => {PLOT}.layout.scene[name])"
            ".map((axis) => [axis.title.text, axis.type])"
        )
        assert [title for title, _ in scene] == [
            "total kbit/s",
            "dists, ↓ better",
            "visqol_speech (MOS), ↑ better",
        ]
        assert scene[0][1] == "log"
        # Hover tells the store's numbers.
        rows, _ = measured(store, "vvc+opus", "dists", "visqol_speech")
        texts = web.evaluate(
            f"{PLOT}.data.find((t) => t.name === 'vvc+opus' && t.mode === 'markers').hovertext"
        )
        assert len(texts) == len(rows) == 25
        kbps, dists, visqol = rows["p2|p3"][2:]
        text = next(text for text in texts if "p2 + p3" in text)
        assert f"dists {dists:.4g}<br>visqol_speech {visqol:.4g} MOS<br>{kbps:.4g} kbit/s" in text
        assert "mean of 4 of 4 clips" in text
        # Joint codecs stand apart.
        groups = web.locator("#surfaces-systems > div")
        assert [groups.nth(at).get_attribute("aria-label") for at in (0, 1)] == [
            "Joint codecs",
            "Pairs of separate codecs",
        ]
        assert groups.nth(0).locator("b").all_inner_texts() == ["avcc"]
        opacity = dict(
            web.evaluate(f"{PLOT}.data.filter((t) => t.type === 'mesh3d').map((t) => [t.name, t.opacity])")
        )
        assert opacity["avcc"] > max(value for name, value in opacity.items() if name != "avcc")

        contours(web, store, rows)
        slices(web, rows)
        views(web)
        choices(web, store)


def contours(web, store, rows):
    """Along each line of one audio setting the picture's value at a rate is what scipy interpolates."""
    rates = [float(field.input_value()) for field in web.locator("#surfaces-rates input:checked").all()]
    assert len(rates) >= 3
    lines = lines_of(web, "surfaces-contour-plot", "vvc+opus")
    places = [place for line in lines for place in line]
    checked = 0
    for audio_point in {row[1] for row in rows.values()}:
        kbps, dists, visqol = np.array(sorted(row[2:] for row in rows.values() if row[1] == audio_point)).T
        assert np.ptp(visqol) < 1e-12
        for rate in rates:
            if kbps[0] < rate < kbps[-1]:
                wanted = interp1d(np.log10(kbps), dists)(np.log10(rate)), visqol[0]
                assert np.abs(np.array(places) - wanted).max(axis=1).min() < 2e-5  # sent with six digits
                checked += 1
    assert checked >= 8
    # A rate switched off is gone, and comes back.
    box = web.locator("#surfaces-rates input:checked").first
    rate = box.input_value()
    box.uncheck()
    assert len(drawn(web, "surfaces-contour-plot")) < sum(1 for _ in rates) * 5
    labels = web.evaluate(
        "document.getElementById('surfaces-contour-plot').data.flatMap((t) => t.text).filter(Boolean)"
    )
    assert rate not in labels
    web.locator(f"#surfaces-rates input[value='{rate}']").check()


def slices(web, rows):
    """The slider's rate: ends of the line as the table has them; a rate that a system does not reach."""
    slider = web.locator("#surfaces-rate")
    wanted = web.evaluate(
        "JSON.parse(document.querySelector('script[data-of=surfaces]').textContent).datasets[0].rates"
    )
    slider.fill(str(wanted.index(30)))
    assert web.locator("#surfaces-rate-word").inner_text() == "30 kbit/s"
    (line,) = lines_of(web, "surfaces-slice-plot", "vvc+opus")
    cells = dict(row.split("\t", 1) for row in table(web, "surfaces-slice-table"))
    video, audio = np.array(line).T
    best, there, sound, then, clips = cells["vvc+opus"].split("\t")
    shown = [float(text) for text in (best, there, sound, then)]
    assert shown == pytest.approx(
        [video.min(), audio[video.argmin()], audio.max(), video[audio.argmax()]], rel=5e-3
    )
    assert clips == "4 of 4"
    # The cheapest sound leaves most for the picture.
    cheapest = np.array(sorted(row[2:] for row in rows.values() if row[1] == "p0")).T
    assert float(best) == pytest.approx(
        float(interp1d(np.log10(cheapest[0]), cheapest[1])(np.log10(30))), rel=5e-3
    )
    assert cells["avcc ends at 11.3 kbit/s"].split("\t")[0] == "—"


def table(web, name):
    """Rows of a table as lines of texts."""
    return web.evaluate(
        "(name) => [...document.getElementById(name).tBodies[0].rows]"
        ".map((row) => [...row.cells].map(cellText).join('\\t'))",
        name,
    )


def camera(web):
    return web.evaluate(f"(({{eye}}) => [eye.x, eye.y, eye.z])({PLOT}.layout.scene.camera)")


def axis_ranges(web):
    return web.evaluate(
        f"['xaxis', 'yaxis', 'zaxis'].map((axis) => [...{PLOT}._fullLayout.scene[axis].range])"
    )


def views(web):
    """Buttons turn the camera, and so does a drag, after which no button is the chosen one."""
    first, ranges = camera(web), axis_ranges(web)
    web.locator("#surfaces-views button", has_text="rate–video").click()
    above = camera(web)
    assert above[2] > 20 * max(abs(above[0]), abs(above[1]))
    # A new projection loses no range; the axis that is looked along is not drawn, the others are named.
    np.testing.assert_allclose(axis_ranges(web), ranges)
    assert web.evaluate(f"{PLOT}.layout.scene.zaxis.visible") is False
    names = web.evaluate(f"{PLOT}.layout.annotations.map((note) => note.text)")
    assert names == ["total kbit/s", "dists, ↓ better"]
    web.keyboard.press("ArrowRight")
    assert camera(web)[1] < -20 * abs(camera(web)[2])
    np.testing.assert_allclose(axis_ranges(web), ranges)
    web.locator("#surfaces-views button", has_text="3D").click()
    assert camera(web) == pytest.approx(first)
    box = web.locator("#surfaces-plot").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    web.evaluate(
        f"{PLOT}.on('plotly_relayout', (change) => {{ window.turned = change['scene.camera']?.eye; }})"
    )
    web.mouse.move(x, y)
    web.mouse.down()
    web.mouse.move(x + 60, y + 10, steps=4)
    web.mouse.move(x + 120, y + 30, steps=4)
    web.mouse.up()
    wait(web, "Boolean(window.turned)")
    turned = web.evaluate("[window.turned.x, window.turned.y, window.turned.z]")
    assert np.linalg.norm(np.array(turned) - first) > 0.2
    assert web.locator("#surfaces-views [aria-checked=true]").count() == 0
    assert web.locator("#surfaces-views [tabindex='0']").count() == 1
    web.locator("#surfaces-views button", has_text="3D").click()
    assert camera(web) == pytest.approx(first)


def choices(web, store):
    """Other metrics, a linear rate, systems off: all figures follow."""
    web.locator("#surfaces-video").select_option(label="psnr")
    web.locator("#surfaces-audio").select_option(label="pesq")
    wait(web, f"{PLOT}.layout.scene.zaxis.title.text.startsWith('pesq')")
    titles = web.evaluate(f"[{PLOT}.layout.scene.yaxis.title.text, {PLOT}.layout.scene.yaxis.autorange]")
    assert titles == ["psnr (dB), ↑ better", True]
    plane = web.evaluate(
        "['xaxis', 'yaxis'].map((axis) =>"
        " document.getElementById('surfaces-contour-plot').layout[axis].title.text)"
    )
    assert plane == ["psnr (dB), ↑ better", "pesq (MOS), ↑ better"]
    # PESQ lacks one clip: both qualities and the rate are means over the other three.
    rows, clips = measured(store, "vvc+opus", "psnr", "pesq")
    assert clips == 3
    markers = f"{PLOT}.data.find((t) => t.name === 'vvc+opus' && t.mode === 'markers')"
    order = web.evaluate(f"{markers}.hovertext")
    points = web.evaluate(f"['x', 'y', 'z'].map((axis) => [...{markers}[axis]])")
    assert "mean of 3 of 4 clips" in order[0]
    np.testing.assert_allclose(
        sorted(zip(*points, strict=True)), sorted(tuple(row[2:]) for row in rows.values()), rtol=1e-5
    )
    correlation = {
        row.split("\t")[0].split(" ")[0]: row.split("\t") for row in table(web, "surfaces-correlation-table")
    }
    found = correlations(grid_of(store, "avcc"), [(key("psnr"), key("pesq"))])[key("psnr"), key("pesq")]
    assert correlation["avcc"][1:3] == ["joint", f"{found.value:.2f}".replace("-", "−")]
    assert correlation["avcc"][-2:] == ["12 (4 × 3)", "3 of 4"]
    web.locator("#surfaces-log").uncheck()
    assert web.evaluate(f"{PLOT}.layout.scene.xaxis.type") == "linear"
    web.locator("#surfaces-systems input[value='fomm+opus']").uncheck()
    for figure in ("surfaces-plot", "surfaces-contour-plot", "surfaces-slice-plot"):
        assert "fomm+opus" not in {name for name, *_ in drawn(web, figure)}
    web.locator("#surfaces-systems button[data-kind=pair][data-on=false]").click()
    assert {name for name, *_ in drawn(web)} == {"avcc"}
    web.locator("#surfaces-systems button[data-kind=pair][data-on=true]").click()
    # Dark redraws in other colours.
    before = web.evaluate(f"{PLOT}.data[0].color")
    web.click("#theme")
    assert web.evaluate(f"{PLOT}.data[0].color") != before
    # A metric against itself is said to be that, and nothing is drawn.
    web.locator("#surfaces-video").select_option(label="lse_c")
    web.locator("#surfaces-audio").select_option(label="lse_c")
    wait(web, f"{PLOT}.data.length === 0")
    assert all("one metric on both axes" in row for row in table(web, "surfaces-correlation-table"))
    assert web.locator("#surfaces-systems input:enabled").count() == 0


def test_a_phone_and_no_webgl(browser, page):
    context = browser.new_context(viewport={"width": 390, "height": 844})
    context.add_init_script(
        "const get = HTMLCanvasElement.prototype.getContext;"
        "HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {"
        " return kind.includes('webgl') ? null : get.call(this, kind, ...rest); };"
    )
    web = context.new_page()
    web.goto(page.as_uri())
    wait(web, "document.getElementById('surfaces-contour-plot').data?.length > 5")
    assert web.locator("#surfaces-no-webgl").is_visible()
    assert not web.locator("#surfaces-plot").is_visible()
    assert web.evaluate("document.documentElement.scrollWidth") == 390
    above, below = (web.locator(f"#surfaces-{name}-plot").bounding_box() for name in ("contour", "slice"))
    assert above["y"] + above["height"] <= below["y"]
    assert 340 < above["width"] <= 390
    context.close()


# ---------------------------------------------------------------------------------------- other stores


def test_a_sweep_without_pairs_has_no_such_page(tmp_path):
    reader = read(StoreFactory(audio=()), tmp_path)
    assert "Surfaces" not in reader.text
    assert not (tmp_path / "report" / "surfaces.html").exists()


def test_pairs_without_a_score_are_named(tmp_path):
    failures = {(codec.name, "*", "*"): ("failed", "it broke") for codec in AUDIO}
    reader = read(StoreFactory(failures=failures), tmp_path, "surfaces")
    assert "vvc+opus" in reader.text
    assert "no setting has both a video and an audio score" in reader.text


def test_one_sound_setting_evil_names_and_forty_systems(browser, tmp_path):
    evil = "<img src=x onerror=alert(1)>$x^2$"
    video = [FakeCodec(f"video{at}", "video", (4, 9, 18, 40), 1 + at / 10) for at in range(20)]
    factory = StoreFactory(
        video=(FakeCodec(evil, "video", (4, 9, 18, 40)), *video),
        audio=(FakeCodec("opus", "audio", (6, 8, 12)), FakeCodec("fixed", "audio", (8,))),
        metrics=tuple(metric for metric in METRICS if metric.name in ("dists", "visqol_speech")),
        clips=("amy_01",),
        anchors={},
    )
    factory.build(tmp_path / "talkbench.duckdb")
    path = write_report(tmp_path).with_name("surfaces.html")
    assert len(reading(path).data["datasets"][0]["video"]) == 1
    with Opened(browser, path) as opened:
        web = opened.page
        wait(web, f"{PLOT}.data?.length > 5")
        assert web.locator("img").count() == 0
        # Six systems at first, each with another video codec; the others are a click away.
        assert web.locator("#surfaces-systems input").count() == 42
        assert web.locator("#surfaces-systems input:checked").count() == 6
        rows = {row.split("\t")[0]: row.split("\t") for row in table(web, "surfaces-correlation-table")}
        assert f"{evil}+opus" in rows
        assert rows["video0+fixed"][2] == "— no grid: one setting at each rate"
        assert rows["video0+opus"][4] == "— one clip"
        # A ladder: a line in space, one place at each rate.
        web.locator("#surfaces-systems button[data-kind=pair][data-on=false]").click()
        web.locator("#surfaces-systems input[value='video0+fixed']").check()
        assert [row[1:] for row in drawn(web)] == [["scatter3d", "lines"], ["scatter3d", "markers"]]
        assert all(len(line) == 1 for line in lines_of(web, "surfaces-contour-plot", "video0+fixed"))
        web.locator("#surfaces-systems button[data-kind=pair][data-on=true]").click()
        wait(web, f"new Set({PLOT}.data.map((t) => t.name)).size === 42")
        shown = web.evaluate(f"{PLOT}.data.map((t) => t.name)")
        assert evil.replace("<", "&lt;").replace(">", "&gt;") + "+opus" in shown
