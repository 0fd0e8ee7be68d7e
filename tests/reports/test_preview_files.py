"""Previews are checked before a page names them; words are aligned as they are counted."""

import json

import jiwer
import pytest
from clip_store import HEARD, SAID
from preview_factory import Previews
from talkbench.reports.clips import preview_files
from talkbench.reports.clips.words import pieces


def row(previews):
    names = ("encode_id", "clip_id", "status", "error", "bytes", "detail", "run_id")
    found = dict(zip(names, previews.rows[-1], strict=True))
    return found | {"detail": json.loads(found["detail"])}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"sheets": ["../../talkbench.duckdb"] * 4}, "a name that no preview has"),
        ({"sheets": ["/etc/passwd"] * 4}, "a name that no preview has"),
        ({"sheets": [7, 7, 7, 7]}, "a name that no preview has"),
        ({"sheets": ["sheet-000.webp"]}, "not valid"),
        ({"sheets": "sheet-000.webp"}, "not valid"),
        ({"frames": -3}, "not valid"),
        ({"fps": "fast"}, "not valid"),
        ({"columns": 0}, "not valid"),
        ({"per_sheet": 2.5}, "not valid"),
        ({"sheets": ["gone.webp"] * 4}, "not beside the results"),
    ],
)
def test_a_preview_is_checked_before_a_page_names_it(tmp_path, change, reason):
    previews = Previews(tmp_path)
    previews.add("e", "c", picture=True, tone=True, **change)
    found = preview_files.read(tmp_path, row(previews))
    assert found.sound
    assert found.mel
    if reason is None:
        assert found.picture
        assert len(found.files) == 6
    else:
        assert found.picture is None
        assert reason in found.why["picture"]
        assert set(found.files) == {"sound.flac", "mel.png"}


def test_files_that_changed_or_lie_elsewhere_are_not_shown(tmp_path):
    previews = Previews(tmp_path)
    folder = previews.add("e", "c", picture=True, tone=True)
    whole = row(previews)
    (folder / "sheet-002.webp").write_bytes(b"another picture")
    assert "not the file that the sweep wrote" in preview_files.read(tmp_path, whole).why["picture"]
    (folder / "sheet-002.webp").unlink()
    (folder / "sheet-002.webp").symlink_to("/etc/hostname")
    assert "outside" in preview_files.read(tmp_path, whole).why["picture"]
    (tmp_path / "artifacts" / "sound.flac").write_bytes(b"?")
    lost = preview_files.read(tmp_path, whole | {"encode_id": ".."}).why
    assert "outside" in lost["sound"]
    for broken in (None, 3, "text", [1]):
        assert preview_files.read(tmp_path, whole | {"detail": broken}).picture is None
    assert preview_files.read(None, whole).why["picture"]
    assert preview_files.read(tmp_path, None).why["sound"] == preview_files.NOT_MADE


def test_a_mouth_outside_the_picture_is_none(tmp_path):
    for mouth in ([30, 0, 12, 8], [0, 0, 0, 8], ["x", 0, 1, 1], [0, 0], None):
        previews = Previews(tmp_path / str(mouth))
        previews.add("e", "c", picture=True, mouth=mouth)
        assert preview_files.read(tmp_path / str(mouth), row(previews)).mouth is None


def test_words_are_aligned_as_the_error_rate_counts_them():
    found = jiwer.process_words(SAID, HEARD)
    size = {"substitute": 1, "delete": 1, "insert": 2}
    counted = {
        kind: sum(len(p[size[kind]].split()) for p in pieces(SAID, HEARD) if p[0] == kind) for kind in size
    }
    assert counted == {
        "substitute": found.substitutions,
        "delete": found.deletions,
        "insert": found.insertions,
    }
    assert counted == {"substitute": 1, "delete": 1, "insert": 1}
    assert " ".join(p[1] for p in pieces(SAID, HEARD) if p[1]) == SAID
    assert " ".join(p[2] for p in pieces(SAID, HEARD) if p[2]) == HEARD
    assert pieces("", "") == []
    assert pieces("two words", "") == [("delete", "two words", "")]
    assert pieces("", "two words") == [("insert", "", "two words")]
