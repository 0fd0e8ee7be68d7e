"""The pages say what there is: every command, option of a sweep, codec and suite; links lead somewhere; code
that is quoted is the file's.
"""

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

import typer.main
from talkbench.benchmark.cli.main import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXT = {page.name: page.read_text(encoding="utf-8") for page in PAGES}
# Code between fences; `file=` names the file that it is quoted from.
FENCED = re.compile(r"^```(\w*)(?: file=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = [(name, *found) for name, text in TEXT.items() for found in FENCED.findall(text)]


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


def headings(page: Path) -> set[str]:
    """What a link to a heading says after `#`, as GitHub makes it."""
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    found = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in found}


def test_links_lead_to_headings() -> None:
    broken = []
    for page in PAGES:
        for target, heading in re.findall(r"\]\(([^)#]*)#([^)]+)\)", page.read_text(encoding="utf-8")):
            there = page.parent / target if target else page
            if not target.startswith("http") and heading not in headings(there):
                broken.append((page.name, f"{target}#{heading}"))
    assert broken == []


def test_every_shipped_suite_is_described() -> None:
    suites = [path.stem for path in (ROOT / "benchmark" / "plan" / "suites").glob("*.toml")]
    assert suites
    assert [name for name in suites if f"`{name}`" not in TEXT["running.md"]] == []


def test_quoted_code_is_the_files() -> None:
    quoted = [(name, path, text) for name, _, path, text in CODE if path]
    assert {path for _, path, _ in quoted} >= {"codecs/dac/__init__.py", "codecs/dac/network.py"}
    for name, path, text in quoted:
        whole = "\n" + (ROOT / path).read_text(encoding="utf-8")
        assert f"\n{text}" in whole, f"{name} quotes {path} as it is no longer:\n{text}"


def test_code_on_pages_can_be_read() -> None:
    for _, language, _, text in CODE:
        if language == "python":
            ast.parse(text)
        elif language == "toml":
            tomllib.loads(text)
