"""What the score stage is asked for, and the rows that it gives."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ..api.metric import MetricInfo, Score
from ..util import place
from ..util.errors import HelperKilled, Unavailable, describe_error


class VariantKey(NamedTuple):
    """One clip as decoded, or itself (see `reference_id`). The key of a row of `scores`."""

    encode_id: str


class PairKey(NamedTuple):
    """One picture with one sound. The key of a row of `pair_scores`."""

    video_encode_id: str
    audio_encode_id: str


@dataclass(frozen=True)
class Variant:
    """One clip to be scored, decoded or the reference itself, and the metrics that it still lacks."""

    encode_id: str
    folder: Path
    metrics: tuple[str, ...]

    @property
    def key(self) -> VariantKey:
        return VariantKey(self.encode_id)


@dataclass(frozen=True)
class Pair:
    """One picture with one sound, and the metrics that they still lack."""

    key: PairKey
    metrics: tuple[str, ...]


class FeatureFile(NamedTuple):
    """Features of one clip for a distribution metric, and the hash that their file must have."""

    path: Path
    sha256: str


class SetKey(NamedTuple):
    """What a set metric has one value of: all clips of a dataset, by a codec at a point."""

    dataset: str
    codec: str
    fingerprint: str
    point: str


@dataclass(frozen=True)
class ScoreRow:
    """One cell: a metric of one variant or pair. `status` is ok, failed, unavailable, timeout or oom."""

    of: VariantKey | PairKey
    metric: str
    status: str
    value: float | None = None
    frame_values: Sequence[float] | None = None
    weight: float | None = None
    detail: Mapping[str, object] | None = None
    error: str | None = None


@dataclass(frozen=True)
class FeatureRow:
    """The features of one variant for a distribution metric: how many, and the hash of their file."""

    encode_id: str
    metric: str
    status: str
    n: int | None = None
    sha256: str | None = None
    detail: Mapping[str, object] | None = None
    error: str | None = None


@dataclass(frozen=True)
class SetRow:
    """A distribution metric of one codec and point."""

    metric: str
    status: str
    value: float | None = None
    n: int | None = None
    note: str | None = None
    error: str | None = None


Row = ScoreRow | FeatureRow


def finding(error: Exception) -> Exception:
    """An exception that says something of a codec, a metric or a clip.

    Raises any other, which is never a row: HelperKilled, and PlaceFault for a fault of the machine.
    """
    if isinstance(error, HelperKilled):
        raise error
    place.raise_fault(error)
    return error


def failure(error: Exception) -> tuple[str, str]:
    """Status and message of a row for an exception. Raises as `finding`."""
    finding(error)
    return "unavailable" if isinstance(error, Unavailable) else "failed", describe_error(error)


def score_row(
    of: VariantKey | PairKey, name: str, score: Score | Exception | None, infos: Sequence[MetricInfo]
) -> ScoreRow:
    """The row of what a metric returned, or raised. A value must be finite.

    Raises as `finding` for an exception.
    """
    if isinstance(score, Exception):
        status, message = failure(score)
        return ScoreRow(of, name, status, error=message)
    if score is None:
        return ScoreRow(of, name, "failed", error="the metric returned no value for this clip")
    (kind,) = [info.kind for info in infos if info.name == name]
    value = mean(score.frame_values) if kind == "frame" else score.value
    if value is None or not math.isfinite(value):
        return ScoreRow(of, name, "failed", error=f"the metric returned {value}, not a finite number")
    return ScoreRow(of, name, "ok", float(value), score.frame_values, float(score.weight), score.detail)


def mean(values: Sequence[float] | None) -> float:
    """Mean of frame values; NaN where there is none."""
    return math.fsum(values) / len(values) if values else math.nan
