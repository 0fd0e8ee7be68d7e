"""Which process a job may run in: one codec's own, or those in which no codec ever ran."""

from __future__ import annotations

from dataclasses import dataclass

from ..execution.job import Job


@dataclass(frozen=True, kw_only=True)
class SharedJob(Job):
    """A job for a process in which no codec ever ran."""

    @property
    def home(self) -> str:
        return "shared"


@dataclass(frozen=True, kw_only=True)
class CodecJob(Job):
    """A job for a process in which no other code from outside than this codec's runs."""

    codec: str

    @property
    def home(self) -> str:
        return f"codec:{self.codec}"
