"""Writes the report: static pages that open from a file, with no network; or all of them as one file."""

from __future__ import annotations

import base64
import functools
import importlib.util
import json
import mimetypes
import shutil
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..benchmark.analysis import bd_rate, statuses
from ..benchmark.util.errors import UsageError
from ..benchmark.util.files import write_bytes
from . import words
from .boards.series import script_json
from .page import Page
from .pages import build
from .source import Source

if TYPE_CHECKING:
    import duckdb
    from jinja2 import BytecodeCache, Environment

HERE = Path(__file__).parent
SCRIPTS = ("core.js", "tables.js", "plots.js")
SINGLE_FILE_MEDIA_BYTES = 40_000_000
"""How much media a single file holds; what is beyond is left out, and its page says so."""


def write_report(
    directory: Path,
    connection: duckdb.DuckDBPyConnection | None = None,
    single_file: bool = False,
    record: bool = False,
) -> Path:
    """Write `directory/report/`, from the store (or tables) in `directory`; returns `report/index.html`.

    connection: an open store to read instead; single_file: write `directory/report.html` too, which holds
    everything, and return that; record: make the table `bd_rates` of `connection` again from the page's
    numbers. Raises UsageError where there are no results.
    """
    from ..benchmark.store.parquet import open_results

    if connection is None:
        with open_results(directory) as opened:
            return _write(Source(opened, directory), directory, single_file)
    source = Source(connection, directory, diagnostics=record)
    if record:
        bd_rate.write(connection, [board.pairs for board in source.boards])
    return _write(source, directory, single_file)


def _write(source: Source, directory: Path, single_file: bool) -> Path:
    pages = build(source)
    environment = templates(source, pages)
    site = directory / "report"
    # Whole or not at all: a reader never sees half of a new report among the rest of an old one.
    fresh = directory / f".report-{uuid.uuid4().hex}"
    try:
        _write_site(fresh, source, pages, environment)
        if site.exists():
            shutil.rmtree(site)
        fresh.rename(site)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    if not single_file:
        return site / "index.html"
    whole = directory / "report.html"
    write_bytes(whole, _single(source, pages, environment).encode())
    return whole


def _write_site(folder: Path, source: Source, pages: list[Page], environment: Environment) -> None:
    assets = folder / "assets"
    (assets / "pages").mkdir(parents=True)
    for name in ("report.css", *SCRIPTS):
        shutil.copyfile(HERE / "static" / name, assets / name)
    for kind in {page.kind for page in pages}:
        for file in _own(kind):
            shutil.copyfile(file, assets / "pages" / file.name)
    if any(page.plotly for page in pages):
        shutil.copyfile(_plotly(), assets / "plotly.min.js")
    common = script_json(source.common)
    for page in pages:
        for key in page.parts:
            target = folder / "data" / page.name / f"{key}.js"
            target.parent.mkdir(parents=True, exist_ok=True)
            call = f"talkbench.deliver({script_json(f'{page.name}/{key}')},{script_json(page.part(key))});\n"
            target.write_text(call, encoding="utf-8")
        for name, file in page.media.items():
            target = folder / "media" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(file, bytes):
                target.write_bytes(file)
            else:
                shutil.copyfile(file, target)
        html = environment.get_template("base.html").render(
            single=False,
            pages=[page],
            title=page.title,
            scripts=[f"assets/{name}" for name in (*(["plotly.min.js"] if page.plotly else []), *SCRIPTS)]
            + [f"assets/pages/{file.name}" for file in _own(page.kind) if file.suffix == ".js"],
            styles=["assets/report.css"]
            + [f"assets/pages/{file.name}" for file in _own(page.kind) if file.suffix == ".css"],
            common=_safe(common),
            data={page.name: _safe(script_json(page.data))},
        )
        (folder / f"{page.name}.html").write_text(html, encoding="utf-8")


