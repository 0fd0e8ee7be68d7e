"""What is said in a recording: from a text file beside it, or from the folder's MANIFEST.tsv."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from ..benchmark.api import UsageError

MANIFEST = "MANIFEST.tsv"
SIDECARS = (".txt", ".align", ".srt", ".vtt", ".json")  # of several beside one recording the first is read
_LONGEST_TRANSCRIPT = 64 * 1024  # bytes; a longer text beside a recording is something else
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")

# Nobody says more: fast speech has 5 words, or 25 letters, per second. The allowance is for short clips.
MOST_WORDS_PER_SECOND, _SPARE_WORDS = 8, 4
MOST_LETTERS_PER_SECOND, _SPARE_LETTERS = 50, 30

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f]")
_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)?(?:[eE][-+]?\d+)?%?")
_CLOCK = re.compile(r"[\[(]?\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d+)?\b")
_CUE = re.compile(r"\s*(?:\d+:)?\d{1,2}:\d{2}[.,]\d{1,3}\s+-->\s+(?:\d+:)?\d{1,2}:\d{2}[.,]\d{1,3}\b")
_INTERVAL = re.compile(r"(\d+(?:\.\d+)?)\s+(\d+(?:\.\d+)?)\s+(\S.*)")
_LABEL = re.compile(r"\w[\w .'-]{0,30}\s*:(?:\s|$)")
_MARKUP = re.compile(r"<[!?/]?[A-Za-z][^<>]*>")
_CUE_MARKUP = re.compile(r"<[^<>]*>|\{\\[^{}]*\}")
_SILENCE = frozenset(["sil", "sp", "spn", "<sil>", "<eps>"])  # not words in tables of intervals


@dataclass(frozen=True)
class Entry:
    """What the manifest says of one recording; '' where it says nothing."""

    transcript: str = ""
    speaker: str = ""
    licence: str = ""
    sha256: str = ""


def read_manifest(path: Path) -> Mapping[str, Entry]:
    """Entries by the file's relative posix path, in the Unicode form `same_name` gives.

    A tab-separated table with a header line: `file`, and any of transcript, speaker, licence, sha256;
    other columns are ignored. Lines end with \\n or \\r\\n and nowhere else. Raises UsageError naming
    file, line and fix.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise _wrong(path, line, "it is not UTF-8", "save the table as UTF-8") from error
    if not text:
        raise _wrong(path, 1, "the table is empty", "start it with a header line that has the column 'file'")
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    columns = lines[0].split("\t")
    if "file" not in columns:
        raise _wrong(path, 1, f"no column 'file' in {columns}", "name the columns in the first line, by tabs")
    if twice := sorted({column for column in columns if columns.count(column) > 1}):
        raise _wrong(path, 1, f"the column {twice[0]!r} stands twice", "keep one of them")
    entries: dict[str, Entry] = {}
    for number, line in enumerate(lines[1:], start=2):
        if not line:
            continue
        values = line.split("\t")
        if len(values) != len(columns):
            fix = "put exactly one tab between values, empty ones too"
            raise _wrong(path, number, f"{len(values)} values for {len(columns)} columns", fix)
        row = dict(zip(columns, (" ".join(value.split()) for value in values), strict=True))
        row["file"] = same_name(values[columns.index("file")].strip())
        name = row["file"]
        if not name:
            raise _wrong(
                path, number, "no file name", "write its path relative to the folder, or drop the line"
            )
        if name in entries:
            raise _wrong(path, number, f"{name!r} is listed twice", "keep one of the lines")
        if row.get("sha256") and not _SHA256.fullmatch(row["sha256"]):
            raise _wrong(path, number, "sha256 is not 64 hex digits", "correct it, or leave it empty")
        entries[name] = Entry(**{field.name: row.get(field.name, "") for field in fields(Entry)})
    return entries


def same_name(name: str) -> str:
    """A file name in the form in which names are compared; some systems store é as two characters."""
    return unicodedata.normalize("NFC", name)


def read_sidecar(path: Path) -> tuple[str, str]:
    """The transcript in a text file, on one line, and what is wrong with it ('' when nothing is).

    See docs/your-own-clips.md for the kinds of text that are understood; every other is refused.
    """
    try:
        if path.stat().st_size > _LONGEST_TRANSCRIPT:
            return "", f"{path.name!r} is too long for a transcript (over 64 KiB): ignored"
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        return "", f"{path.name!r} cannot be read ({error.strerror}): no transcript taken from it"
    except UnicodeDecodeError:
        return "", f"{path.name!r} is not UTF-8: no transcript taken from it"
    try:
        return " ".join(spoken(text, path.stem).split()), ""
    except ValueError as error:
        return "", f"{path.name!r} {error}: no transcript taken from it"


