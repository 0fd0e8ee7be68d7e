"""Which files of a folder are recordings: links, pipes, files that cannot be read, and how many are read."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

import pytest
from talkbench.benchmark.plan import plan
from talkbench.benchmark.plan.suite import DatasetChoice, Suite
from talkbench.benchmark.util.errors import DatasetError, UsageError
from talkbench.datasets import _transcripts, folder
from talkbench.datasets.folder import load


@pytest.fixture
def video(film) -> Path:
    return film(name="original/a.mp4", seconds=0.4).path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "clips"
    path.mkdir()
    return path


def snapshot(tmp_path: Path, video: Path) -> Path:
    """A data set as the Hugging Face hub's cache keeps it: links to blobs named by their hash."""
    cache = tmp_path / "hub" / "datasets--someone--heads"
    revision = cache / "snapshots" / "0a1b2c"
    (revision / "train").mkdir(parents=True)
    (cache / "blobs").mkdir()
    shutil.copy(video, cache / "blobs" / "4f1c")
    (cache / "blobs" / "77aa").write_text("hello")
    (revision / "train" / "a.mp4").symlink_to("../../../blobs/4f1c")
    (revision / "train" / "a.txt").symlink_to("../../../blobs/77aa")
    return revision


@pytest.mark.parametrize("below", ["", "train"])
def test_links_into_the_blobs_of_a_hub_snapshot_are_followed(tmp_path, video, below):
    dataset = load(path=str(snapshot(tmp_path, video) / below), crop="centre", size=64)
    (item,) = dataset.items()
    assert item.name == ("a.mp4" if below else "train/a.mp4")
    assert dataset.prepare(item).clip.transcript == "hello"


def test_other_links_out_of_a_snapshot_are_not(tmp_path, video):
    revision = snapshot(tmp_path, video)
    (revision / "b.mp4").symlink_to(video)
    dataset = load(path=str(revision))
    assert [item.name for item in dataset.items()] == ["train/a.mp4"]
    assert "1 left out that are links out of the folder" in dataset.info.note
    assert "'b.mp4'" in dataset.info.note


def test_what_is_left_out_is_said_with_its_reason(root, tmp_path, video):
    (root / "out.mp4").symlink_to(video)
    (root / "nowhere.mov").symlink_to(tmp_path / "gone")
    (root / "loop.mkv").symlink_to(root / "loop.mkv")
    os.mkfifo(root / "pipe.mp4")
    (root / "device.webm").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(root / "socket.avi"))
    dataset = load(path=str(root))
    with pytest.raises(UsageError) as caught:
        dataset.items()
    said = str(caught.value)
    assert "no recordings in" in said
    assert "2 left out that are links out of the folder (copy what they lead to: cp -L), such as" in said
    assert "2 left out that are not ordinary files, such as 'pipe.mp4'" in said
    assert "lead nowhere, such as" in said
    shutil.copy(video, root / "a.mp4")
    assert "2 left out that are not ordinary files" in load(path=str(root)).info.note


def test_a_limit_reads_only_what_it_takes(root, video, monkeypatch):
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        shutil.copy(video, root / name)
    read: list[str] = []
    monkeypatch.setattr(folder, "sha256_file", lambda path: read.append(path.name) or "0" * 64)
    items = load(path=str(root)).items()
    assert (len(items), read) == (3, [])
    assert [item.name for item in items[:2]] == ["a.mp4", "b.mp4"]
    assert read == ["a.mp4", "b.mp4"]
    read.clear()
    assert items[-1].name == "c.mp4"
    assert read == ["c.mp4"]


def test_a_file_that_cannot_be_read_fails_alone_and_is_tried_again(root, video, monkeypatch):
    for name in ("a.mp4", "b.mp4"):
        shutil.copy(video, root / name)

    def refuse(path: Path) -> str:
        if path.name == "a.mp4":
            raise PermissionError(13, "Permission denied", str(path))
        return original(path)

    original = folder.sha256_file
    dataset = load(path=str(root), crop="centre", size=64)
    readable = dataset.items()[0].key
    with monkeypatch.context() as patched:
        patched.setattr(folder, "sha256_file", refuse)
        patched.setattr(folder, "prepare", lambda path, settings: refuse(path))
        (first, other), (again, same) = dataset.items(), dataset.items()
        assert other == same
        assert len({first.key, again.key, readable}) == 3
        with pytest.raises(DatasetError, match=r"^'a\.mp4' cannot be used: Permission denied$"):
            dataset.prepare(first)
    assert dataset.items()[0].key == readable


def test_a_text_or_folder_that_cannot_be_read_is_said(root, video, monkeypatch):
    shutil.copy(video, root / "a.mp4")
    (root / "a.txt").write_text("hello")

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(_transcripts.Path, "read_bytes", refuse)
    dataset = load(path=str(root), crop="centre", size=64)
    made = dataset.prepare(dataset.items()[0])
    assert made.clip.transcript is None
    assert "'a.txt' cannot be read (Permission denied)" in made.note
    (root / "MANIFEST.tsv").write_text("file\n")
    with pytest.raises(UsageError, match=r"MANIFEST\.tsv cannot be read \(Permission denied\)"):
        load(path=str(root))


def suite_of(*choices: DatasetChoice) -> Suite:
    return Suite(name="s", title="t", datasets=choices, systems=("opus",))


def test_datasets_of_one_name_are_refused_until_one_is_renamed(tmp_path, video):
    paths = [tmp_path / "vox" / "test", tmp_path / "lrs" / "test"]
    for path in paths:
        path.mkdir(parents=True)
        shutil.copy(video, path / "1.mp4")
    one, two = (DatasetChoice("folder", {"path": str(path)}) for path in paths)
    with pytest.raises(UsageError, match=r"two datasets are called 'test': .*vox.*lrs.*another `name`"):
        plan.items(suite_of(one, two), None)
    with pytest.raises(UsageError, match="two datasets are called 'test'"):
        plan.items(suite_of(one, DatasetChoice("folder", {"path": str(paths[0]), "size": 64})), None)
    renamed = DatasetChoice("folder", {"path": str(paths[1]), "name": "lrs"})
    found = plan.items(suite_of(one, renamed), None)
    assert [entry.dataset.name for entry in found] == ["test", "lrs"]
