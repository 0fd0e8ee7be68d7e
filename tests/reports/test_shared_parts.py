"""What all pages share, in a browser: copying tables, sorting, the theme, the keyboard, print."""

import re
from pathlib import Path

import pytest
from reading import Opened
from store_factory import AUDIO, METRICS, VIDEO, FakeCodec, StoreFactory
from talkbench.reports import site
from talkbench.reports.site import write_report
from talkbench.reports.words import latex, number

ODD = "a_b & 50 % {x} <i>\\"
ALLOWED = ["clipboard-read", "clipboard-write"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shared")
    StoreFactory(
        video=(*VIDEO[:1], FakeCodec(ODD, "video", (4, 9, 18, 40), gain=0.9)),
        audio=AUDIO[:1],
        metrics=METRICS[4:5],
        anchors={},
        failures={("av1", "p0", "amy_01"): ("failed", "first line\n\tsecond — line")},
    ).build(folder / "talkbench.duckdb")
    write_report(folder, single_file=True)
    return folder / "report"


FOCUSED = """() => {
  const node = document.activeElement, style = getComputedStyle(node);
  const inside = node.getBoundingClientRect().left >= 0;
  return [node.textContent.trim(), style.outlineStyle, parseFloat(style.outlineWidth), inside];
}"""


def luminance(colour):
    """Relative luminance of '#rrggbb' or '#rgb' (WCAG 2.2)."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [":root {", ':root[data-theme="dark"] {'])
def test_text_is_readable_on_every_ground(theme):
    style = (Path(site.__file__).parent / "static" / "report.css").read_text()
    block = style.split(theme, 1)[1].split("}", 1)[0]
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]+)", block))
    pairs = [(ink, ground) for ink in ("ink", "quiet", "accent") for ground in ("ground", "raised", "faint")]
    for ink, ground in [*pairs, ("warn-ink", "warn-ground"), ("short", "ground")]:
        light, dark = sorted((luminance(colours[ink]), luminance(colours[ground])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (ink, ground)


def copied(page, button):
    button.click()
    page.wait_for_function("(b) => b.textContent === 'copied'", arg=button.element_handle())
    return page.evaluate("navigator.clipboard.readText()")


def shown_table(page, label):
    """Texts of a table's cells as a reader sees them."""
    rows = page.locator(f'[aria-label="{label}"] tr')
    return [
        [" ".join(cell.split()) for cell in row.locator("th, td").all_inner_texts()] for row in rows.all()
    ]


def test_tables_are_copied_for_a_spreadsheet_and_as_latex(browser, folder):
    with Opened(browser, folder / "bits.html", permissions=ALLOWED) as opened:
        page = opened.page
        buttons = page.locator('[aria-label="Speed"] + .copies button')
        assert buttons.all_inner_texts() == ["copy", "LaTeX"]
        rows = [line.split("\t") for line in copied(page, buttons.nth(0)).split("\n")]
        expected = shown_table(page, "Speed")
        assert [row[0] for row in rows] == [row[0] for row in expected]
        assert {len(row) for row in rows} == {len(expected[0])}
        assert ODD in [row[0] for row in rows]
        speeds = {row[0]: row[2].split(" ")[0] for row in rows[1:]}
        assert speeds["av1"] == number(5.0 / VIDEO[0].seconds, 3)

        tabular = copied(page, buttons.nth(1)).split("\n")
        assert tabular[0].startswith("% Median over all encodes")
        assert tabular[1].startswith("\\begin{tabular}{l")
        body = tabular[tabular.index("  \\midrule") + 1 : tabular.index("  \\bottomrule")]
        assert len(body) == len(rows) - 1
        assert any(line.strip().startswith(latex(ODD)) for line in body)
        assert {line.replace("\\&", "").count("&") for line in body} == {len(rows[0]) - 1}
        assert all(line.endswith(" \\\\") for line in body)
        page.wait_for_timeout(1600)
        assert buttons.all_inner_texts() == ["copy", "LaTeX"]


def test_copying_works_or_says_that_it_is_not_allowed_without_permission(browser, folder):
    with Opened(browser, folder / "trust.html") as opened:
        page = opened.page
        page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('denied')); }")
        page.evaluate("document.addEventListener('copy', () => { window.was = getSelection().toString() || "
                      "document.activeElement.value; })")  # fmt: skip
        page.locator('[aria-label="Failures"] + .copies button').first.click()
        page.wait_for_function("window.was")
        text = page.evaluate("window.was")
        assert "first line second — line" in text
        assert page.locator(".off-screen").count() == 0
        page.evaluate("document.execCommand = () => false")
        button = page.locator('[aria-label="Failures"] + .copies button').nth(1)
        button.click()
        page.wait_for_function(
            "(b) => b.textContent === 'copying is not allowed here'", arg=button.element_handle()
        )


