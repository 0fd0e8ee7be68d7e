"""What an archive may cost before it is refused: no bitstream is copied that no row could name."""

import hashlib
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from talkbench.benchmark.sharing import archive
from talkbench.benchmark.sharing.manifest import File, Manifest
from talkbench.benchmark.store import parquet
from talkbench.benchmark.util.errors import UsageError
from talkbench.benchmark.util.hashing import sha256_file


def packed(folder: Path, bitstreams: int) -> Path:
    """An archive of empty tables and this many files that would be bitstreams."""
    with parquet.empty() as connection:
        paths = {f"tables/{path.name}": path for path in parquet.write(connection, folder / "written")}
    for number in range(bitstreams):
        name = hashlib.sha256(str(number).encode()).hexdigest()
        path = folder / f"{name}.tkb"
        path.write_bytes(b"x")
        paths[f"artifacts/bitstreams/{name[:2]}/{name}.tkb"] = path
    files = {name: File(sha256_file(path), path.stat().st_size) for name, path in paths.items()}
    archive.pack(folder / "a.zip", Manifest("0", "s", "", "", {}, files), paths)
    return folder / "a.zip"


def test_bitstreams_without_rows_are_not_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = packed(tmp_path, 5)
    copied: list[str] = []
    copy = archive._copy

    def counted(source, info, target, wanted):  # pyright: ignore[reportMissingParameterType]
        copied.append(info.filename)
        return copy(source, info, target, wanted)

    monkeypatch.setattr(archive, "_copy", counted)
    monkeypatch.setattr(archive, "SPARE_BITSTREAMS", 4)
    with pytest.raises(UsageError, match=r"5 bitstreams, but 0 rows of encodes"), archive.unpacked(path):
        pass
    assert copied
    assert all(name.startswith("tables/") for name in copied)


def test_tables_alone_are_unpacked(tmp_path: Path) -> None:
    with archive.unpacked(packed(tmp_path, 0)) as found:
        assert not found.damaged


def test_what_does_not_fit_on_the_disk_is_not_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = packed(tmp_path, 0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=100))
    with pytest.raises(UsageError, match=r"100 free; set TMPDIR"), archive.unpacked(path):
        pass


def test_an_archive_has_a_largest_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_BYTES", 1000)
    with pytest.raises(UsageError, match="larger than 1000 bytes"), archive.unpacked(packed(tmp_path, 0)):
        pass
