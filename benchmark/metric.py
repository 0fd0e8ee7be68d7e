"""What a metric is: `reference` once per clip (or chunk of frames), `compare` once per decoded variant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from .errors import Unavailable
from .fingerprint import key
from .types import Clip, Modality

Kind = Literal["frame", "clip"]


@dataclass(frozen=True)
class MetricInfo:
    """Identity of a metric.

    modality: what it looks at; the harness hands it clips with nothing else;
    kind: `frame` (a value per frame, then averaged) or `clip` (one value per clip);
    bounds: (worst or lowest, best or highest) values as (min, max), None where unbounded;
    definition: one sentence, with preprocessing; build: versions and weights that can change the value;
    options: settings that can change the value;
    aggregate: how clips are averaged, `mean` or `weighted` (by `Score.weight`, for corpus-level rates).
    """

    name: str
    modality: Modality
    kind: Kind
    unit: str
    higher_is_better: bool
    bounds: tuple[float | None, float | None]
    definition: str
    paper: str
    version: str = "1"
    aggregate: Literal["mean", "weighted"] = "mean"
    build: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, int | float | str] = field(default_factory=dict)

    def fingerprint(self) -> str:
        """16 hex digits over name, version, build and options; device and threads are not part."""
        return key(self.name, self.version, self.build, self.options)[:16]


@dataclass(frozen=True)
class Score:
    """One metric of one decoded variant.

    value: float64. For a `frame` metric give `frame_values` only; the harness averages them.
    weight: what the clip counts in a `weighted` aggregate (words, for a word error rate).
    detail: JSON-ready facts kept for drill-down (an ASR hypothesis, say).
    """

    value: float | None = None
    frame_values: Sequence[float] | None = None
    weight: float = 1.0
    detail: Mapping[str, Any] | None = None


class Metric(Protocol):
    """A loaded family of metrics that share their work.

    infos: the metrics it computes, of one modality, all from one `compare`;
    scope: `chunk` when frames can be scored a few at a time (then both verbs get clips of a few
    frames and their frame values are concatenated), `clip` when it needs the whole clip.
    """

    infos: Sequence[MetricInfo]
    scope: Literal["chunk", "clip"]

    def reference(self, clip: Clip) -> Any:
        """Analyse the reference once. Raises Unavailable when no metric of the family applies to it."""
        ...

    def compare(self, state: Any, decoded: Clip) -> Mapping[str, Score | Unavailable]:
        """Score one variant against the analysed reference, by metric name.

        A metric that does not apply to this clip is returned as an Unavailable with its reason.
        """
        ...


class MetricModule(Protocol):
    """What `metrics/NAME.py` (or an entry point of group `talkbench.metrics`) offers."""

    def availability(self) -> str | None:
        """None when it can run here, else the reason and the command that mends it. Cheap."""
        ...

    def describe(self) -> Sequence[MetricInfo]:
        """The metrics of this family, without heavy imports."""
        ...

    def load(self, device: str) -> Metric:
        """The family, ready to run on `device`. Heavy imports happen here."""
        ...
