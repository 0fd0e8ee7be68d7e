"""An archive comes from a stranger: nothing but a submission is read, and nothing is written outside."""

import json
import stat
import struct
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from submissions import raw_zip
from talkbench.benchmark.sharing import archive, submit
from talkbench.benchmark.sharing.manifest import File, Manifest
from talkbench.benchmark.util.errors import UsageError

HASH = "ab" * 32
EMPTY = {"sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "bytes": 0}
MANIFEST: dict[str, Any] = {
    "format": 1,
    "talkbench_version": "0.1.0",
    "suite": "demo",
    "name": "",
    "finished_at": "",
    "counts": {"clips": 1},
    "files": {"tables/clips.parquet": EMPTY},
}
BITSTREAM = f"artifacts/bitstreams/{HASH[:2]}/{HASH}.tkb"


@pytest.fixture(autouse=True)
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever happens, the temporary folder is empty afterwards, and no file appears beside the archive."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    yield
    assert list(place.iterdir()) == []
    assert {path.name for path in tmp_path.iterdir()} <= {"temporary", "a.zip", "b.zip", "more"}


def members(**more: bytes) -> dict[str, bytes]:
    return {"manifest.json": json.dumps(MANIFEST).encode(), "tables/clips.parquet": b"", **more}


def refused(path: Path, words: str) -> None:
    with pytest.raises(UsageError, match=words) as refusal, archive.unpacked(path):
        pass
    assert str(path) in str(refusal.value)


def test_the_plain_case_is_read(tmp_path: Path) -> None:
    with archive.unpacked(raw_zip(tmp_path / "a.zip", members())) as found:
        assert (found.folder / "tables" / "clips.parquet").read_bytes() == b""
        assert found.damaged == {}
        assert found.manifest.files["tables/clips.parquet"] == File(**EMPTY)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../evil", "../evil: its name leads out of the archive"),
        ("tables/../../evil.parquet", "leads out"),
        ("/etc/evil", "/etc/evil: its name leads out"),
        ("C:/evil", "leads out"),
        ("c:evil", "leads out"),
        ("tables\\evil.parquet", "leads out"),
        ("\\\\host\\share", "leads out"),
        ("tables/evil.parquet", "this talkbench has no table 'evil'"),
        ("tables/clips.csv", "not part of a submission"),
        ("tables/Clips.parquet", "not part of a submission"),
        ("tables/clips.parquet/x", "not part of a submission"),
        (f"artifacts/bitstreams/ff/{HASH}.tkb", "not part of a submission"),
        (f"artifacts/bitstreams/ab/{HASH[:-1]}.tkb", "not part of a submission"),
        ("artifacts/previews/x.jpg", "not part of a submission"),
        ("talkbench.duckdb", "not part of a submission"),
        ("tables/clıps.parquet", "its name is not a valid file name"),
        ("tables/", "not part of a submission"),
        ("\x1b[2Jevil", r"\\x1b\[2Jevil"),
    ],
)
def test_names_that_no_submission_has(tmp_path: Path, name: str, words: str) -> None:
    refused(raw_zip(tmp_path / "a.zip", members(**{name: b"evil"})), words)


def test_a_name_that_is_cut_short_by_some_readers(tmp_path: Path) -> None:
    path = raw_zip(tmp_path / "a.zip", members(**{"tables/runs.parquet_.txt": b""}))
    path.write_bytes(path.read_bytes().replace(b"parquet_.txt", b"parquet\x00.txt"))
    refused(path, r"tables/runs.parquet\\x00.txt: its name is not a valid file name")


def test_links_folders_and_devices(tmp_path: Path) -> None:
    for kind in (stat.S_IFLNK, stat.S_IFDIR, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFBLK):
        path = raw_zip(tmp_path / "a.zip", members(), external_attr=(kind | 0o777) << 16)
        refused(path, r"manifest.json: it is not an ordinary file \(a link")


