"""Pages of clips that lack something: sound, pictures, files, room; and on a phone."""

import shutil

import pytest
from clip_screen import at_rest, frames_shown, ready
from clip_store import AMY, CLEO, EVIL_CLIP, EVIL_PAGE
from preview_factory import FRAMES
from reading import Opened
from talkbench.reports import site
from talkbench.reports.pages import clips
from talkbench.reports.site import write_report


def test_without_sound_the_browsers_time_is_the_clock(browser, clip_report):
    with Opened(browser, clip_report / f"{EVIL_PAGE}.html") as opened:
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


def test_without_pictures_the_sound_plays(browser, clip_report):
    with Opened(browser, clip_report / f"{CLEO}.html") as opened:
        page = opened.page
        assert page.locator(".screen .why").first.inner_text() == "no picture"
        assert page.locator("[data-is=view], [data-is=hold]").locator("visible=true").count() == 0
        assert page.locator("[data-is=mels] canvas").count() >= 2
        page.click("[data-do=play]")
        page.wait_for_function("document.querySelector('.clock').textContent > '0.5'")
        page.click("[data-do=play]")
        assert "frame" not in page.inner_text(".clock")
        assert page.locator("canvas[data-frame]").count() == 0


def test_missing_files_are_said_in_their_place(browser, clip_report, tmp_path):
    copy = tmp_path / "report"
    shutil.copytree(clip_report, copy)
    shutil.rmtree(copy / "media" / AMY / "0")
    context = browser.new_context()
    page = context.new_page()
    page.goto((copy / f"{AMY}.html").as_uri())
    page.wait_for_function("document.querySelector('.why').textContent !== ''")
    assert page.locator(".why").first.inner_text() == "The picture's file is missing beside this page."
    page.wait_for_function("document.querySelector('[data-is=mels]').textContent.includes('missing')")
    ready(page, 3)
    page.click("[data-is=view] [data-value=difference]")
    assert page.locator(".why").nth(1).inner_text() == (
        "Reference: The picture's file is missing beside this page."
    )
    page.click("[data-is=view] [data-value=picture]")
    ready(page, 3)
    page.click("[data-do=play]")
    page.wait_for_function("document.querySelector('.status').textContent.length > 0")
    assert at_rest(page).startswith(f"frame {FRAMES} of")  # by the browser's time
    context.close()


def test_a_phone_shows_two_panes(browser, clip_report):
    with Opened(browser, clip_report / f"{AMY}.html", viewport={"width": 390, "height": 844}) as opened:
        page = opened.page
        ready(page)
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        boxes = [pane.bounding_box() for pane in page.locator(".pane").all()]
        assert len(boxes) == 2
        assert boxes[0]["y"] == boxes[1]["y"]
        assert page.locator(".transport").bounding_box()["width"] <= 390


@pytest.mark.parametrize("room", [40_000_000, 6000])
def test_a_single_file_plays_or_says_what_it_leaves_out(browser, clip_results, monkeypatch, room):
    monkeypatch.setattr(site, "build", clips.pages)  # the other pages take their time
    monkeypatch.setattr(site, "SINGLE_FILE_MEDIA_BYTES", room)
    whole = write_report(clip_results, single_file=True)
    with Opened(browser, whole) as opened:
        page = opened.page
        page.evaluate(f"location.hash = '{AMY}'")
        own = page.locator(f"article[data-page='{AMY}']")
        own.locator(".pane").first.wait_for()
        stills = own.locator(".sheet img").evaluate_all("all => all.filter((one) => one.src).length")
        assert (stills == 8 * 4) if room > 1e6 else (0 < stills < 8 * 4)  # they come before what is played
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
