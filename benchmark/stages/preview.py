"""The preview stage: files for the report from decoded clips, up to a number of bytes for each clip."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..api.types import Clip
from ..store import artifacts
from ..util.errors import CodecError
from ..util.files import whole_folder
from . import preview_media
from .score_rows import failure


@dataclass(frozen=True)
class Source:
    """A variant of a clip to be shown, decoded or the clip itself (`codec` None).

    sha256: of the bitstream that it was decoded from, or of the clip.
    """

    encode_id: str
    folder: Path
    sha256: str
    codec: str | None = None


@dataclass(frozen=True)
class PreviewRow:
    """One row of the table `previews`. status: ok, failed or unavailable."""

    encode_id: str
    clip_id: str
    status: str
    error: str | None = None
    bytes: int | None = None
    detail: Mapping[str, object] | None = None


def make(clip_id: str, sources: Sequence[Source], root: Path, cap: int, used: int) -> list[PreviewRow]:
    """Write previews of variants of one clip, in order, while all of them together stay within `cap` bytes.

    used: bytes that other variants of this clip take already. From the first pictures that do not fit, no
    pictures are made; sounds, which take much less, may go on. Without the clip itself there is none at all.
    What fails is a row; the others go on.
    """
    rows: list[PreviewRow] = []
    full: set[str] = set()
    for source in sources:
        folder = artifacts.preview_folder(root, source.encode_id)
        try:
            clip = artifacts.load_clip(source.folder)
            kind = "pictures" if clip.spec.frames else "sound"
            detail, files = _made(clip, source) if kind not in full else ({}, {})
            size = sum(map(len, files.values()))
            if files and used + size <= cap:
                _write(folder, files)
                used += size
                row = PreviewRow(source.encode_id, clip_id, "ok", None, size, detail)
            else:
                full |= {kind} if source.codec else {"pictures", "sound"}
                error = f"the clip's previews would take more than {cap / 1e6:g} MB (preview_megabytes)"
                row = PreviewRow(source.encode_id, clip_id, "unavailable", error, None, {"cap_bytes": cap})
        except Exception as error:  # a preview's failure is a row, whatever was raised
            status, message = failure(error)
            row = PreviewRow(source.encode_id, clip_id, status, message)
        if row.status != "ok":
            shutil.rmtree(folder, ignore_errors=True)
        rows.append(row)
    return rows


def _made(clip: Clip, source: Source) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The detail of one variant, and its files by name."""
    detail, files = preview_media.pictures(clip)
    more, sounds = preview_media.sound(clip)
    files |= sounds
    detail |= more | {
        "mouth": None if source.codec else preview_media.mouth(clip),
        "timeline": _timeline_of(source.folder) if source.codec else {},
        "source_sha256": source.sha256,
        "preview_sha256": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
    }
    return detail, files


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    with whole_folder(folder) as temporary:
        for name, data in files.items():
            (temporary / name).write_bytes(data)


def _timeline_of(folder: Path) -> dict[str, object]:
    """The lines that `timeline.recorded` gave when a clip was decoded there.

    Raises CodecError where it failed.
    """
    facts = (artifacts.clip_facts(folder) or {}).get("timeline")
    if not isinstance(facts, dict):
        raise CodecError(f"{folder}: holds no timeline; delete the folder and run again")
    if "error" in facts:
        raise CodecError(facts["error"])
    return facts["lines"]
