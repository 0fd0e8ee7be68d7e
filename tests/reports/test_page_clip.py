"""The clips: what their list says, and their own pages as a browser plays them."""

import io
import json
import re

import duckdb
import jiwer
import numpy as np
import pytest
from PIL import Image
from preview_factory import FPS, FRAMES, MOUTH, RATE, SECONDS, Previews, colour
from reading import Opened, reading
from store_factory import METRICS, VIDEO, FakeCodec, StoreFactory
from talkbench.reports import clip_pages, preview_files, site
from talkbench.reports.clip_words import pieces
from talkbench.reports.pages import clips
from talkbench.reports.site import write_report
from talkbench.reports.source import Source

EVIL = "<img src=x onerror=alert(1)>"
EVIL_CLIP = "<b onclick='x'>zoe & co"
VVC = next(codec for codec in VIDEO if codec.name == "vvc")
FACTORY = StoreFactory(
    video=(VVC, FakeCodec(EVIL, "video", (4, 9, 16), gain=0.8)),
    audio=(FakeCodec("opus", "audio", (6, 8, 12)),),
    joint=(FakeCodec("both", "joint", (10, 20), gain=1.4),),
    metrics=tuple(m for m in METRICS if m.name in ("dists", "psnr", "ssim", "pesq", "wer_sphinx", "lse_c")),
    clips=("amy_01", EVIL_CLIP, "cleo_03", "dan_04"),
    anchors={},
    failures={(EVIL, "p2", "amy_01"): ("failed", "it <b>broke</b>")},
)
SAID, HEARD = "we saw four tickets at the door", "we four tickets at at the <i>floor</i>"
TIMELINE = {
    "keyframe": {"step_s": 0.1, "bits": [4000] + 19 * [0]},
    "inter": {"step_s": 0.1, "bits": [0] + 19 * [150]},
}
PACKETS = {"packets": {"step_s": 0.06, "bits": 34 * [120]}}  # the last one ends behind the clip