def spoken(text: str, stem: str = "") -> str:
    """The words in the text of a sidecar. stem: of the recording's name, which some texts begin with.

    Raises ValueError, saying what the text is, where it is not a transcript.
    """
    if _CONTROL.search(text):
        raise ValueError("is not text (it has control characters)")
    lines = [line for line in (line.strip() for line in text.split("\n")) if line]
    if not lines:
        return ""
    if match := re.match(r"text\s*:\s*(.*)", lines[0], re.IGNORECASE):  # LRS2, LRS3
        return _plain([match[1]] if match[1] else [])
    if lines[0].startswith("WEBVTT") or any(_CUE.match(line) for line in lines[:3]):
        return _plain(_cues(text))
    if lines[0][0] in "{[" and (found := _json(text)) is not None:
        return _plain([found])
    if (intervals := _intervals(lines)) is not None:
        return _plain(intervals)
    if _is_identifier(stem) and all(line.split()[0] == stem for line in lines):  # as Kaldi has it
        lines = [line[len(stem) :].strip() for line in lines]
    return _plain(lines)


def too_much_for(transcript: str, seconds: float) -> bool:
    """Whether `transcript` is too long to be spoken in `seconds`."""
    words, letters = len(transcript.split()), sum(map(str.isalnum, transcript))
    return (
        words > _SPARE_WORDS + MOST_WORDS_PER_SECOND * seconds
        or letters > _SPARE_LETTERS + MOST_LETTERS_PER_SECOND * seconds
    )


def _plain(lines: Sequence[str]) -> str:
    """`lines` as one text where they are prose. Raises ValueError saying what they are instead."""
    text = " ".join(lines)
    if not any(map(str.isalnum, text)):
        raise ValueError("has no words")
    if any("\t" in line for line in lines):
        raise ValueError("looks like a table (it has tabs)")
    if _MARKUP.search(text):
        raise ValueError("looks like markup")
    if "://" in text:
        raise ValueError("has an address in it")
    if any(_CLOCK.match(line) for line in lines):
        raise ValueError("has lines that begin with a time")
    if sum(bool(_LABEL.match(line)) for line in lines) > 1 or text.startswith("File type ="):
        raise ValueError("looks like labelled values")
    if len(lines) > 1 and any(_is_row(line) for line in lines):
        raise ValueError("looks like a table (it has lines of numbers)")
    return text


def _is_row(line: str) -> bool:
    """Whether a line is one of a table: numbers, or as many numbers as other fields and at least two."""
    values = re.split(r"[\s,;|]+", line.strip(" \t,;|[]()"))
    numbers = sum(bool(_NUMBER.fullmatch(value)) for value in values)
    return numbers == len(values) or (numbers > 1 and 2 * numbers >= len(values))


def _cues(text: str) -> list[str]:
    """The text of the cues of SRT or WebVTT, without markup; a line that two cues repeat is taken once."""
    found: list[str] = []
    for block in re.split(r"\n\s*\n", text.replace("\r\n", "\n")):
        lines = block.split("\n")
        at = next((number for number, line in enumerate(lines) if _CUE.match(line)), None)
        if at is None:
            continue  # header, NOTE, STYLE
        said = (_CUE_MARKUP.sub("", line).strip() for line in lines[at + 1 :])
        found += [line for line in said if line and line not in found[-1:]]
    return found


def _json(text: str) -> str | None:
    """The string under 'text' or 'transcript' of a JSON object, or None where it is not JSON."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    said = (
        [value[name] for name in ("text", "transcript") if name in value] if isinstance(value, dict) else []
    )
    if len(said) != 1 or not isinstance(said[0], str):
        raise ValueError("is JSON without one string 'text' or 'transcript'")
    return said[0]


def _intervals(lines: Sequence[str]) -> list[str] | None:
    """The words of lines START END WORD, as GRID and TIMIT have them, or None where they are not such.

    A single line is one only when it begins at 0 and ends beyond 1000 (TIMIT's samples): people say numbers.
    """
    rows = [match.groups() for match in map(_INTERVAL.fullmatch, lines) if match]
    if len(rows) != len(lines):
        return None
    times = [(float(start), float(end)) for start, end, _ in rows]
    rising = all(start <= end for start, end in times) and times == sorted(times)
    if not rising or (len(rows) == 1 and not (times[0][0] == 0 and times[0][1] > 1000)):
        return None
    return [words for _, _, words in rows if words.lower() not in _SILENCE]


def _is_identifier(stem: str) -> bool:
    """Whether a file's name is a number or code rather than a word that someone may say."""
    digits = sum(map(str.isdigit, stem))
    return digits > 3 or (digits > 0 and len(stem) > digits)


def _wrong(path: Path, line: int, what: str, fix: str) -> UsageError:
    return UsageError(f"{path}, line {line}: {what}; {fix}")
