"""Results of several machines as one: what belongs together is joined, what does not is refused whole."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from submissions import Change, check, rename_codec, sql, tamper, wrong
from talkbench.benchmark.api.types import Bitstream, Part
from talkbench.benchmark.plan import plan
from talkbench.benchmark.sharing import merge, submit
from talkbench.benchmark.store.artifacts import bitstream_path
from talkbench.benchmark.util.errors import UsageError
from talkbench.benchmark.util.hashing import key, sha256_file

Sweeps = Callable[..., Path]
Ask = Callable[[Path, str], list[tuple[Any, ...]]]
VIDEO, JOINT, BOTH = ("fake-video",), ("fake-joint",), ("fake-video", "fake-joint")


@pytest.fixture
def pack(sweep_of: Sweeps, tmp_path: Path) -> Callable[..., Path]:
    """`pack(systems, clips)`: the archive of a sweep."""

    def make(systems: tuple[str, ...] = VIDEO, clips: int = 2, name: str = "a.zip", by: str = "") -> Path:
        return submit.submit(sweep_of(systems, clips), tmp_path / name, by).path

    return make


def refused(parts: list[Path], out: Path, words: str, **options: bool) -> str:
    before = sorted(out.parent.iterdir())
    with pytest.raises(UsageError, match=words) as refusal:
        merge.merge(parts, out, **options)
    assert sorted(out.parent.iterdir()) == before  # nothing is written, hidden or not
    return str(refusal.value)


def test_two_halves_are_the_whole(
    sweep_of: Sweeps, pack: Callable[..., Path], tmp_path: Path, tables: Any, ask: Ask
) -> None:
    """Two machines with a codec each give the tables of one machine with both."""
    whole, out = sweep_of(BOTH), tmp_path / "out"
    made = merge.merge([pack(VIDEO, by="Lab A"), sweep_of(JOINT)], out)
    merged, expected = tables(out), tables(whole)
    for name in expected.keys() - submit.LEFT_OUT:
        assert merged[name] == expected[name], name
    assert made.systems == ["fake-joint", "fake-video"]
    assert made.void_set_scores == 0
    assert made.repeated == 2 + 1 + 4 + 2 + 2  # clips, dataset, metrics; pairs and features of the references
    runs = ask(out, "SELECT source FROM runs ORDER BY source")
    assert runs == [("a.zip by Lab A",), (sweep_of(JOINT).name,)]
    files = sorted(path.name for path in out.rglob("*.tkb"))
    assert files == sorted(path.name for path in whole.rglob("*.tkb"))
    for path in out.rglob("*.tkb"):
        ((sha256,),) = ask(out, f"SELECT bitstream_sha256 FROM encodes WHERE encode_id = '{path.stem}'")
        assert sha256_file(path) == sha256


def test_the_same_twice_is_once(
    pack: Callable[..., Path], sweep_of: Sweeps, tmp_path: Path, tables: Any
) -> None:
    merge.merge([pack(), sweep_of(VIDEO), pack(name="b.zip")], tmp_path / "out")
    assert tables(tmp_path / "out") == tables(sweep_of(VIDEO))
    # The folder has previews, and so has what is made of it; an archive has none.
    shown = [p.relative_to(sweep_of(VIDEO)) for p in sweep_of(VIDEO).glob("artifacts/previews/*/*")]
    assert shown
    for path in shown:
        assert (tmp_path / "out" / path).read_bytes() == (sweep_of(VIDEO) / path).read_bytes()
    merge.merge([pack(), pack(name="b.zip")], tmp_path / "out2")
    assert tables(tmp_path / "out2")["previews"] == []


def test_more_clips_of_the_same_codec(
    pack: Callable[..., Path], sweep_of: Sweeps, tmp_path: Path, ask: Ask, same_cache: Sweeps
) -> None:
    """Clips 0 and 1 here, all three there: means are over three. A set over two is over two, and says so."""

    def without_clip_0(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
        connection.execute(
            "CREATE TEMP TABLE gone AS SELECT encode_id AS id FROM encodes JOIN clips USING (clip_id) "
            "WHERE name = 'clip-0' UNION ALL SELECT 'reference:' || clip_id FROM clips WHERE name = 'clip-0'"
        )
        connection.execute("DELETE FROM pair_scores WHERE video_encode_id IN (FROM gone)")
        for table in ("encodes", "scores", "set_features"):
            connection.execute(f"DELETE FROM {table} WHERE encode_id IN (FROM gone)")
        connection.execute("DELETE FROM clips WHERE name = 'clip-0'")
        connection.execute("DELETE FROM bd_rates")
        for (name,) in connection.execute("FROM gone WHERE id NOT LIKE 'reference:%'").fetchall():
            bitstream_path(folder, name).unlink()

    other = tamper(pack(VIDEO, 3), tmp_path / "b.zip", without_clip_0)
    out = tmp_path / "out"
    made = merge.merge([pack(VIDEO, 2, "a.zip"), other], out)
    assert ask(out, "SELECT DISTINCT n_scored, n_expected FROM rd_points WHERE metric = 'psnr'") == [(3, 3)]
    whole = ask(
        sweep_of(VIDEO, 3), "SELECT * FROM rd_points WHERE metric IN ('psnr', 'fake_sync') ORDER BY ALL"
    )
    assert ask(out, "SELECT * FROM rd_points WHERE metric IN ('psnr', 'fake_sync') ORDER BY ALL") == whole
    assert made.void_set_scores == 5
    rows = ask(out, "SELECT DISTINCT status, value, error FROM set_scores")
    assert rows == [
        (
            "unavailable",
            None,
            "computed over the clips of one part only; to compute it over all clips, sweep them together",
        )
    ]
    # The part that has all clips has the value for all clips.
    merge.merge([pack(VIDEO, 2, "c.zip"), sweep_of(VIDEO, 3)], tmp_path / "out2")
    values = "SELECT * EXCLUDE (run_id) FROM set_scores ORDER BY ALL"
    assert ask(tmp_path / "out2", values) == ask(sweep_of(VIDEO, 3), values)
    again = submit.submit(out, tmp_path / "merged.zip").path
    assert wrong(check(again)) == {}
    assert check(again).verdict == "verified"


def test_what_ended_well_stands_before_what_failed(
    pack: Callable[..., Path], sweep_of: Sweeps, tmp_path: Path, tables: Any
) -> None:
    def failed(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
        numbers = ["bits_video", "bits_audio", "bits_joint", "parts", "bitstream_sha256", "decode_status"]
        sets = ", ".join(f"{name} = NULL" for name in numbers)
        ids = "(SELECT encode_id FROM encodes WHERE point = 'v4')"
        connection.execute(f"DELETE FROM scores WHERE encode_id IN {ids}")
        connection.execute(f"DELETE FROM set_features WHERE encode_id IN {ids}")
        connection.execute(f"DELETE FROM pair_scores WHERE video_encode_id IN {ids}")
        connection.execute("DELETE FROM set_scores WHERE point = 'v4'")
        connection.execute(
            f"UPDATE encodes SET status = 'timeout', error = 'slow', {sets} WHERE point = 'v4'"
        )
        for (name,) in connection.execute(f"FROM {ids}").fetchall():
            bitstream_path(folder, name).unlink()
        connection.execute("UPDATE codecs SET status = 'unavailable', error = 'gone'")
        connection.execute(
            "UPDATE scores SET status = 'oom', value = NULL, frame_values = NULL WHERE metric = 'psnr'"
        )
        connection.execute("DELETE FROM bd_rates")

    poor = tamper(pack(), tmp_path / "poor.zip", failed)
    for number, parts in enumerate(([poor, sweep_of(VIDEO)], [sweep_of(VIDEO), poor])):
        merge.merge(parts, tmp_path / f"out{number}")
        assert tables(tmp_path / f"out{number}") == tables(sweep_of(VIDEO)), number


OF_VARIANTS = (
    ("scores", "encode_id"),
    ("set_features", "encode_id"),
    ("pair_scores", "video_encode_id"),
    ("pair_scores", "audio_encode_id"),
)


def other_clip(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """The first clip under another name, everything else in order."""
    ((old, sha256),) = connection.execute(
        "SELECT clip_id, sha256 FROM clips WHERE name = 'clip-0'"
    ).fetchall()
    move_clip(connection, old, plan.clip_id("moving", "take-1", sha256))
    connection.execute("UPDATE clips SET name = 'take-1' WHERE name = 'clip-0'")


def move_clip(connection: duckdb.DuckDBPyConnection, old: str, new: str) -> None:
    for table in ("clips", "encodes"):
        connection.execute(f"UPDATE {table} SET clip_id = ? WHERE clip_id = ?", [new, old])
    for table, column in OF_VARIANTS:
        connection.execute(
            f"UPDATE {table} SET {column} = ? WHERE {column} = ?", [f"reference:{new}", f"reference:{old}"]
        )
    connection.execute("DELETE FROM bd_rates")


def other_content(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """The first clip's name on other content; encodes of it are other encodes, then."""
    ((old,),) = connection.execute("SELECT clip_id FROM clips WHERE name = 'clip-0'").fetchall()
    new = plan.clip_id("moving", "clip-0", "ab" * 32)
    move_clip(connection, old, new)
    connection.execute("UPDATE clips SET sha256 = ? WHERE clip_id = ?", ["ab" * 32, new])
    for encode_id, fingerprint, params in connection.execute(
        "SELECT encode_id, fingerprint, params FROM encodes WHERE clip_id = ?", [new]
    ).fetchall():
        name = key("ab" * 32, fingerprint, json.loads(params))
        for table, column in (("encodes", "encode_id"), *OF_VARIANTS):
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", [name, encode_id])
        path = bitstream_path(folder, name)
        path.parent.mkdir(exist_ok=True)
        bitstream_path(folder, encode_id).rename(path)


