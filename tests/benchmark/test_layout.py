"""The layout: what is packaged is what there is, and what plug-ins import is light."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("benchmark", "codecs", "datasets", "metrics", "reports")


@pytest.fixture(scope="module")
def setuptools():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]


def test_every_package_of_the_tree_is_packaged(setuptools):
    there = {
        "talkbench." + ".".join(file.parent.relative_to(ROOT).parts)
        for room in ROOMS
        for file in (ROOT / room).rglob("__init__.py")
    }
    assert set(setuptools["packages"]) == there | {"talkbench"}


def test_every_folder_with_modules_is_a_package():
    folders = {file.parent for room in ROOMS for file in (ROOT / room).rglob("*.py")}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_every_data_file_is_packaged(setuptools):
    packed = {
        file.relative_to(ROOT)
        for package, patterns in setuptools["package-data"].items()
        for pattern in patterns
        for file in (ROOT / Path(*package.split(".")[1:])).glob(pattern)
    }
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", *ROOMS], capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    data = {Path(name) for name in listed.stdout.splitlines() if not name.endswith(".py")}
    data = {name for name in data if (ROOT / name).exists()}
    assert sorted(map(str, data - packed)) == []


@pytest.mark.parametrize("module", ["benchmark.api", "benchmark.cli.main"])
def test_what_starts_first_imports_nothing_heavy(module):
    code = (
        f"import sys, talkbench.{module}\n"
        "heavy = {'torch', 'transformers', 'scipy', 'matplotlib', 'duckdb', 'cv2'} & set(sys.modules)\n"
        "plugs = [m for m in sys.modules if m.startswith(('talkbench.codecs.', 'talkbench.metrics.'))]\n"
        "sys.exit(f'{heavy} {plugs}' if heavy or plugs else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