def test_duplicates_and_compressed_members(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as target:
        target.writestr("tables/clips.parquet", b"one")
        with pytest.warns(UserWarning, match="Duplicate"):
            target.writestr("tables/clips.parquet", b"two")
    refused(path, "tables/clips.parquet: is there twice")
    for how in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with zipfile.ZipFile(path, "w", how) as target:
            target.writestr("manifest.json", json.dumps(MANIFEST))
            target.writestr("tables/clips.parquet", bytes(10_000_000))
        assert path.stat().st_size < 100_000
        refused(path, "manifest.json: it is compressed")


def patched(path: Path, signature: bytes, offset: int, value: bytes) -> Path:
    """Bytes after the last `signature` replaced."""
    data = bytearray(path.read_bytes())
    at = data.rindex(signature) + offset
    data[at : at + len(value)] = value
    path.write_bytes(data)
    return path


def test_headers_that_lie_about_sizes(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    huge = struct.pack("<II", 0xFFFFFFF0, 0xFFFFFFF0)
    raw_zip(path, members())
    refused(patched(path, b"PK\x01\x02", 20, huge), "exceed the archive's size|cannot be read")
    # Members that overlap: each is as large as the archive, together they are more.
    raw_zip(path, members(**{BITSTREAM: bytes(100_000)}))
    size = struct.pack("<II", 100_000, 100_000)
    at = path.read_bytes().index(b"PK\x01\x02")
    data = bytearray(path.read_bytes())
    data[at + 20 : at + 28] = size
    path.write_bytes(data)
    refused(path, "exceed the archive's size")
    # A list of members as large as a disk.
    raw_zip(path, members())
    refused(patched(path, b"PK\x05\x06", 12, struct.pack("<I", 0xFFFFFFF0)), "cannot be read")


def test_a_list_of_members_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = raw_zip(tmp_path / "a.zip", {f"tables/{number:04}.parquet": b"" for number in range(1000)})
    monkeypatch.setattr(archive, "MAX_FILES", 10)
    refused(path, "1000 members; an archive may have 10")
    monkeypatch.setattr(archive, "_DIRECTORY_BYTES", 5000)
    refused(path, "its list of members takes more than 5000 bytes")


def test_encrypted_members(tmp_path: Path) -> None:
    path = raw_zip(tmp_path / "a.zip", {"manifest.json": b"{}"})
    refused(patched(path, b"PK\x01\x02", 8, b"\x01\x00"), "manifest.json: it is encrypted")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"files": {"tables/runs.parquet": EMPTY}},
            "tables/runs.parquet: the manifest names it, but it is not",
        ),
        ({"files": {"../evil": EMPTY, "tables/clips.parquet": EMPTY}}, "../evil: the manifest names it"),
        ({"files": {}}, "tables/clips.parquet: the manifest does not name it"),
        ({"files": []}, "files must be an object"),
        ({"files": {"tables/clips.parquet": 3}}, "must be an object, got 3"),
        ({"files": {"tables/clips.parquet": {**EMPTY, "bytes": -1}}}, "bytes must be a whole number from 0"),
        ({"files": {"tables/clips.parquet": {**EMPTY, "bytes": True}}}, "bytes must be a whole number"),
        ({"files": {"tables/clips.parquet": {**EMPTY, "bytes": 1e3}}}, "whole numbers only"),
        ({"files": {"tables/clips.parquet": {**EMPTY, "sha256": "x"}}}, "sha256 must be 64 hex digits"),
        ({"files": {"tables/clips.parquet": {"bytes": 0}}}, "sha256 must be 64 hex digits"),
        ({"format": 2}, "format is 2; this talkbench reads format 1"),
        ({"format": True}, "format is True"),
        ({"suite": None}, "suite must be text"),
        ({"name": "x" * 201}, "name must be text of at most 200 characters"),
        ({"counts": {"clips": "many"}}, "counts: 'clips' must be a whole number"),
        ({"counts": float("nan")}, "NaN is not JSON"),
        ({"extra": 1}, "unknown key 'extra'"),
    ],
)
def test_manifests_of_another_shape(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    data = json.dumps({**MANIFEST, **change}).encode()
    refused(raw_zip(tmp_path / "a.zip", {**members(), "manifest.json": data}), words)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not a manifest in JSON"),
        (b"[1]", "the manifest must be an object"),
        (b"\xff\xfe", "not a manifest in JSON"),
        (b"[" * 100_000, "not a manifest in JSON"),
        (b'{"format": ' + b"9" * 10_000 + b"}", "not a manifest in JSON"),
        (b'{"format": 1, "format": 1}', "a key occurs twice"),
    ],
)
def test_manifests_that_are_no_json(tmp_path: Path, data: bytes, words: str) -> None:
    refused(raw_zip(tmp_path / "a.zip", {**members(), "manifest.json": data}), f"manifest.json: .*{words}")


