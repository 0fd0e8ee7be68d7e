"""Previews, as jobs for an executor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from . import preview
from .homes import SharedJob


@dataclass(frozen=True, kw_only=True)
class Preview(SharedJob):
    """Make previews of variants of one clip; the fields are those of `preview.make`."""

    stage: ClassVar[str] = "preview"
    clip_id: str
    sources: Sequence[preview.Source]
    root: Path
    cap: int
    used: int

    @property
    def cells(self) -> int:
        return len(self.sources)

    def failed_rows(self, status: str, error: str | None) -> list[preview.PreviewRow]:
        """Its rows, where it gave none; a preview is there, does not apply, or has failed."""
        del status
        return [
            preview.PreviewRow(source.encode_id, self.clip_id, "failed", error) for source in self.sources
        ]

    def run(self, device: str) -> list[preview.PreviewRow]:
        del device  # the same files on every machine, and little work
        return preview.make(self.clip_id, self.sources, self.root, self.cap, self.used)
