"""The short form of `kills.py`: a few kills of different kinds, and a comparison that can fail."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path
from types import ModuleType

import duckdb
import pytest


@pytest.fixture(scope="module")
def kills() -> ModuleType:
    spec = importlib.util.spec_from_file_location("kills", Path(__file__).with_name("kills.py"))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["kills"] = module
    spec.loader.exec_module(module)
    return module


def test_a_few_kills_leave_nothing_lost_doubled_or_stale(
    kills: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = ["--kills", "3", "--most", "2", "--seed", "1", "--kinds", "parent,worker,lost"]
    code = kills.main([*few, "--keep", str(tmp_path / "lab")])
    told = capsys.readouterr()
    assert code == 0, told
    assert told.out.count("rounds") == 4
    _the_comparison_can_fail(kills, tmp_path / "lab" / "reference-fast", tmp_path)


def _the_comparison_can_fail(kills: ModuleType, reference: Path, folder: Path) -> None:
    assert not sum(kills.compare(reference, reference, deterministic=True).values())
    changes = {
        "lost": "DELETE FROM scores WHERE rowid = (SELECT min(rowid) FROM scores)",
        "stale": "UPDATE scores SET value = value + 1 WHERE metric = 'psnr'",
    }
    for what, sql in changes.items():
        store = folder / what
        shutil.copytree(reference, store)
        with duckdb.connect(str(store / "talkbench.duckdb")) as connection:
            connection.execute(sql)
        assert kills.compare(store, reference, deterministic=True)[what]
    changed = folder / "bitstream"
    shutil.copytree(reference, changed)
    next(changed.rglob("*.tkb")).write_bytes(b"another")
    assert kills.compare(changed, reference, deterministic=True)["stale"]
