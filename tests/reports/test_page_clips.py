"""The list of clips, and what the clips' pages are made of: every number is a query."""

import duckdb
import numpy as np
import pytest
from clip_screen import near, seen
from clip_store import AMY, CLEO, EVIL, EVIL_CLIP, EVIL_PAGE, FACTORY, part
from preview_factory import colour
from reading import Opened, reading
from talkbench.reports import site
from talkbench.reports.clips import views
from talkbench.reports.pages import clips
from talkbench.reports.site import write_report
from talkbench.reports.source import Source


def test_the_list_names_all_clips_and_why_some_cannot_be_seen(clip_report, clip_db):
    reader = reading(clip_report / "clips.html")
    assert "4 clips in the plan; 3 can be played here" in reader.text
    assert "1 clip has no previews" in reader.text
    assert "no preview was made of it" in reader.text
    assert "talkbench sweep --previews 4" in reader.text
    assert EVIL_CLIP in reader.text
    assert "11 of 13" in reader.text  # one failed, one left out for its size
    links = [attributes["href"] for tag, attributes in reader.tags if tag == "a" and "href" in attributes]
    assert {f"{name}.html" for name in (EVIL_PAGE, AMY, CLEO)} <= set(links)
    assert "clip-4.html" not in links
    for at, clip in enumerate(sorted(FACTORY.clips)):
        low, middle, high, count = clip_db.execute(
            "SELECT min(value), median(value), max(value), count(*) "
            "FROM scores JOIN encodes USING (encode_id) WHERE clip_id = ? AND metric = 'psnr'",
            [f"id-{clip}"],
        ).fetchone()
        number = next(m["key"] for m in reader.data["metrics"] if m["metric"] == "psnr")
        found = part(clip_report, f"clips/metric-{number}")[at]
        assert found[:3] == pytest.approx([low, middle, high], rel=1e-5)
        assert found[5:] == [count, count]
        codec, point = clip_db.execute(
            "SELECT codec, point FROM encodes JOIN scores USING (encode_id) "
            "WHERE metric = 'psnr' AND value = ?",
            [low],
        ).fetchone()
        assert found[3] == f"{codec} {point}"


