"""Shared fixtures. Real recordings are in `../shared`, beside the repository; where absent, tests skip."""

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from talkbench.benchmark.api import registry

# Time limits on examples would fail on a busy machine. CI runs the same examples each time.
settings.register_profile("talkbench", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("talkbench")

SHARED = Path(__file__).resolve().parents[1].parent / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip("real recordings (../shared) are absent")
    return SHARED


@pytest.fixture(scope="session")
def example_site(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Folders that, on the path, make tests/example_package as good as installed."""
    package = Path(__file__).parent / "example_package"
    project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    site = tmp_path_factory.mktemp("site-packages")
    facts = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    entries = [
        line
        for group, found in project["entry-points"].items()
        for line in (f"[{group}]", *(f"{name} = {value}" for name, value in found.items()))
    ]
    (facts / "entry_points.txt").write_text("\n".join(entries))
    return [site, package]


@pytest.fixture
def example_codecs(example_site: list[Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The codecs of tests/example_package, found by entry point as if installed, in child processes too."""
    for folder in example_site:
        monkeypatch.syspath_prepend(folder)
        monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
    registry.forget()
    yield example_site[0]
    monkeypatch.undo()
    registry.forget()
