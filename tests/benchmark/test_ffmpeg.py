import os
import signal
import subprocess
import sys
import time

import pytest
from talkbench.benchmark.media import ffmpeg
from talkbench.benchmark.util.errors import CodecError, Unavailable

COPY = ["-f", "data", "-i", "pipe:0", "-map", "0", "-c", "copy", "-f", "data", "pipe:1"]
SLOW = ["-re", "-f", "u8", "-ar", "8000", "-ac", "1", "-i", "pipe:0", "-f", "u8", "pipe:1"]


def test_identity():
    assert os.path.isfile(ffmpeg.executable())
    assert (
        ffmpeg.version()
        in subprocess.run([ffmpeg.executable(), "-version"], capture_output=True, text=True).stdout
    )


def test_listings():
    assert ffmpeg.has_encoder("libvvenc")
    assert ffmpeg.has_decoder("libdav1d")
    assert ffmpeg.has_filter("libvmaf")
    assert not ffmpeg.has_encoder("libdav1d")
    assert not ffmpeg.has_filter("no_such_filter")


def test_missing_says_what_and_the_mend():
    assert ffmpeg.missing(["libvvenc", "libopus"], ["vvc"]) is None
    assert "without no_such_encoder; unset" in str(ffmpeg.missing(["libvvenc", "no_such_encoder"]))


def test_missing_executable_is_unavailable(monkeypatch):
    ffmpeg.executable.cache_clear()
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "/no/such/ffmpeg")
    try:
        with pytest.raises(Unavailable, match="pip install"):
            ffmpeg.executable()
        ffmpeg._names.cache_clear()
        assert "pip install" in str(ffmpeg.missing(["libvvenc"]))
    finally:
        ffmpeg.executable.cache_clear()


def test_bytes_pass_through():
    data = os.urandom(300_000)
    assert ffmpeg.run(COPY, data) == data


def test_streaming_keeps_order_and_chunk_size():
    pieces = [os.urandom(10_007) for _ in range(50)]
    out = list(ffmpeg.stream(COPY, iter(pieces), chunk=65_536))
    assert {len(piece) for piece in out[:-1]} == {65_536}
    assert b"".join(out) == b"".join(pieces)


def test_input_is_taken_no_faster_than_output():
    taken = 0

    def endless():
        nonlocal taken
        while True:
            taken += 1
            yield bytes(100_000)

    chunks = ffmpeg.stream(["-f", "u8", "-i", "pipe:0", "-f", "u8", "pipe:1"], endless(), chunk=1000)
    next(chunks)
    time.sleep(0.3)
    first = taken
    time.sleep(0.3)
    assert taken == first < 50
    chunks.close()


def test_what_libraries_print_stays_out_of_the_output():
    """libvvenc prints a warning on its standard output with these settings."""
    low_delay = "picreordering=0:decodingrefreshtype=none:intraperiod=0:gopsize=8"
    source = ["-f", "rawvideo", "-pix_fmt", "yuv420p10le", "-s", "64x64", "-i", "pipe:0"]
    encoder = ["-c:v", "libvvenc", "-preset", "faster", "-vvenc-params", low_delay, "-f", "vvc", "pipe:1"]
    stream = ffmpeg.run([*source, *encoder], bytes(64 * 64 * 3))
    assert stream.startswith(bytes([0, 0, 0, 1]))
    assert b"warning" not in stream.lower()


def test_error_tells_ffmpegs_words():
    with pytest.raises(CodecError, match="Invalid data found"):
        ffmpeg.run(["-f", "amr", "-i", "pipe:0", "-f", "null", "-"], b"not a sound")


def test_error_of_the_feed_is_raised():
    def broken():
        yield bytes(10)
        raise KeyError("feed")

    with pytest.raises(KeyError, match="feed"):
        list(ffmpeg.stream(COPY, broken()))


def _children() -> set[int]:
    out = subprocess.run(
        ["ps", "-o", "pid=,comm=", "--ppid", str(os.getpid())], capture_output=True, text=True
    )
    return {int(line.split()[0]) for line in out.stdout.splitlines() if "ffmpeg" in line}


def test_child_is_killed_when_the_reader_stops():
    chunks = ffmpeg.stream(SLOW, (bytes(1000) for _ in range(10_000)), chunk=100)
    next(chunks)
    assert _children()
    chunks.close()
    assert not _children()


def test_child_ends_with_its_parent():
    program = f"""
import subprocess, sys, os
from talkbench.benchmark.media import ffmpeg
def feed():
    while True: yield bytes(1000)
for piece in ffmpeg.stream({SLOW!r}, feed(), chunk=1000):
    ps = ["ps", "-o", "pid=,comm=", "--ppid", str(os.getpid())]
    listing = subprocess.run(ps, capture_output=True, text=True).stdout
    print([line.split()[0] for line in listing.splitlines() if "ffmpeg" in line][0], flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        os.kill(pid, 0)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and _alive(pid):
        time.sleep(0.05)
    assert not _alive(pid)


def _alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
