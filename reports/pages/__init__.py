"""The pages of the report, one module a kind, in the order of the navigation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..page import Page
from . import bits, clips, index, papers, speech, surfaces, trust

if TYPE_CHECKING:
    from ..source import Source

KINDS = (index, speech, surfaces, papers, bits, clips, trust)


def build(source: Source) -> list[Page]:
    """All pages of a store; the first one is the index."""
    return [page for kind in KINDS for page in kind.pages(source)]