def test_every_number_of_a_page_is_a_query(clip_report, clip_db, clip_data):
    names = {int(number): metric["metric"] for number, metric in clip_data["metrics"].items()}
    assert set(names.values()) == {"dists", "psnr", "ssim", "pesq", "wer_sphinx", "lse_c"}
    seen = 0
    for key, variant in enumerate(clip_data["variants"][1:], 1):
        (encode_id, status, video, audio, joint, seconds) = clip_db.execute(
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
        rows = clip_db.execute("SELECT metric, value FROM scores WHERE encode_id = ?", [encode_id]).fetchall()
        assert {names[int(n)]: v for n, v in variant["scores"].items()} == pytest.approx(dict(rows), rel=1e-8)
        frames = part(clip_report, f"{AMY}/variant-{key}")["frames"]
        for metric, values in clip_db.execute(
            "SELECT metric, frame_values FROM scores WHERE encode_id = ? AND frame_values IS NOT NULL",
            [encode_id],
        ).fetchall():
            (number,) = (n for n, name in names.items() if name == metric)
            assert np.array_equal(np.float32(frames[str(number)]), np.float32(values))
            seen += 1
    assert seen >= 21
    ids = ["reference:id-amy_01"] + [
        clip_db.execute(
            "SELECT encode_id FROM encodes WHERE codec = ? AND point = ? AND clip_id = 'id-amy_01'",
            [v["codec"], v["point"]],
        ).fetchone()[0]
        for v in clip_data["variants"][1:]
    ]
    pairs = part(clip_report, f"{AMY}/pairs")
    expected = clip_db.execute(
        "SELECT p.video_encode_id, p.audio_encode_id, p.value FROM pair_scores p "
        "LEFT JOIN encodes e ON e.encode_id = p.video_encode_id "
        "WHERE coalesce(e.clip_id, replace(p.video_encode_id, 'reference:', '')) = 'id-amy_01'"
    ).fetchall()
    assert {(ids[video], ids[audio]): value for _, video, audio, value in pairs} == pytest.approx(
        {(video, audio): value for video, audio, value in expected}, rel=1e-8
    )
    assert len(pairs) == len(expected) > 10


def test_the_panes_begin_near_one_rate(clip_results, clip_data):
    with duckdb.connect(str(clip_results / "talkbench.duckdb"), read_only=True) as connection:
        view = next(v for v in views.load(Source(connection, clip_results)) if v.name == AMY)
        assert view.has_page
        assert view.playable == 11
    assert clip_data["openers"][0] == [0, 0]
    chosen = [clip_data["variants"][picture] for picture, _ in clip_data["openers"][1:]]
    assert {variant["codec"] for variant in chosen} == {"vvc", EVIL, "both"}
    rates = [variant["kbps"]["video"] for variant in chosen]
    assert max(rates) / min(rates) < 2
    for picture, sound in clip_data["openers"][1:]:
        codec = clip_data["variants"][sound]["codec"]
        assert (sound == picture) if clip_data["variants"][picture]["codec"] == "both" else codec == "opus"


@pytest.mark.parametrize("table", [True, False])
def test_a_store_without_previews_has_the_list_alone(tmp_path, monkeypatch, table):
    monkeypatch.setattr(site, "build", clips.pages)  # the other pages take their time
    clip_db = FACTORY.build(tmp_path / "talkbench.duckdb")
    with duckdb.connect(str(clip_db)) as connection:
        connection.execute('UPDATE runs SET suite_resolved = \'{"name": "demo", "previews": 0}\'')
        if not table:  # as talkbench 0.1 wrote it
            connection.execute("DROP TABLE previews")
    folder = write_report(tmp_path).parent
    text = reading(folder / "clips.html").text
    assert "none can be played here" in text
    assert "the suite asks for none ( previews = 0 )" in text
    assert not list(folder.glob("clip-*.html"))
    assert not (folder / "media").exists()


def test_the_spectrograms_have_matplotlibs_viridis(clip_report):
    from matplotlib import colormaps

    tables = [
        [float(value) for value in attributes["tablevalues"].split()]
        for tag, attributes in reading(clip_report / f"{AMY}.html").tags
        if tag.startswith("fefunc")
    ]
    expected = colormaps["viridis"](np.linspace(0, 1, 17))[:, :3].T
    assert np.allclose(tables, expected, atol=6e-4)


def test_the_list_shows_thumbnails_and_another_metric(browser, clip_report, clip_db):
    with Opened(browser, clip_report / "clips.html") as opened:
        page = opened.page
        assert page.locator(".thumb img").count() == 2  # one of the three has no picture
        box = page.locator("tr[data-clip=clip-2] .thumb")
        page.wait_for_function(
            "[...document.querySelectorAll('.thumb img')].every((one) => one.complete && one.naturalWidth)"
        )
        assert near(seen(box), colour(0, 5), 12)  # the last frame of the first sheet: the middle is after it
        page.select_option("#clips-metric", label="ssim")
        (value,) = clip_db.execute(
            "SELECT median(value) FROM scores JOIN encodes USING (encode_id) "
            "WHERE metric = 'ssim' AND clip_id = 'id-amy_01'"
        ).fetchone()
        cell = page.locator("tr[data-clip=clip-2] td").nth(-3)
        page.wait_for_function("document.querySelector('#clips-caption').textContent.startsWith('ssim')")
        assert float(cell.get_attribute("data-sort")) == pytest.approx(value, rel=1e-5)
        page.click("tr[data-clip=clip-2] a >> nth=1")
        page.wait_for_url("**/clip-2.html")