def variants(connection, clip):
    return connection.execute(
        "SELECT encode_id, codec, point, row_number() OVER (ORDER BY codec, point) FROM encodes "
        "WHERE clip_id = ? AND status = 'ok' ORDER BY codec, point",
        [f"id-{clip}"],
    ).fetchall()


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A store with previews of three clips: one whole, one without sound, one without picture."""
    directory = tmp_path_factory.mktemp("clips")
    store = FACTORY.build(directory / "talkbench.duckdb")
    previews = Previews(directory)
    rng = np.random.default_rng(5)
    with duckdb.connect(str(store)) as connection:
        connection.execute(
            "UPDATE clips SET frames = ?, fps = ?, samples = ?, sample_rate = ?, transcript = ?",
            [FRAMES, FPS, int(RATE * SECONDS), RATE, SAID],
        )
        connection.execute("UPDATE clips SET samples = 0, transcript = NULL WHERE name = ?", [EVIL_CLIP])
        connection.execute(
            "UPDATE clips SET frames = 0, fps = 0, width = 0, height = 0 WHERE name = 'cleo_03'"
        )
        for encode_id, metric in connection.execute(
            "SELECT encode_id, metric FROM scores x JOIN metrics m USING (metric) WHERE m.modality = 'video'"
        ).fetchall():
            values = rng.normal(30, 3, FRAMES).astype(np.float32).tolist()
            connection.execute(
                "UPDATE scores SET frame_values = ?, value = ? WHERE encode_id = ? AND metric = ?",
                [values, float(np.mean(values)), encode_id, metric],
            )
        detail = json.dumps({"reference": SAID, "hypothesis": HEARD, "errors": 3, "words": 7})
        connection.execute(
            "UPDATE scores SET detail = ?, value = 3 / 7 WHERE metric = 'wer_sphinx'", [detail]
        )
        for clip in FACTORY.clips[:3]:
            sight, hearing = clip != "cleo_03", clip != EVIL_CLIP
            previews.add(f"reference:id-{clip}", f"id-{clip}", 0, picture=sight, tone=hearing)
            for encode_id, codec, point, number in variants(connection, clip):
                if (codec, point) == ("opus", "p2"):
                    reason = {"status": "unavailable", "error": "the clip's previews would pass 40 MB"}
                    previews.add(encode_id, f"id-{clip}", number, **reason)
                    continue
                sees, hears = codec != "opus" and sight, codec in ("opus", "both") and hearing
                if not sees and not hears:
                    continue
                previews.add(
                    encode_id,
                    f"id-{clip}",
                    number,
                    picture=sees,
                    tone=hears,
                    # A sound that ends before the pictures.
                    seconds=1.2 if (codec, point) == ("opus", "p0") else SECONDS,
                    timeline=PACKETS if codec == "opus" else TIMELINE if codec == "vvc" else {},
                )
    previews.save()
    return directory


@pytest.fixture(scope="module")
def report(results):
    return write_report(results).parent


@pytest.fixture
def alone(monkeypatch):
    """Reports of clips only: the other pages take their time."""
    monkeypatch.setattr(site, "build", clips.pages)


@pytest.fixture(scope="module")
def store(results, report):
    with duckdb.connect(str(results / "talkbench.duckdb"), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def data(report):
    return reading(report / "clip-2.html").data


def part(report, name):
    """A part of a page, as its script gets it."""
    found = re.fullmatch(
        r"talkbench\.deliver\(\"(.*?)\",(.*)\);\n", (report / "data" / f"{name}.js").read_text()
    )
    assert found[1] == name
    return json.loads(found[2])


# The clips are ordered by name: '<' comes first.
EVIL_PAGE, AMY, CLEO = "clip-1", "clip-2", "clip-3"


# ------------------------------------------------------------------------------------------ what is written


def test_the_list_names_all_clips_and_why_some_cannot_be_seen(report, store):
    reader = reading(report / "clips.html")
    assert "4 clips in the plan; 3 can be seen and heard here" in reader.text
    assert "1 clip has no previews" in reader.text
    assert "no preview was made of it" in reader.text
    assert "talkbench sweep --previews 4" in reader.text
    assert EVIL_CLIP in reader.text
    assert "11 of 13" in reader.text  # one failed, one left out for its size
    links = [attributes["href"] for tag, attributes in reader.tags if tag == "a" and "href" in attributes]
    assert {f"{name}.html" for name in (EVIL_PAGE, AMY, CLEO)} <= set(links)
    assert "clip-4.html" not in links
    for at, clip in enumerate(sorted(FACTORY.clips)):
        low, middle, high, count = store.execute(
            "SELECT min(value), median(value), max(value), count(*) "
            "FROM scores JOIN encodes USING (encode_id) WHERE clip_id = ? AND metric = 'psnr'",
            [f"id-{clip}"],
        ).fetchone()
        number = next(m["key"] for m in reader.data["metrics"] if m["metric"] == "psnr")
        found = part(report, f"clips/metric-{number}")[at]
        assert found[:3] == pytest.approx([low, middle, high], rel=1e-5)
        assert found[5:] == [count, count]
        codec, point = store.execute(
            "SELECT codec, point FROM encodes JOIN scores USING (encode_id) "
            "WHERE metric = 'psnr' AND value = ?",
            [low],
        ).fetchone()
        assert found[3] == f"{codec} {point}"


def test_every_number_of_a_page_is_a_query(report, store, data):
    names = {int(number): metric["metric"] for number, metric in data["metrics"].items()}
    assert set(names.values()) == {"dists", "psnr", "ssim", "pesq", "wer_sphinx", "lse_c"}
    seen = 0
    for key, variant in enumerate(data["variants"][1:], 1):
        (encode_id, status, video, audio, joint, seconds) = store.execute(
            "SELECT encode_id, status, bits_video, bits_audio, bits_joint, duration_s FROM encodes "
            "WHERE codec = ? AND point = ? AND clip_id = 'id-amy_01'",
            [variant["codec"], variant["point"]],
        ).fetchone()
        if status != "ok":
            assert variant["kbps"] == {"video": None, "audio": None, "total": None}
            assert variant["why"]["picture"] == "encode: failed, it <b>broke</b>"
            continue
        bits = {"video": video + joint, "audio": audio + joint, "total": video + audio + joint}
        for rate, count in bits.items():
            assert variant["kbps"][rate] == pytest.approx(count / 1000 / seconds, rel=1e-5)
        rows = store.execute("SELECT metric, value FROM scores WHERE encode_id = ?", [encode_id]).fetchall()
        assert {names[int(n)]: v for n, v in variant["scores"].items()} == pytest.approx(dict(rows), rel=1e-8)
        frames = part(report, f"{AMY}/variant-{key}")["frames"]
        for metric, values in store.execute(
            "SELECT metric, frame_values FROM scores WHERE encode_id = ? AND frame_values IS NOT NULL",
            [encode_id],
        ).fetchall():
            (number,) = (n for n, name in names.items() if name == metric)
            assert np.array_equal(np.float32(frames[str(number)]), np.float32(values))
            seen += 1
    assert seen >= 21
    ids = [None] + [
        store.execute(
            "SELECT encode_id FROM encodes WHERE codec = ? AND point = ? AND clip_id = 'id-amy_01'",
            [v["codec"], v["point"]],
        ).fetchone()[0]
        for v in data["variants"][1:]
    ]
    pairs = part(report, f"{AMY}/pairs")
    expected = store.execute(
        "SELECT p.video_encode_id, p.audio_encode_id, p.value FROM pair_scores p "
        "JOIN encodes e ON e.encode_id = p.video_encode_id WHERE e.clip_id = 'id-amy_01'"
    ).fetchall()
    assert {(ids[video], ids[audio]): value for _, video, audio, value in pairs} == pytest.approx(
        {(video, audio): value for video, audio, value in expected}, rel=1e-8
    )
    assert len(pairs) == len(expected) > 10


def test_the_panes_begin_near_one_rate(results, data):
    with duckdb.connect(str(results / "talkbench.duckdb"), read_only=True) as connection:
        view = next(v for v in clip_pages.load(Source(connection, results)) if v.name == AMY)
        assert view.has_page
        assert view.playable == 11
    assert data["openers"][0] == [0, 0]
    chosen = [data["variants"][picture] for picture, _ in data["openers"][1:]]
    assert {variant["codec"] for variant in chosen} == {"vvc", EVIL, "both"}
    rates = [variant["kbps"]["video"] for variant in chosen]
    assert max(rates) / min(rates) < 2
    for picture, sound in data["openers"][1:]:
        codec = data["variants"][sound]["codec"]
        assert (sound == picture) if data["variants"][picture]["codec"] == "both" else codec == "opus"


def test_words_are_aligned_as_the_error_rate_counts_them():
    found = jiwer.process_words(SAID, HEARD)
    size = {"substitute": 1, "delete": 1, "insert": 2}
    counted = {
        kind: sum(len(p[size[kind]].split()) for p in pieces(SAID, HEARD) if p[0] == kind) for kind in size
    }
    assert counted == {
        "substitute": found.substitutions,
        "delete": found.deletions,
        "insert": found.insertions,
    }
    assert counted == {"substitute": 1, "delete": 1, "insert": 1}
    assert " ".join(p[1] for p in pieces(SAID, HEARD) if p[1]) == SAID
    assert " ".join(p[2] for p in pieces(SAID, HEARD) if p[2]) == HEARD
    assert pieces("", "") == []
    assert pieces("two words", "") == [("delete", "two words", "")]
    assert pieces("", "two words") == [("insert", "", "two words")]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"sheets": ["../../talkbench.duckdb"] * 4}, "a name that no preview has"),
        ({"sheets": ["/etc/passwd"] * 4}, "a name that no preview has"),
        ({"sheets": [7, 7, 7, 7]}, "a name that no preview has"),
        ({"sheets": ["sheet-000.webp"]}, "not valid"),
        ({"sheets": "sheet-000.webp"}, "not valid"),
        ({"frames": -3}, "not valid"),
        ({"fps": "fast"}, "not valid"),
        ({"columns": 0}, "not valid"),
        ({"per_sheet": 2.5}, "not valid"),
        ({"sheets": ["gone.webp"] * 4}, "not beside the results"),
    ],
)
def test_a_preview_is_checked_before_a_page_names_it(tmp_path, change, reason):
    previews = Previews(tmp_path)
    previews.add("e", "c", picture=True, tone=True, **change)
    found = preview_files.read(tmp_path, row(previews))
    assert found.sound
    assert found.mel
    if reason is None:
        assert found.picture
        assert len(found.files) == 6
    else:
        assert found.picture is None
        assert reason in found.why["picture"]
        assert set(found.files) == {"sound.flac", "mel.png"}


def row(previews):
    names = ("encode_id", "clip_id", "status", "error", "bytes", "detail", "run_id")
    found = dict(zip(names, previews.rows[-1], strict=True))
    return found | {"detail": json.loads(found["detail"])}


def test_files_that_changed_or_lie_elsewhere_are_not_shown(tmp_path):
    previews = Previews(tmp_path)
    folder = previews.add("e", "c", picture=True, tone=True)
    whole = row(previews)
    (folder / "sheet-002.webp").write_bytes(b"another picture")
    assert "not the file that the sweep wrote" in preview_files.read(tmp_path, whole).why["picture"]
    (folder / "sheet-002.webp").unlink()
    (folder / "sheet-002.webp").symlink_to("/etc/hostname")
    assert "outside" in preview_files.read(tmp_path, whole).why["picture"]
    (tmp_path / "artifacts" / "sound.flac").write_bytes(b"?")
    lost = preview_files.read(tmp_path, whole | {"encode_id": ".."}).why
    assert "outside" in lost["sound"]
    for broken in (None, 3, "text", [1]):
        assert preview_files.read(tmp_path, whole | {"detail": broken}).picture is None
    assert preview_files.read(None, whole).why["picture"]
    assert preview_files.read(tmp_path, None).why["sound"] == preview_files.NOT_MADE


def test_a_mouth_outside_the_picture_is_none(tmp_path):
    for mouth in ([30, 0, 12, 8], [0, 0, 0, 8], ["x", 0, 1, 1], [0, 0], None):
        previews = Previews(tmp_path / str(mouth))
        previews.add("e", "c", picture=True, mouth=mouth)
        assert preview_files.read(tmp_path / str(mouth), row(previews)).mouth is None


@pytest.mark.parametrize("table", [True, False])
def test_a_store_without_previews_has_the_list_alone(tmp_path, alone, table):
    store = FACTORY.build(tmp_path / "talkbench.duckdb")
    with duckdb.connect(str(store)) as connection:
        connection.execute('UPDATE runs SET suite_resolved = \'{"name": "demo", "previews": 0}\'')
        if not table:  # as talkbench 0.1 wrote it
            connection.execute("DROP TABLE previews")
    folder = write_report(tmp_path).parent
    text = reading(folder / "clips.html").text
    assert "none can be seen or heard here" in text
    assert "the suite asks for none ( previews = 0 )" in text
    assert not list(folder.glob("clip-*.html"))
    assert not (folder / "media").exists()


def test_the_tones_of_the_sounds_are_seen(page):
    """A tone is one line of the spectrogram, in viridis: its place tells its frequency."""
    plot = page.locator("[data-is=mels] .plot-area").first
    plot.scroll_into_view_if_needed()
    for _ in range(50):  # until it is there
        picture = np.asarray(Image.open(io.BytesIO(plot.screenshot())).convert("RGB")).astype(float)
        column = picture[2:-3, picture.shape[1] // 2]  # without the borders
        if np.ptp(column.sum(axis=1)) > 100:
            break
        page.wait_for_timeout(100)
    mel = 3 * 300 / 200  # the reference's tone of 300 Hz, on Slaney's scale
    top = 15 + 27 * np.log(4) / np.log(6.4)  # 4 kHz, half of this clip's rate
    assert 1 - column.sum(axis=1).argmax() / len(column) == pytest.approx(mel / top, abs=0.03)
    assert near(column[3], (0.267 * 255, 0.005 * 255, 0.329 * 255), 12)  # silence: the dark end


def test_the_spectrograms_have_matplotlibs_viridis(report):
    from matplotlib import colormaps

    tables = [
        [float(value) for value in attributes["tablevalues"].split()]
        for tag, attributes in reading(report / f"{AMY}.html").tags
        if tag.startswith("fefunc")
    ]
    expected = colormaps["viridis"](np.linspace(0, 1, 17))[:, :3].T
    assert np.allclose(tables, expected, atol=6e-4)


# ------------------------------------------------------------------------------------------ what is seen


def frames_shown(page):
    return page.eval_on_selector_all(".pane canvas", "all => all.map((one) => one.dataset.frame ?? null)")


def seen(canvas, x=0.1, y=0.1):
    """The colour that the browser shows at a place of a canvas."""
    picture = Image.open(io.BytesIO(canvas.screenshot())).convert("RGB")
    return picture.getpixel((int(x * picture.width), int(y * picture.height)))


def in_panes(page, *places):
    """Of each pane the colours at these places of its canvas."""
    grid = page.locator(".panes")
    picture = Image.open(io.BytesIO(grid.screenshot())).convert("RGB")
    left, top = (grid.bounding_box()[key] for key in ("x", "y"))
    boxes = [canvas.bounding_box() for canvas in page.locator(".pane canvas").all()]
    return [
        [
            picture.getpixel((int(b["x"] - left + x * b["width"]), int(b["y"] - top + y * b["height"])))
            for x, y in places
        ]
        for b in boxes
    ]


def near(one, other, off=3):
    return all(abs(a - b) <= off for a, b in zip(one, other, strict=True))


def variant_number(store, encode_clip, codec, point):
    return next(n for _, c, p, n in variants(store, encode_clip) if (c, p) == (codec, point))


def ready(page, count=None):
    """Wait until all panes with a picture show one."""
    page.wait_for_function(
        "count => { const all = [...document.querySelectorAll('.pane canvas')];"
        " return all.filter((one) => one.dataset.frame !== undefined).length === (count ?? all.length)"
        " && document.querySelectorAll('.now[data-key]').length >= 0 }",
        arg=count,
    )


def at_rest(page):
    """The clock's readout once nothing plays."""
    page.wait_for_function("document.querySelector('[data-do=play]').textContent === 'Play'")
    return page.inner_text(".clock")


