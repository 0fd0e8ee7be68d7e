"""Preparing, encoding and decoding, as jobs for an executor."""

from __future__ import annotations

from pathlib import Path

from ..execution.executors import Job
from ..plan import plan
from ..store import artifacts
from . import coding
from .homes import SHARED, home


def prepare(entry: plan.PlannedItem, time_limit_s: float) -> Job:
    """Make one clip. Key: prepare, item key, name."""
    arguments = {
        "dataset": entry.choice.use,
        "options": dict(entry.choice.options),
        "name": entry.item.name,
        "key": entry.item.key,
    }
    return Job(("prepare", entry.item.key, entry.item.name), coding.prepare, arguments, time_limit_s, SHARED)


def encode(cell: plan.Cell, root: Path, time_limit_s: float) -> Job:
    """Encode one cell. Key: encode, encode_id."""
    arguments = {
        "codec": cell.codec.name,
        "point": cell.point,
        "clip_folder": cell.clip.folder,
        "output": artifacts.bitstream_path(root, cell.encode_id),
    }
    return Job(("encode", cell.encode_id), coding.encode, arguments, time_limit_s, home(cell.codec.name))


def decode(cell: plan.Cell, sha256: str, root: Path, time_limit_s: float) -> Job:
    """Decode the bitstream of one cell, whose file must have this hash. Key: decode, encode_id."""
    arguments = {
        "codec": cell.codec.name,
        "bitstream": artifacts.bitstream_path(root, cell.encode_id),
        "sha256": sha256,
        "spec": cell.clip.spec,
        "folder": artifacts.decoded_folder(root, cell.encode_id),
    }
    return Job(("decode", cell.encode_id), coding.decode, arguments, time_limit_s, home(cell.codec.name))
