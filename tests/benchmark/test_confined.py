"""Limits around the decoding of foreign bitstreams: met, they are an error of that job, and end with it."""

import os
import resource
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from talkbench.benchmark.api.codec import CodecInfo
from talkbench.benchmark.api.types import ClipSpec, Point
from talkbench.benchmark.plan import plan
from talkbench.benchmark.sharing import confined
from talkbench.benchmark.stages import coding

KINDS = (resource.RLIMIT_AS, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE)


def reserve(size: int) -> int:
    return len(bytearray(size))


def write(path: Path, size: int) -> int:
    return path.write_bytes(bytes(size))


def open_many(path: Path, count: int) -> int:
    files: list[int] = []
    try:
        for _ in range(count):
            files.append(os.open(path, os.O_RDONLY))
    finally:
        for file in files:
            os.close(file)
    return len(files)


LIMITS = confined.Limits(memory_bytes=256 << 20, file_bytes=1 << 20, open_files=64)


@pytest.mark.parametrize(
    ("function", "fits", "does_not"),
    [
        (reserve, {"size": 1 << 20}, {"size": 1 << 30}),
        (write, {"path": "new", "size": 1 << 19}, {"path": "new", "size": 1 << 21}),
        (open_many, {"path": "there", "count": 8}, {"path": "there", "count": 100}),
    ],
)
def test_what_is_within_its_limits_runs_and_what_is_not_fails(
    tmp_path: Path, function: Any, fits: dict[str, Any], does_not: dict[str, Any]
) -> None:
    (tmp_path / "there").touch()
    before = [resource.getrlimit(kind) for kind in KINDS]

    def arguments(given: dict[str, Any]) -> dict[str, Any]:
        return {name: tmp_path / value if name == "path" else value for name, value in given.items()}

    with confined.limited(LIMITS, "cpu"):
        assert function(**arguments(fits))
    with pytest.raises((MemoryError, OSError)), confined.limited(LIMITS, "cpu"):
        function(**arguments(does_not))
    assert [resource.getrlimit(kind) for kind in KINDS] == before


def test_limits_grow_with_the_clip() -> None:
    small = ClipSpec(10, 64, 64, Fraction(25), 16000, 16000, 1)
    large = ClipSpec(1000, 512, 512, Fraction(25), 16000, 16000, 1)
    assert confined.clip_bytes(small) == 10 * 3 * 64 * 64 + 4 * 16000
    assert confined.limits_of(small).file_bytes > confined.clip_bytes(small)
    assert confined.limits_of(large).memory_bytes > confined.limits_of(small).memory_bytes


def test_a_verification_decodes_within_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = ClipSpec(10, 64, 64, Fraction(25), 16000, 16000, 1)
    clip = plan.PlannedClip("c", "0" * 64, tmp_path, spec, "d")
    cell = plan.Cell("e" * 64, CodecInfo("x", "1", ("video",), "conventional", "MIT"), Point("p"), clip)
    job = confined.ConfinedDecode.of(cell, "0" * 64, tmp_path, 10)
    assert (job.encode_id, job.home) == (cell.encode_id, "codec:x")
    monkeypatch.setattr(coding, "decode", lambda *_: resource.getrlimit(resource.RLIMIT_FSIZE)[0])
    assert job.run("cpu") == confined.limits_of(spec).file_bytes