@pytest.fixture(scope="module")
def opened(browser, report):
    with Opened(browser, report / f"{AMY}.html") as opened:
        ready(opened.page)
        yield opened


@pytest.fixture
def page(opened):
    """Amy's page, at its first frame, with nothing playing."""
    page = opened.page
    if page.inner_text("[data-do=play]") == "Pause":
        page.click("[data-do=play]")
    page.click("[data-do=first]")
    ready(page)
    return page


def test_each_pane_draws_the_very_frame(page, store, data):
    assert page.locator(".pane").count() == 4
    panes = [data["variants"][picture] for picture, _ in data["openers"]]
    numbers = [0] + [variant_number(store, "amy_01", v["codec"], v["point"]) for v in panes[1:]]
    for frame in (0, 1, 5, 6, 19):  # ends of rows and of sheets
        page.locator(".scrubber").evaluate(
            "(bar, frame) => { bar.value = frame; bar.dispatchEvent(new Event('input')); }", frame
        )
        ready(page)
        assert frames_shown(page) == 4 * [str(frame)]
        assert page.inner_text(".clock") == f"frame {frame + 1} of {FRAMES} · {frame / FPS:.2f} s"
        middle = ((MOUTH[0] + MOUTH[2] / 2) / 32, (MOUTH[1] + MOUTH[3] / 2) / 24)
        for at, (corner, mouth) in enumerate(in_panes(page, (0.1, 0.1), middle)):
            assert near(corner, colour(numbers[at], frame)), (frame, at)
            assert near(mouth, (255, 255, 255))


