"""`talkbench weights`: fetch, list, verify, and what they say of licences and of being offline."""

import bz2
import os

import pytest
from part_factory import BODY, HASH, OTHER, put
from talkbench.benchmark import weights
from talkbench.benchmark.api import registry
from talkbench.benchmark.api.metric import MetricInfo
from talkbench.benchmark.cli import weights as weights_cli
from talkbench.benchmark.cli.main import app
from talkbench.benchmark.util.errors import DownloadError, UsageError
from typer.testing import CliRunner, Result


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["weights", *arguments])


def test_fetched_into_the_cache_and_recorded(register, places, server) -> None:
    server.files["n"] = BODY
    register(url=server.url("n"), sha256="", bytes=0)
    path = weights.fetch("net")
    assert path == places / "cache/weights/net/net.pth"
    assert weights.sha256("net") == HASH
    path.unlink()
    server.files["n"] = OTHER
    with pytest.raises(DownloadError, match="not the expected file"):
        weights.fetch("net")
    assert weights.missing(["net"])


def test_a_packed_file(register, server) -> None:
    server.files["n.bz2"] = bz2.compress(BODY)
    register(url=server.url("n.bz2"), unpack="bz2")
    assert weights.fetch("net").read_bytes() == BODY
    server.requests.clear()
    weights.fetch("net")
    assert server.requests == []


def test_offline_nothing_is_asked_for(register, server, monkeypatch) -> None:
    register(url=server.url("n"))
    monkeypatch.setenv("TALKBENCH_OFFLINE", "1")
    with pytest.raises(DownloadError) as caught:
        weights.fetch("net")
    for words in (server.url("n"), "as net.pth", "TALKBENCH_WEIGHTS"):
        assert words in str(caught.value)
    assert server.requests == []


def test_what_no_program_may_fetch_is_message_with_its_page(register, places) -> None:
    page = "https://example.org/models"
    register(name="free", file="free.pth", url="", page=page, sha256="", bytes=0)
    register(name="both", file="both.pth", url="https://example.org/both.pth", page=page)
    message = weights.missing(["free"])
    assert f"find free.pth through {page}" in message
    assert "TALKBENCH_WEIGHTS" in message
    assert "weights fetch" not in message
    assert "run `talkbench weights fetch net both`; by hand: find free" in weights.missing(
        ["net", "free", "both"]
    )
    result = run("fetch", "free")
    assert result.exit_code == 2
    assert f"free: ? from {page}, licence MIT" in result.output
    assert f"by hand: find free.pth through {page}" in result.output
    offline = run("fetch", "both", "--offline")
    assert f"download https://example.org/both.pth or find both.pth through {page}" in offline.output
    path = put(places / "mine/free.pth")
    assert run("fetch", "free").exit_code == 0
    assert weights.path("free") == path


def test_a_shipped_file_that_is_damaged_is_not_message_to_be_fetched(register) -> None:
    register(name="ours", file="ours.pth", url="", shipped="benchmark/weights/weights.toml")
    message = weights.missing(["ours"])
    assert "by hand: reinstall talkbench, which includes benchmark/weights/weights.toml" in message
    assert "weights.toml is refused" in message
    assert "weights fetch" not in message
    assert "TALKBENCH_WEIGHTS" not in message
    result = run("fetch", "ours")
    assert result.exit_code == 2
    assert "reinstall talkbench" in result.output


def test_list_says_where_or_how(register, places) -> None:
    register(name="free", file="free.pth", non_commercial=True)
    path = put(places / "mine/net.pth")
    lines = run("list").output.splitlines()
    assert str(path) in next(line for line in lines if line.startswith("net:"))
    free = next(line for line in lines if line.startswith("free"))
    assert "NON-COMMERCIAL: MIT" in free
    assert " no " in free
    assert "9 kB" in free
    assert "talkbench weights fetch NAME" in lines[-1]


def test_fetch_says_the_licence_first(register, server) -> None:
    server.files["n"] = BODY
    register(url=server.url("n"))
    result = run("fetch", "net")
    assert result.exit_code == 0
    assert "net: 9 kB from http" in result.output
    assert "licence MIT" in result.output
    again = run("fetch", "net", "--offline")
    assert again.exit_code == 0
    assert len(server.requests) == 1


def test_a_non_commercial_licence_needs_a_yes(register, server, monkeypatch) -> None:
    server.files["n"] = BODY
    register(url=server.url("n"), non_commercial=True)
    refused = run("fetch", "net")
    assert refused.exit_code == 2
    assert "--accept-licence" in refused.output
    monkeypatch.setattr(weights_cli, "_on_a_terminal", lambda: True)
    assert CliRunner().invoke(app, ["weights", "fetch", "net"], input="n\n").exit_code == 2
    assert server.requests == []
    assert CliRunner().invoke(app, ["weights", "fetch", "net"], input="y\n").exit_code == 0
    assert run("fetch", "net", "--accept-licence").exit_code == 0
    assert len(server.requests) == 1


def test_fetching_some_of_them(register, server) -> None:
    server.files["n"] = BODY
    register(url=server.url("n"))
    register(name="gone", file="gone.pth", url=server.url("gone"))
    result = run("fetch", "--all")
    assert result.exit_code == 1
    assert "HTTP 404" in result.output
    assert "by hand: download" in result.output
    assert run("fetch", "gone").exit_code == 2


def test_fetching_what_a_metric_needs(register, server, monkeypatch) -> None:
    server.files["n"] = BODY
    register(url=server.url("n"))
    info = MetricInfo("m", "video", "frame", "", True, (0, 1), "D.", "", weights=("net",))
    monkeypatch.setattr(registry, "metrics", lambda: {"m": ("family", info)})
    assert run("fetch", "--metric", "m").exit_code == 0
    assert weights.missing(["net"]) is None
    for arguments in (("fetch", "--metric", "mm"), ("fetch", "nett"), ("fetch",)):
        assert isinstance(run(*arguments).exception, UsageError)


def test_verify_reads_again(register, places) -> None:
    assert run("verify").exit_code == 0
    assert run("verify", "net").exit_code == 1
    path = put(places / "mine/net.pth")
    assert run("verify").exit_code == 0
    times = path.stat()
    put(path, BODY[:-1] + b"x")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert weights.missing(["net"]) is None  # rot that no time of change tells
    result = run("verify")
    assert result.exit_code == 1
    assert "is refused" in result.output
    assert weights.missing(["net"])
