"""The sweep end to end, with fake codecs in real worker processes."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
Ask = Callable[[Path, str], list[tuple[Any, ...]]]


def test_a_sweep_fills_the_store_and_a_second_one_has_nothing_to_do(
    tiny_suite: Callable[..., Path], talkbench: Run, ask: Ask, tmp_path: Path
) -> None:
    suite, out = tiny_suite(["fake-video+fake-audio", "fake-joint"]), tmp_path / "out"
    first = talkbench("sweep", suite, "--out", out)
    assert first.returncode == 0, first.stdout + first.stderr
    assert (out / "report" / "index.html").is_file()
    assert str(out / "report" / "index.html") in first.stdout

    # Each codec is encoded once per clip and point, never per pair: (5 + 5 + 9) points × 2 clips.
    assert ask(out, "SELECT count(*) FROM encodes WHERE status = 'ok' AND decode_status = 'ok'") == [(38,)]
    assert ask(out, "SELECT count(*) FROM scores WHERE status <> 'ok'") == [(0,)]
    assert ask(out, "SELECT count(*), min(len(frame_values)) FROM scores WHERE metric = 'psnr'") == [(28, 10)]
    grid = "SELECT count(DISTINCT point) FROM rd_points WHERE system = 'fake-video+fake-audio'"
    assert ask(out, grid) == [(25,)]
    assert ask(out, "SELECT DISTINCT n_scored, n_expected FROM rd_points") == [(2, 2)]
    assert not list((out / "artifacts" / "decoded").rglob("*.u8"))

    second = talkbench("sweep", suite, "--out", out)
    assert second.returncode == 0
    worked = ask(out, "SELECT prepare_s + encode_s + decode_s + score_s FROM runs ORDER BY started_at")
    assert worked[0][0] > 0
    assert worked[1] == (0.0,)


def test_bits_are_the_payload_and_total_counts_each_part_once(
    tiny_suite: Callable[..., Path], talkbench: Run, ask: Ask, tmp_path: Path
) -> None:
    from talkbench.benchmark.api.types import Bitstream
    from talkbench.benchmark.store.artifacts import bitstream_path

    out = tmp_path / "out"
    assert talkbench("sweep", tiny_suite(["fake-joint"], clips=1), "--out", out).returncode == 0
    rows = ask(out, "SELECT encode_id, bits_video, bits_audio, bits_joint, parts, duration_s FROM encodes")
    for encode_id, video, audio, joint, parts, duration_s in rows:
        stream = Bitstream.from_bytes(bitstream_path(out, encode_id).read_bytes())
        assert (video, audio, joint) == (0, stream.bits("audio"), stream.bits("joint"))
        assert json.loads(parts) == {part.name: 8 * len(part.payload) for part in stream.parts}
        (rates,) = ask(
            out,
            f"SELECT kbps_video, kbps_audio, kbps_total FROM clip_points WHERE encode_id = '{encode_id}'",
        )
        assert rates == pytest.approx(
            (
                joint / 1000 / duration_s,
                (audio + joint) / 1000 / duration_s,
                (audio + joint) / 1000 / duration_s,
            )
        )


def test_failures_are_rows_and_the_rest_goes_on(
    tiny_suite: Callable[..., Path], talkbench: Run, ask: Ask, tmp_path: Path
) -> None:
    broken = {
        "broken-raises": ("failed", "this codec always fails"),
        "broken-raises-raw": ("failed", "ValueError: "),
        "broken-load": ("failed", "FileNotFoundError: weights.safetensors"),
        "broken-out-of-memory": ("oom", "MemoryError"),
        "broken-hangs": ("timeout", "longer than its limit of 15 s"),
        "broken-exits": ("failed", ""),
        "broken-empty": ("failed", "the bitstream is empty"),
    }
    broken_decoders = {
        "broken-segfaults": ("failed", "SIGSEGV"),
        "broken-raises-in-decode": ("failed", "this codec never decodes"),
        "broken-shape": ("failed", "expected"),
        "broken-nan": ("failed", "NaN"),
        "broken-loud": ("failed", "clamp"),
    }
    names = [*broken, *broken_decoders, "broken-unavailable"]
    suite = tiny_suite(["fake-video+fake-audio", *names], clips=1, odd=True, time_limit_s=15)
    out, arguments = tmp_path / "out", []
    for name in names:  # one point each: the slow failures take their time limit
        step = "a64" if name in ("broken-nan", "broken-loud") else "v64"
        arguments += ["--points", f"{name}={step}"]
    ended = talkbench("sweep", suite, "--out", out, *arguments)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    found = {
        codec: (status, error or "")
        for codec, status, error in ask(
            out,
            "SELECT codec, e.status, e.error FROM encodes e JOIN clips USING (clip_id) WHERE name = 'clip-0'",
        )
    }
    for name, (status, words) in broken.items():
        assert found[name][0] == status, (name, found[name])
        assert words in found[name][1], (name, found[name])
    decoded = {
        codec: (status, error or "")
        for codec, status, error in ask(out, "SELECT codec, decode_status, decode_error FROM encodes")
    }
    for name, (status, words) in broken_decoders.items():
        assert decoded[name][0] == status, (name, decoded[name])
        assert words in decoded[name][1], (name, decoded[name])
    unavailable = ask(out, "SELECT status, error FROM codecs WHERE codec = 'broken-unavailable'")
    assert unavailable == [("unavailable", "its weights are absent; run `talkbench weights fetch broken`")]
    # The healthy pair is complete, but for what the odd clips cannot give.
    healthy = ask(
        out,
        "SELECT name, codec, e.status, e.error, count(*) FROM encodes e JOIN clips USING (clip_id) "
        "WHERE codec LIKE 'fake%' GROUP BY ALL ORDER BY ALL",
    )
    assert healthy == [
        ("clip-0", "fake-audio", "ok", None, 5),
        ("clip-0", "fake-video", "ok", None, 5),
        ("mute", "fake-audio", "unavailable", "the clip has no sound", 5),
        ("mute", "fake-video", "ok", None, 5),
    ]
    clips = dict(ask(out, "SELECT name, status || ': ' || coalesce(error, '') FROM clips"))
    assert clips["damaged"] == "failed: 'damaged' cannot be used: it was made so"
    assert clips["again"].startswith("unavailable: the same content")
    assert ask(out, "SELECT count(*) FROM scores WHERE status <> 'ok'") == [(0,)]
    assert "this codec always fails" in (out / "report" / "trust.html").read_text()


def test_failed_cells_wait_for_retry(
    tiny_suite: Callable[..., Path], talkbench: Run, ask: Ask, tmp_path: Path
) -> None:
    suite, out = tiny_suite(["broken-raises"], clips=1), tmp_path / "out"
    for extra, ran in ((), True), ((), False), (("--retry-failed",), True):
        assert talkbench("sweep", suite, "--out", out, *extra).returncode == 1
        (last,) = ask(out, "SELECT encode_s > 0 FROM runs ORDER BY started_at DESC LIMIT 1")
        assert last == (ran,)


def test_serial_and_local_agree(
    tiny_suite: Callable[..., Path], talkbench: Run, tables: Callable[[Path], Any], tmp_path: Path
) -> None:
    suite = tiny_suite(["fake-video+fake-audio"])
    for executor in ("serial", "local"):
        ended = talkbench("sweep", suite, "--out", tmp_path / executor, "--executor", executor)
        assert ended.returncode == 0, ended.stdout + ended.stderr
    assert tables(tmp_path / "serial") == tables(tmp_path / "local")


def test_a_lost_or_altered_bitstream_is_encoded_again(
    tiny_suite: Callable[..., Path], talkbench: Run, ask: Ask, tables: Callable[[Path], Any], tmp_path: Path
) -> None:
    suite, out = tiny_suite(["fake-video"], metrics=("psnr",)), tmp_path / "out"
    assert talkbench("sweep", suite, "--out", out).returncode == 0
    before = tables(out)
    files = sorted((out / "artifacts" / "bitstreams").rglob("*.tkb"))
    files[0].unlink()
    files[1].write_bytes(files[1].read_bytes()[:-1] + b"\x00")
    assert talkbench("sweep", suite, "--out", out).returncode == 0
    assert tables(out) == before
    (run,) = ask(out, "SELECT run_id FROM runs ORDER BY started_at DESC LIMIT 1")
    assert ask(out, f"SELECT count(*) FROM encodes WHERE run_id = '{run[0]}'") == [(2,)]


def test_rescore_limit_points_metrics_and_dry_run(
    tiny_suite: Callable[..., Path], talkbench: Run, ask: Ask, tmp_path: Path
) -> None:
    suite, out = tiny_suite(["fake-video"], metrics=("psnr", "ssim")), tmp_path / "out"
    dry = talkbench("sweep", suite, "--out", out, "--dry-run")
    assert dry.returncode == 0
    assert "10 encodes" in dry.stdout
    assert not out.exists()
    few = ("--limit", 1, "--points", "fake-video=v64,v4", "--metrics", "psnr")
    assert talkbench("sweep", suite, "--out", out, *few).returncode == 0
    assert ask(out, "SELECT count(*) FROM encodes") == [(2,)]
    assert ask(out, "SELECT DISTINCT metric FROM scores") == [("psnr",)]
    assert talkbench("sweep", suite, "--out", out).returncode == 0
    assert ask(out, "SELECT metric, count(*) FROM scores GROUP BY ALL ORDER BY ALL") == [
        ("psnr", 10),
        ("ssim", 10),
    ]
    assert talkbench("sweep", suite, "--out", out, "--rescore", "ssim").returncode == 0
    (run,) = ask(out, "SELECT run_id FROM runs ORDER BY started_at DESC LIMIT 1")
    again = ask(out, f"SELECT metric, count(*) FROM scores WHERE run_id = '{run[0]}' GROUP BY ALL")
    assert again == [("ssim", 10)]
    # A narrower plan leaves older rows in the store, out of the tables.
    assert talkbench("sweep", suite, "--out", out, *few).returncode == 0
    assert ask(out, "SELECT DISTINCT point, metric FROM rd_points ORDER BY ALL") == [
        ("v4", "psnr"),
        ("v64", "psnr"),
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sweep", "nosuch"], "no suite is called 'nosuch'"),
        (["sweep", "nosuch.toml"], "no such suite file"),
        (["sweep", "--codecs", "fake-vidio+fake-audio"], "did you mean fake-video"),
        (["sweep", "--codecs", "fake-audio+fake-video"], "a pair is VIDEO+AUDIO"),
        (["sweep", "--codecs", "fake-video", "--metrics", "pnsr"], "did you mean psnr"),
        (["sweep", "--codecs", "fake-video", "--points", "fake-video=v5"], "has no point 'v5'"),
        (["sweep", "--codecs", "fake-video", "--points", "v5"], "CODEC=POINT"),
        (["sweep", "--codecs", "fake-video", "--rescore", "pnsr"], "did you mean psnr"),
        (["sweep", "--clips", "nowhere"], "no such directory"),
        (["sweep", "--device", "cuda:9", "--codecs", "fake-video"], "CUDA devices"),
        (["sweep", "--executor", "ray", "--codecs", "fake-video"], "expected local or serial"),
        (["report", "nowhere"], "no results there"),
        (["export", "nowhere"], "no results there"),
        (["bd-rate", "nowhere", "--anchor", "vvc"], "no results there"),
        (["check", "nosuch"], "no codec is called 'nosuch'"),
    ],
)
def test_wrong_usage_is_one_clear_line_and_exit_code_2(
    talkbench: Run, example_codecs: Path, tmp_path: Path, arguments: list[str], words: str
) -> None:
    ended = talkbench(*arguments)
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "results").exists()


def test_a_damaged_store_is_named(tiny_suite: Callable[..., Path], talkbench: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "talkbench.duckdb").write_bytes(b"not a database" * 1000)
    ended = talkbench("sweep", tiny_suite(["fake-video"]), "--out", out)
    assert ended.returncode == 2
    assert "talkbench.duckdb" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_damaged_prepared_clip_is_a_row_with_the_mend(
    tiny_suite: Callable[..., Path], talkbench: Run, ask: Ask, tmp_path: Path
) -> None:
    suite, out = tiny_suite(["fake-video"], metrics=("psnr",), clips=1), tmp_path / "out"
    assert talkbench("sweep", suite, "--out", out).returncode == 0
    (video,) = (tmp_path / "cache").rglob("video.u8")
    video.write_bytes(video.read_bytes()[:-7])
    shutil.rmtree(out)
    assert talkbench("sweep", suite, "--out", out).returncode == 1
    ((error,),) = ask(out, "SELECT DISTINCT error FROM encodes")
    assert "wrong size" in error
    assert "delete the folder" in error
