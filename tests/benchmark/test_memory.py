"""Peak memory is that of the process and of its children, and is seen even when it is short-lived."""

import subprocess
import sys
import time

import psutil
import pytest
from talkbench.benchmark.memory import PeakMemory

MIB = 2**20


def test_memory_agrees_with_psutil() -> None:
    with PeakMemory() as peak:
        pass
    # Other tests may have left a browser or workers running: they are children too.
    tree = psutil.Process(), *psutil.Process().children(recursive=True)
    assert peak.rss_bytes == pytest.approx(sum(process.memory_info().rss for process in tree), rel=0.1)
    assert peak.gpu_bytes is None


def test_memory_that_is_given_back_is_in_the_peak() -> None:
    with PeakMemory() as peak:
        before = peak.rss_bytes
        block = bytearray(200 * MIB)
        time.sleep(0.3)
        del block
    assert peak.rss_bytes - before > 190 * MIB


def test_children_count_and_grandchildren_too() -> None:
    allocate = "import time; block = bytearray(150 * 2**20); time.sleep(1)"
    nested = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {allocate!r}])"
    for program in (allocate, nested):
        with PeakMemory() as peak:
            before = peak.rss_bytes
            subprocess.run([sys.executable, "-c", program], check=True)
        assert peak.rss_bytes - before > 140 * MIB
