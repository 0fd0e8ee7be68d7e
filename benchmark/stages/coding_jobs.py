"""Preparing, encoding and decoding, as jobs for an executor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from ..api.types import ClipSpec, Point
from ..store import artifacts
from . import coding
from .homes import CodecJob, SharedJob

if TYPE_CHECKING:
    from ..plan import plan


@dataclass(frozen=True, kw_only=True)
class Prepare(SharedJob):
    """Make one clip of a dataset and keep it under its key."""

    stage: ClassVar[str] = "prepare"
    dataset: str
    options: Mapping[str, int | float | str | bool]
    name: str
    key: str

    @classmethod
    def of(cls, entry: plan.PlannedItem, time_limit_s: float) -> Self:
        return cls(
            dataset=entry.choice.use,
            options=dict(entry.choice.options),
            name=entry.item.name,
            key=entry.item.key,
            time_limit_s=time_limit_s,
        )

    def run(self, device: str) -> float:
        return coding.prepare(self.dataset, self.options, self.name, self.key, device)


@dataclass(frozen=True, kw_only=True)
class Encode(CodecJob):
    """Encode one cell."""

    stage: ClassVar[str] = "encode"
    encode_id: str
    point: Point
    clip_folder: Path
    output: Path

    @classmethod
    def of(cls, cell: plan.Cell, root: Path, time_limit_s: float) -> Self:
        return cls(
            encode_id=cell.encode_id,
            codec=cell.codec.name,
            point=cell.point,
            clip_folder=cell.clip.folder,
            output=artifacts.bitstream_path(root, cell.encode_id),
            time_limit_s=time_limit_s,
        )

    def run(self, device: str) -> coding.Encoded:
        return coding.encode(self.codec, self.point, self.clip_folder, self.output, device)


@dataclass(frozen=True, kw_only=True)
class Decode(CodecJob):
    """Decode the bitstream of one cell, whose file must have this hash."""

    stage: ClassVar[str] = "decode"
    encode_id: str
    bitstream: Path
    sha256: str
    spec: ClipSpec
    folder: Path

    @classmethod
    def of(cls, cell: plan.Cell, sha256: str, root: Path, time_limit_s: float) -> Self:
        return cls(
            encode_id=cell.encode_id,
            codec=cell.codec.name,
            bitstream=artifacts.bitstream_path(root, cell.encode_id),
            sha256=sha256,
            spec=cell.clip.spec,
            folder=artifacts.decoded_folder(root, cell.encode_id),
            time_limit_s=time_limit_s,
        )

    def run(self, device: str) -> coding.Decoded:
        return coding.decode(self.codec, self.bitstream, self.sha256, self.spec, self.folder, device)
