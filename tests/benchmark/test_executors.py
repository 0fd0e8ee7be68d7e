"""Executors: what becomes of jobs that return, raise, hang or take their process with them."""

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
from talkbench.benchmark.execution.executors import Executor, LocalExecutor, SerialExecutor
from talkbench.benchmark.execution.job import Call, Outcome
from talkbench.benchmark.util.errors import Unavailable


def double(number: int, device: str) -> tuple[int, str]:
    return 2 * number, device


def raises(kind: str, device: str) -> None:
    raise {"value": ValueError, "memory": MemoryError, "unavailable": Unavailable}[kind]("so it is")


def kills_itself(device: str) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def slow_double(number: int, device: str) -> tuple[int, str]:
    time.sleep(2)
    return double(number, device)


def sleeps(seconds: float, device: str) -> None:
    time.sleep(seconds)


def run(executor: Executor, function: Any, limit: float = 60, **arguments: Any) -> Outcome[Call]:
    executor.submit(Call(function, arguments, time_limit_s=limit))
    return wait(executor)


def wait(executor: Executor) -> Outcome[Call]:
    while (outcome := executor.next()) is None:
        pass
    return outcome


@pytest.fixture(scope="module")
def local() -> Iterator[LocalExecutor]:
    executor = LocalExecutor(2, ["cpu"])
    yield executor
    executor.close()


@pytest.fixture(params=["serial", "local"])
def executor(request: pytest.FixtureRequest, local: LocalExecutor) -> Executor:
    return local if request.param == "local" else SerialExecutor("cpu")


def test_a_value_comes_back_with_its_job(executor: Executor) -> None:
    outcome = run(executor, double, number=21)
    assert (outcome.status, outcome.value, outcome.error) == ("ok", (42, "cpu"), None)
    assert outcome.job.arguments == {"number": 21}


@pytest.mark.parametrize(
    ("kind", "status", "error"),
    [
        ("value", "failed", "ValueError: so it is"),
        ("memory", "oom", "MemoryError: so it is"),
        ("unavailable", "unavailable", "so it is"),
    ],
)
def test_an_exception_is_an_outcome(executor: Executor, kind: str, status: str, error: str) -> None:
    outcome = run(executor, raises, kind=kind)
    assert (outcome.status, outcome.error) == (status, error)


def test_nothing_under_way(executor: Executor) -> None:
    with pytest.raises(LookupError):
        executor.next()


def test_a_dead_process_is_an_outcome_and_the_next_job_runs(local: LocalExecutor) -> None:
    outcome = run(local, kills_itself)
    assert outcome.status == "died"
    assert "SIGKILL" in (outcome.error or "")
    assert run(local, double, number=1).value == (2, "cpu")


def test_a_hang_ends_at_its_limit(local: LocalExecutor) -> None:
    began = time.monotonic()
    outcome = run(local, sleeps, limit=1, seconds=600)
    assert outcome.status == "timeout"
    assert "1 s" in (outcome.error or "")
    assert time.monotonic() - began < 60
    assert run(local, double, number=1).value == (2, "cpu")


def test_idle_workers_that_are_killed_are_replaced(local: LocalExecutor) -> None:
    assert run(local, double, number=1).value == (2, "cpu")
    import psutil

    for child in psutil.Process().children():
        if "spawn_main" in " ".join(child.cmdline()):
            child.kill()
    for number in range(4):
        local.submit(Call(double, {"number": number}, time_limit_s=60))
    values = sorted(wait(local).value[0] for _ in range(4))
    assert values == [0, 2, 4, 6]


def test_each_device_gets_its_share() -> None:
    executor = LocalExecutor(1, ["cpu", "meta"])
    try:
        for number in range(4):
            executor.submit(Call(slow_double, {"number": number}, time_limit_s=60))
        devices = sorted(wait(executor).value[1] for _ in range(4))
    finally:
        executor.close()
    assert devices == ["cpu", "cpu", "meta", "meta"]
