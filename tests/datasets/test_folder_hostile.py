"""Recordings made to do harm: nothing outside is opened, no address is visited, size and time are bounded."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from fractions import Fraction

import pytest
from talkbench.benchmark.util.errors import DatasetError
from talkbench.datasets import _preparation, _recording
from talkbench.datasets._preparation import Settings, prepare

PLAIN = Settings(size=72, crop="none")


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A local server that must see no connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize("name", ["a.mp4", "a.avi", "-i.mkv", "n\nl.mov", "\x1b[2J.webm"])
@pytest.mark.parametrize(
    "script",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{url}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{url}'\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} RTP/AVP 96\n",
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{url}</BaseURL></MPD>',
        "RTSPtext\r\nrtsp://127.0.0.1:{port}/a\r\n",
        "[Reference]\nRef1={url}\n",
        ";FFMETADATA1\ntitle={url}\n",
    ],
)
def test_scripts_that_name_addresses_are_refused_unvisited(tmp_path, listener, name, script):
    port = listener.getsockname()[1]
    (tmp_path / name).write_text(script.format(url=f"http://127.0.0.1:{port}/a.mp4", port=port))
    with pytest.raises(DatasetError, match="not a readable recording"):
        prepare(tmp_path / name, PLAIN)


@pytest.mark.parametrize("kind", [b"url ", b"alis"])
def test_references_of_quicktime_to_other_files_are_not_followed(film, tmp_path, listener, kind):
    """The track's media is declared to be in another file: only this file is read."""
    made = film(name="a.mov", seconds=0.4, sound=None)
    data = bytearray(made.path.read_bytes())
    at = data.index(b"dref") + 4 + 8  # of the first entry: size, kind, version and flags
    size = struct.unpack(">I", data[at : at + 4])[0]
    data[at + 4 : at + 8] = kind
    data[at + 8 : at + 12] = bytes(4)  # no longer 'in this file'
    assert size >= 12
    (tmp_path / "b.mov").write_bytes(data)
    own, _ = prepare(made.path, PLAIN)
    read, _ = prepare(tmp_path / "b.mov", PLAIN)
    assert (read.video == own.video).all()


def test_more_pictures_per_second_than_anyone_films_are_refused(film):
    made = film(name="a.mkv", fps=[Fraction(k, 1000) for k in range(700)], size=(32, 32), sound=None)
    with pytest.raises(DatasetError, match=r"more than 300 pictures/s; .*convert it"):
        prepare(made.path, PLAIN)


def test_a_declared_length_beyond_the_limit_is_refused_before_decoding(film, monkeypatch):
    made = film(name="a.mkv", seconds=0.4, sound=None)
    monkeypatch.setattr(_preparation, "promised_length", lambda container: Fraction(36000))
    monkeypatch.setattr(_preparation, "decoded", lambda *_: pytest.fail("decoded"))
    with pytest.raises(DatasetError, match=r"36000 s.*cut it, or set max_seconds"):
        prepare(made.path, Settings(size=256, crop="none"))


def test_large_pictures_are_refused_before_decoding(film, monkeypatch):
    made = film(name="a.mkv", seconds=0.2, size=(160, 120), sound=None)
    monkeypatch.setattr(_recording, "_MOST_PIXELS", 160 * 119)
    with pytest.raises(DatasetError, match="160x120 is too large"):
        prepare(made.path, PLAIN)
