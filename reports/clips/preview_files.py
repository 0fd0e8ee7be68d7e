"""The small pictures and sounds that a page can play, or the reason why it cannot.

The table and the files may come from anywhere, so each is checked before a page names it.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

from ...benchmark.store import artifacts
from ..queries.facts import Row

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_MOST = 10_000_000  # frames, pixels
NOT_MADE = "no preview was made of it"
NOTHING = ("no picture", "no sound")
"""Why there is nothing of what the clip itself has not."""


@dataclass(frozen=True)
class Preview:
    """What a page plays of one encode, or of the clip itself.

    picture: frames, fps, width, height, columns, per_sheet, sheets (file names); sound: file and sample rate;
    mel: file and what its axes and greys are; each None where there is none, and then `why` has the reason
    under "picture" and "sound". mouth: x, y, width, height in preview pixels; timeline: part → step_s, bits.
    files: name → path of all of them.
    """

    picture: Mapping[str, Any] | None = None
    sound: Mapping[str, Any] | None = None
    mel: Mapping[str, Any] | None = None
    mouth: list[float] | None = None
    timeline: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    why: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)


def absent(reason: str) -> Preview:
    """A preview of nothing, and why."""
    return Preview(why={"picture": reason, "sound": reason})


def read(directory: Path | None, row: Row | None) -> Preview:
    """The preview of a row of the table `previews` under a sweep's folder; None for no row."""
    if row is None:
        return absent(NOT_MADE)
    if row["status"] != "ok":
        return absent(f"{row['status']}: {row['error'] or 'no message was recorded'}")
    if directory is None:
        return absent("the results are not in a folder")
    detail = row["detail"] if isinstance(row["detail"], dict) else {}
    why: dict[str, str] = {}
    files: dict[str, Path] = {}
    root = directory / "artifacts" / "previews"
    folder = artifacts.preview_folder(directory, row["encode_id"])
    hashes = detail.get("preview_sha256")
    hashes = hashes if isinstance(hashes, dict) else {}

    def found(modality: str, names: list[str]) -> bool:
        for name in names:
            reason = _wrong(root, folder, name, hashes.get(name))
            if reason:
                why[modality] = reason
                return False
        files.update({name: folder / name for name in names})
        return True

    picture = _picture(detail)
    if picture is None:
        why["picture"] = (
            "no picture" if not detail.get("sheets") else "its row in the table previews is not valid"
        )
    elif not found("picture", list(picture["sheets"])):
        picture = None
    sound, mel = _sound(detail), _mel(detail)
    if sound is None:
        why["sound"] = NOTHING[1]
    elif not found("sound", [sound["file"]]):
        sound = None
    if mel is not None and not found("mel", [mel["file"]]):
        mel = None
    mouth = _mouth(detail) if picture else None
    return Preview(picture, sound, mel, mouth, _timeline(detail), why, files)


def _wrong(root: Path, folder: Path, name: object, sha256: object) -> str | None:
    """Why a file cannot be shown, or None."""
    if not isinstance(name, str) or not _PLAIN.fullmatch(name):
        return "its file has a name that no preview has"
    file = folder / name
    if not file.is_file():
        return "its files are not beside the results (artifacts/previews)"
    # A row's id, or a link, may lead out of the folder.
    if not file.resolve().is_relative_to(root.resolve()):
        return "its file is outside artifacts/previews"
    if isinstance(sha256, str) and hashlib.sha256(file.read_bytes()).hexdigest() != sha256:
        return f"{name} is not the file that the sweep wrote"
    return None


def _picture(detail: Mapping[str, Any]) -> dict[str, Any] | None:
    counts: dict[str, Any] = {
        name: detail.get(name) for name in ("frames", "width", "height", "columns", "per_sheet")
    }
    sheets, fps = detail.get("sheets"), detail.get("fps")
    if not all(_is_whole(value) and 0 < value < _MOST for value in counts.values()):
        return None
    if not _is_finite(fps) or fps <= 0 or not isinstance(sheets, list):
        return None
    if len(sheets) != math.ceil(counts["frames"] / counts["per_sheet"]):
        return None
    return {**counts, "fps": fps, "sheets": sheets}


def _sound(detail: Mapping[str, Any]) -> dict[str, Any] | None:
    name, rate, samples = (detail.get(key) for key in ("sound", "sample_rate", "samples"))
    if not name or not _is_whole(rate) or not _is_whole(samples) or rate <= 0 or samples <= 0:
        return None
    return {"file": name, "sample_rate": rate, "seconds": samples / rate}


def _mel(detail: Mapping[str, Any]) -> dict[str, Any] | None:
    sound = _sound(detail)
    values: dict[str, Any] = {
        name: detail.get(f"mel_{name}") for name in ("hop_s", "floor_db", "top_db", "low_hz", "high_hz")
    }
    if sound is None or not detail.get("mel") or not all(map(_is_finite, values.values())):
        return None
    if values["hop_s"] <= 0 or values["high_hz"] <= values["low_hz"]:
        return None
    columns = math.ceil(round(sound["seconds"] / values["hop_s"], 6))
    return {"file": detail["mel"], "seconds": columns * values["hop_s"], **values}


def _mouth(detail: Mapping[str, Any]) -> list[float] | None:
    found = detail.get("mouth")
    if not isinstance(found, list) or len(found) != 4 or not all(map(_is_finite, found)):
        return None
    x, y, width, height = found
    across = x >= 0 and 0 < width <= detail["width"] - x
    return found if across and y >= 0 and 0 < height <= detail["height"] - y else None


def _timeline(detail: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    found = detail.get("timeline")
    lines = {}
    for part, line in (found if isinstance(found, dict) else {}).items():
        step, bits = (line.get("step_s"), line.get("bits")) if isinstance(line, dict) else (None, None)
        if _is_finite(step) and step > 0 and isinstance(bits, list) and all(map(_is_whole, bits)):
            lines[part] = {"step_s": step, "bits": bits}
    return lines


def _is_whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_finite(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
