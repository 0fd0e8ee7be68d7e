"""What a verification found: for each check how much holds, what is wrong, and what could not be checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

_LISTED = 10


@dataclass
class Check:
    """One question. `wrong`: a line per thing that does not hold; `not_checked`: reason → how many things."""

    name: str
    verified: int = 0
    wrong: list[str] = field(default_factory=list)
    not_checked: Counter[str] = field(default_factory=Counter)

    def hold(self, ok: bool, message: str) -> bool:
        """Count one thing that holds, or note what is wrong with it."""
        if ok:
            self.verified += 1
        else:
            self.wrong.append(message)
        return ok


def plain(text: str) -> str:
    """Untrusted text for a terminal: characters that are not printable are escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def wrong(checks: Iterable[Check]) -> int:
    """How many things are wrong in all."""
    return sum(len(check.wrong) for check in checks)


def listed(lines: Sequence[str], most: int = _LISTED) -> list[str]:
    """The first lines, and how many more there are."""
    more = [f"… and {len(lines) - most} more"] if len(lines) > most else []
    return [*lines[:most], *more]
