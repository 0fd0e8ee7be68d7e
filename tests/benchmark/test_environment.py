"""Which cores and GPUs there are to use."""

import ctypes
import os
from pathlib import Path
from typing import Any

import pytest
from talkbench.benchmark.execution.executors import LocalExecutor
from talkbench.benchmark.execution.job import Call
from talkbench.benchmark.util import environment


def tree(root: Path, cgroup: str, files: dict[str, str]) -> Path:
    for name, content in {"proc/self/cgroup": cgroup, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content + "\n")
    return root


V1 = "3:memory:/job\n2:cpu,cpuacct:/pod/job\n1:cpuset:/"
TREES = {
    "no limit": ("0::/", {"sys/fs/cgroup/cpu.max": "max 100000"}, 64),
    "a group of its own": ("0::/pod/job", {"sys/fs/cgroup/pod/job/cpu.max": "300000 100000"}, 3),
    "rounded up": ("0::/pod", {"sys/fs/cgroup/pod/cpu.max": "210000 100000"}, 3),
    "less than a core": ("0::/pod", {"sys/fs/cgroup/pod/cpu.max": "20000 100000"}, 1),
    "the parent has less": (
        "0::/pod/job/step",
        {
            "sys/fs/cgroup/pod/job/step/cpu.max": "max 100000",
            "sys/fs/cgroup/pod/job/cpu.max": "800000 100000",
            "sys/fs/cgroup/pod/cpu.max": "250000 50000",
        },
        5,
    ),
    "another group's limit": ("0::/pod/one", {"sys/fs/cgroup/pod/two/cpu.max": "100000 100000"}, 64),
    "more than there are": ("0::/", {"sys/fs/cgroup/cpu.max": "9900000 100000"}, 64),
    "a container sees its group as the root": (
        "0::/../../host/pod",
        {"sys/fs/cgroup/cpu.max": "400000 100000"},
        4,
    ),
    "beside version 1": (
        "1:name=systemd:/\n0::/pod",
        {"sys/fs/cgroup/unified/pod/cpu.max": "200000 100000"},
        2,
    ),
    "version 1": (
        V1,
        {
            "sys/fs/cgroup/cpu,cpuacct/pod/job/cpu.cfs_quota_us": "-1",
            "sys/fs/cgroup/cpu,cpuacct/pod/job/cpu.cfs_period_us": "100000",
            "sys/fs/cgroup/cpu,cpuacct/pod/cpu.cfs_quota_us": "650000",
            "sys/fs/cgroup/cpu,cpuacct/pod/cpu.cfs_period_us": "100000",
        },
        7,
    ),
    "version 1 in a container": (
        V1,
        {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "150000", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000"},
        2,
    ),
}


@pytest.mark.parametrize("case", TREES)
def test_a_quota_is_read_from_every_group_above(case: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(64)))
    cgroup, files, expected = TREES[case]
    assert environment.usable_cores(tree(tmp_path, cgroup, files)) == expected


def test_no_more_than_the_cores_that_it_may_run_on(tmp_path: Path, monkeypatch) -> None:
    root = tree(tmp_path, "0::/", {"sys/fs/cgroup/cpu.max": "500000 100000"})
    for may_run_on, expected in ((3, 3), (8, 5)):
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid, n=may_run_on: set(range(n)))
        assert environment.usable_cores(root) == expected
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(3)))
    assert environment.usable_cores(tmp_path / "no control groups") == 3


def threads(device: str) -> tuple[str | None, int]:
    import torch

    return os.environ.get("OMP_NUM_THREADS"), torch.get_num_threads()


@pytest.mark.parametrize(("usable", "workers", "each"), [(1, 1, 1), (6, 2, 3), (3, 2, 1), (2, 4, 1)])
def test_workers_share_the_usable_cores(usable: int, workers: int, each: int, monkeypatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(environment, "usable_cores", lambda: usable)
    executor = LocalExecutor(workers, ["cpu"])
    try:
        executor.submit(Call(threads, time_limit_s=60))
        while (outcome := executor.next()) is None:
            pass
    finally:
        executor.close()
    given, used = outcome.value
    assert given == str(each)
    assert 1 <= used <= each  # torch takes no more than the machine has


@pytest.mark.parametrize(
    ("library", "kfd", "devices"),
    [(True, False, ["cuda:0", "cuda:1"]), (False, True, ["cuda:0", "cuda:1"]), (False, False, ["cpu"])],
)
def test_a_gpu_is_looked_for_where_a_driver_is_whatever_its_device_files(
    library: bool, kfd: bool, devices: list[str], monkeypatch
) -> None:
    import torch

    def load(name: str) -> Any:
        assert name == "libcuda.so.1"
        if not library:
            raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", load)
    # As under WSL2: NVIDIA's own device files are not there.
    monkeypatch.setattr(Path, "exists", lambda self: kfd and str(self) == "/dev/kfd")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert environment.devices("auto") == devices
