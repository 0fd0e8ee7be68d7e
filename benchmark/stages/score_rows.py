"""What the score stage is asked for, and the rows that it gives."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..api.metric import MetricInfo, Score
from ..util import place
from ..util.errors import Unavailable, describe_error


@dataclass(frozen=True)
class Variant:
    """One clip to be scored, decoded or the reference itself, and the metrics that it still lacks."""

    encode_id: str
    folder: Path
    metrics: tuple[str, ...]


@dataclass(frozen=True)
class Pair:
    """One picture with one sound, by encode id, and the metrics that they still lack."""

    video_encode_id: str
    audio_encode_id: str
    metrics: tuple[str, ...]


@dataclass(frozen=True)
class ScoreRow:
    """One cell: a metric of one variant. `status` is ok, failed, unavailable, timeout or oom."""

    encode_id: str
    metric: str
    status: str
    value: float | None = None
    frame_values: Sequence[float] | None = None
    weight: float | None = None
    detail: Mapping[str, object] | None = None
    error: str | None = None


@dataclass(frozen=True)
class PairRow:
    """One cell: a metric of one picture with one sound."""

    video_encode_id: str
    audio_encode_id: str
    score: ScoreRow

    @property
    def status(self) -> str:
        return self.score.status

    @property
    def error(self) -> str | None:
        return self.score.error


@dataclass(frozen=True)
class FeatureRow:
    """The features of one variant for a set metric: how many, and the hash of their file."""

    encode_id: str
    metric: str
    status: str
    n: int | None = None
    sha256: str | None = None
    detail: Mapping[str, object] | None = None
    error: str | None = None


@dataclass(frozen=True)
class SetRow:
    """A set metric of one codec and point."""

    metric: str
    status: str
    value: float | None = None
    n: int | None = None
    note: str | None = None
    error: str | None = None


Row = ScoreRow | PairRow | FeatureRow


def score_row(
    encode_id: str, name: str, score: Score | Exception | None, infos: Sequence[MetricInfo]
) -> ScoreRow:
    """The row of what a metric returned, or raised, for one variant. A value must be finite.

    Raises PlaceFault for an exception that is a fault of the machine.
    """
    if isinstance(score, Exception):
        place.raise_fault(score)
    if isinstance(score, Unavailable):
        return ScoreRow(encode_id, name, "unavailable", error=describe_error(score))
    if isinstance(score, Exception):
        return ScoreRow(encode_id, name, "failed", error=describe_error(score))
    if score is None:
        return ScoreRow(encode_id, name, "failed", error="the metric returned no value for this clip")
    (kind,) = [info.kind for info in infos if info.name == name]
    value = mean(score.frame_values) if kind == "frame" else score.value
    if value is None or not math.isfinite(value):
        return ScoreRow(encode_id, name, "failed", error=f"the metric returned {value}, not a finite number")
    return ScoreRow(
        encode_id, name, "ok", float(value), score.frame_values, float(score.weight), score.detail
    )


def mean(values: Sequence[float] | None) -> float:
    """Mean of frame values; NaN where there is none."""
    return math.fsum(values) / len(values) if values else math.nan
