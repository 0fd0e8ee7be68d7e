"""Scoring, as jobs for an executor: how they are cut, and the rows of one that failed."""

from __future__ import annotations

from abc import abstractmethod
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

from ..api.metric import MetricInfo
from ..util.hashing import key
from . import scoring
from .homes import SharedJob
from .score_rows import FeatureFile, FeatureRow, Pair, Row, ScoreRow, SetKey, SetRow, Variant


@dataclass(frozen=True, kw_only=True)
class FamilyJob(SharedJob):
    """Scores by metrics of one family."""

    stage: ClassVar[str] = "score"
    family: str
    infos: Sequence[MetricInfo]


@dataclass(frozen=True, kw_only=True)
class ClipJob(FamilyJob):
    """Scores of variants or pairs of one clip."""

    clip_id: str

    @property
    @abstractmethod
    def entries(self) -> Sequence[Variant | Pair]:
        """What is scored."""

    @property
    def cells(self) -> int:
        return sum(len(entry.metrics) for entry in self.entries)

    @abstractmethod
    def failed_rows(self, status: str, error: str | None) -> list[Row]:
        """Its rows, where it gave none."""


@dataclass(frozen=True, kw_only=True)
class VariantsJob(ClipJob):
    """Scores or features of variants. both_ways: compare a quick form with the exact one, on the first."""

    variants: Sequence[Variant]
    both_ways: bool = True

    @property
    def entries(self) -> Sequence[Variant]:
        return self.variants

    def parts(self) -> list[Self]:
        if len(self.variants) < 2:
            return []
        return [
            replace(self, variants=[variant], both_ways=self.both_ways and variant is self.variants[0])
            for variant in self.variants
        ]


@dataclass(frozen=True, kw_only=True)
class Score(VariantsJob):
    """Score variants of one clip."""

    clip_folder: Path

    def failed_rows(self, status: str, error: str | None) -> list[Row]:
        return _failed(self.variants, status, error)

    def run(self, device: str) -> list[ScoreRow]:
        return scoring.score(self.family, self.infos, self.clip_folder, self.variants, device, self.both_ways)


@dataclass(frozen=True, kw_only=True)
class Embed(VariantsJob):
    """Write the features of variants of one clip for a distribution metric, under a sweep's folder `root`."""

    root: Path

    def failed_rows(self, status: str, error: str | None) -> list[Row]:
        return [
            FeatureRow(variant.encode_id, name, status, error=error)
            for variant in self.variants
            for name in variant.metrics
        ]

    def run(self, device: str) -> list[FeatureRow]:
        return scoring.embed(self.family, self.infos, self.root, self.variants, device, self.both_ways)


@dataclass(frozen=True, kw_only=True)
class ScorePairs(ClipJob):
    """Score pictures with sounds of one clip. folders: of the decoded clips, by encode id."""

    clip_folder: Path
    folders: Mapping[str, Path]
    pairs: Sequence[Pair]

    @property
    def entries(self) -> Sequence[Pair]:
        return self.pairs

    def parts(self) -> list[Self]:
        if len(self.pairs) < 2:
            return []
        pictures: dict[str, list[Pair]] = defaultdict(list)
        for pair in self.pairs:
            pictures[pair.key.video_encode_id].append(pair)
        smaller = list(pictures.values()) if len(pictures) > 1 else [[pair] for pair in self.pairs]
        return [replace(self, pairs=pairs) for pairs in smaller]

    def failed_rows(self, status: str, error: str | None) -> list[Row]:
        return _failed(self.pairs, status, error)

    def run(self, device: str) -> list[ScoreRow]:
        return scoring.score_pairs(
            self.family, self.infos, self.clip_folder, self.folders, self.pairs, device
        )


def _failed(entries: Sequence[Variant | Pair], status: str, error: str | None) -> list[Row]:
    return [ScoreRow(entry.key, name, status, error=error) for entry in entries for name in entry.metrics]


@dataclass(frozen=True, kw_only=True)
class Distance(FamilyJob):
    """A distribution metric of one codec and point, from features of each clip and its decoded variant."""

    of: SetKey
    reference: Sequence[FeatureFile]
    decoded: Sequence[FeatureFile]

    @property
    def inputs(self) -> str:
        """Hash over the features that it is made from."""
        pairs = zip(self.reference, self.decoded, strict=True)
        return key([[reference.sha256, decoded.sha256] for reference, decoded in pairs])

    def failed_rows(self, status: str, error: str | None) -> list[SetRow]:
        """Its rows, where it gave none."""
        return [SetRow(info.name, status, error=error) for info in self.infos]

    def run(self, device: str) -> list[SetRow]:
        return scoring.distance(self.family, self.infos, self.reference, self.decoded, device)
