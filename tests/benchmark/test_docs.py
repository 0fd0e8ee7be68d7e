"""The pages say what there is: every command, every option of a sweep, every codec; links lead to files."""

import re
from pathlib import Path
from typing import Any

import typer.main
from talkbench.benchmark.cli import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXT = {page.name: page.read_text(encoding="utf-8") for page in PAGES}


def commands() -> dict[str, Any]:
    group = typer.main.get_command(app)
    return dict(group.commands)  # pyright: ignore[reportAttributeAccessIssue]


def test_every_command_is_in_the_readme() -> None:
    missing = [name for name in commands() if not re.search(rf"`(?:talkbench )?{name}\b", TEXT["README.md"])]
    assert missing == []


def test_every_option_of_a_sweep_is_described() -> None:
    options = {name for param in commands()["sweep"].params for name in param.opts if name.startswith("--")}
    options.discard("--help")
    text = TEXT["running.md"] + TEXT["README.md"]
    assert {name for name in options if not re.search(rf"{name}\b", text)} == set()


def test_every_codec_is_described() -> None:
    files = [path.stem for path in (ROOT / "codecs").iterdir() if not path.name.startswith((".", "_"))]
    assert [name for name in files if f"`{name.replace('_', '-')}`" not in TEXT["codecs.md"]] == []


def test_links_lead_to_files() -> None:
    broken = []
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
            if not target.startswith("http") and not (page.parent / target).exists():
                broken.append((page.name, target))
    assert broken == []
