"""Codecs that change their process: what the sweep says of their neighbours, and of them."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

NEIGHBOURS = ["hevc", "fake-video"]
RUDE = ["rude-imports", "rude-patches", "rude-state"]
Talkbench = Callable[..., subprocess.CompletedProcess[str]]

ROWS = """
    SELECT codec, point, clip_id, e.status, e.error, bitstream_sha256, decode_status, metric, value, s.status
    FROM encodes e LEFT JOIN scores s USING (encode_id)
    WHERE codec NOT LIKE 'rude-%' ORDER BY ALL
"""


def sweep(talkbench: Talkbench, suite: Path, out: Path, *options: str) -> str:
    done = talkbench("sweep", suite, "--out", out, "--workers", 2, *options)
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout + done.stderr


def test_neighbours_of_rude_codecs_have_the_rows_of_a_sweep_without_them(
    tiny_suite: Callable[..., Path],
    talkbench: Talkbench,
    ask: Callable[[Path, str], list[tuple[Any, ...]]],
    tmp_path: Path,
) -> None:
    metrics = ("psnr",)
    sweep(talkbench, tiny_suite(NEIGHBOURS, metrics, clips=1), tmp_path / "alone")
    sweep(talkbench, tiny_suite([*RUDE, *NEIGHBOURS], metrics, clips=1), tmp_path / "beside")
    alone = ask(tmp_path / "alone", ROWS)
    assert {row[3] for row in alone} == {"ok"}
    assert ask(tmp_path / "beside", ROWS) == alone
    # The rude ones code as fake-video does: what they do to their own process reaches no score.
    values = "SELECT metric, value FROM scores JOIN encodes USING (encode_id) WHERE codec = '{}' ORDER BY ALL"
    polite = ask(tmp_path / "beside", values.format("fake-video"))
    for name in RUDE:
        assert ask(tmp_path / "beside", values.format(name)) == polite, name


@pytest.mark.parametrize("executor", ["local", "serial"])
def test_whatever_a_codec_raises_is_its_row(
    executor: str,
    tiny_suite: Callable[..., Path],
    talkbench: Talkbench,
    ask: Callable[[Path, str], list[tuple[Any, ...]]],
    tmp_path: Path,
) -> None:
    suite = tiny_suite(["rude-words", "fake-video"], ("psnr",), clips=1)
    said = sweep(talkbench, suite, tmp_path / "out", "--executor", executor)
    rows = ask(tmp_path / "out", "SELECT point, status, error FROM encodes WHERE codec = 'rude-words'")
    found = {point: error for point, status, error in rows if status == "failed"}
    assert found["v64"] == "SystemExit: 0"
    assert found["v32"] == "KeyboardInterrupt: by the codec"
    assert found["v16"] == "Silent: its message cannot be read: RuntimeError"
    assert found["v8"].startswith("ValueError: megabytes megabytes")
    assert "characters left out" in found["v8"]
    assert len(found["v8"]) < 2100
    assert found["v4"] == r"GeneratorExit: lone \udc80 surrogate, \x1b[31m colour and [/markup]"
    assert ask(tmp_path / "out", "SELECT DISTINCT status FROM encodes WHERE codec = 'fake-video'") == [
        ("ok",)
    ]
    if executor == "local":
        assert "printed by" not in said
        assert len(said) < 20_000
        log = tmp_path / "out" / "artifacts" / "logs" / "codec-rude-words.log"
        text = log.read_bytes()
        assert b"printed by Python" in text
        assert b"printed by C code" in text
        assert b"is dropped]" in text
        assert len(text) < 1_001_000
