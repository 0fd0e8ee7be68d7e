"""Every page of the reports of odd stores, opened in a browser and audited; and all pages as one file."""

import re
from pathlib import Path

import pytest
from odd_stores import CASES
from reading import Opened, reading
from talkbench.reports.site import write_report

AUDIT = Path(__file__).with_name("audit.js").read_text()


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Case → the folder of its report, with the single file beside it; each is made once."""
    made = {}

    def make(case):
        if case not in made:
            folder = tmp_path_factory.mktemp("odd")
            CASES[case].build(folder / "talkbench.duckdb")
            write_report(folder, single_file=case in SINGLE)
            made[case] = folder / "report"
        return made[case]

    return make


SINGLE = ("realistic", "evil", "empty", "joint and two datasets")


def pages_of(folder):
    """All pages of a report; of the clips' pages, which are many and alike, the first one."""
    paths = sorted(folder.glob("*.html"))
    clips = [path for path in paths if re.search(r'data-kind="clip"', path.read_text())]
    return [path for path in paths if path not in clips[1:]]


@pytest.mark.parametrize("case", CASES)
def test_every_page_of_every_store_is_sound(case, report, browser):
    folder = report(case)
    pages = pages_of(folder)
    text = " ".join(reading(path).text for path in pages)
    for words in CASES[case].says:
        assert words in text, words
    wrong = {}
    with Opened(browser, pages[0], viewport={"width": 390, "height": 844}) as opened:
        for path in pages:
            opened.page.goto(path.as_uri())
            opened.page.wait_for_timeout(100)
            if found := opened.page.evaluate(AUDIT) + opened.complaints:
                wrong[path.name] = found
            opened.complaints.clear()
    assert wrong == {}


@pytest.mark.parametrize("case", CASES)
def test_every_link_between_pages_leads_somewhere(case, report):
    folder = report(case)
    readers = {path.name: reading(path) for path in folder.glob("*.html")}
    ids = {name: {a["id"] for _, a in reader.tags if "id" in a} for name, reader in readers.items()}
    for name, reader in readers.items():
        for tag, attributes in reader.tags:
            for key in ("src", "href", "poster"):
                target = attributes.get(key)
                if not target or target.startswith("data:"):
                    continue
                file, _, section = target.partition("#")
                assert not file or (folder / file).is_file(), (name, tag, target)
                assert not section or section in ids[file or name], (name, tag, target)


@pytest.mark.parametrize("case", SINGLE)
def test_the_single_file_is_the_whole_report(case, report, browser, tmp_path):
    folder = report(case)
    alone = tmp_path / "report.html"
    alone.write_bytes((folder.parent / "report.html").read_bytes())
    kinds = {path.stem: path for path in pages_of(folder)}
    wrong = {}
    with Opened(browser, alone, viewport={"width": 390, "height": 844}) as opened:
        page = opened.page
        for name in kinds:
            page.evaluate("(name) => { location.hash = name; }", name)
            page.wait_for_selector(f'article.page[data-page="{name}"]', state="visible")
            page.wait_for_timeout(100)
            current = page.locator("nav.pages a[aria-current]").get_attribute("data-to")
            assert current == ("clips" if name.startswith("clip-") else name)
            if found := page.evaluate(AUDIT):
                wrong[name] = found
        assert {url.split("#")[0] for url in opened.requests if url.startswith("file:")} == {alone.as_uri()}
    assert wrong == {}
    # The figures' library is by far the most of it.
    assert alone.stat().st_size < 12_000_000
