"""Below a clip's player: curves, extreme frames, spectrograms, words, bits and scores."""

import io

import numpy as np
import pytest
from clip_screen import frames_shown, near, ready, seen
from clip_store import AMY, PACKETS, SAID
from PIL import Image
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


def test_the_tones_of_the_sounds_are_seen(page):
    """A tone is one line of the spectrogram, in viridis: its place tells its frequency."""
    plot = page.locator("[data-is=mels] .plot-area").first
    plot.scroll_into_view_if_needed()
    column = np.zeros((1, 3))
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


def test_words_bits_and_scores_follow_the_panes(page, clip_db, clip_data):
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
    (picture, sound) = (clip_data["variants"][key] for key in clip_data["openers"][1])
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
        (value,) = clip_db.execute(
            f"{sql} AND codec = ? AND point = ? AND clip_id = 'id-amy_01'",
            [variant["codec"], variant["point"]],
        ).fetchone()
        cell = found[metric].locator("td").nth(1)
        assert float(cell.get_attribute("data-value")) == pytest.approx(value, rel=1e-8)
    (value,) = clip_db.execute(
        "SELECT p.value FROM pair_scores p JOIN encodes v ON v.encode_id = p.video_encode_id "
        "JOIN encodes a ON a.encode_id = p.audio_encode_id WHERE v.clip_id = 'id-amy_01' "
        "AND (v.codec, v.point, a.codec, a.point) = (?, ?, ?, ?)",
        [picture["codec"], picture["point"], sound["codec"], sound["point"]],
    ).fetchone()
    cell = found["lse_c"].locator("td").nth(1)
    assert float(cell.get_attribute("data-value")) == pytest.approx(value, rel=1e-8)


def test_worst_and_best_frames_are_those_of_the_store(page, clip_db, clip_data):
    codec = clip_data["variants"][clip_data["openers"][1][0]]
    for metric, worst in (("psnr", np.argmin), ("dists", np.argmax)):
        page.select_option("[data-is=metric]", label=metric)
        (values,) = clip_db.execute(
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
        assert page.locator(".panes").bounding_box()["y"] >= 0  # in sight again
        own = seen_at(page, 1, frames[0])
        cell = page.locator("[data-worst=B] .cell").first
        for _ in range(50):  # until its sheet is painted
            if near(seen(cell, 0.08, 0.08), own, 12):
                break
            page.wait_for_timeout(100)
        assert near(seen(cell, 0.08, 0.08), own, 12)


def seen_at(page, pane, frame):
    page.locator(".scrubber").evaluate(
        "(bar, frame) => { bar.value = frame; bar.dispatchEvent(new Event('input')); }", frame
    )
    ready(page)
    return seen(page.locator(".pane canvas").nth(pane))


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


def test_every_metric_and_the_dark(page):
    def ink():
        return page.locator("[data-is=curves] canvas").first.evaluate("one => one.toDataURL()")

    assert page.locator("[data-is=curves] .track").count() == 1
    page.check("[data-is=every]")
    assert page.locator("[data-is=curves] .track").count() == 3
    page.uncheck("[data-is=every]")
    before = ink()
    page.click("#theme")
    assert ink() != before
    page.click("#theme")
    assert ink() == before
