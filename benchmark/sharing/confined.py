"""Decoding of foreign bytes: in a worker process of a verification, with limits of the operating system.

They bound what a decoder takes by mistake or by a crafted bitstream: address space, the size of each file
that it writes, and open files. They are not a sandbox: code that takes over the process could lift them.
"""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..api.types import ClipSpec
from ..stages.coding import Decoded
from ..stages.coding_jobs import Decode

MAX_CLIP_BYTES = 32 << 30  # of a decoded clip: pictures of three bytes a pixel, sound of four a sample
_MEMORY_BYTES = 16 << 30  # above what the process has mapped: libraries, weights and what a decoder needs
_CLIP_COPIES = 16  # of the decoded clip, in memory at a time
_FILE_SLACK_BYTES = 64 << 20
_OPEN_FILES = 512


@dataclass(frozen=True)
class Limits:
    """memory_bytes: of address space beyond what is mapped at the start; file_bytes: of each file written;
    open_files: file descriptors."""

    memory_bytes: int
    file_bytes: int
    open_files: int = _OPEN_FILES


def clip_bytes(spec: ClipSpec) -> int:
    """Bytes of a decoded clip: (T, 3, H, W) of uint8 and (C, N) of float32."""
    return spec.frames * 3 * spec.height * spec.width + spec.channels * spec.samples * 4


def limits_of(spec: ClipSpec) -> Limits:
    """Limits for decoding one clip of this shape."""
    size = clip_bytes(spec)
    return Limits(_MEMORY_BYTES + _CLIP_COPIES * size, _FILE_SLACK_BYTES + 2 * size)


@contextlib.contextmanager
def limited(limits: Limits, device: str) -> Iterator[None]:
    """What runs here has these limits; a worker has its own back afterwards.

    Beyond them, MemoryError or OSError (EFBIG, EMFILE) is raised. On a GPU, address space is not bounded: the
    driver maps more of it than any machine has memory.
    """
    wanted = {resource.RLIMIT_FSIZE: limits.file_bytes, resource.RLIMIT_NOFILE: limits.open_files}
    if device == "cpu":
        wanted[resource.RLIMIT_AS] = _mapped_bytes() + limits.memory_bytes
    before = {kind: resource.getrlimit(kind) for kind in wanted}
    try:
        for kind, most in wanted.items():
            soft, hard = before[kind]
            bounds = [most, *(limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY)]
            resource.setrlimit(kind, (min(bounds), hard))
        yield
    finally:
        for kind, limit in before.items():
            resource.setrlimit(kind, limit)


@dataclass(frozen=True, kw_only=True)
class ConfinedDecode(Decode):
    """Decode a stranger's bitstream within the limits for its clip."""

    def run(self, device: str) -> Decoded:
        with limited(limits_of(self.spec), device):
            return super().run(device)


def _mapped_bytes() -> int:
    """Address space of this process now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * resource.getpagesize()
