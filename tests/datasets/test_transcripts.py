"""Text beside a recording is its transcript only where it is one; the manifest's lines are lines."""

from __future__ import annotations

import shutil
import unicodedata
from pathlib import Path

import pytest
from talkbench.benchmark.util.errors import UsageError
from talkbench.datasets._transcripts import read_manifest, read_sidecar, spoken, too_much_for
from talkbench.datasets.folder import load

LRS2 = "Text:  WHEN YOU'RE COOKING CHIPS AT HOME\nConf:  4\n\nWORD START END ASDSCORE\nWHEN 0.0 0.2 5.1\n"
LRS3 = "Text:  SO THERE\nConf:  6\nRef:  0Fi83BHQsMA\n\nFRAME  X  Y  W  H \n000001 0.4 0.2 0.1 0.3\n"
SRT = "1\n00:00:00,100 --> 00:00:01,000\n<i>good morning</i>\n\n2\n00:00:01,000 --> 00:00:02,000\nit is 3\n"
VTT = "WEBVTT - a title\n\nNOTE by hand\n\n00:00.100 --> 00:01.000 align:start\ngood <c>morning</c>\n\n"
VTT += "00:01.000 --> 00:02.000\ngood morning\nall\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("he said: hello", "he said: hello"),
        ("two\nlines of prose\n", "two lines of prose"),
        ("In 1990 I was 30.", "In 1990 I was 30."),
        ("thank you\ncall 9 1 1 at once then please", "thank you call 9 1 1 at once then please"),
        ("1 2 3 4", "1 2 3 4"),
        ("日本語 の 文", "日本語 の 文"),
        ("a line\u2028and more\x85still", "a line and more still"),
        ("", ""),
        (LRS2, "WHEN YOU'RE COOKING CHIPS AT HOME"),
        (LRS3, "SO THERE"),
        (LRS3.replace("\n", "\r\n"), "SO THERE"),
        ("0 23750 sil\n23750 29500 bin\n29500 34000 blue\n34000 74500 sp\n", "bin blue"),
        ("0.00 0.31 lay\n0.31 0.52 red\n", "lay red"),
        ("0 46797 She had your dark suit.", "She had your dark suit."),
        (SRT, "good morning it is 3"),
        (SRT.replace("\n", "\r\n"), "good morning it is 3"),
        (VTT, "good morning all"),
        ('{"text": " Hello there.", "segments": []}', "Hello there."),
        ("[laughs] well well", "[laughs] well well"),
    ],
)
def test_what_is_a_transcript_is_taken(tmp_path, text, words):
    (tmp_path / "talk.txt").write_bytes(text.encode())
    assert read_sidecar(tmp_path / "talk.txt") == (words, "")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("abc\0def", "control"),
        ("\x1b[31mred", "control"),
        ("Identity  : \tid00017\nReference : \tOLguY5ofUrY\n", "tabs"),
        ("Name: someone\nYear: 1990\n", "labelled"),
        ("FRAME X Y W H\n000001 0.4 0.2 0.1 0.3\n", "lines of numbers"),
        ("word, start, end\nhello, 0.1, 0.5\n", "lines of numbers"),
        ("12\n15\n19\n", "lines of numbers"),
        ("0:00 hello\n0:05 world", "time"),
        ("<html><body>hello</body></html>", "markup"),
        ("https://example.org/talk.mp4", "address"),
        ("--- ...", "no words"),
        ('["a", "b"]', "JSON"),
        ('{"words": [{"w": "hi", "s": 0.1}]}', "JSON"),
        ('File type = "ooTextFile"\nObject class = "TextGrid"\n', "labelled"),
        ("WEBVTT\n\n", "no words"),
        ("Text:\nConf: 3\n", "no words"),
    ],
)
def test_what_is_no_transcript_is_refused_with_its_reason(tmp_path, text, why):
    (tmp_path / "talk.txt").write_bytes(text.encode())
    words, note = read_sidecar(tmp_path / "talk.txt")
    assert words == ""
    assert why in note
    assert "'talk.txt'" in note


def test_the_recordings_own_identifier_is_not_said():
    assert spoken("s01_0007 good evening", "s01_0007") == "good evening"
    assert spoken("hello there", "hello") == "hello there"
    assert spoken("1 is enough", "1") == "1 is enough"


@pytest.mark.parametrize(("words", "seconds", "too_much"), [(12, 3, False), (60, 3, True), (3, 0.2, False)])
def test_nobody_says_a_book_in_a_second(words, seconds, too_much):
    assert too_much_for("word " * words, seconds) is too_much
    assert too_much_for("字" * 20 * words, 1) is (words > 4)


@pytest.mark.parametrize("suffix", [".align", ".srt", ".vtt", ".json"])
def test_other_texts_beside_are_read_and_txt_comes_first(film, tmp_path, suffix):
    path = film(name="clips/a.mp4", seconds=0.4).path
    text = {".align": "0 10 sil\n10 20 red\n", ".json": '{"transcript": "red"}'}.get(
        suffix, "WEBVTT\n\n00:00.000 --> 00:00.400\nred\n"
    )
    path.with_suffix(suffix).write_text(text)

    def transcript() -> str | None:
        dataset = load(path=str(path.parent), crop="centre", size=64)
        return dataset.prepare(dataset.items()[0]).clip.transcript

    assert transcript() == "red"
    path.with_suffix(".txt").write_text("green")
    assert transcript() == "green"


def test_a_transcript_too_long_for_its_clip_is_not_used_and_said(film):
    path = film(name="clips/a.mp4", seconds=0.4).path
    path.with_suffix(".txt").write_text("so many words " * 12)
    dataset = load(path=str(path.parent), crop="centre", size=64)
    made = dataset.prepare(dataset.items()[0])
    assert made.clip.transcript is None
    assert "36 words is too long for 0.40 s" in made.note


@pytest.mark.parametrize("character", ["\x85", "\u2028", "\u2029", "\x0b", "\x0c", "\x1c", "\x1d", "\r"])
def test_lines_of_the_manifest_end_at_line_feeds_only(tmp_path, character):
    path = tmp_path / "MANIFEST.tsv"
    path.write_bytes(f"file\ttranscript\r\na.mp4\tone{character}two\nb.mp4\tthree\r\n".encode())
    read = read_manifest(path)
    assert (read["a.mp4"].transcript, read["b.mp4"].transcript) == ("one two", "three")


@pytest.mark.parametrize(("on_disk", "listed"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_composed_and_decomposed_names_meet(film, tmp_path, on_disk, listed):
    root = tmp_path / "clips"
    root.mkdir()
    name = unicodedata.normalize(on_disk, "Zoë à 1.mp4")
    shutil.copy(film(name="a.mp4", seconds=0.4).path, root / name)
    line = unicodedata.normalize(listed, "Zoë à 1.mp4\tS2\n")
    (root / "MANIFEST.tsv").write_text("file\tspeaker\n" + line, encoding="utf-8")
    dataset = load(path=str(root), crop="centre", size=64)
    (item,) = dataset.items()
    assert item.name == name
    assert dataset.prepare(item).speaker == "S2"
    assert "not there" not in dataset.info.note


def test_two_spellings_of_one_name_are_listed_twice(tmp_path: Path):
    path = tmp_path / "MANIFEST.tsv"
    path.write_text("file\n" + "".join(unicodedata.normalize(f, "é.mp4\n") for f in ("NFC", "NFD")), "utf-8")
    with pytest.raises(UsageError, match=r"line 3: .* is listed twice"):
        read_manifest(path)