def test_a_file_that_is_not_the_manifests_is_damaged(tmp_path: Path) -> None:
    with archive.unpacked(raw_zip(tmp_path / "a.zip", {**members(), "tables/clips.parquet": b"x"})) as found:
        assert found.damaged == {"tables/clips.parquet": "has 1 bytes; the manifest says 0"}
    same_size = {"files": {"tables/clips.parquet": {**EMPTY, "bytes": 1}}}
    data = json.dumps({**MANIFEST, **same_size}).encode()
    path = raw_zip(tmp_path / "a.zip", {"manifest.json": data, "tables/clips.parquet": b"x"})
    with archive.unpacked(path) as found:
        assert "its sha256 is 2d711642b726b044…" in found.damaged["tables/clips.parquet"]


def test_what_is_no_archive(tmp_path: Path) -> None:
    refused(tmp_path / "none.zip", "no such file")
    path = tmp_path / "a.zip"
    for data in (b"", b"PK", bytes(1000), b"PAR1" * 100):
        path.write_bytes(data)
        refused(path, "cannot be read as an archive of `talkbench submit`")
    refused(raw_zip(path, {"tables/clips.parquet": b""}), "has no manifest.json")


NAMES = st.one_of(
    st.sampled_from(["manifest.json", "tables/clips.parquet", "tables/runs.parquet", BITSTREAM]),
    st.text(min_size=1, max_size=30).filter(lambda name: name.encode("utf-8", "replace")),
    st.lists(st.sampled_from(["..", ".", "", "tables", "a", "/", "C:"]), min_size=1, max_size=5).map(
        "/".join
    ),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    files=st.dictionaries(NAMES, st.binary(max_size=20), max_size=4),
    key=st.sampled_from(sorted(MANIFEST)),
    value=VALUES,
)
def test_any_members_are_refused_or_read(
    tmp_path: Path, files: dict[str, bytes], key: str, value: Any
) -> None:
    try:
        path = raw_zip(tmp_path / "a.zip", {**files, **members(), "manifest.json": b"{}"})
    except (UnicodeEncodeError, ValueError):
        return  # not even a zip can have it
    for data in (json.dumps(MANIFEST).encode(), json.dumps({**MANIFEST, key: value}).encode()):
        raw_zip(path, {**files, **members(), "manifest.json": data})
        try:
            with archive.unpacked(path) as found:
                files_there = [p for p in found.folder.rglob("*") if p.is_file()]
                kept = {p.relative_to(found.folder).as_posix() for p in files_there}
                assert kept == set(found.manifest.files)
        except UsageError as refusal:
            said = str(refusal)
            assert str(path) in said


@pytest.fixture(scope="module")
def honest(sweep_of: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return submit.submit(sweep_of(), tmp_path_factory.mktemp("honest") / "honest.zip").path


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_flipped_byte_is_seen(honest: Path, tmp_path: Path, data: st.DataObject) -> None:
    """Wherever it is: the archive is refused, a member is damaged, or no byte of any file has changed."""
    content = bytearray(honest.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    (tmp_path / "b.zip").write_bytes(content)
    with archive.unpacked(honest) as before:
        try:
            with archive.unpacked(tmp_path / "b.zip") as after:
                if not after.damaged:
                    assert after.manifest.files == before.manifest.files
                    for member in before.manifest.files:
                        assert (after.folder / member).read_bytes() == (before.folder / member).read_bytes()
        except UsageError:
            pass


@given(
    st.builds(
        Manifest,
        talkbench_version=st.text(max_size=20),
        suite=st.text(max_size=20),
        name=st.text(max_size=20),
        finished_at=st.text(max_size=20),
        counts=st.dictionaries(st.text(max_size=9), st.integers(0, 1 << 40), max_size=3),
        files=st.dictionaries(
            st.text(max_size=9),
            st.builds(File, sha256=st.just(HASH), bytes=st.integers(0, 1 << 50)),
            max_size=3,
        ),
    )
)
def test_manifests_come_back_equal(manifest: Manifest) -> None:
    try:
        data = manifest.to_bytes()
    except UnicodeEncodeError:
        return
    assert Manifest.from_bytes(data) == manifest
