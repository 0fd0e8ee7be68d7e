"""`talkbench check` on neural speech codecs: tiny networks with random weights, and one of one's own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from talkbench.benchmark.api import registry
from talkbench.benchmark.conformance.check import check

HERE = Path(__file__).parent
ENTRIES = {
    "tiny-encodec": "tiny_codecs:tiny_encodec",
    "tiny-mimi": "tiny_codecs:tiny_mimi",
    "tiny-dac": "tiny_codecs:tiny_dac",
    "tiny-fourth": "tiny_fourth",
}


@pytest.fixture
def tiny_codecs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The codecs of this folder, found by entry point as if installed, in child processes too."""
    facts = tmp_path / "talkbench_tiny-1.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: talkbench-tiny\nVersion: 1\n")
    lines = ["[talkbench.codecs]", *(f"{name} = {where}" for name, where in ENTRIES.items())]
    (facts / "entry_points.txt").write_text("\n".join(lines))
    for folder in (tmp_path, HERE):
        monkeypatch.syspath_prepend(folder)
        monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
    registry.forget()
    yield
    monkeypatch.undo()
    registry.forget()


@pytest.mark.timeout(1800)  # on a busy machine two processes may take minutes to import transformers
@pytest.mark.usefixtures("tiny_codecs")
@pytest.mark.parametrize("name", ENTRIES)
def test_a_codec_keeps_the_contract(name: str) -> None:
    results = check(name, step_limit_s=600)
    failed = [f"{result.name}: {result.message}" for result in results if result.ok is False]
    assert not failed, failed
    held = {result.name for result in results if result.ok}
    assert {"fresh-process", "repeatable-encode", "payload-needed", "damage", "ladder", "timeline"} <= held
    assert {"silence", "one-frame", "stereo", "48-khz", "no-video"} <= held


def test_a_codec_of_this_kind_takes_under_40_lines() -> None:
    root = HERE.parents[2]
    files = [HERE / "tiny_fourth.py", *(root / "codecs" / name for name in ("mimi.py", "descript_dac.py"))]
    for file in [*files, root / "codecs" / "encodec" / "__init__.py"]:
        assert len(file.read_text().splitlines()) < 40, file