def test_keys_go_by_frames(page):
    page.locator(".player").focus()
    for key, frame in (
        ("ArrowRight", 1),
        ("ArrowRight", 2),
        ("ArrowLeft", 1),
        ("End", 19),
        ("ArrowRight", 19),
    ):
        page.keyboard.press(key)
        assert set(frames_shown(page)) == {str(frame)}, key
    page.keyboard.press("Home")
    assert set(frames_shown(page)) == {"0"}
    # In a choice, keys are the choice's own.
    page.locator("[data-is=metric]").focus()
    page.keyboard.press("End")
    assert set(frames_shown(page)) == {"0"}
    page.select_option("[data-is=metric]", index=0)


def test_it_plays_in_step_and_stops_at_the_end(page):
    page.evaluate(
        """() => { window.log = []; const note = () => {
        log.push([...document.querySelectorAll('.pane canvas')].map((one) => Number(one.dataset.frame)));
        if (log.length < 400) requestAnimationFrame(note); }; requestAnimationFrame(note); }"""
    )
    assert page.inner_text("[data-do=play]") == "Play"
    page.locator(".player").focus()
    page.keyboard.press(" ")
    assert page.inner_text("[data-do=play]") == "Pause"
    assert at_rest(page).startswith(f"frame {FRAMES} of {FRAMES}")
    log = page.evaluate("log")
    assert all(len(set(frames)) == 1 for frames in log)
    shown = [frames[0] for frames in log]
    assert shown == sorted(shown)
    assert len(set(shown)) >= 5
    page.keyboard.press(" ")  # from the end it begins again
    page.wait_for_function("Number(document.querySelector('.pane canvas').dataset.frame) < 15")


