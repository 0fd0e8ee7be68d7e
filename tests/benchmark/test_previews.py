"""Previews in a sweep: what is made, within which size, what is made again, and what they leave alone."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import duckdb
import numpy as np
import pytest
from PIL import Image
from talkbench.benchmark.api import registry
from talkbench.benchmark.api.types import Bitstream
from talkbench.benchmark.execution.executors import SerialExecutor
from talkbench.benchmark.plan import plan, suite
from talkbench.benchmark.store import artifacts
from talkbench.benchmark.store.database import Store
from talkbench.benchmark.sweep.sweep import Sweep
from talkbench.benchmark.util.progress import LineProgress
from talkbench.benchmark.util.terminal import Terminal

Run = Callable[..., subprocess.CompletedProcess[str]]
Ask = Callable[[Path, str], list[tuple[Any, ...]]]

ROWS = (
    "SELECT p.encode_id, coalesce(codec, 'reference'), coalesce(point, ''), p.status, p.error, bytes, detail "
    "FROM previews p LEFT JOIN encodes e USING (encode_id) ORDER BY ALL"
)


def sweep(path: Path, out: Path, previews: int | None = None) -> None:
    """The sweep alone, in this process and without a report: what the command does, sooner."""
    chosen = suite.load(str(path)).override(previews=previews)
    with Store(out / "talkbench.duckdb") as store:
        quiet = LineProgress(Terminal(quiet=True))
        Sweep(chosen, plan.make(chosen), out, store, SerialExecutor("cpu"), quiet).run("sweep", {})


def last_run(ask: Ask, out: Path) -> tuple[Any, ...]:
    """encode_s, decode_s, score_s, preview_s of the last run."""
    columns = "encode_s, decode_s, score_s, preview_s"
    return ask(out, f"SELECT {columns} FROM runs ORDER BY started_at DESC LIMIT 1")[0]


def check_files(out: Path, encode_id: str, size: int, detail: dict[str, Any]) -> Path:
    """The files are those of the row, to the bit, and no others. Returns their folder."""
    folder = out / "artifacts" / "previews" / encode_id.replace(":", "-")
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert {name: hashlib.sha256(data).hexdigest() for name, data in files.items()} == detail[
        "preview_sha256"
    ]
    assert sum(map(len, files.values())) == size
    return folder


def test_the_first_clip_is_shown_uncoded_and_as_decoded(
    tiny_suite: Callable[..., Path], talkbench: Run, ask: Ask, tables: Callable[[Path], Any], tmp_path: Path
) -> None:
    path, out = tiny_suite(["fake-video+fake-audio", "fake-joint"]), tmp_path / "out"
    ended = talkbench("sweep", path, "--out", out)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    rows = ask(out, ROWS)
    assert {row[3:5] for row in rows} == {("ok", None)}
    assert len(rows) == 1 + 5 + 5 + 9
    ((clip_id, key),) = ask(out, "SELECT clip_id, item_key FROM clips WHERE name = 'clip-0'")
    assert ask(out, "SELECT DISTINCT clip_id FROM previews") == [(clip_id,)]
    reference = artifacts.load_clip(artifacts.prepared_folder(key))
    for encode_id, codec, _, _, _, size, text in rows:
        detail = json.loads(text)
        folder = check_files(out, encode_id, size, detail)
        wanted = reference
        if codec != "reference":
            data = artifacts.bitstream_path(out, encode_id).read_bytes()
            assert hashlib.sha256(data).hexdigest() == detail["source_sha256"]
            wanted = registry.codec(codec).load("cpu").decode(Bitstream.from_bytes(data), reference.spec)
        assert detail["frames"] == wanted.spec.frames
        assert detail["samples"] == wanted.spec.samples
        if wanted.spec.frames:
            (name,) = detail["sheets"]
            sheet = np.asarray(Image.open(folder / name).convert("RGB")).astype(float)
            for number, frame in enumerate(wanted.video):
                row, column = divmod(number, detail["columns"])
                shown = sheet[48 * row : 48 * row + 48, 48 * column : 48 * column + 48]
                assert np.abs(shown - frame.permute(1, 2, 0).numpy()).mean() < 4
        if wanted.spec.samples:
            with av.open(str(folder / detail["sound"])) as container:
                pieces = [frame.to_ndarray() for frame in container.decode(audio=0)]
            heard = np.concatenate(pieces, axis=1)
            assert np.array_equal(heard, (wanted.audio.double() * 32768).round().clamp(max=32767).numpy())
    assert not list((out / "artifacts" / "decoded").rglob("*.u8"))
    assert last_run(ask, out)[3] > 0

    # No more is made by the next sweep, and no number depends on previews.
    before = tables(out)
    assert talkbench("sweep", path, "--out", out).returncode == 0
    assert last_run(ask, out) == (0.0, 0.0, 0.0, 0.0)
    assert talkbench("sweep", path, "--out", tmp_path / "blind", "--previews", 0).returncode == 0
    blind = tables(tmp_path / "blind")
    assert blind.pop("previews") == []
    assert not (tmp_path / "blind" / "artifacts" / "previews").exists()
    assert blind == {name: rows for name, rows in before.items() if name != "previews"}


def test_more_clips_are_added_and_lost_files_are_made_again(
    tiny_suite: Callable[..., Path], ask: Ask, tables: Callable[[Path], Any], tmp_path: Path
) -> None:
    path, out = tiny_suite(["fake-video"], metrics=("psnr",), clips=3, odd=True), tmp_path / "out"
    sweep(path, out, previews=0)
    assert ask(out, ROWS) == []
    names = "SELECT name, count(*) FROM previews JOIN clips USING (clip_id) GROUP BY ALL ORDER BY ALL"
    for count, wanted in (
        (1, ["clip-0"]),
        (2, ["clip-0", "clip-1"]),
        (9, ["clip-0", "clip-1", "clip-2", "mute"]),
    ):
        sweep(path, out, previews=count)
        assert ask(out, names) == [(name, 6) for name in wanted]
        encode_s, decode_s, score_s, preview_s = last_run(ask, out)
        assert (encode_s, score_s) == (0.0, 0.0)
        assert min(decode_s, preview_s) > 0
    before = tables(out)
    folders = sorted((out / "artifacts" / "previews").iterdir())
    shutil.rmtree(folders[0])
    next(folders[5].glob("*.webp")).write_bytes(b"cut")
    (out / "artifacts" / "previews" / ".left.behind").mkdir()
    sweep(path, out, previews=9)
    assert tables(out) == before
    for encode_id, _, _, _, _, size, text in ask(out, ROWS):
        check_files(out, encode_id, size, json.loads(text))
    assert len(list((out / "artifacts" / "previews").iterdir())) == len(folders)
    (run,) = ask(out, "SELECT run_id FROM runs ORDER BY started_at DESC LIMIT 1")
    assert ask(out, f"SELECT count(*) FROM previews WHERE run_id = '{run[0]}'") == [(2,)]


def test_the_cap_leaves_out_the_least_useful(
    tiny_suite: Callable[..., Path], ask: Ask, tables: Callable[[Path], Any], tmp_path: Path
) -> None:
    path, out = tiny_suite(["fake-video+fake-audio"], metrics=("psnr",), clips=1), tmp_path / "out"
    text = path.read_text()
    sweep(path, out)
    everything = tables(out)["previews"]
    sizes = {row[1:3]: row[5] for row in ask(out, ROWS)}
    total = sum(sizes.values())

    def within(megabytes: float) -> set[tuple[str, str]]:
        path.write_text(f"preview_megabytes = {megabytes}\n{text}")
        sweep(path, out)
        rows = ask(out, ROWS)
        for encode_id, *_, status, error, size, detail in rows:
            folder = out / "artifacts" / "previews" / encode_id.replace(":", "-")
            assert (status == "ok") == folder.exists()
            if status == "ok":
                check_files(out, encode_id, size, json.loads(detail))
            else:
                assert status == "unavailable"
                assert "preview_megabytes" in error
        return {row[1:3] for row in rows if row[3] == "ok"}

    # First the clip itself, then each codec's lowest, highest and middle point, then the others.
    order = [("reference", "")]
    for step in (64, 4, 16, 32, 8):
        order += [("fake-video", f"v{step}"), ("fake-audio", f"a{step}")]
    pictures = [name for name in order if not name[0].endswith("audio")]
    for last in ("v64", "v4", "v16"):
        until = order.index(("fake-video", last)) + 1
        kept = within((sum(sizes[name] for name in order[:until]) + 1) / 1e6)
        assert [name for name in pictures if name in kept] == pictures[: pictures.index(order[until - 1]) + 1]
        assert {name for name in order[:until] if name[0] == "fake-audio"} <= kept
        assert last_run(ask, out)[0] == 0.0
    assert within((sizes["reference", ""] - 1) / 1e6) == set()
    assert last_run(ask, out)[3] > 0
    assert within(total / 1e6) == set(order)
    assert tables(out)["previews"] == everything
    again = last_run(ask, out)
    assert within(10) == set(order)
    assert again[3] > 0
    assert last_run(ask, out) == (0.0, 0.0, 0.0, 0.0)


def test_a_preview_that_fails_is_reported_and_nothing_else_suffers(
    tiny_suite: Callable[..., Path], talkbench: Run, ask: Ask, tmp_path: Path
) -> None:
    path, out = tiny_suite(["broken-timeline", "fake-video"], metrics=("psnr",), clips=1), tmp_path / "out"
    ended = talkbench("sweep", path, "--out", out)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    lines = [line for line in ended.stdout.splitlines() if line.startswith("previews:")]
    assert len(lines) == 1
    assert "5 could not be made" in lines[0]
    assert "adds up to" in lines[0]
    assert "no cell failed" in ended.stdout
    for _, codec, _, status, error, _, _ in ask(out, ROWS):
        assert status == ("failed" if codec == "broken-timeline" else "ok")
        assert ("adds up to" in (error or "")) == (status == "failed")
    assert ask(out, "SELECT status, count(*) FROM scores GROUP BY ALL") == [("ok", 10)]
    for arguments, ran in ((), False), (("--retry-failed",), True):
        again = talkbench("sweep", path, "--out", out, *arguments)
        assert again.returncode == 0
        assert "5 could not be made" in again.stdout
        assert (last_run(ask, out)[3] > 0) == ran


def test_a_bitstream_that_has_changed_is_shown_anew(
    tiny_suite: Callable[..., Path], ask: Ask, tables: Callable[[Path], Any], tmp_path: Path
) -> None:
    path, out = tiny_suite(["fake-video"], metrics=("psnr",), clips=1), tmp_path / "out"
    sweep(path, out)
    before = tables(out)
    with duckdb.connect(str(out / "talkbench.duckdb")) as store:
        store.execute(
            """UPDATE previews SET detail = json_merge_patch(detail, '{"source_sha256": "older"}')
               WHERE encode_id IN (SELECT encode_id FROM encodes WHERE point = 'v8')"""
        )
    sweep(path, out)
    assert tables(out) == before
    encode_s, decode_s, score_s, preview_s = last_run(ask, out)
    assert (encode_s, score_s) == (0.0, 0.0)
    assert min(decode_s, preview_s) > 0


REAL = """
name = "real"
systems = ["hevc+opus"]
metrics = ["psnr"]
previews = 2
[codecs.hevc]
points = ["qp47", "qp37"]
params = {{ preset = "ultrafast" }}
[codecs.opus]
points = ["8kbps"]
[[datasets]]
use = "folder"
path = "{folder}"
"""


def test_real_recordings(
    talkbench: Run, ask: Ask, tmp_path: Path, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One with sound, one without."""
    from talkbench.benchmark.media import ffmpeg

    monkeypatch.setenv("TALKBENCH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "clips").mkdir()
    grid = shared / "clips" / "grid" / "bbaf2n.mpg"
    for name, options in (("a", []), ("b", ["-an"])):
        data = ffmpeg.run(["-i", str(grid), "-t", "1", *options, "-c:v", "ffv1", "-f", "matroska", "pipe:1"])
        (tmp_path / "clips" / f"{name}.mkv").write_bytes(data)
    (tmp_path / "real.toml").write_text(REAL.format(folder=tmp_path / "clips"))
    out = tmp_path / "out"
    ended = talkbench("sweep", "real.toml", "--out", out)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    rows = ask(
        out,
        "SELECT name, r.* FROM clips JOIN previews USING (clip_id) JOIN (" + ROWS + ") r USING (encode_id)",
    )
    found = {
        (name, codec, point): (status, json.loads(detail))
        for name, _, codec, point, status, _, _, detail in rows
    }
    assert {status for status, _ in found.values()} == {"ok"}
    assert len(found) == (1 + 2 + 1) + (1 + 2)
    parts = {
        (name, codec, point): json.loads(bits)
        for name, codec, point, bits in ask(
            out,
            "SELECT name, codec, point, parts FROM encodes JOIN clips USING (clip_id) WHERE parts NOT NULL",
        )
    }
    for (name, codec, point), (_, detail) in found.items():
        lines = {part: sum(line["bits"]) for part, line in detail["timeline"].items()}
        assert lines == parts.get((name, codec, point), {})
        assert (detail["mouth"] is not None) == (codec == "reference")
        assert (detail["sound"] is None) == (codec == "hevc" or name == "b.mkv")
        if codec == "hevc":
            assert {len(line["bits"]) for line in detail["timeline"].values()} == {25}
        if codec != "opus":
            assert (detail["width"], detail["height"], detail["frames"]) == (256, 256, 25)