def _single(source: Source, pages: list[Page], environment: Environment) -> str:
    """All pages in one file: media as text, up to SINGLE_FILE_MEDIA_BYTES."""
    environment.globals["single"] = True
    kinds = list(dict.fromkeys(page.kind for page in pages))
    own = [file for kind in kinds for file in _own(kind)]
    scripts = [HERE / "static" / name for name in SCRIPTS] + [f for f in own if f.suffix == ".js"]
    if any(page.plotly for page in pages):
        scripts.insert(0, _plotly())
    shared = (HERE / "static" / "report.css").read_text(encoding="utf-8")
    # Two kinds of page may use one class name: each style reaches its own pages only.
    scoped = [
        f'@scope ([data-kind="{kind}"]) {{\n{file.read_text(encoding="utf-8")}}}'
        for kind in kinds
        for file in _own(kind)
        if file.suffix == ".css"
    ]
    media, held = [], 0
    named = {name: file for page in pages for name, file in page.media.items()}
    # What was made for a page is small and always in sight; it comes before what a reader may ask for.
    for name in sorted(named, key=lambda name: not isinstance(named[name], bytes)):
        file = named[name]
        data = file if isinstance(file, bytes) else file.read_bytes()
        held += len(data)
        if held > SINGLE_FILE_MEDIA_BYTES:
            break
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        media.append((name, kind, base64.b64encode(data).decode()))
    return environment.get_template("base.html").render(
        single=True,
        pages=pages,
        title=pages[0].title,
        inline_scripts=[_safe(_inline_script(file.read_text(encoding="utf-8"))) for file in scripts],
        inline_styles=[_safe(style) for style in (shared, *scoped)],
        common=_safe(script_json(source.common)),
        data={page.name: _safe(script_json(page.data)) for page in pages},
        parts=[(f"{p.name}/{key}", _safe(script_json(p.part(key)))) for p in pages for key in p.parts],
        media=media,
    )


def _own(kind: str) -> list[Path]:
    """Style and scripts of a kind of page, where it has them: `KIND-*.js` before `KIND.js`."""
    folder = HERE / "static" / "pages"
    found = (folder / f"{kind}.css", *sorted(folder.glob(f"{kind}-*.js")), folder / f"{kind}.js")
    return [file for file in found if file.is_file()]


def _inline_script(code: str) -> str:
    """A script that can stand inside an element; in strings and patterns `<\\/` is what `</` is."""
    return code.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _safe(code: str) -> Any:
    from markupsafe import Markup

    return Markup(code)


def _plotly() -> Path:
    """plotly.js as the Python package ships it; found without importing the package."""
    spec = importlib.util.find_spec("plotly")
    if spec is None or not spec.submodule_search_locations:
        raise UsageError("the package plotly is not installed; run `pip install plotly`")
    return Path(spec.submodule_search_locations[0]) / "package_data" / "plotly.min.js"


class _Memory(dict[str, bytes]):
    """A dict by the interface of a memcached client."""

    set = dict.__setitem__


@functools.cache
def _compiled_templates() -> BytecodeCache:
    """Compiled once in a process: that takes longer than to fill them in."""
    from jinja2 import MemcachedBytecodeCache

    client: Any = _Memory()
    return MemcachedBytecodeCache(client, ignore_memcache_errors=False)


def templates(source: Source, pages: Iterable[Page]) -> Environment:
    """The templates, with the names and filters that all of them have."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        bytecode_cache=_compiled_templates(),
    )
    environment.filters |= {
        "percent": words.percent,
        "number": words.number,
        "matched": words.matched,
        "sized": words.sized,
        "tint": words.tint,
        "json": lambda value: json.dumps(value, ensure_ascii=False, default=str) if value else "",
    }

    def link(name: str, section: str = "") -> str:
        """Address of a page (or of a section of it) from any page, in a site as in a single file."""
        if environment.globals["single"]:
            return f"#{name}:{section}" if section else f"#{name}"
        return f"{name}.html#{section}" if section else f"{name}.html"

    def body(page: Page) -> Markup:
        return Markup(environment.get_template(f"{page.kind}.html").render(page=page, **page.context))

    environment.globals |= {
        "single": False,
        "link": link,
        "body": body,
        "source": source,
        "run": source.runs[0] if source.runs else None,
        "navigation": [page for page in pages if page.nav],
        "contact_sheets": [page for page in pages if page.context.get("sheet")],
        "looks": source.looks,
        "marks": source.marks,
        "metric_facts": source.metric_facts,
        "many_datasets": len(source.datasets) > 1,
        "interval": words.interval,
        "MARKS": words.MARKS,
        "RATE_WORDS": words.RATE_WORDS,
        "STATUS_WORDS": statuses.STATUS_WORDS,
        "DASH": words.DASH,
    }
    return environment
