"""The one way to print. Nothing that is printed is markup, and no print can end a run.

Names of files, clips, codecs and metrics and messages of errors come from outside: brackets in them stay
brackets, control characters and bidirectional overrides are shown as escapes, and what the terminal's
encoding lacks is shown as an escape too. Where the reader has closed (`| head`) or nothing can be written
(a full disk behind `>`), the output ends and the work goes on.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import unicodedata
from typing import Any

from rich.console import Console
from rich.text import Text

# Categories of Unicode: control, format (bidirectional overrides, zero width), surrogate, line and
# paragraph separators.
_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_JOINERS = {"\u200c", "\u200d"}  # belong to the spelling of words and emoji


def visible(text: str, keep: str = "") -> str:
    """`text` with control characters, bidirectional overrides and lone surrogates as escapes (`\\x1b`).

    keep: characters of these kinds that stay as they are, as "\\n" in a text of several lines.
    """
    return "".join(
        c.encode("unicode_escape").decode("ascii")
        if unicodedata.category(c) in _HIDDEN and c not in _JOINERS and c not in keep
        else c
        for c in text
    )


class Terminal(Console):
    """A rich console for which every string is plain text."""

    def __init__(self, *, stderr: bool = False, **options: Any) -> None:
        """stderr: print there. options: as for rich's Console (`file`, `width`, …)."""
        super().__init__(stderr=stderr, markup=False, emoji=False, highlight=False, **options)

    def say(self, text: str, style: str = "") -> None:
        """Print one line, however long: it is not broken, and a line break within it is shown as `\\n`."""
        self.print(Text(visible(text), style), soft_wrap=True)

    def say_lines(self, text: str) -> None:
        """Print several lines, none of which is broken."""
        self.print(text, soft_wrap=True)

    def print(self, *objects: Any, **options: Any) -> None:
        """As rich prints, but what cannot be written ends the output, not the run."""
        try:
            super().print(*objects, **options)
        except OSError:
            self.on_broken_pipe()

    def render_str(self, text: str, **options: Any) -> Text:
        """A string as rich's Text; called for what is printed and for each cell of a table."""
        options.update(markup=False, emoji=False, highlight=False)
        return super().render_str(visible(text, keep="\n"), **options)

    def on_broken_pipe(self) -> None:
        """The reader has closed: print nothing more, here and when the interpreter flushes at its end."""
        self.quiet = True
        with contextlib.suppress(OSError, ValueError):  # a file without a descriptor needs nothing
            nowhere = os.open(os.devnull, os.O_WRONLY)
            try:
                os.dup2(nowhere, self.file.fileno())
            finally:
                os.close(nowhere)


def escape_what_cannot_be_encoded() -> None:
    """From now on characters that the encoding of stdout or stderr lacks are written as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
