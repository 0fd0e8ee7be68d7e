"""Peak memory is what a task takes itself: not its worker's history, not libraries, not mapped files."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from talkbench.benchmark.execution import memory
from talkbench.benchmark.execution.memory import PeakMemory

MIB = 2**20
ALLOCATE = "block = bytearray({} * 2**20); block[::4096] = b'x' * len(block[::4096]);"


def peak_of(task: Callable[[], object]) -> int:
    with PeakMemory() as peak:
        task()
    assert peak.gpu_bytes is None
    assert peak.rss_bytes is not None, peak.reason
    return peak.rss_bytes


def python(program: str, **options) -> None:
    subprocess.run([sys.executable, "-c", program], check=True, **options)


def small_blocks(mib: int) -> None:
    """Below malloc's threshold of mapping, so that freed ones stay in the heap."""
    size = 60_000
    blocks = [bytearray(size) for _ in range(mib * MIB // size)]
    for block in blocks:
        block[::512] = b"x" * len(block[::512])


@pytest.mark.parametrize("mib", [40, 200])
@pytest.mark.parametrize(
    "allocate",
    [
        lambda mib: np.ones(mib * MIB, np.uint8),
        lambda mib: torch.ones(mib * MIB, dtype=torch.uint8),
        lambda mib: bytearray(b"x") * (mib * MIB),
        small_blocks,
    ],
    ids=["numpy", "torch", "python", "small blocks"],
)
def test_what_is_allocated_and_given_back_is_the_peak(allocate, mib) -> None:
    assert peak_of(lambda: allocate(mib)) == pytest.approx(mib * MIB, rel=0.1)


@pytest.mark.parametrize("before", [small_blocks, lambda mib: np.ones(mib * MIB, np.uint8)])
def test_a_heap_that_was_freed_before_hides_nothing(before) -> None:
    before(400)
    assert peak_of(lambda: None) < 2 * MIB
    assert peak_of(lambda: small_blocks(60)) == pytest.approx(60 * MIB, rel=0.1)
    assert peak_of(lambda: small_blocks(30)) == pytest.approx(30 * MIB, rel=0.1)


def test_what_is_held_already_does_not_count() -> None:
    held = np.ones(300 * MIB, np.uint8)
    assert peak_of(lambda: held.sum()) < 2 * MIB
    assert peak_of(lambda: np.ones(50 * MIB, np.uint8)) == pytest.approx(50 * MIB, rel=0.1)


def test_a_mapped_file_does_not_count(tmp_path: Path) -> None:
    np.zeros(100 * MIB, np.uint8).tofile(tmp_path / "clip")
    mapped = np.memmap(tmp_path / "clip", np.uint8, "c")
    assert peak_of(lambda: (int(mapped.max()), np.ones(40 * MIB, np.uint8))) == pytest.approx(
        40 * MIB, rel=0.1
    )


@pytest.mark.parametrize("after", ["", "import time; time.sleep(0.2)"], ids=["ends", "waits"])
def test_a_child_counts_and_a_grandchild(after) -> None:
    program = ALLOCATE.format(150) + after
    nested = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {program!r}])"
    empty = peak_of(lambda: python("pass"))
    assert empty < 10 * MIB
    for text in (program, nested):
        assert peak_of(lambda text=text: python(text)) == pytest.approx(150 * MIB, rel=0.1)


def test_children_and_the_process_count_together() -> None:
    program = ALLOCATE.format(80) + "import time; time.sleep(0.5)"

    def task() -> None:
        own = np.ones(100 * MIB, np.uint8)
        children = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(2)]
        assert [child.wait() for child in children] == [0, 0]
        del own

    assert peak_of(task) == pytest.approx(260 * MIB, rel=0.1)


def test_a_forked_copy_counts_by_what_it_writes() -> None:
    held = np.ones(300 * MIB, np.uint8)

    def task(mib: int) -> None:
        pid = os.fork()
        if not pid:
            own = np.ones(mib * MIB, np.uint8)
            time.sleep(0.2)
            os._exit(len(own) == 0)
        assert os.waitpid(pid, 0)[1] == 0

    assert peak_of(lambda: task(100)) == pytest.approx(100 * MIB, rel=0.1)
    assert peak_of(lambda: python("pass", preexec_fn=lambda: time.sleep(0.1))) < 10 * MIB
    assert held.all()


def test_a_child_that_lives_on_counts_by_what_it_adds() -> None:
    program = ALLOCATE.format(120) + (
        "print(1, flush=True); input(); more = bytearray(b'x') * (50 * 2**20); print(2, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin
        assert child.stdout
        assert child.stdout.readline() == "1\n"

        def task() -> None:
            child.stdin.write("\n")
            child.stdin.flush()
            assert child.stdout.readline() == "2\n"

        assert peak_of(task) == pytest.approx(50 * MIB, rel=0.1)
        child.kill()


def test_a_child_that_nobody_saw_is_no_measure(monkeypatch) -> None:
    monkeypatch.setattr(memory, "_EVERY_S", 60)
    with PeakMemory() as peak:
        python("pass")
    assert peak.rss_bytes is None
    assert peak.reason is not None
    assert "unseen" in peak.reason


def test_a_system_without_the_mark_gives_no_measure(monkeypatch) -> None:
    def refuse(self: Path, text: str) -> int:
        raise PermissionError(1, "not permitted", str(self))

    monkeypatch.setattr(Path, "write_text", refuse)
    with PeakMemory() as peak:
        np.ones(50 * MIB, np.uint8)
    assert peak.rss_bytes is None
    assert peak.reason is not None
    assert "clear_refs" in peak.reason