def other_build(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Another build of the codec: its own fingerprint and, from that, its own encodes."""
    connection.execute('UPDATE codecs SET build = \'{"zlib": "0.9"}\'')
    rename_codec("fake-video", "fake-video")(connection, folder)


def other_bits(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """One encode with one byte more, in file and row."""
    ((name,),) = connection.execute("SELECT min(encode_id) FROM encodes WHERE point = 'v4'").fetchall()
    path = bitstream_path(folder, name)
    (part,) = Bitstream.from_bytes(path.read_bytes()).parts
    longer = Bitstream((Part(part.name, part.stream, part.payload + b"\x00"),))
    path.write_bytes(longer.to_bytes())
    connection.execute(
        "UPDATE encodes SET bits_video = ?, parts = ?, bitstream_sha256 = ? WHERE encode_id = ?",
        [longer.bits(), json.dumps({part.name: longer.bits()}), sha256_file(path), name],
    )


BUILD = ("metrics", "scores")
OTHER_PSNR = sql(*(f"UPDATE {table} SET fingerprint = 'another' WHERE metric = 'psnr'" for table in BUILD))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (other_content, "clips of one name with different contents.*\n  moving / clip-0: sha256 abab.* and "),
        (other_clip, "one clip under several names.*\n  moving / clip-0 and moving / take-1"),
        (sql("UPDATE datasets SET synthetic = false"), "datasets of one name that are rendered in one part"),
        (other_build, "codecs of one name with different fingerprints.*\n  fake-video: .* and "),
        (
            OTHER_PSNR,
            "metrics of one name with different fingerprints.*never averaged.*\n  psnr: .* and another",
        ),
        (
            sql("UPDATE metrics SET higher_is_better = false WHERE metric = 'psnr'"),
            "metrics of one fingerprint that are described differently",
        ),
        (
            sql("UPDATE codecs SET family = 'neural'"),
            "codecs of one fingerprint that are described differently",
        ),
        (
            sql("UPDATE systems SET kind = 'audio', audio_codec = video_codec, video_codec = NULL"),
            "systems of one name that are made of different codecs",
        ),
        (sql("UPDATE runs SET command = 'another'"), "runs of one name that are not the same run"),
        (
            sql("UPDATE encodes SET point = 'p-' || point", "DELETE FROM set_scores"),
            "one point under several names",
        ),
        (
            sql(
                "UPDATE encodes SET point = if(point = 'v4', 'v8', 'v4') WHERE point IN ('v4', 'v8')",
                "DELETE FROM set_scores",
            ),
            "points of one name with different parameters",
        ),
        (other_bits, "encodes of one clip, codec and point with different bits.*\n  fake-video v4"),
        (
            sql(
                "UPDATE scores SET value = value + 1, "
                "frame_values = list_transform(frame_values, lambda x: x + 1) WHERE metric = 'psnr'"
            ),
            "scores that differ .10.; verify both:\n  psnr of",
        ),
        (sql("UPDATE pair_scores SET value = value + 0.001"), "scores that differ"),
        # A part that fails its checks is refused before anything is compared.
        (
            sql("UPDATE scores SET value = value + 1 WHERE metric = 'psnr'"),
            "fail their checks:\npsnr: 10 of 10",
        ),
        (sql("UPDATE encodes SET duration_s = 1"), "fail their checks"),
        (sql("UPDATE codecs SET codec = 'vvc'"), "was it renamed"),
    ],
)
def test_contradictions_are_refused_whole(
    pack: Callable[..., Path], sweep_of: Sweeps, tmp_path: Path, change: Change, words: str
) -> None:
    other = tamper(pack(), tmp_path / "b.zip", change)
    message = refused([sweep_of(VIDEO), other], tmp_path / "out", words)
    assert "b.zip" in message
    if not any(word in words for word in ("verify", "fail their checks", "renamed")):
        assert str(sweep_of(VIDEO)) in message  # both are named


def test_fingerprints_that_are_kept_stand_side_by_side(
    pack: Callable[..., Path], sweep_of: Sweeps, tmp_path: Path, ask: Ask
) -> None:
    out = tmp_path / "out"
    other = tamper(pack(), tmp_path / "b.zip", OTHER_PSNR)
    merge.merge([sweep_of(VIDEO), other], out, keep_fingerprints=True)
    rows = ask(
        out,
        "SELECT fingerprint, count(*), any_value(n_scored) FROM rd_points WHERE metric = 'psnr' GROUP BY ALL",
    )
    assert sorted(row[1:] for row in rows) == [(5, 2), (5, 2)]
    one, other_rows = (
        ask(out, f"SELECT point, value FROM rd_points WHERE fingerprint = '{row[0]}' ORDER BY ALL")
        for row in rows
    )
    assert (
        one
        == other_rows
        == ask(sweep_of(VIDEO), "SELECT point, value FROM rd_points WHERE metric = 'psnr' ORDER BY ALL")
    )


def test_scores_within_tolerance_are_one(
    pack: Callable[..., Path], sweep_of: Sweeps, tmp_path: Path, ask: Ask
) -> None:
    other = tamper(pack(), tmp_path / "b.zip", sql("UPDATE pair_scores SET value = value + 1e-8"))
    merge.merge([sweep_of(VIDEO), other], tmp_path / "out")
    values = "SELECT value FROM pair_scores ORDER BY ALL"
    assert ask(tmp_path / "out", values) == ask(sweep_of(VIDEO), values)


def test_wrong_use(pack: Callable[..., Path], sweep_of: Sweeps, tmp_path: Path) -> None:
    one = pack()
    refused([one], tmp_path / "out", "two or more")
    refused([one, tmp_path / "nowhere"], tmp_path / "out", "no such file")
    (tmp_path / "empty").mkdir()
    refused([one, tmp_path / "empty"], tmp_path / "out", "no results there")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    refused([one, one], tmp_path / "full", "already exists")
    data = bytearray(one.read_bytes())
    data[data.index(b"TKB1") + 40] ^= 1
    (tmp_path / "damaged.zip").write_bytes(data)
    refused(
        [one, tmp_path / "damaged.zip"], tmp_path / "out", r"damaged.zip: artifacts/bitstreams/.*: damaged"
    )
    swept = shutil.copytree(sweep_of(VIDEO), tmp_path / "swept")
    with duckdb.connect(str(swept / "talkbench.duckdb")) as connection:
        connection.execute("UPDATE runs SET finished_at = NULL")
    refused([one, swept], tmp_path / "out", "the latest run has not finished")
    merge.merge([one, swept], tmp_path / "out", unfinished=True)


SCRIPT = "<script>alert('x')</script>"


def test_script_in_names_is_text_in_the_report(
    pack: Callable[..., Path],
    sweep_of: Sweeps,
    tmp_path: Path,
    talkbench: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    """Codec, point, messages and submitter of a hostile archive, through merge into the pages."""

    def hostile(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
        rename_codec("fake-video", SCRIPT)(connection, folder)
        connection.execute("UPDATE encodes SET point = point || ?", [SCRIPT])
        connection.execute("UPDATE set_scores SET point = point || ?, note = ?", [SCRIPT, SCRIPT])
        connection.execute("UPDATE codecs SET licence = $1, paper = $1", [SCRIPT])
        connection.execute("UPDATE runs SET run_id = $1, command = $1, git_commit = $1", [SCRIPT])
        for table in ("encodes", "scores", "pair_scores", "set_scores", "set_features", "clips"):
            connection.execute(f"UPDATE {table} SET run_id = ?", [SCRIPT])
        connection.execute("DELETE FROM bd_rates")

    other = tamper(pack(by=SCRIPT), tmp_path / f"b{SCRIPT.replace('/', '-')}.zip", hostile)
    ended = talkbench("merge", sweep_of(JOINT), other, "--out", "out")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f"systems: {SCRIPT}, fake-joint" in ended.stdout
    ended = talkbench("report", "out")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    pages = list((tmp_path / "out" / "report").rglob("*.html"))
    assert pages
    assert any("alert(" in page.read_text() for page in pages)
    for page in pages:
        assert "<script>alert(" not in page.read_text(), page


def test_the_command(
    pack: Callable[..., Path], sweep_of: Sweeps, talkbench: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    ended = talkbench("merge", pack(), sweep_of(JOINT), "--out", "both")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "2 results: 2 clips, 28 encodes" in ended.stdout
    assert "both: now `talkbench report both`" in ended.stdout
    again = talkbench("merge", pack(), sweep_of(JOINT), "--out", "both")
    assert again.returncode == 2
    said = "already exists and is not an empty folder; give a new folder"
    assert again.stderr == f"talkbench: --out both: {said}\n"
