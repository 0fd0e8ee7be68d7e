"""What a stranger can check of a submission, and what an attacker cannot get past it."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from submissions import Connection, NoProgress, check, not_checked, rename_codec, sql, tamper, wrong
from talkbench.benchmark.api import registry
from talkbench.benchmark.execution.executors import SerialExecutor
from talkbench.benchmark.execution.queue import BatchRunner
from talkbench.benchmark.media import ffmpeg
from talkbench.benchmark.plan import plan
from talkbench.benchmark.sharing import archive, merge, submit, verify_clips, verify_scores
from talkbench.benchmark.store import parquet
from talkbench.benchmark.store.artifacts import bitstream_path
from talkbench.benchmark.util.errors import UsageError

Sweeps = Callable[..., Path]
FILES = "files are those of the manifest"
NAMES = "names are hashes of what they name"
NUMBERS = "only what is ok has numbers"
ROWS = "rows belong to rows that are there"
RATES = "durations (of kbit/s) are those of clips"
BITS = "bits and parts are those of the files"
MEANS = "values are the means of their frames"
DESCRIBED = "codecs, metrics described as here"
BD_RATES = "stored BD-rates follow from the scores"
CLIPS = "reference clips, prepared again"
DECODED = "bitstreams, decoded again"
SCORES = "scores, recomputed"
SETS = "distribution scores, recomputed"


@pytest.fixture
def honest(same_cache: Sweeps, tmp_path: Path) -> Path:
    return submit.submit(same_cache(), tmp_path / "honest.zip", "Speech Lab").path


@pytest.fixture
def forged(tmp_path: Path) -> Path:
    return tmp_path / "forged.zip"


def test_an_honest_submission_is_verified(honest: Path) -> None:
    found = check(honest)
    assert wrong(found) == {}
    assert found.verdict == "verified"
    assert (found.decoded, found.bitstreams) == (20, 20)
    assert found.manifest.name == "Speech Lab"
    checked = {one.name: one.verified for one in found.checks}
    # 2 clips × 5 points × (psnr or snr), 36 pairs a clip, a set per point of the picture.
    assert checked[SCORES] == 20 + 2 * 36
    assert checked[SETS] == 5
    assert found.largest.keys() == {"psnr", "snr", "fake_sync"}
    assert not any(one.not_checked for one in found.checks if one.name != BD_RATES)
    assert all(count for name, count in checked.items() if "BD" not in name)


def test_a_sample_is_spread_and_repeats_with_its_seed(honest: Path) -> None:
    found = check(honest, sample=4, seed=3)
    assert found.verdict == "verified"
    assert found.decoded == 4
    assert not_checked(found, SETS) == {"computed over clips that were not all decoded again (see --all)": 5}
    assert not_checked(found, DECODED) == {"not drawn for the sample": 16}
    with archive.unpacked(honest) as opened, parquet.read(opened.folder / "tables") as connection:
        runner = BatchRunner(SerialExecutor("cpu"), NoProgress())
        clips, _ = verify_clips.reference_clips(connection, (), runner)
        cells, _ = verify_scores.candidates(connection, opened.folder, clips)
    draws = [verify_scores.draw(cells, 10, seed) for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]
    for drawn in draws:
        assert len({(cell.codec.name, cell.point.name) for cell in drawn}) == 10
        assert len({cell.encode_id for cell in drawn}) == 10


def test_the_command_says_what_it_found(
    honest: Path, forged: Path, talkbench: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    fine = talkbench("verify", honest, "--sample", 3, "--workers", 1)
    assert fine.returncode == 0, fine.stdout + fine.stderr
    assert "suite tiny by Speech Lab: latest run ended 20" in fine.stdout
    assert "verified: nothing is wrong; 3 of 20 bitstreams were decoded again" in fine.stdout
    assert "not checked: bitstreams, decoded again: 17: not drawn for the sample" in fine.stdout
    data = bytearray(honest.read_bytes())
    at = data.index(b"TKB1") + 40
    data[at] ^= 1
    forged.write_bytes(data)
    bad = talkbench("verify", forged, "--sample", 3, "--workers", 1)
    assert bad.returncode == 1, bad.stdout + bad.stderr
    assert "VERIFICATION FAILED: " in bad.stdout
    assert "damaged: Bad CRC-32" in bad.stdout
    none = talkbench("verify", __file__)
    assert none.returncode == 2
    assert "test_verify.py: cannot be read as an archive of `talkbench submit`" in none.stderr


def two_bitstreams(connection: Connection, folder: Path) -> tuple[Path, Path, str, str]:
    (one, other) = [
        encode_id
        for (encode_id,) in connection.execute(
            "SELECT encode_id FROM encodes WHERE codec = 'fake-video' AND point IN ('v64', 'v4') "
            "ORDER BY clip_id, point DESC LIMIT 2"
        ).fetchall()
    ]
    return bitstream_path(folder, one), bitstream_path(folder, other), one, other


def swap_files(connection: Connection, folder: Path) -> None:
    one, other, *_ = two_bitstreams(connection, folder)
    first, second = one.read_bytes(), other.read_bytes()
    assert first != second
    one.write_bytes(second)
    other.write_bytes(first)


def swap_files_and_rows(connection: Connection, folder: Path) -> None:
    """The forgery that is whole: hashes, bits and parts of the rows are those of the swapped files."""
    swap_files(connection, folder)
    *_, one, other = two_bitstreams(connection, folder)
    columns = ("bitstream_sha256", "bits_video", "bits_audio", "bits_joint", "parts")
    found = connection.execute(f"SELECT encode_id, {', '.join(columns)} FROM encodes").fetchall()
    rows = {encode_id: values for encode_id, *values in found}
    for target, source in ((one, other), (other, one)):
        sets = ", ".join(f"{column} = ?" for column in columns)
        connection.execute(f"UPDATE encodes SET {sets} WHERE encode_id = ?", [*rows[source], target])
    connection.execute("DELETE FROM bd_rates")


def test_swapped_bitstreams_are_found(honest: Path, forged: Path) -> None:
    found = wrong(check(tamper(honest, forged, swap_files, new_manifest=False)))
    assert len(found[FILES]) == 2
    found = wrong(check(tamper(honest, forged, swap_files)))
    assert FILES not in found
    assert len(found[BITS]) == 2
    found = wrong(check(tamper(honest, forged, swap_files_and_rows)))
    assert set(found) == {SCORES, SETS}
    assert any(line.startswith("psnr of") for line in found[SCORES])


PSNR = "UPDATE scores SET {} WHERE metric = 'psnr'"
SNR = "UPDATE scores SET {} WHERE metric = 'snr'"
SUITE = "UPDATE runs SET suite_resolved = json_object('datasets', json('{}'))"
ALL_FRAMES = "value = value + 1, frame_values = list_transform(frame_values, lambda x: x + 1)"


@pytest.mark.parametrize(
    ("change", "name", "words"),
    [
        # Values of frames are means; a forger who shifts the frames too meets the bitstream.
        (PSNR.format("value = value + 1"), MEANS, "psnr"),
        (PSNR.format(ALL_FRAMES), SCORES, "recomputed"),
        (PSNR.format("frame_values = list_reverse(frame_values)"), SCORES, "frame values differ"),
        (SNR.format("value = value * 1.00001"), SCORES, "snr of"),
        (SNR.format("weight = 2"), SCORES, "snr of"),
        (SNR.format("status = 'failed', value = NULL"), SCORES, "recorded failed"),
        (SNR.format("value = NULL"), NUMBERS, "scores: 10 rows"),
        ("UPDATE pair_scores SET value = value / 2", SCORES, "fake_sync of"),
        (
            "UPDATE set_scores SET value = value / 2 WHERE point = 'v4'",
            SETS,
            "fake_distance of fake-video v4",
        ),
        ("UPDATE set_scores SET n = n + 1", SETS, "over 20, recorded"),
        ("UPDATE encodes SET bits_video = bits_video + 8", BITS, "bits; the row says"),
        ("UPDATE encodes SET parts = '{\"pixels\": 8}'", BITS, "the parts of its bitstream"),
        ("UPDATE encodes SET duration_s = 10", RATES, "its clip lasts 0.4 s"),
        ("UPDATE encodes SET status = 'timeout'", NUMBERS, "encodes: 20 rows"),
        ("DELETE FROM encodes WHERE point = 'v64'", ROWS, "a score of no decoded encode"),
        ("DELETE FROM encodes WHERE point = 'v64'", BITS, "no finished encode names this file"),
        ("UPDATE encodes SET params = '{\"video_step\": 1}' WHERE point = 'v4'", NAMES, "(fake-video v4)"),
        ("UPDATE codecs SET codec = 'vvc' WHERE codec = 'fake-video'", NAMES, "was it renamed?"),
        ("UPDATE codecs SET weights = 'official'", NAMES, "fingerprint"),
        ("UPDATE codecs SET family = 'neural'", DESCRIBED, "here it is ['conventional'"),
        ("UPDATE metrics SET higher_is_better = NOT higher_is_better", DESCRIBED, "metric 'psnr'"),
    ],
)
def test_edited_tables_are_found(honest: Path, forged: Path, change: str, name: str, words: str) -> None:
    found = check(tamper(honest, forged, sql(change)), sample=None if name in (SCORES, SETS) else 1)
    assert found.verdict == "wrong"
    assert any(words in line for line in wrong(found).get(name, [])), wrong(found)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (SNR.format("status = 'superb'"), "column 'status', row .*: must be one of ok"),
        (SUITE.format('[{"use": ["moving"]}, 3, null]'), "'datasets' must be a list of tables"),
        (SUITE.format('{"use": "moving"}'), "'datasets' must be a list of tables"),
    ],
)
def test_values_that_no_store_holds_are_refused(honest: Path, forged: Path, change: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        check(tamper(honest, forged, sql(change, "DELETE FROM bd_rates")))


def test_tables_of_another_shape_are_refused(honest: Path, forged: Path) -> None:
    def no_parquet(connection: Connection, folder: Path) -> None:
        connection.execute("ALTER TABLE scores ALTER value TYPE VARCHAR")

    words = re.escape(
        f"{tamper(honest, forged, no_parquet)}: tables/scores.parquet: column 'value' is of type"
    )
    for refusing in (lambda: check(forged), lambda: merge.merge([honest, forged], forged.parent / "out")):
        with pytest.raises(UsageError, match=words):
            refusing()


def test_edited_bd_rates_are_found(same_cache: Sweeps, tmp_path: Path, forged: Path) -> None:
    path = submit.submit(same_cache(("fake-video", "fake-joint")), tmp_path / "honest.zip").path
    found = check(path, sample=1)
    assert wrong(found) == {}
    assert next(one.verified for one in found.checks if one.name == BD_RATES) > 0
    for change, words in (
        ("overlap = 3 + coalesce(overlap, 0)", "overlap is"),
        ("system = 'best'", "no such BD-rate"),
    ):
        one = f"UPDATE bd_rates SET {change} WHERE rowid = 0"
        lines = wrong(check(tamper(path, forged, sql(one)), sample=1))[BD_RATES]
        assert len(lines) == 1
        assert words in lines[0]


def test_a_sample_finds_an_edited_score_where_it_looks(honest: Path, forged: Path) -> None:
    change = "UPDATE scores SET value = value + 0.1 WHERE metric = 'snr'"
    found = check(tamper(honest, forged, sql(change, "DELETE FROM bd_rates")), sample=2)
    assert found.verdict == "wrong"  # one of the two is a sound
    assert len(wrong(found)[SCORES]) == 1


def test_a_codec_under_another_name_is_found(honest: Path, forged: Path) -> None:
    """Every hash is recomputed; what is left is that the other codec cannot decode these bytes."""
    example = registry.codec("example").describe()[0]
    identity = {
        "fingerprint": example.fingerprint(),
        "version": example.version,
        "build": dict(example.build),
    }
    found = check(tamper(honest, forged, rename_codec("fake-audio", "example", identity)))
    assert set(wrong(found)) == {DECODED}, wrong(found)
    assert len(wrong(found)[DECODED]) == 10
    # A codec of nobody is never verified.
    found = check(tamper(honest, forged, rename_codec("fake-audio", "miracle")))
    assert wrong(found) == {}
    assert not_checked(found, DECODED) == {"codec 'miracle' is not installed here": 10}
    assert (found.verdict, found.unseen) == ("verified", ["miracle"])

    def only_miracles(connection: Connection, folder: Path) -> None:
        rename_codec("fake-audio", "miracle")(connection, folder)
        connection.execute("DELETE FROM encodes WHERE codec = 'fake-video'")
        connection.execute("DELETE FROM scores WHERE metric = 'psnr'")
        for table in ("pair_scores", "set_features", "set_scores"):
            connection.execute(f"DELETE FROM {table}")
        kept = {row[0] for row in connection.execute("SELECT encode_id FROM encodes").fetchall()}
        for path in folder.rglob("*.tkb"):
            if path.stem not in kept:
                path.unlink()

    found = check(tamper(honest, forged, only_miracles))
    assert (wrong(found), found.verdict) == ({}, "nothing checked")


def test_what_is_not_here_is_not_checked(honest: Path, forged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = "UPDATE metrics SET fingerprint = 'of another build' WHERE metric = 'psnr'"
    rows = "UPDATE scores SET fingerprint = 'of another build' WHERE metric = 'psnr'"
    found = check(tamper(honest, forged, sql(other, rows, "DELETE FROM bd_rates")))
    assert found.verdict == "verified"
    (reason, count), *_ = (entry for entry in not_checked(found, SCORES).items() if "psnr" in entry[0])
    assert count == 10
    assert "another build here" in reason
    fake = registry.codec("fake-video")
    monkeypatch.setattr(type(fake), "availability", lambda self: "its library is gone")
    found = check(honest)
    assert found.verdict == "nothing checked"
    reasons = not_checked(found, DECODED)
    assert reasons["codec 'fake-video' cannot run here: its library is gone"] == 10


@pytest.mark.parametrize(
    ("datasets", "words"),
    [
        ("[]", "no dataset here has a clip of this name"),
        ('[{"use": "folder", "path": "/etc"}]', "give their folder with --clips"),
        ('[{"use": "moving", "path": "/etc"}]', "its options name a path, which is not followed"),
        ('[{"use": "moving", "clips": "/etc/passwd"}]', "its options name a path, which is not followed"),
        ('[{"use": "moving", "colour": 3}]', "cannot be loaded"),
        ('[{"use": "nobody"}]', "cannot be loaded"),
    ],
)
def test_clips_that_cannot_be_made_here_are_not_checked(
    honest: Path, forged: Path, datasets: str, words: str
) -> None:
    found = check(tamper(honest, forged, sql(SUITE.format(datasets), "DELETE FROM bd_rates")))
    assert (wrong(found), found.verdict) == ({}, "nothing checked")
    ((reason, count),) = not_checked(found, CLIPS).items()
    assert words in reason
    assert count == 2
    assert not_checked(found, DECODED) == {"its reference clip is not available": 20}


def test_another_clip_of_the_same_name_is_found(honest: Path, forged: Path) -> None:
    fake = plan.clip_id("moving", "clip-0", "ab" * 32)
    change = (
        "CREATE TEMP TABLE old AS SELECT clip_id FROM clips WHERE name = 'clip-0'",
        f"UPDATE clips SET sha256 = '{'ab' * 32}', clip_id = '{fake}' WHERE name = 'clip-0'",
        f"UPDATE encodes SET clip_id = '{fake}' WHERE clip_id IN (FROM old)",
        "DROP TABLE old",
    )
    found = wrong(check(tamper(honest, forged, sql(*change))))
    assert any("clip 'clip-0': prepared here" in line for line in found[CLIPS])


def test_recordings_are_checked_against_the_users_own(
    same_cache: Sweeps, tmp_path: Path, talkbench: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    (tmp_path / "mine").mkdir()
    source = ["-f", "lavfi", "-i", "testsrc=size=64x64:rate=25:duration=0.4"]
    tone = ["-f", "lavfi", "-i", "sine=frequency=300:duration=0.4"]
    video = tmp_path / "mine" / "take 1.mp4"
    command = [ffmpeg.executable(), *source, *tone, "-c:v", "mpeg4", "-c:a", "aac", str(video)]
    subprocess.run(command, check=True, capture_output=True)
    suite = tmp_path / "mine.toml"
    suite.write_text(
        'name = "mine"\nsystems = ["fake-video"]\nmetrics = ["psnr"]\n'
        '[[datasets]]\nuse = "folder"\npath = "mine"\nsize = 64\ncrop = "none"\n'
    )
    ended = talkbench("sweep", suite, "--out", "out")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    path = submit.submit(tmp_path / "out", tmp_path / "mine.zip").path
    assert check(path).verdict == "nothing checked"
    (tmp_path / "mine").rename(tmp_path / "elsewhere")
    found = check(path, clips=(tmp_path / "elsewhere",))
    assert (wrong(found), found.verdict) == ({}, "verified")
    video = tmp_path / "elsewhere" / "take 1.mp4"
    command = [
        ffmpeg.executable(),
        "-y",
        *source,
        *tone,
        "-vf",
        "negate",
        "-c:v",
        "mpeg4",
        "-c:a",
        "aac",
        str(video),
    ]
    subprocess.run(command, check=True, capture_output=True)
    found = check(path, clips=(tmp_path / "elsewhere",))
    assert found.verdict == "nothing checked"
    assert not_checked(found, CLIPS) == {"another recording, or another version of the dataset, is here": 1}