def test_a_sorted_column_says_so_and_keeps_what_is_missing_last(browser, folder):
    with Opened(browser, folder / "bits.html") as opened:
        page = opened.page
        head = page.locator('[aria-label="Speed"] th', has_text="encode × realtime")
        for order in ("ascending", "descending"):
            head.locator("button").press("Enter")
            assert head.get_attribute("aria-sort") == order
            cells = page.locator('[aria-label="Speed"] tbody tr td:nth-child(3)')
            values = [float(cell.get_attribute("data-sort")) for cell in cells.all()]
            assert values == sorted(values, reverse=order == "descending")


def ground(page):
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


def test_the_theme_is_kept_from_page_to_page_and_goes_with_the_system(browser, folder):
    with Opened(browser, folder / "bits.html", color_scheme="light") as opened:
        page = opened.page
        light = ground(page)
        page.click("#theme")
        dark = ground(page)
        assert dark != light
        ink = "document.getElementById('bits-plot').layout.font.color"
        drawn = page.evaluate(ink)
        page.click('nav.pages a[data-to="trust"]')
        page.wait_for_url("**/trust.html")
        assert ground(page) == dark
        page.reload()
        assert ground(page) == dark
        page.click("#theme")
        assert ground(page) == light
        page.emulate_media(color_scheme="dark")
        assert ground(page) == dark  # what the system wants is not a choice that is kept
        page.emulate_media(color_scheme="light")
        page.goto((folder / "bits.html").as_uri())
        assert page.evaluate(ink) != drawn


def test_pages_are_reached_by_keyboard_with_the_focus_in_sight(browser, folder):
    with Opened(browser, folder / "trust.html") as opened:
        page = opened.page
        seen = []
        for _ in range(12):
            page.keyboard.press("Tab")
            seen.append(page.evaluate(FOCUSED))
        assert all(style == "solid" and width >= 2 and inside for _, style, width, inside in seen)
        words = [text for text, *_ in seen]
        assert words[0] == "Skip to the content"
        pages = page.locator("nav.pages a").all_inner_texts()
        assert words[1 : 1 + len(pages)] == pages
        page.focus('nav.pages a[data-to="bits"]')
        page.keyboard.press("Enter")
        page.wait_for_url("**/bits.html")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.closest('header.top, nav') === null")


def test_a_single_file_redraws_what_was_hidden_when_it_is_shown_again(browser, folder):
    with Opened(browser, folder.parent / "report.html", color_scheme="light") as opened:
        page = opened.page
        page.click('nav.pages a[data-to="bits"]')
        page.wait_for_selector("#bits-plot svg.main-svg")
        width = page.evaluate("document.getElementById('bits-plot').querySelector('svg').clientWidth")
        page.click('nav.pages a[data-to="trust"]')
        page.wait_for_selector('article.page[data-page="trust"]', state="visible")
        page.click("#theme")
        page.set_viewport_size({"width": 800, "height": 900})
        page.go_back()
        page.wait_for_selector('article.page[data-page="bits"]', state="visible")
        page.wait_for_function(
            "document.getElementById('bits-plot').layout.font.color === "
            "getComputedStyle(document.documentElement).getPropertyValue('--ink').trim()"
        )
        page.wait_for_function("document.getElementById('bits-plot').querySelector('svg').clientWidth < 800")
        assert width > 800
        page.evaluate("() => { location.hash = '#%'; }")
        page.wait_for_selector('article.page[data-page="index"]', state="visible")


def test_print_is_light_without_controls_and_cuts_no_table(browser, folder):
    with Opened(
        browser, folder / "trust.html", color_scheme="dark", viewport={"width": 794, "height": 1100}
    ) as opened:
        page = opened.page
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        page.emulate_media(media="print", color_scheme="dark")
        ink = page.evaluate("getComputedStyle(document.body).color")
        assert max(map(int, ink[4:-1].split(", "))) < 60
        for away in ("nav.pages", "#theme", ".copies", ".skip"):
            assert not page.locator(away).first.is_visible(), away
        cut = page.evaluate(
            "[...document.querySelectorAll('.scroll')].filter((box) => box.checkVisibility() && "
            "(getComputedStyle(box).overflowX !== 'visible' || box.querySelector('table').offsetWidth > 794))"
            ".map((box) => box.getAttribute('aria-label'))"
        )
        assert cut == []
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        page.emulate_media(media="screen", color_scheme="dark")
        assert page.evaluate("document.documentElement.dataset.theme") is None