def test_another_sound_goes_on_at_the_same_place(page, data):
    page.evaluate(
        """() => { window.played = []; const play = Audio.prototype.play;
        Audio.prototype.play = function () {
          played.push([this.src, this.currentTime]);
          return play.call(this);
        }; }"""
    )
    page.locator(".pane").nth(0).locator(".listen").click()
    page.click("[data-do=play]")
    page.wait_for_function("Number(document.querySelector('.pane canvas').dataset.frame) >= 4")
    page.locator(".pane").nth(2).locator(".listen").click()
    page.wait_for_function("played.length === 2")
    page.wait_for_function("Number(document.querySelector('.pane canvas').dataset.frame) >= 7")
    pressed = page.locator(".listen").evaluate_all(
        "all => all.map((one) => one.getAttribute('aria-pressed'))"
    )
    assert pressed == ["false", "false", "true", "false"]
    (first, start), (second, there) = page.evaluate("played")
    assert (start, first.endswith("/0/sound.flac")) == (0, True)
    key = data["openers"][2][1]
    assert second.endswith(f"{AMY}/{key}/sound.flac")
    assert 0.35 <= there <= 1.5
    page.keyboard.press("1")
    page.wait_for_function("played.length === 3")
    assert at_rest(page).startswith(f"frame {FRAMES} of")


def test_a_sound_that_ends_early_does_not_end_the_pictures(page, data):
    short = next(k for k, v in enumerate(data["variants"]) if (v["codec"], v["point"]) == ("opus", "p0"))
    before = page.locator("[data-focus='1-sound']").input_value()
    page.select_option("[data-focus='1-sound']", str(short))
    page.locator(".pane").nth(1).locator(".listen").click()
    page.click("[data-do=play]")
    assert at_rest(page).startswith(f"frame {FRAMES} of {FRAMES}")
    page.select_option("[data-focus='1-sound']", before)
    page.locator(".pane").nth(0).locator(".listen").click()


def test_half_speed_and_a_loop_over_a_part(page):
    page.click("[data-is=speed] [data-value='0.5']")
    page.locator(".plot-area").first.scroll_into_view_if_needed()
    box = page.locator("[data-is=curves] .plot-area").first.bounding_box()
    page.keyboard.down("Shift")
    page.mouse.move(box["x"] + box["width"] * 0.26, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.44, box["y"] + 20, steps=3)
    page.mouse.up()
    page.keyboard.up("Shift")
    assert page.inner_text("[data-do=whole]").startswith("0.52–0.88 s")
    assert page.is_checked("[data-is=loop]")
    page.evaluate(
        """() => { window.turns = 0; window.range = new Set(); let last = 0;
        const see = () => {
          const now = Number(document.querySelector('.pane canvas').dataset.frame);
          if (now < last) turns += 1;
          last = now;
          range.add(now);
          requestAnimationFrame(see);
        };
        document.querySelector('[data-do=play]').addEventListener('click', see, { once: true }); }"""
    )
    page.click("[data-do=play]")
    page.wait_for_function("turns >= 2")
    page.click("[data-do=play]")
    assert set(page.evaluate("[...range]")) <= {4, 5, 6, 7, 8}
    page.click("[data-do=whole]")
    assert page.locator("[data-do=whole]").is_hidden()
    page.uncheck("[data-is=loop]")
    page.click("[data-is=speed] [data-value='1']")


