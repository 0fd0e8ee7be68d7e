"""A new codec works as it is written, in the repository and as a package of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from talkbench.benchmark.api import registry
from talkbench.benchmark.cli import scaffold
from talkbench.benchmark.conformance.check import check
from talkbench.benchmark.util.errors import UsageError


def test_a_package_installed_by_pip_passes_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = scaffold.new_codec("my-codec2", tmp_path / "package")
    assert file == tmp_path / "package" / "talkbench_my_codec2.py"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
    ]
    subprocess.run([*pip, "--target", tmp_path / "site", tmp_path / "package"], check=True)
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"), prepend=os.pathsep)
    registry.forget()
    try:
        wrong = [result for result in check("my-codec2") if result.ok is False]
    finally:
        monkeypatch.undo()
        registry.forget()
    assert wrong == []


def test_in_the_repository_only_the_names_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    skeleton = (scaffold._CODECS / "_skeleton.py").read_text()
    (tmp_path / "_skeleton.py").write_text(skeleton)
    monkeypatch.setattr(scaffold, "_CODECS", tmp_path)
    file = scaffold.new_codec("my-codec")
    source = file.read_text()
    assert file == tmp_path / "my_codec.py"
    assert "skeleton" not in source.lower()
    restored = source.replace("MyCodecCodec", "SkeletonCodec").replace('"""my-codec:', '"""SKELETON:')
    assert restored.replace("my-codec", "skeleton") == skeleton
    with pytest.raises(UsageError, match="overwritten"):
        scaffold.new_codec("my-codec")
    assert file.read_text() == source


@pytest.mark.parametrize(
    "name", ["", "Mine", "my_codec", "-mine", "mine-", "2fast", "a--b", "a/b", "../x", "class", "a b"]
)
def test_names_that_cannot_be(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be a codec's name"):
        scaffold.new_codec(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("example_codecs")
def test_a_name_that_is_taken(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="already"):
        scaffold.new_codec("fake-video", tmp_path)


def test_a_package_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("mine")
    with pytest.raises(UsageError, match=r"pyproject\.toml"):
        scaffold.new_codec("mine", tmp_path)
    assert (tmp_path / "pyproject.toml").read_text() == "mine"


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write"):
        scaffold.new_codec("mine", tmp_path / "file")


@pytest.mark.usefixtures("example_codecs")
def test_the_example_is_found_in_other_processes() -> None:
    package = Path(__file__).parents[1] / "example_package"
    entries = tomllib.loads((package / "pyproject.toml").read_text())["project"]["entry-points"]
    offered = set(entries["talkbench.codecs"])
    assert offered <= set(registry.names("codecs"))
    assert registry.codec("example").describe()[0].name == "example"
    assert metadata.version("talkbench-example")
    code = (
        "from talkbench.benchmark.api import registry; print(registry.codec('example').load('cpu').info.name)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "example\n"
