"""A part of a test registry, and its file."""

import hashlib
from pathlib import Path

from talkbench.benchmark.weights.entry import Weight

BODY = b"a network" * 1000
HASH = hashlib.sha256(BODY).hexdigest()
OTHER = b"another one" * 1000
NET = Weight(
    name="net",
    what="a network",
    file="net.pth",
    licence="MIT",
    url="https://example.org/net.pth",
    bytes=len(BODY),
    sha256=HASH,
)


def put(path: Path, body: bytes = BODY) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    return path
