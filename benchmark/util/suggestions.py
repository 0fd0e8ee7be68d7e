"""A name that is not known, with the names that are closest."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from .errors import UsageError


def unknown(kind: str, name: str, known: Sequence[str]) -> UsageError:
    """The error for a name that nothing is registered under, with the nearest ones."""
    near = difflib.get_close_matches(name, known, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(known)}"
    return UsageError(f"no {kind.rstrip('s')} is called {name!r}; {hint}")