def test_a_click_on_any_track_goes_there(page):
    for name in ("curves", "mels", "ledger"):
        plot = page.locator(f"[data-is={name}] .plot-area").first
        plot.scroll_into_view_if_needed()
        box = plot.bounding_box()
        for share, frame in ((0.475, 9), (0.025, 0), (0.999, 19)):
            page.mouse.click(box["x"] + box["width"] * share, box["y"] + box["height"] / 2)
            assert set(frames_shown(page)) == {str(frame)}, (name, share)
            moved = page.locator(f"[data-is={name}] .cursor").first.bounding_box()["x"] - box["x"]
            assert moved / box["width"] == pytest.approx(share, abs=0.01)


def test_worst_and_best_frames_are_those_of_the_store(page, store, data):
    codec = data["variants"][data["openers"][1][0]]
    for metric, worst in (("psnr", np.argmin), ("dists", np.argmax)):
        page.select_option("[data-is=metric]", label=metric)
        (values,) = store.execute(
            "SELECT frame_values FROM scores JOIN encodes USING (encode_id) "
            "WHERE metric = ? AND codec = ? AND point = ? AND clip_id = 'id-amy_01'",
            [metric, codec["codec"], codec["point"]],
        ).fetchone()
        best = {np.argmin: np.argmax, np.argmax: np.argmin}[worst]
        pane = page.locator(".pane").nth(1)
        for name, pick in (("worst", worst), ("best", best)):
            pane.locator(f"[data-extreme={name}]").click()
            assert set(frames_shown(page)) == {str(pick(values))}, (metric, name)
            shown = float(pane.locator(".now").inner_text())
            assert shown == pytest.approx(values[pick(values)], rel=1e-3)
        listed = page.locator("[data-worst=B] .frame")
        frames = [int(f) for f in listed.evaluate_all("all => all.map((one) => one.dataset.frame)")]
        assert len(frames) == 5
        assert frames[0] == worst(values)
        assert all(abs(a - b) >= 2 for i, a in enumerate(frames) for b in frames[:i])  # 0.2 s at 10 fps
        listed.nth(3).click()
        assert set(frames_shown(page)) == {str(frames[3])}
        assert near(
            seen(page.locator("[data-worst=B] .cell").first, 0.08, 0.08), seen_at(page, 1, frames[0]), 12
        )


def seen_at(page, pane, frame):
    page.locator(".scrubber").evaluate(
        "(bar, frame) => { bar.value = frame; bar.dispatchEvent(new Event('input')); }", frame
    )
    ready(page)
    return seen(page.locator(".pane canvas").nth(pane))


def test_the_difference_and_its_gain(page, store, data):
    codec = data["variants"][data["openers"][1][0]]
    own = colour(variant_number(store, "amy_01", codec["codec"], codec["point"]), 0)
    off = [abs(a - b) for a, b in zip(own, colour(0, 0), strict=True)]
    assert max(off) >= 9
    page.click("[data-is=view] [data-value=difference]")
    assert page.locator("[data-note=difference]").is_visible()
    for gain in (1, 2, 8):
        page.click(f"[data-is=gain] [data-value='{gain}']")
        (reference,), (difference,), *_ = in_panes(page, (0.1, 0.1))
        assert near(difference, [min(255, gain * value) for value in off], 3), gain
        assert near(reference, colour(0, 0))  # the reference stays itself
    page.click("[data-is=view] [data-value=picture]")
    assert near(in_panes(page, (0.1, 0.1))[1][0], own)


def test_the_reference_beside_and_instead(page, store, data):
    codec = data["variants"][data["openers"][1][0]]
    own = colour(variant_number(store, "amy_01", codec["codec"], codec["point"]), 0)
    page.click("[data-is=view] [data-value=split]")
    (left, right) = in_panes(page, (0.1, 0.1), (0.9, 0.1))[1]
    assert near(left, own)
    assert near(right, colour(0, 0))
    box = page.locator(".pane canvas").nth(2).bounding_box()
    page.mouse.move(box["x"] + 0.97 * box["width"], box["y"] + 9)
    assert near(in_panes(page, (0.9, 0.1))[1][0], own)
    page.click("[data-is=view] [data-value=picture]")
    page.locator(".player").focus()
    page.keyboard.down("r")
    assert all(near(pane[0], colour(0, 0)) for pane in in_panes(page, (0.1, 0.1)))
    page.keyboard.up("r")
    assert near(in_panes(page, (0.1, 0.1))[1][0], own)


def test_the_mouth_fills_the_panes(page):
    page.check("[data-is=zoom]")
    for corners in in_panes(page, *((x, y) for x in (0.05, 0.95) for y in (0.05, 0.95))):
        assert all(near(corner, (255, 255, 255)) for corner in corners)
    sizes = page.eval_on_selector_all(".pane canvas", "all => all.map((one) => [one.width, one.height])")
    assert sizes == len(sizes) * [MOUTH[2:]]
    page.uncheck("[data-is=zoom]")
    assert not near(seen(page.locator(".pane canvas").first), (255, 255, 255))


