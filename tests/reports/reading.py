"""How the tests read the report: its pages as text and elements, and as a browser shows them."""

import json
import re
from html.parser import HTMLParser

from talkbench.reports.site import write_report


class Reader(HTMLParser):
    """Visible text and element counts; fails on elements that do not close."""

    VOID = frozenset({"meta", "link", "input", "br", "img", "line", "circle", "rect", "path"})

    def __init__(self):
        super().__init__()
        self.open, self.words, self.tags, self.scripts = [], [], [], []
        self.script_attributes = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "script" and "src" not in dict(attrs):
            self.script_attributes.append(dict(attrs))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        (self.scripts if self.open and self.open[-1] == "script" else self.words).append(data)

    @property
    def data(self):
        """What the page's own script gets."""
        (found,) = [
            json.loads(text)
            for text, attributes in zip(self.scripts, self.script_attributes, strict=True)
            if "data-of" in attributes
        ]
        return found

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))


class Tables(Reader):
    """The page's tables by id (printed ones by their label), as rows of texts."""

    def __init__(self):
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.rows: list[list[str]] | None = None
        self.cell: list[str] | None = None

    def handle_starttag(self, tag, attrs):
        super().handle_starttag(tag, attrs)
        attrs = dict(attrs)
        if tag == "div" and attrs.get("role") == "region":
            self.label = attrs["aria-label"]
        if tag == "table":
            self.rows = self.tables.setdefault(attrs.get("id") or self.label, [])
        if tag == "tr" and self.rows is not None:
            self.rows.append([])
        if tag in ("td", "th") and self.rows is not None:
            self.cell = []

    def handle_data(self, data):
        super().handle_data(data)
        if self.cell is not None:
            self.cell.append(data)

    def handle_endtag(self, tag):
        super().handle_endtag(tag)
        if self.rows is not None and self.cell is not None and tag in ("td", "th"):
            self.rows[-1].append(re.sub(r"\s+", " ", "".join(self.cell)).strip())
            self.cell = None
        if tag == "table":
            self.rows = None


def read(factory, tmp_path, page="index"):
    """One page of the report of a fake store, checked for what no page may say."""
    return read_site(factory, tmp_path)[page]


def read_site(factory, tmp_path):
    """Page name → Reader, of all pages of a fake store's report, checked for what no page may say."""
    factory.build(tmp_path / "talkbench.duckdb")
    readers = {path.stem: reading(path) for path in sorted(write_report(tmp_path).parent.glob("*.html"))}
    for name, reader in readers.items():
        assert set(reader.open) <= {"p", "li"}, name
        for bad in (r"\bNaN\b", r"\bNone\b", r"\bnan\b", r"\bundefined\b", r"\bInfinity\b"):
            assert not re.search(bad, reader.text), (name, bad)
    return readers


def reading(path):
    """A page that is on disk, as a Reader."""
    reader = Reader()
    reader.feed(path.read_text())
    return reader


class Opened:
    """A page in a browser, with all that it complains of or asks for; neither may be anything at its end."""

    def __init__(self, browser, path, **context):
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **context})
        self.page = self.context.new_page()
        self.complaints, self.requests = [], []
        self.page.on("console", self.heard)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())

    def heard(self, message):
        # Advice on speed, from plotly's way of drawing text in 3D: nothing is wrong.
        advice = message.text.startswith("Canvas2D: Multiple readback operations")
        if message.type in ("error", "warning") and not advice:
            self.complaints.append(message.text)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()
        assert self.complaints == []
        assert [url for url in self.requests if not url.startswith(("file:", "data:", "blob:"))] == []
