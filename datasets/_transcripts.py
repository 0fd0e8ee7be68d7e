"""What is said in a recording: from a text file beside it, or from the folder's MANIFEST.tsv."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from ..benchmark.errors import UsageError

MANIFEST = "MANIFEST.tsv"
_LONGEST_TRANSCRIPT = 64 * 1024  # bytes; a longer text beside a recording is something else
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True)
class Entry:
    """What the manifest says of one recording; '' where it says nothing."""

    transcript: str = ""
    speaker: str = ""
    licence: str = ""
    sha256: str = ""


def read_manifest(path: Path) -> Mapping[str, Entry]:
    """Entries by the file's relative posix path.

    A tab-separated table with a header line: `file`, and any of transcript, speaker, licence, sha256;
    other columns are ignored. Raises UsageError naming file, line and mend.
    """
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise _wrong(path, line, "it is not UTF-8", "save the table as UTF-8") from error
    lines = text.splitlines()
    if not lines:
        raise _wrong(path, 1, "the table is empty", "start it with a header line that has the column 'file'")
    columns = lines[0].split("\t")
    if "file" not in columns:
        raise _wrong(path, 1, f"no column 'file' in {columns}", "name the columns in the first line, by tabs")
    if twice := sorted({column for column in columns if columns.count(column) > 1}):
        raise _wrong(path, 1, f"the column {twice[0]!r} stands twice", "keep one of them")
    entries: dict[str, Entry] = {}
    for number, values in enumerate(csv.reader(lines[1:], "excel-tab", quoting=csv.QUOTE_NONE), start=2):
        if not values:
            continue
        if len(values) != len(columns):
            mend = "put exactly one tab between values, empty ones too"
            raise _wrong(path, number, f"{len(values)} values for {len(columns)} columns", mend)
        row = dict(zip(columns, (value.strip() for value in values), strict=True))
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


def read_sidecar(path: Path) -> tuple[str, str]:
    """The transcript in a text file, on one line, and what is wrong with it ('' when nothing is)."""
    if path.stat().st_size > _LONGEST_TRANSCRIPT:
        return "", f"{path.name!r} is too long for a transcript (over 64 KiB): ignored"
    try:
        return " ".join(path.read_text("utf-8-sig").split()), ""
    except UnicodeDecodeError:
        return "", f"{path.name!r} is not UTF-8: no transcript taken from it"


def _wrong(path: Path, line: int, what: str, mend: str) -> UsageError:
    return UsageError(f"{path}, line {line}: {what}; {mend}")
