"""The page in a real browser, from a file: no error, no request elsewhere, and controls that work."""

import pytest
from reading import Opened
from store_factory import AUDIO, METRICS, VIDEO, StoreFactory
from talkbench.reports.site import write_report


@pytest.fixture(scope="module")
def index(realistic_page):
    return realistic_page


def names(page):
    return page.locator(".board:not([hidden]) tbody th b").all_inner_texts()


def drawn(page):
    """Names of the traces that the curve figure shows, and the type of its rate axis."""
    return page.evaluate(
        "() => { const plot = document.getElementById('curve-plot');"
        " return [plot.data.map((t) => t.name), plot.layout.xaxis.type, plot.layout.yaxis.title.text]; }"
    )


def test_it_opens_draws_and_stays_offline(browser, index):
    with Opened(browser, index) as opened:
        page = opened.page
        traces, axis, title = drawn(page)
        assert set(traces) == {"av1", "hevc", "vvc", "fomm", "h263"}
        assert (axis, "lower is better" in title) == ("log", True)
        assert page.locator("#curve-plot svg.main-svg").count() >= 1
        assert page.locator("#ledger-plot .bars .point").count() > 0
        assert page.locator("#matrix-table tbody tr").count() == 5
        assert page.locator(".board:not([hidden])").count() == 1
        files = [url.rsplit("/", 1)[-1] for url in opened.requests if url.startswith("file:")]
        assert sorted(files) == ["index.html", "plotly.min.js", "report.css", "report.js"]


def test_the_verdict_and_the_leaderboard_are_on_the_first_screen(browser, index):
    with Opened(browser, index) as opened:
        first = opened.page.locator(".board:not([hidden]) tbody tr").first.bounding_box()
        assert first["y"] + first["height"] < 900


def test_controls_switch_every_section_together(browser, index):
    with Opened(browser, index) as opened:
        page = opened.page
        page.select_option("#metric", "psnr")
        assert "psnr" in page.locator(".board:not([hidden]) h3").inner_text()
        assert "psnr (dB)" in drawn(page)[2]
        assert "psnr" in page.locator("#matrix-caption").inner_text()
        page.uncheck("#log")
        assert drawn(page)[1] == "linear"
        page.click("#rates [data-rate=audio]")
        assert set(drawn(page)[0]) == {"opus", "encodec"}
        page.keyboard.press("ArrowRight")
        assert "vvc+opus" in drawn(page)[0]
        assert names(page)[0] == "fomm+encodec"
        assert page.locator(".view:not([hidden])").get_attribute("data-rate") == "total"


def test_sorting_by_click_and_by_keyboard(browser, index):
    with Opened(browser, index) as opened:
        page = opened.page
        before = names(page)
        by_name = page.locator(".board:not([hidden]) thead button", has_text="system")
        by_name.click()
        assert names(page) == sorted(before) != before
        by_name.focus()
        page.keyboard.press("Enter")
        assert names(page) == sorted(before, reverse=True)
        page.locator(".board:not([hidden]) thead button", has_text="BD-rate").click()
        assert names(page)[-1] == "h263"  # no number: last, whatever the direction
        page.locator(".board:not([hidden]) thead button", has_text="BD-rate").click()
        assert names(page)[0] == "hevc"
        assert names(page)[-1] == "h263"
        sorted_by = page.locator(".board:not([hidden]) th[aria-sort]")
        assert (sorted_by.count(), sorted_by.get_attribute("aria-sort")) == (1, "descending")


def test_hover_gives_exact_numbers(browser, index):
    with Opened(browser, index) as opened:
        texts = opened.page.evaluate("document.getElementById('curve-plot').data[0].hovertext")
        assert "av1" in texts[0]
        assert "kbit/s" in texts[0]
        assert "mean of 4 clips" in texts[0]
        assert "mean of 3 clips" in texts[-1]


def ground(page):
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


def ink(page):
    return page.evaluate("document.getElementById('curve-plot').layout.font.color")


def test_dark_follows_the_system_and_the_button(browser, index):
    with (
        Opened(browser, index, color_scheme="dark") as dark,
        Opened(browser, index, color_scheme="light") as light,
    ):
        assert (ground(dark.page), ground(light.page)) == ("rgb(20, 23, 26)", "rgb(253, 253, 252)")
        assert ink(dark.page) != ink(light.page)
        light.page.click("#theme")
        assert (ground(light.page), ink(light.page)) == (ground(dark.page), ink(dark.page))
        light.page.click("#theme")
        assert ground(light.page) == "rgb(253, 253, 252)"
        dark.page.emulate_media(color_scheme="light")
        assert ground(dark.page) == "rgb(253, 253, 252)"


def test_a_phone_scrolls_tables_and_not_the_page(browser, index):
    with Opened(browser, index, viewport={"width": 390, "height": 844}) as opened:
        page = opened.page
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert page.locator(".card").first.bounding_box()["width"] > 340
        box = page.locator("#curve-plot").bounding_box()
        assert 340 < box["width"] <= 390


def test_the_leaderboard_fits_a_laptop(browser, index):
    with Opened(browser, index) as opened:
        for rate in ("video", "audio", "total"):
            opened.page.click(f"#rates [data-rate={rate}]")
            hidden = opened.page.evaluate(
                "() => { const box = document.querySelector('.board:not([hidden]) .scroll');"
                " return box.scrollWidth - box.clientWidth; }"
            )
            assert hidden <= 0, rate


@pytest.mark.parametrize("case", ["empty", "all failed", "evil"])
def test_extreme_pages_have_no_error(browser, tmp_path, case):
    evil = "<img src=x onerror=alert(1)>"
    factory = {
        "empty": StoreFactory(video=(), audio=(), clips=(), metrics=(), runs=False),
        "all failed": StoreFactory(
            video=VIDEO[:1], audio=AUDIO[:1], failures={(VIDEO[0].name, "*", "*"): ("failed", "it broke")}
        ),
        "evil": StoreFactory(
            video=(*VIDEO[:1], type(VIDEO[0])(evil, "video", (4, 9, 18, 40), gain=0.9)),
            audio=(),
            metrics=METRICS[:2],
            anchors={},
        ),
    }[case]
    factory.build(tmp_path / "talkbench.duckdb")
    with Opened(browser, write_report(tmp_path)) as opened:
        assert opened.page.locator("img").count() == 0
        assert opened.page.locator("h1").count() == 1
        assert all(url.startswith(("file:", "data:")) for url in opened.requests)
