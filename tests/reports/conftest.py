"""Stores for the report's tests, built once per session."""

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # importlib mode puts no test folder on the path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = (
    "--no-sandbox",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # 3D surfaces need WebGL, here without a GPU.
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
)


@pytest.fixture(scope="session")
def browser():
    """Chromium, or a visible skip."""
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def realistic_store(tmp_path_factory) -> Path:
    from store_factory import realistic

    return realistic().build(tmp_path_factory.mktemp("realistic") / "talkbench.duckdb")


@pytest.fixture(scope="session")
def realistic_page(realistic_store) -> Path:
    """The report of `realistic_store`."""
    from talkbench.reports.site import write_report

    return write_report(realistic_store.parent)


@pytest.fixture(scope="session")
def clip_results(tmp_path_factory) -> Path:
    """A folder of results with previews: see `clip_store`."""
    from clip_store import build

    return build(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="session")
def clip_report(clip_results) -> Path:
    """The folder of its report."""
    from talkbench.reports.site import write_report

    return write_report(clip_results).parent


@pytest.fixture(scope="session")
def clip_db(clip_results, clip_report):
    """Its store, to read."""
    import duckdb

    with duckdb.connect(str(clip_results / "talkbench.duckdb"), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def clip_data(clip_report):
    """What the script of the page of the clip that lacks nothing gets."""
    from clip_store import AMY
    from reading import reading

    return reading(clip_report / f"{AMY}.html").data
