import re
from dataclasses import replace
from pathlib import Path

import pytest
from talkbench.benchmark import weights
from talkbench.benchmark.api import registry
from talkbench.benchmark.api.metric import MetricInfo
from talkbench.benchmark.cli import metric_page
from talkbench.benchmark.cli import metrics as metrics_cli
from talkbench.benchmark.cli.main import app
from typer.testing import CliRunner

PAGE = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
INFO = MetricInfo("m", "video", "frame", "dB", True, (None, 1.0), "What it is.", "Who, 2020")


def generated() -> str:
    infos = [info for _, info in registry.metrics().values()]
    return metric_page.page(infos, weights.registry().values())


def names_in(text: str) -> list[str]:
    return re.findall(r"^\| `([^`]+)`", text, flags=re.MULTILINE)


def test_the_committed_page_is_the_generated_one() -> None:
    assert PAGE.read_text() == generated(), f"run: {metric_page.COMMAND}"


def test_every_metric_and_every_part_has_a_row() -> None:
    metrics, parts = PAGE.read_text().split("\n## Weights\n")
    assert sorted(names_in(metrics)) == sorted(registry.metrics())
    assert sorted(names_in(parts)) == sorted(weights.registry())


def test_the_page_does_not_depend_on_what_is_installed_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = generated()
    for variable in ("TALKBENCH_CACHE", "TALKBENCH_WEIGHTS", "TORCH_HOME", "HF_HUB_CACHE"):
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setattr(MetricInfo, "fingerprint", lambda self: pytest.fail("asked for a fingerprint"))
    monkeypatch.setattr(weights, "find", lambda name: pytest.fail("looked for a file"))
    assert generated() == page


@pytest.mark.parametrize(
    ("modality", "kind", "title"),
    [
        ("video", "frame", "Video"),
        ("audio", "clip", "Audio"),
        ("pair", "pair", "Video with audio"),
        ("video", "set", "Sets of clips"),
    ],
)
def test_a_metric_stands_in_its_section(modality, kind, title) -> None:
    page = metric_page.page([replace(INFO, modality=modality, kind=kind, weights=("vgg16",))], [])
    section = page.split(f"## {title}\n")[1].split("\n## ")[0]
    row = f"| `m` | higher | −∞ … 1 dB | {kind} | What it is. | `vgg16` | Who, 2020 |"
    assert row in section


def test_the_list_says_once_why_metrics_cannot_run(monkeypatch: pytest.MonkeyPatch) -> None:
    found = registry.metrics()
    family, stoi = found["stoi"]
    learned = {name: (family, replace(stoi, name=name, weights=("vgg16",))) for name in ("one", "two")}
    monkeypatch.setattr(registry, "metrics", lambda: {"psnr": found["psnr"], **learned})
    monkeypatch.setattr(weights, "missing", lambda names: "run this command" if names else None)
    lines = CliRunner().invoke(app, ["metrics"]).output.splitlines()
    listed = {line.split()[0]: line.rstrip().split("  ")[-1].strip() for line in lines[1:-1]}
    assert listed == {"psnr": "yes", "one": "no: see 1", "two": "no: see 1"}
    assert lines[-1] == "1: run this command"


def test_explaining_says_all_that_the_page_says_and_what_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    family, stoi = registry.metrics()["stoi"]
    info = replace(stoi, weights=("vgg16",), options={"size": 3}, of_reference=True)
    monkeypatch.setattr(weights, "missing", lambda names: "run this command")
    facts = dict(metrics_cli.facts(family, info))
    assert facts["definition"] == info.definition
    assert facts["source"] == info.paper
    assert facts["bounds"] == "-1 to 1"
    assert facts["implementation"].split(" ")[0].endswith("metrics/stoi.py")
    assert weights.get("vgg16").sha256 in facts["weights"]
    assert "BSD-3-Clause" in facts["weights"]
    assert facts["option"] == "size = 3"
    assert facts["fingerprint"] == info.fingerprint()
    assert facts["runs here"] == "no: run this command"


def test_a_fingerprint_that_will_change_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    family, stoi = registry.metrics()["stoi"]
    monkeypatch.setattr(weights, "sha256", lambda name: "")
    facts = dict(metrics_cli.facts(family, replace(stoi, weights=("avhubert-large-vox",))))
    assert "the sha256 of avhubert-large-vox is not known yet" in facts["fingerprint"]
    assert "NON-COMMERCIAL" in facts["weights"]