def test_words_bits_and_scores_follow_the_panes(page, store, data):
    words = page.locator("[data-is=words]")
    assert SAID in words.inner_text()
    assert "wer_sphinx 42.9 %: 3 errors in 7 words of the transcript" in words.inner_text()
    assert words.locator("del.lost").first.inner_text() == "−saw"
    assert words.locator("ins.added").first.inner_text() == "+at"
    assert words.locator(".swap").last.inner_text() == "door→<i>floor</i>"

    heads = page.locator("[data-is=ledger] .track-head").all_inner_texts()
    vvc = next(head for head in heads if "vvc" in head)
    assert "picture keyframe 4000" in vvc
    assert "picture inter 2850" in vvc
    assert "sound packets 4080" in vvc
    assert "Not known for" in page.inner_text("[data-is=ledger-caption]")
    bits = page.evaluate(
        "([line, frames]) => Object.values(clipBits(line, frames, 10)).map((x) => [...x])", [PACKETS, 20]
    )
    assert sum(bits[0]) == pytest.approx(34 * 120)
    assert bits[0][0] == pytest.approx(120 + 120 * 2 / 3)

    rows = page.locator("[data-is=scores] tbody tr")
    found = {row.locator("th").inner_text().split()[0]: row for row in rows.all()}
    assert set(found) == {"dists", "psnr", "ssim", "pesq", "wer_sphinx", "lse_c"}
    (picture, sound) = (data["variants"][key] for key in data["openers"][1])
    expected = {
        "psnr": (
            picture,
            "SELECT x.value FROM scores x JOIN encodes e USING (encode_id) WHERE metric = 'psnr'",
        ),
        "pesq": (
            sound,
            "SELECT x.value FROM scores x JOIN encodes e USING (encode_id) WHERE metric = 'pesq'",
        ),
    }
    for metric, (variant, sql) in expected.items():
        (value,) = store.execute(
            f"{sql} AND codec = ? AND point = ? AND clip_id = 'id-amy_01'",
            [variant["codec"], variant["point"]],
        ).fetchone()
        cell = found[metric].locator("td").nth(1)
        assert float(cell.get_attribute("data-value")) == pytest.approx(value, rel=1e-8)
    (value,) = store.execute(
        "SELECT p.value FROM pair_scores p JOIN encodes v ON v.encode_id = p.video_encode_id "
        "JOIN encodes a ON a.encode_id = p.audio_encode_id WHERE v.clip_id = 'id-amy_01' "
        "AND (v.codec, v.point, a.codec, a.point) = (?, ?, ?, ?)",
        [picture["codec"], picture["point"], sound["codec"], sound["point"]],
    ).fetchone()
    cell = found["lse_c"].locator("td").nth(1)
    assert float(cell.get_attribute("data-value")) == pytest.approx(value, rel=1e-8)


def test_panes_are_chosen_added_and_removed(page, data):
    page.locator(".pane").nth(3).get_by_label("Remove pane D").click()
    assert page.locator(".pane").count() == 3
    page.click(".add")
    assert page.locator(".pane").count() == 4
    failed = next(k for k, v in enumerate(data["variants"]) if (v["codec"], v["point"]) == (EVIL, "p2"))
    page.select_option("[data-focus='3-picture']", str(failed))
    assert "encode: failed, it <b>broke</b>" in page.locator(".pane").nth(3).locator(".why").inner_text()
    # A choice keeps the focus, and the buttons beside it go along the ladder.
    page.locator("[data-focus='3-picture']").focus()
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.dataset.focus") == "3-picture"
    assert page.locator("[data-focus='3-picture']").input_value() == str(failed - 1)
    page.click("[data-focus='3-picture-1']")
    assert page.locator("[data-focus='3-picture']").input_value() == str(failed - 2)
    joint = next(k for k, v in enumerate(data["variants"]) if v["codec"] == "both")
    page.select_option("[data-focus='3-picture']", str(joint))
    assert page.locator("[data-focus='3-sound']").input_value() == str(joint)
    unavailable = next(
        k for k, v in enumerate(data["variants"]) if (v["codec"], v["point"]) == ("opus", "p2")
    )
    page.select_option("[data-focus='3-sound']", str(unavailable))
    assert "would pass 40 MB" in page.locator(".pane").nth(3).inner_text()
    assert page.locator("[data-focus='3-listen']").is_disabled()
    page.select_option("[data-focus='3-sound']", str(joint))
    assert page.locator("img[src=x]").count() == 0


def test_every_metric_and_the_dark(page):
    def ink():
        return page.locator("[data-is=curves] canvas").first.screenshot()

    assert page.locator("[data-is=curves] .track").count() == 1
    page.check("[data-is=every]")
    assert page.locator("[data-is=curves] .track").count() == 3
    page.uncheck("[data-is=every]")
    before = ink()
    page.click("#theme")
    assert ink() != before
    page.click("#theme")
    page.mouse.move(0, 0)
    assert ink() == before


