"""Calls of the stages, as jobs for an executor. A key starts with its stage and names what the job is for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from . import artifacts, plan, stages
from .executors import Job


def prepare(entry: plan.PlannedItem, time_limit_s: float) -> Job:
    """Make one clip. Key: prepare, item key, name."""
    arguments = {
        "dataset": entry.choice.use,
        "options": dict(entry.choice.options),
        "name": entry.item.name,
        "key": entry.item.key,
    }
    return Job(("prepare", entry.item.key, entry.item.name), stages.prepare, arguments, time_limit_s)


def encode(cell: plan.Cell, root: Path, time_limit_s: float) -> Job:
    """Encode one cell. Key: encode, encode_id."""
    arguments = {
        "codec": cell.codec.name,
        "point": cell.point,
        "clip_folder": cell.clip.folder,
        "output": artifacts.bitstream_path(root, cell.encode_id),
    }
    return Job(("encode", cell.encode_id), stages.encode, arguments, time_limit_s)


def decode(cell: plan.Cell, sha256: str, root: Path, time_limit_s: float) -> Job:
    """Decode the bitstream of one cell, whose file must have this hash. Key: decode, encode_id."""
    arguments = {
        "codec": cell.codec.name,
        "bitstream": artifacts.bitstream_path(root, cell.encode_id),
        "sha256": sha256,
        "spec": cell.clip.spec,
        "folder": artifacts.decoded_folder(root, cell.encode_id),
    }
    return Job(("decode", cell.encode_id), stages.decode, arguments, time_limit_s)


def score(
    family: str, clip: plan.PlannedClip, variants: Sequence[stages.Variant], time_limit_s: float
) -> Job:
    """Score variants of one clip by one family. Key: score, clip_id, family, encode_id of each variant."""
    arguments = {"family": family, "clip_folder": clip.folder, "variants": list(variants)}
    key = ("score", clip.clip_id, family, *(variant.encode_id for variant in variants))
    return Job(key, stages.score, arguments, time_limit_s)
