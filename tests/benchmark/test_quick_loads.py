"""Beside quick scores stand the exact ones of a few frames: each form is loaded once, not once a clip."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from talkbench.benchmark.api import registry
from talkbench.benchmark.api.types import Clip, ClipSpec
from talkbench.benchmark.stages import scoring
from talkbench.benchmark.stages.score_rows import Variant
from talkbench.benchmark.store import artifacts

FAMILY = [replace(info, has_quick=True) for info in registry.metric_family("psnr").describe()]


class Counted:
    """A family that notes each load."""

    def __init__(self, family) -> None:
        self._family = family
        self.loads: list[tuple[str, bool]] = []

    def load(self, device, infos):
        self.loads.append((device, any(info.quick for info in infos)))
        return self._family.load(device, infos)


@pytest.fixture
def family(monkeypatch: pytest.MonkeyPatch) -> Counted:
    counted = Counted(registry.metric_family("psnr"))
    monkeypatch.setattr(scoring.registry, "metric_family", lambda name: counted)
    monkeypatch.setattr(scoring, "_loaded", {})
    return counted


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    spec = ClipSpec(3, 16, 16, Fraction(25), 0, 16000, 1)
    found = [tmp_path / str(index) for index in range(4)]
    for index, folder in enumerate(found):
        video = torch.full((3, 3, 16, 16), 20 * index, dtype=torch.uint8)
        artifacts.save_clip(folder, Clip(spec, video, torch.zeros((1, 0))), {})
    return found


@pytest.mark.parametrize("quick", [1, 2])
def test_each_form_is_loaded_once_for_all_clips(family: Counted, folders: list[Path], quick: int) -> None:
    assert len(FAMILY) >= 2
    asked = [info.quickened() if at < quick else info for at, info in enumerate(FAMILY)]
    names = tuple(info.name for info in asked)
    for clip in folders[:2]:
        variants = [Variant("a", folders[2], names), Variant("b", folders[3], names)]
        rows = scoring.score("psnr", asked, clip, variants, "cpu")
        assert {row.status for row in rows} == {"ok"}
        compared = {row.metric for row in rows if row.detail and "quick" in row.detail}
        assert compared == set(names[:quick])
    assert family.loads == [("cpu", True), ("cpu", False)]


def test_no_form_of_another_device_or_of_other_metrics_is_kept(family: Counted) -> None:
    scoring._load("psnr", FAMILY, "cpu")
    scoring._load("psnr", FAMILY[:1], "cpu")
    assert len(scoring._loaded) == 1
    scoring._load("psnr", [FAMILY[0].quickened()], "cpu")
    assert len(scoring._loaded) == 2
    scoring._load("another", FAMILY[:1], "cpu")
    assert len(scoring._loaded) == 1
    scoring._load("psnr", FAMILY[:1], "cpu")
    assert len(family.loads) == 5