def test_without_sound_the_browsers_time_is_the_clock(browser, report):
    with Opened(browser, report / f"{EVIL_PAGE}.html") as opened:
        page = opened.page
        ready(page)
        assert page.inner_text("h1") == EVIL_CLIP
        assert page.locator("h1 b").count() == 0
        assert page.inner_text(".status") == "This clip has no sound."
        assert not any(button.is_visible() for button in page.locator(".listen").all())
        assert page.locator("[data-is=mels] .track").count() == 0
        page.click("[data-do=play]")
        assert at_rest(page).startswith(f"frame {FRAMES} of {FRAMES}")
        assert set(frames_shown(page)) == {"19"}


def test_without_pictures_the_sound_plays(browser, report):
    with Opened(browser, report / f"{CLEO}.html") as opened:
        page = opened.page
        assert page.locator(".screen .why").first.inner_text() == "no picture"
        assert page.locator("[data-is=view], [data-is=hold]").locator("visible=true").count() == 0
        assert page.locator("[data-is=mels] canvas").count() >= 2
        page.click("[data-do=play]")
        page.wait_for_function("document.querySelector('.clock').textContent > '0.5'")
        page.click("[data-do=play]")
        assert "frame" not in page.inner_text(".clock")
        assert frames_shown(page) == len(frames_shown(page)) * [None]


def test_missing_files_are_said_in_their_place(browser, results, report, tmp_path):
    import shutil

    copy = tmp_path / "report"
    shutil.copytree(report, copy)
    shutil.rmtree(copy / "media" / AMY / "0")
    context = browser.new_context()
    page = context.new_page()
    page.goto((copy / f"{AMY}.html").as_uri())
    page.wait_for_function("document.querySelector('.why').textContent !== ''")
    assert page.locator(".why").first.inner_text() == "The picture's file is missing beside this page."
    page.wait_for_function("document.querySelector('[data-is=mels]').textContent.includes('missing')")
    ready(page, 3)
    page.click("[data-do=play]")
    page.wait_for_function("document.querySelector('.status').textContent.length > 0")
    assert at_rest(page).startswith(f"frame {FRAMES} of")  # by the browser's time
    context.close()


def test_a_phone_shows_two_panes(browser, report):
    with Opened(browser, report / f"{AMY}.html", viewport={"width": 390, "height": 844}) as opened:
        page = opened.page
        ready(page)
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        boxes = [pane.bounding_box() for pane in page.locator(".pane").all()]
        assert len(boxes) == 2
        assert boxes[0]["y"] == boxes[1]["y"]
        assert page.locator(".transport").bounding_box()["width"] <= 390


@pytest.mark.parametrize("room", [40_000_000, 3000])
def test_a_single_file_plays_or_says_what_it_leaves_out(browser, results, alone, monkeypatch, room):
    monkeypatch.setattr(site, "SINGLE_FILE_MEDIA_BYTES", room)
    whole = write_report(results, single_file=True)
    with Opened(browser, whole) as opened:
        page = opened.page
        page.evaluate(f"location.hash = '{AMY}'")
        own = page.locator(f"article[data-page='{AMY}']")
        own.locator(".pane").first.wait_for()
        if room > 1e6:
            own.locator("canvas[data-frame='0']").nth(3).wait_for()
            own.locator("[data-do=play]").click()
            page.wait_for_function(
                f"Number(document.querySelector('[data-page={AMY}] canvas').dataset.frame) >= 2"
            )
            page.evaluate("location.hash = 'clips'")  # another page: silence
            page.wait_for_function(
                f"document.querySelector('[data-page={AMY}] [data-do=play]').textContent === 'Play'"
            )
            assert own.locator("canvas").first.get_attribute("data-frame") != "19"
        else:
            assert "Left out of this single file" in own.locator(".why").last.inner_text()
            assert "left out of this single file" in own.inner_text()
        assert all(url.startswith(("file:", "data:")) for url in opened.requests)


def test_the_list_shows_thumbnails_and_another_metric(browser, report, store):
    with Opened(browser, report / "clips.html") as opened:
        page = opened.page
        assert page.locator(".thumb img").count() == 2  # one of the three has no picture
        box = page.locator("tr[data-clip=clip-2] .thumb")
        page.wait_for_function(
            "[...document.querySelectorAll('.thumb img')].every((one) => one.complete && one.naturalWidth)"
        )
        assert near(
            seen(box), colour(0, 5), 12
        )  # the last frame of the first sheet: the middle lies behind it
        page.select_option("#clips-metric", label="ssim")
        (value,) = store.execute(
            "SELECT median(value) FROM scores JOIN encodes USING (encode_id) "
            "WHERE metric = 'ssim' AND clip_id = 'id-amy_01'"
        ).fetchone()
        cell = page.locator("tr[data-clip=clip-2] td").nth(-3)
        page.wait_for_function("document.querySelector('#clips-caption').textContent.startsWith('ssim')")
        assert float(cell.get_attribute("data-sort")) == pytest.approx(value, rel=1e-5)
        page.click("tr[data-clip=clip-2] a >> nth=1")
        page.wait_for_url("**/clip-2.html")
