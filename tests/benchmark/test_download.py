"""Downloads from a server that cuts, fails, lies and is slow."""

import bz2
import hashlib
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from talkbench.benchmark.util.errors import DownloadError
from talkbench.benchmark.weights import download
from talkbench.benchmark.weights.download import Source

BODY = bytes(range(256)) * 400
HASH = hashlib.sha256(BODY).hexdigest()
SCRIPT = """
import sys
from pathlib import Path
from talkbench.benchmark.weights.download import Source, download
url, target, sha256 = sys.argv[1:]
said = []
print(download(Source(url, sha256=sha256), Path(target), lambda here, total: None, said.append), *said)
"""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "WAITS_S", (0.0, 0.0, 0.0, 0.0))
    monkeypatch.setattr(download, "TIMEOUT_S", 5.0)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "weights" / "net" / "net.pth"


def get(
    server, target: Path, size: int = 0, sha256: str = HASH, unpack: str = "", said=None, seen=None
) -> str:
    server.files.setdefault("net.pth", BODY)
    source = Source(server.url("net.pth"), size, sha256, unpack)
    progress = (lambda here, total: None) if seen is None else (lambda *numbers: seen.append(numbers))
    return download.download(source, target, progress, (said if said is not None else []).append)


def leftovers(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir() if path.suffix != ".lock")


def test_a_file_arrives_whole_and_alone(server, target) -> None:
    seen: list[tuple[int, int]] = []
    assert get(server, target, len(BODY), seen=seen) == HASH
    assert target.read_bytes() == BODY
    assert leftovers(target) == ["net.pth"]
    assert seen[0] == (0, len(BODY))
    assert seen[-1] == (len(BODY), len(BODY))


def test_a_cut_goes_on_where_it_was(server, target) -> None:
    server.cuts = [30_000, 50_000]
    said: list[str] = []
    assert get(server, target, said=said) == HASH
    assert target.read_bytes() == BODY
    assert server.requests == [None, "bytes=30000-", "bytes=80000-"]
    assert len(said) == 2
    assert "next try" in said[0]


def test_cuts_that_bring_something_never_use_up_the_tries(server, target) -> None:
    server.cuts = [10_000] * 9
    assert get(server, target) == HASH
    assert len(server.requests) == 10 + len(BODY) // 100_000 - 1


def test_without_ranges_it_starts_again(server, target) -> None:
    server.cuts, server.ranges = [30_000], False
    assert get(server, target) == HASH
    assert target.read_bytes() == BODY


def test_a_file_that_changed_meanwhile_is_not_mixed(server, target) -> None:
    server.cuts = [30_000] + [0] * 5
    with pytest.raises(DownloadError, match="cut after 30000"):
        get(server, target, sha256="")
    server.files["net.pth"], server.stamp, server.cuts = BODY[::-1], '"two"', []
    assert get(server, target, sha256="") == hashlib.sha256(BODY[::-1]).hexdigest()
    assert target.read_bytes() == BODY[::-1]


def test_without_hash_and_version_nothing_is_continued(server, target) -> None:
    server.cuts, server.stamp = [30_000], ""
    get(server, target, sha256="")
    assert server.requests == [None, None]


@pytest.mark.parametrize("sha256", [HASH, ""])
def test_a_whole_part_is_only_verified(server, target, sha256) -> None:
    server.cuts = [len(BODY) - 1] + [0] * 5
    with pytest.raises(DownloadError):
        get(server, target, sha256=sha256)
    with (target.parent / "net.pth.part").open("ab") as part:
        part.write(BODY[-1:])
    server.cuts = []
    assert get(server, target, len(BODY), sha256=sha256) == HASH
    assert len(server.requests) == (5 if sha256 else 6)


def test_a_wrong_file_is_set_aside_and_named_with_both_hashes(server, target) -> None:
    wanted = "0" * 64
    with pytest.raises(DownloadError) as caught:
        get(server, target, sha256=wanted)
    assert HASH in str(caught.value)
    assert wanted in str(caught.value)
    assert not target.exists()
    assert (target.parent / "net.pth.wrong-sha256").read_bytes() == BODY
    assert not (target.parent / "net.pth.part").exists()


