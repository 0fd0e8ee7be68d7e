"""A clip's contact sheet: the right points, the right frames, and reasons for what is not there."""

import re
import shutil

import duckdb
import pytest
from clip_screen import near, ready
from clip_store import AMY, CLEO, EVIL, EVIL_PAGE, variant_number
from PIL import Image
from preview_factory import FRAMES, colour
from reading import Opened, reading
from talkbench.reports.clips import contact_sheet, views
from talkbench.reports.source import Source

LOW, HIGH = "bits_video + bits_joint", "-bits_video - bits_joint"


def sheet_of(results, name=AMY):
    """The contact sheet of a page, from the store."""
    with duckdb.connect(str(results / "talkbench.duckdb"), read_only=True) as connection:
        source = Source(connection, results)
        return contact_sheet.of(source, next(v for v in views.load(source) if v.name == name))


@pytest.fixture
def spoilt(clip_results, tmp_path):
    """A copy of the results, and a function that runs SQL on it."""
    results = tmp_path / "spoilt"
    shutil.copytree(clip_results, results, ignore=shutil.ignore_patterns("report*"))

    def run(sql, *parameters):
        with duckdb.connect(str(results / "talkbench.duckdb")) as connection:
            return connection.execute(sql, parameters).fetchall()

    return results, run


def encode_id(run, codec, point):
    sql = "SELECT encode_id FROM encodes WHERE codec = ? AND point = ? AND clip_id = 'id-amy_01'"
    ((found,),) = run(sql, codec, point)
    return found


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5, 75, 250])
def test_the_moments_hold_the_ends_and_the_farthest_frame(frames):
    for farthest in (None, *range(1, frames)):
        moments = contact_sheet.spread(frames, 25.0, farthest)
        shown = [moment.frame for moment in moments]
        assert shown == sorted(set(shown))
        assert len(shown) == min(frames, contact_sheet.MOMENTS)
        assert shown[0] == 0
        assert [m.frame for m in moments if m.farthest] == ([farthest] if farthest else [])
        assert farthest or shown[-1] == frames - 1
        assert all(m.seconds == m.frame / 25 for m in moments)
        spare = [m for m in moments if m.spare]
        assert len(spare) == (len(shown) == contact_sheet.MOMENTS)
        assert not any(m.farthest or m.frame == 0 for m in spare)


def test_each_codecs_ends_are_shown_with_their_rates_and_scores(clip_results, clip_db):
    sheet = sheet_of(clip_results)
    # Each frame's red is its number: the last one is the farthest from the first.
    assert [m.frame for m in sheet.moments] == [0, 6, 13, FRAMES - 1]
    assert [m.farthest for m in sheet.moments] == [False, False, False, True]
    assert [metric["metric"] for _, metric in sheet.metrics] == ["dists", "ssim"]
    assert {row.codec for row in sheet.rows} == {"vvc", EVIL, "both"}
    for row in sheet.rows:
        assert [strip.end for strip in row.strips] == ["lowest", "highest"]
        assert (row.failed, row.tried) == {"vvc": (0, 5), EVIL: (1, 3), "both": (0, 2)}[row.codec]
        for strip, order in zip(row.strips, (LOW, HIGH), strict=True):
            ((wanted, kbps, score),) = clip_db.execute(
                f"SELECT e.encode_id, (bits_video + bits_joint) / 1000 / duration_s, x.value "
                f"FROM encodes e JOIN scores x ON x.encode_id = e.encode_id AND x.metric = 'ssim' "
                f"WHERE codec = ? AND clip_id = 'id-amy_01' AND e.status = 'ok' ORDER BY {order} LIMIT 1",
                [row.codec],
            ).fetchall()
            assert strip.variant.encode_id == wanted
            assert strip.variant.kbps("video") == pytest.approx(kbps)
            assert strip.variant.scores[sheet.metrics[1][0]] == pytest.approx(score)


def test_the_page_holds_the_very_frames(clip_report, clip_results, clip_db):
    sheet = sheet_of(clip_results)
    reader = reading(clip_report / f"{AMY}.html")
    named = [attributes["src"] for tag, attributes in reader.tags if tag == "img"]
    strips = [sheet.reference, *(strip for row in sheet.rows for strip in row.strips)]
    assert set(named) == {f"media/{name}" for strip in strips for name in strip.pictures}
    assert len(set(named)) == 7 * 4
    for strip in strips:
        own = strip.variant.encode
        number = variant_number(clip_db, "amy_01", own["codec"], own["point"]) if own else 0
        for moment, name in zip(sheet.moments, strip.pictures, strict=True):
            picture = Image.open(clip_report / "media" / name).convert("RGB")
            assert picture.size == (32, 24)
            own_colour = colour(number, moment.frame)  # the next frame's is 11 off
            assert near(picture.getpixel((2, 2)), own_colour, 8), (own, moment)
    assert "1 of 3 points failed" in reader.text


