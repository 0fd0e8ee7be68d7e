"""What is printed is never markup, hides nothing and never ends a run."""

from __future__ import annotations

import ast
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.table import Table
from talkbench.benchmark.util import terminal
from talkbench.benchmark.util.progress import LineProgress, TerminalProgress

_FOREIGN = (
    "raw [/1] take.mp4",
    "[red]x[/red]",
    "[/]",
    "a [bold",
    ":smile: [link=x]y[/link]",
    "o [final]/report",
    "\\[b]",
)
_SOURCES = sorted(Path(terminal.__file__).resolve().parent.glob("*.py"))


def _terminal(**options) -> tuple[terminal.Terminal, io.StringIO]:
    file = io.StringIO()
    return terminal.Terminal(file=file, width=200, **options), file


@pytest.mark.parametrize("name", _FOREIGN)
@pytest.mark.parametrize("tty", [False, True])
def test_brackets_of_a_name_stay_brackets_wherever_it_is_printed(name, tty):
    console, file = _terminal(force_terminal=tty, color_system=None)
    console.say(f"line {name}")
    console.say_lines(f"text {name}")
    table = Table(f"head {name}")
    table.add_row(f"cell {name}")
    console.print(table)
    with TerminalProgress(console) if tty else LineProgress(console) as progress:
        progress.total("encode", 1)
        progress.done("encode", f"label {name}", f"error {name}")
    for what in ("line", "text", "head", "cell", "label", "error"):
        assert f"{what} {name}" in file.getvalue()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("\x1b[2Jgone", r"\x1b[2Jgone"),
        ("a\rb", r"a\rb"),
        ("two\nlines", r"two\nlines"),
        ("\u202egpj.exe", r"\u202egpj.exe"),
        ("\udcff.mp4", r"\udcff.mp4"),
        ("\x9b31m", r"\x9b31m"),
        ("a\u2028b", r"a\u2028b"),
        ("é 漢字 👩\u200d👦", "é 漢字 👩\u200d👦"),
    ],
)
def test_what_would_steer_the_terminal_is_shown(name, shown):
    console, file = _terminal()
    console.say(name)
    assert file.getvalue() == f"{shown}\n"


def test_several_lines_stay_lines_and_are_not_broken():
    console, file = _terminal()
    console.say_lines(f"{'x' * 300}\n\x1bb")
    assert file.getvalue() == f"{'x' * 300}\n\\x1bb\n"


def _python(code: str, stdout, **environment: str) -> subprocess.CompletedProcess[bytes]:
    start = "import sys; from talkbench.benchmark.util.terminal import *; escape_what_cannot_be_encoded()\n"
    return subprocess.run(
        [sys.executable, "-c", start + code],
        stdout=stdout,
        stderr=subprocess.PIPE,
        env={**os.environ, **environment},
        check=False,
    )


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_what_the_encoding_lacks_is_an_escape(encoding):
    done = _python("Terminal().say('née 漢 …')", subprocess.PIPE, PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode(encoding).strip() == "née 漢 …".encode(encoding, "backslashreplace").decode(
        encoding
    )


def test_a_reader_that_leaves_does_not_end_the_run():
    reader, writer = os.pipe()
    os.close(reader)
    code = "t = Terminal()\nfor _ in range(5): t.say('x' * 100000)\nsys.stderr.write('still here'); exit(3)"
    done = _python(code, writer)
    os.close(writer)
    assert (done.returncode, done.stderr.strip()) == (3, b"still here")


def test_a_full_disk_behind_the_output_does_not_end_the_run():
    with open("/dev/full", "wb") as full:
        done = _python("Terminal().say('x'); Terminal().say('y'); exit(3)", full)
    assert (done.returncode, done.stderr) == (3, b"")


@pytest.mark.parametrize("path", _SOURCES, ids=lambda path: path.name)
def test_every_module_prints_by_the_terminal(path):
    """No console of its own, no markup, no `print`. metric_page.py writes a page to stdout, to be piped."""
    if path.name in ("terminal.py", "metric_page.py"):
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rich"):
            names = {alias.name for alias in node.names}
            assert not names & {"Console", "print", "escape", "from_markup"}, f"line {node.lineno}"
        if isinstance(node, ast.Call):
            function = node.func
            name = getattr(function, "id", getattr(function, "attr", ""))
            assert not (isinstance(function, ast.Name) and name == "print"), f"line {node.lineno}"
            assert name not in ("from_markup", "secho"), f"line {node.lineno}"
            marked = [k for k in node.keywords if k.arg == "markup" and getattr(k.value, "value", 0)]
            assert not marked, f"line {node.lineno}"