def test_a_wrong_length_is_refused_before_anything_is_fetched(server, target) -> None:
    with pytest.raises(DownloadError, match="has 102400 bytes, expected 7"):
        get(server, target, size=7)
    assert leftovers(target) == []


def test_a_server_that_tells_no_length(server, target) -> None:
    server.lengths = False
    with pytest.raises(DownloadError, match="does not say how long"):
        get(server, target, sha256="")
    assert get(server, target, size=len(BODY)) == HASH
    target.unlink()
    server.cuts = [5]
    assert get(server, target, size=len(BODY)) == HASH


def test_errors_that_pass_are_tried_again_and_others_are_not(server, target) -> None:
    server.statuses = [503, 500, 429, 502]
    assert get(server, target) == HASH
    target.unlink()
    server.statuses = [503] * 5
    with pytest.raises(DownloadError, match="HTTP 503"):
        get(server, target)
    server.requests.clear()
    server.statuses = [404]
    with pytest.raises(DownloadError, match=r"net\.pth: HTTP 404"):
        get(server, target)
    assert len(server.requests) == 1


def test_nobody_listening_names_the_url(server, target) -> None:
    with server:
        url = server.url("net.pth")
    with pytest.raises(DownloadError, match=f"{url}: .*refused"):
        download.download(Source(url, sha256=HASH), target, lambda *_: None, lambda _: None)


def test_a_full_disk_is_said_before_it_is_full(server, target, monkeypatch) -> None:
    usage = download.shutil.disk_usage(target.parents[2])._replace(free=1000)
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(DownloadError, match="disk full: 102400 bytes wanted, 1000 free"):
        get(server, target)


def test_a_folder_that_cannot_be_written(server, tmp_path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DownloadError, match="cannot be written"):
        get(server, tmp_path / "file" / "net.pth")


def test_redirects_are_followed_but_not_out_of_https(server, target, monkeypatch) -> None:
    server.files["real"] = BODY
    server.redirects["net.pth"] = server.url("real")
    assert get(server, target) == HASH
    target.unlink()
    for bad in ("http://example.org/net.pth", "ftp://example.org/net.pth"):
        server.redirects["net.pth"] = bad
        with pytest.raises(DownloadError, match=r"redirects to .*example\.org"):
            get(server, target, sha256="")


def test_bz2_is_unpacked_and_the_unpacked_file_is_verified(server, target) -> None:
    server.files["net.pth"] = bz2.compress(BODY)
    server.cuts = [100]
    assert get(server, target, len(BODY), unpack="bz2") == HASH
    assert target.read_bytes() == BODY
    assert leftovers(target) == ["net.pth"]


def test_a_bz2_bomb_stops_at_the_expected_size(server, target) -> None:
    server.files["net.pth"] = bz2.compress(bytes(50_000_000))
    with pytest.raises(DownloadError, match="100001 bytes"):
        get(server, target, 100_000, unpack="bz2")
    assert sum(path.stat().st_size for path in target.parent.iterdir()) < 1_000_000


def test_what_is_no_bz2_is_set_aside(server, target) -> None:
    with pytest.raises(DownloadError, match="not a whole bz2 file"):
        get(server, target, len(BODY), unpack="bz2")
    assert leftovers(target) == ["net.pth.wrong-sha256"]


def start(server, target: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SCRIPT, server.url("net.pth"), str(target), HASH]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_two_processes_fetch_once(server, target) -> None:
    server.files["net.pth"], server.pause = BODY, 0.02
    both = [start(server, target) for _ in range(2)]
    outputs = [process.communicate(timeout=60)[0] for process in both]
    assert all(output.startswith(HASH) for output in outputs)
    assert sum("another process is fetching" in output for output in outputs) <= 1
    assert server.requests == [None]


def test_killed_in_the_middle_it_goes_on(server, target) -> None:
    server.files["net.pth"], server.pause = BODY * 40, 0.002
    process = start(server, target)
    part = target.parent / "net.pth.part"
    while not (part.exists() and part.stat().st_size):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not target.exists()
    received = part.stat().st_size
    server.pause = 0.0
    whole = hashlib.sha256(BODY * 40).hexdigest()
    assert get(server, target, sha256=whole) == whole
    assert server.requests == [None, f"bytes={received}-"]