def test_only_clips_with_pictures_have_a_sheet_and_links_to_it(clip_report):
    assert "Contact sheet" in reading(clip_report / f"{EVIL_PAGE}.html").text
    assert "Contact sheet" not in reading(clip_report / f"{CLEO}.html").text
    for page in ("clips", "index"):
        links = {
            a["href"] for tag, a in reading(clip_report / f"{page}.html").tags if tag == "a" and "href" in a
        }
        assert {link for link in links if link.endswith("-sheet")} == {
            f"{name}.html#{name}-sheet" for name in (AMY, EVIL_PAGE)
        }


def test_what_cannot_be_shown_has_its_reason(spoilt):
    results, run = spoilt

    def patch(codec, point, text):
        sql = "UPDATE previews SET detail = json_merge_patch(detail, ?) WHERE encode_id = ?"
        run(sql, text, encode_id(run, codec, point))

    run(
        "UPDATE previews SET status = 'unavailable', error = 'would pass 1 MB' WHERE encode_id = ?",
        encode_id(run, "vvc", "p0"),
    )
    # A file that is not a picture, of a row that has no hash of it.
    folder = results / "artifacts" / "previews" / encode_id(run, "vvc", "p4")
    (folder / "sheet-000.webp").write_bytes(b"RIFF, or not")
    patch("vvc", "p4", '{"preview_sha256": null}')
    # Sheets that are smaller than their row says, and a clip of another length.
    patch("both", "p0", '{"width": 64}')
    patch("both", "p1", '{"frames": 19}')
    run(
        "UPDATE encodes SET decode_status = 'failed', decode_error = 'cut off' WHERE encode_id = ?",
        encode_id(run, EVIL, "p0"),
    )
    run("DELETE FROM previews WHERE encode_id = ?", encode_id(run, EVIL, "p0"))
    sheet = sheet_of(results)
    why = {row.codec: [strip.why for strip in row.strips] for row in sheet.rows}
    assert why["vvc"][0] == "unavailable: would pass 1 MB"
    assert "cannot be read" in why["vvc"][1]
    assert "is outside sheet-00" in why["both"][0]
    assert why["both"][1] == "its preview cannot be read: it has 19 frames, the clip 20"
    assert why[EVIL] == ["decode: failed, cut off", ""]
    assert {strip.pictures for row in sheet.rows for strip in row.strips if strip.why} == {()}


def test_codecs_of_one_point_and_of_none(spoilt):
    results, run = spoilt
    run("UPDATE encodes SET status = 'failed', error = 'no room' WHERE codec = 'vvc' AND point <> 'p3'")
    run("UPDATE encodes SET status = 'failed', error = 'it broke' WHERE codec = ?", EVIL)
    rows = {row.codec: row for row in sheet_of(results).rows}
    (only,) = rows["vvc"].strips
    assert (only.end, only.variant.encode["point"], rows["vvc"].failed) == ("the one point", "p3", 4)
    assert only.pictures
    (none,) = rows[EVIL].strips
    assert (none.end, none.pictures) == ("no point was encoded", ())
    assert none.why == "encode: failed, it broke"
    # Nothing to see at all: no sheet.
    run("UPDATE encodes SET status = 'failed' WHERE codec <> 'opus'")
    run("DELETE FROM previews WHERE encode_id NOT LIKE 'reference:%'")
    assert sheet_of(results) is None


def test_without_the_reference_the_moments_are_evenly_spread(spoilt):
    results, run = spoilt
    run("DELETE FROM previews WHERE encode_id = 'reference:id-amy_01'")
    sheet = sheet_of(results)
    assert not any(moment.farthest for moment in sheet.moments)
    assert sheet.reference.why == "no preview was made of it"
    assert all(len(strip.pictures) == 4 for row in sheet.rows for strip in row.strips)


def test_a_picture_leads_to_the_player_and_a_phone_has_fewer(browser, clip_report):
    with Opened(browser, clip_report / f"{AMY}.html") as opened:
        page = opened.page
        ready(page)
        original = page.locator(".sheet .original")
        last = page.locator(".sheet .moment").last
        last.scroll_into_view_if_needed()
        assert original.bounding_box()["y"] >= 0  # it stays in sight
        key, frame = (int(last.get_attribute(f"data-{name}")) for name in ("key", "frame"))
        last.click()
        page.wait_for_function(
            "(frame) => [...document.querySelectorAll('.pane canvas')]"
            ".every((one) => one.dataset.frame === frame)",
            arg=str(frame),
        )
        assert page.locator("[data-focus='1-picture']").input_value() == str(key)
        box = page.locator(".pane canvas").nth(1).bounding_box()
        assert 0 <= box["y"] <= box["y"] + box["height"] <= 900
        # One that is open already stays where it is.
        page.locator(".sheet .moment[data-key='0']").first.click()
        ready(page)
        assert page.locator("[data-focus='1-picture']").input_value() == str(key)
        assert re.match(r"frame 1 of", page.inner_text(".clock"))

        page.set_viewport_size({"width": 390, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        boxes = [box.bounding_box() for box in page.locator(".sheet .moment:visible").all()]
        assert len(boxes) == 7 * 3
        assert boxes[0]["width"] > 100
        page.emulate_media(media="print")
        page.set_viewport_size({"width": 716, "height": 1000})
        assert len(page.locator(".sheet .moment:visible").all()) == 8 * 4
        assert original.evaluate("(one) => getComputedStyle(one).position") == "static"
