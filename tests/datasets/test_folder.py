"""A folder of recordings, some of them unusable, as a dataset."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from talkbench.benchmark.util.errors import DatasetError, UsageError
from talkbench.benchmark.util.hashing import sha256_file
from talkbench.datasets import folder
from talkbench.datasets.folder import load

HEADER = "file\ttranscript\tspeaker\tlicence\tsha256\n"


@pytest.fixture
def video(film) -> Path:
    """A short recording to copy about; its folder holds nothing else."""
    return film(name="original/a.mp4", seconds=0.4).path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "My clips"
    path.mkdir()
    return path


def names(root: Path, **options: int | float | str) -> list[str]:
    return [item.name for item in load(path=str(root), **options).items()]


def prepared(root: Path, name: str, **options: int | float | str):
    dataset = load(path=str(root), **{"crop": "centre", "size": 64, **options})
    return dataset.prepare(next(item for item in dataset.items() if item.name == name))


def failure(root: Path, name: str) -> str:
    with pytest.raises(DatasetError) as caught:
        prepared(root, name)
    assert repr(name) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(root) not in str(caught.value)
    return str(caught.value)


def test_recordings_are_listed_in_a_stable_order(root):
    listed = ["A.MP4", "a.avi", "a.mov", "b/c/d.mkv", "b/e.mpg", "ü ñ.mp4", "<b>&'\".mp4", "new\nline.mp4"]
    ignored = ["MANIFEST.tsv", "a.txt", "note.md", "._a.mp4", ".hidden/a.mp4", "b/cover.jpg", "mp4"]
    for name in [*listed, *ignored]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"file\n" if name == "MANIFEST.tsv" else b"x")
    os.mkfifo(root / "pipe.mp4")
    (root / "folder.mp4").mkdir()

    assert names(root) == sorted(listed)
    assert names(root, limit=2) == sorted(listed)[:2]
    assert load(path=str(root)).info.name == "My-clips"
    assert load(path=str(root), name="vox/2").info.name == "vox-2"


def test_names_that_are_not_utf8_become_text(root):
    (root / os.fsdecode(b"caf\xe9.mp4")).write_bytes(b"x")
    (name,) = names(root)
    assert name == "caf\\xe9.mp4"
    name.encode()
    failure(root, name)


def test_links_out_of_the_folder_are_not_followed(root, tmp_path, video):
    outside = tmp_path / "outside"
    outside.mkdir()
    shutil.copy(video, outside / "secret.mp4")
    (outside / "secret.txt").write_text("a secret")
    shutil.copy(video, root / "a.mp4")
    (root / "a.txt").symlink_to(outside / "secret.txt")
    (root / "b.mp4").symlink_to(outside / "secret.mp4")
    (root / "c").symlink_to(outside)
    (root / "loop").symlink_to(root)
    (root / "inside.mp4").symlink_to(root / "a.mp4")
    assert names(root) == ["a.mp4", "inside.mp4"]
    assert prepared(root, "a.mp4").clip.transcript is None
    (root / "MANIFEST.tsv").symlink_to(outside / "secret.txt")
    with pytest.raises(UsageError, match=r"MANIFEST\.tsv is a link"):
        load(path=str(root))


def test_keys_follow_what_changes_a_clip(root, video):
    shutil.copy(video, root / "a.mp4")
    shutil.copy(video, root / "a.m4v")

    def key(**options: int | float | str) -> str:
        return load(path=str(root), **options).items()[1].key

    first = key()
    assert len(first) == 64
    assert key() == first
    assert key(limit=2) == first
    assert key(name="another") == first
    assert key(fps="25/1") == first
    others = [
        key(**{o: v}) for o, v in {"size": 128, "fps": 30, "sample_rate": 8000, "max_seconds": 1}.items()
    ]
    others += [key(crop="centre"), key(crop="none")]
    (root / "a.txt").write_text("hello")
    others.append(key())
    with (root / "a.mp4").open("ab") as file:
        file.write(b"\0")
    others.append(key())
    assert len({first, *others}) == len(others) + 1


def test_the_detector_is_part_of_the_key_only_where_it_is_used(root, video, monkeypatch):
    shutil.copy(video, root / "a.mp4")
    before = {crop: load(path=str(root), crop=crop).items()[0].key for crop in ("face", "centre")}
    monkeypatch.setattr("talkbench.datasets._preparation.detector", lambda: "another 1.0")
    after = {crop: load(path=str(root), crop=crop).items()[0].key for crop in ("face", "centre")}
    assert before["face"] != after["face"]
    assert before["centre"] == after["centre"]


def test_preparing_twice_gives_the_same_clip(root, video):
    shutil.copy(video, root / "a.mp4")
    assert prepared(root, "a.mp4").clip.sha256() == prepared(root, "a.mp4").clip.sha256()


def test_weird_names_are_prepared(root, video):
    for name in [
        "<script>.mp4",
        "a b'c\"$(d).mp4",
        "http:x.mp4",
        "%d.mp4",
        "-i.mp4",
        "日本/語.mp4",
        "n\nl.mp4",
    ]:
        (root / name).parent.mkdir(exist_ok=True)
        shutil.copy(video, root / name)
        assert prepared(root, name).clip.spec.frames == 10
    undecodable = os.fsdecode(b"caf\xe9.mp4")
    shutil.copy(video, root / undecodable)
    assert prepared(root, "caf\\xe9.mp4").clip.spec.frames == 10


def test_transcripts_come_from_the_manifest_and_from_files_beside(root, video):
    for name in ["a.mp4", "b.mp4", "c.mp4", "d.mp4"]:
        shutil.copy(video, root / name)
    right, wrong = sha256_file(video), "0" * 64
    rows = [
        f"a.mp4\tin the table\tAnn\tCC0\t{right}",
        f"b.mp4\tin the table\tBob\t\t{wrong}",
        "gone.mp4\t\t\t\t",
    ]
    (root / "MANIFEST.tsv").write_text(HEADER + "\n".join(rows) + "\n")
    (root / "b.txt").write_bytes("\ufeffbeside\n it  \n".encode())
    (root / "c.txt").write_bytes(b"\xff\xfe\x00")
    (root / "d.txt").write_text("word " * 20000)

    a, b, c, d = (prepared(root, f"{stem}.mp4") for stem in "abcd")

    assert (a.clip.transcript, a.speaker, a.licence, a.note) == ("in the table", "Ann", "CC0", "")
    assert (b.clip.transcript, b.speaker) == ("beside it", "Bob")
    assert "not the file that MANIFEST.tsv describes" in b.note
    assert c.clip.transcript is None
    assert "'c.txt' is not UTF-8" in c.note
    assert d.clip.transcript is None
    assert "'d.txt' is too long" in d.note
    assert "1 recordings that are not there, such as 'gone.mp4'" in load(path=str(root)).info.note


@pytest.mark.parametrize(
    ("table", "line", "words"),
    [
        (b"", 1, "empty"),
        (b"name\ttranscript\na.mp4\thello\n", 1, "no column 'file'"),
        (b"file\ttranscript\na.mp4\n", 2, "1 values for 2 columns"),
        (b"file\ttranscript\na.mp4\tx\nb.mp4\tx\ty\n", 3, "3 values for 2 columns"),
        (b"file\ttranscript\na.mp4\tx\n\na.mp4\ty\n", 4, "'a.mp4' is listed twice"),
        (b"file\ttranscript\na.mp4\tx\n\ty\n", 3, "no file name"),
        (b"file\tsha256\na.mp4\t123\n", 2, "sha256"),
        (b"file\ttranscript\na.mp4\tx\nb.mp4\t\xff\n", 3, "not UTF-8"),
        (b"file\tfile\na.mp4\ta.mp4\n", 1, "column 'file' stands twice"),
    ],
)
def test_malformed_manifests_are_refused(root, table, line, words):
    (root / "MANIFEST.tsv").write_bytes(table)
    with pytest.raises(UsageError, match=rf"MANIFEST\.tsv, line {line}: .*{words}.*; "):
        load(path=str(root))


def test_unusable_files_are_told_apart_by_name(root, film, video):
    (root / "empty.mp4").touch()
    (root / "text.mp4").write_text("This is not a video.\n" * 100)
    (root / "noise.mkv").write_bytes(bytes(range(256)) * 200)
    (root / "header.mp4").write_bytes(video.read_bytes()[:200])
    data = film(name="original/a.mkv", seconds=0.4).path.read_bytes()
    (root / "headless.mkv").write_bytes(data[200:])
    only_sound = film(name="sound.mkv", fps=[], sound=("pcm_s16le", 16000, "mono")).path
    shutil.copy(only_sound, root)
    (root / "fine.mp4").write_bytes(video.read_bytes())

    assert "the file is empty" in failure(root, "empty.mp4")
    for name in ["text.mp4", "noise.mkv", "header.mp4", "headless.mkv"]:
        assert "not a readable recording" in failure(root, name)
    assert "no picture" in failure(root, "sound.mkv")
    assert prepared(root, "fine.mp4").note == ""


@pytest.mark.parametrize(
    "script",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{}'\n",
    ],
)
def test_scripts_that_name_other_files_are_not_recordings(root, video, script):
    """Play lists would have the decoder open any path or address that they name."""
    shutil.copy(video, root / "real.mp4")
    for target in ("real.mp4", video):
        (root / "list.mp4").write_text(script.format(target))
        assert "not a readable recording" in failure(root, "list.mp4")


def test_a_truncated_recording_keeps_what_decodes_and_says_so(root, film):
    data = film(name="a.mkv", seconds=4.0, sound=("pcm_s16le", 16000, "mono")).path.read_bytes()
    (root / "cut.mkv").write_bytes(data[: len(data) // 2])
    made = prepared(root, "cut.mkv")
    assert 25 < made.clip.spec.frames < 75
    assert made.clip.spec.samples == 640 * made.clip.spec.frames
    assert "before the file says" in made.note


def test_damaged_pictures_are_left_out_and_counted(root, film):
    made = film(name="a.mov", codec="png", pixels="rgb24", size=(64, 64), sound=None)
    data = bytearray(made.path.read_bytes())
    for at in (len(data) // 3, len(data) // 2):
        data[at : at + 40] = bytes(40)
    (root / "damaged.mov").write_bytes(data)
    damaged = prepared(root, "damaged.mov")
    assert "2 damaged packets left out" in damaged.note
    assert damaged.clip.spec.frames == 50


def test_a_hole_in_the_pictures_is_said(root, film):
    made = film(name="a.mkv", codec="mjpeg", pixels="yuvj420p", seconds=4.0, sound=None)
    data = bytearray(made.path.read_bytes())
    data[len(data) // 3 : len(data) * 2 // 3] = bytes(len(data) * 2 // 3 - len(data) // 3)
    (root / "hole.mkv").write_bytes(data)
    hole = prepared(root, "hole.mkv")
    assert "one picture stands for 1." in hole.note
    assert hole.clip.spec.frames == 100


def test_a_file_that_vanished_is_a_failure_of_that_file(root, video):
    shutil.copy(video, root / "a.mp4")
    dataset = load(path=str(root))
    (item,) = dataset.items()
    (root / "a.mp4").unlink()
    with pytest.raises(DatasetError, match=r"'a\.mp4' cannot be used"):
        dataset.prepare(item)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "'path' is missing"),
        ({"path": "/no/such/folder"}, "is not a folder"),
        ({"path": ".", "sice": 128}, "no option 'sice'"),
        ({"path": ".", "size": 0}, "size must be"),
        ({"path": ".", "size": 64.5}, "size must be a whole number"),
        ({"path": ".", "fps": "1/0"}, "fps must be"),
        ({"path": ".", "sample_rate": "fast"}, "sample_rate must be"),
        ({"path": ".", "max_seconds": -1}, "max_seconds must be"),
        ({"path": ".", "crop": "mouth"}, "crop must be one of face, centre, none"),
    ],
)
def test_wrong_options_are_named(options, words):
    with pytest.raises(UsageError, match=words):
        load(**options)


def test_an_empty_folder_is_wrong_usage(root):
    with pytest.raises(UsageError, match="no recordings in"):
        load(path=str(root)).items()


def test_availability_names_what_is_missing(monkeypatch):
    assert folder.availability() is None
    monkeypatch.setattr(folder, "find_spec", lambda module: None if module == "dlib" else module)
    assert folder.availability() == "needs dlib-bin: pip install dlib-bin"


def test_the_real_clips_have_their_words(shared):
    dataset = load(path=str(shared / "clips"), max_seconds=1, crop="centre")
    items = dataset.items()
    assert len(items) == 19
    first = dataset.prepare(items[0])
    assert items[0].name == "grid/bbaf2n.mpg"
    assert (first.clip.transcript, first.speaker) == ("bin blue at f two now", "G01")
    assert first.note == ""
    assert tuple(first.clip.video.shape) == (25, 3, 256, 256)
    assert tuple(first.clip.audio.shape) == (1, 16000)
