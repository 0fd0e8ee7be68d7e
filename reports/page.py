"""What a page of the report is: a template, a script, and the data of both."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")


@dataclass(frozen=True)
class Page:
    """One page. Its template is `templates/KIND.html`, its script `static/pages/KIND.js`, its style
    `static/pages/KIND.css` (script and style where there is such a file).

    name: unique, of letters, digits and '-'; the file is NAME.html; kind: what shares template and script;
    title: in the browser's tab and in the navigation; nav: whether it is in the navigation;
    context: for the template, beside the names that every template has (see `site.environment`);
    data: JSON that the script gets at once; parts: JSON that it asks for by key, or a function that makes it,
    called once while the page is written; media: name → file, or what is in it, put beside the page;
    plotly: whether the script draws with plotly.
    """

    name: str
    kind: str
    title: str
    nav: bool = True
    context: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    parts: Mapping[str, Any | Callable[[], Any]] = field(default_factory=dict)
    media: Mapping[str, Path | bytes] = field(default_factory=dict)
    plotly: bool = False

    def __post_init__(self) -> None:
        """Raises ValueError for a name that cannot be a file's on every system."""
        for name in (self.name, self.kind, *self.parts, *self.media):
            if not _SAFE.fullmatch(name):
                raise ValueError(f"{name!r} cannot name a file of the report")

    def part(self, key: str) -> Any:
        """The JSON of one part."""
        found = self.parts[key]
        return found() if callable(found) else found
