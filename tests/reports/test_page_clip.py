"""A clip's page as it plays: exact frames, one clock, any sound, every pane in step."""

import pytest
from clip_screen import at_rest, frames_shown, in_panes, near, ready
from clip_store import AMY, EVIL, variant_number
from preview_factory import FPS, FRAMES, MOUTH, colour
from reading import Opened


@pytest.fixture(scope="module")
def opened(browser, clip_report):
    with Opened(browser, clip_report / f"{AMY}.html") as opened:
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


def test_each_pane_draws_the_very_frame(page, clip_db, clip_data):
    assert page.locator(".pane").count() == 4
    panes = [clip_data["variants"][picture] for picture, _ in clip_data["openers"]]
    numbers = [0] + [variant_number(clip_db, "amy_01", v["codec"], v["point"]) for v in panes[1:]]
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


def test_another_sound_goes_on_at_the_same_place(page, clip_data):
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
    key = clip_data["openers"][2][1]
    assert second.endswith(f"{AMY}/{key}/sound.flac")
    assert 0.35 <= there <= 1.5
    page.keyboard.press("1")
    page.wait_for_function("played.length === 3")
    assert at_rest(page).startswith(f"frame {FRAMES} of")


def test_a_sound_that_ends_early_does_not_end_the_pictures(page, clip_data):
    short = next(k for k, v in enumerate(clip_data["variants"]) if (v["codec"], v["point"]) == ("opus", "p0"))
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


def test_the_difference_and_its_gain(page, clip_db, clip_data):
    codec = clip_data["variants"][clip_data["openers"][1][0]]
    own = colour(variant_number(clip_db, "amy_01", codec["codec"], codec["point"]), 0)
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


def test_the_reference_beside_and_instead(page, clip_db, clip_data):
    codec = clip_data["variants"][clip_data["openers"][1][0]]
    own = colour(variant_number(clip_db, "amy_01", codec["codec"], codec["point"]), 0)
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
    assert not near(in_panes(page, (0.1, 0.1))[0][0], (255, 255, 255))


def test_panes_are_chosen_added_and_removed(page, clip_data):
    page.locator(".pane").nth(3).get_by_label("Remove pane D").click()
    assert page.locator(".pane").count() == 3
    page.click(".add")
    assert page.locator(".pane").count() == 4
    failed = next(k for k, v in enumerate(clip_data["variants"]) if (v["codec"], v["point"]) == (EVIL, "p2"))
    page.select_option("[data-focus='3-picture']", str(failed))
    assert "encode: failed, it <b>broke</b>" in page.locator(".pane").nth(3).locator(".why").inner_text()
    # A choice keeps the focus, and the buttons beside it go along the ladder.
    page.locator("[data-focus='3-picture']").focus()
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.dataset.focus") == "3-picture"
    assert page.locator("[data-focus='3-picture']").input_value() == str(failed - 1)
    page.click("[data-focus='3-picture-1']")
    assert page.locator("[data-focus='3-picture']").input_value() == str(failed - 2)
    joint = next(k for k, v in enumerate(clip_data["variants"]) if v["codec"] == "both")
    page.select_option("[data-focus='3-picture']", str(joint))
    assert page.locator("[data-focus='3-sound']").input_value() == str(joint)
    unavailable = next(
        k for k, v in enumerate(clip_data["variants"]) if (v["codec"], v["point"]) == ("opus", "p2")
    )
    page.select_option("[data-focus='3-sound']", str(unavailable))
    assert "would pass 40 MB" in page.locator(".pane").nth(3).inner_text()
    assert page.locator("[data-focus='3-listen']").is_disabled()
    page.select_option("[data-focus='3-sound']", str(joint))
    assert page.locator("img[src=x]").count() == 0
