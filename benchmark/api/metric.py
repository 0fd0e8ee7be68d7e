"""What a metric is: `reference` once per clip (or chunk of frames), `compare` once per decoded variant.

Three kinds of families have one contract each: `Metric` (kinds frame and clip), `PairMetric` (picture with
sound) and `SetMetric` (all clips of one codec and point together).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

from .. import weights
from ..util.errors import Unavailable
from ..util.hashing import key
from .types import Clip

if TYPE_CHECKING:
    import numpy as np

Kind = Literal["frame", "clip", "pair", "set"]
LooksAt = Literal["video", "audio", "pair"]

# What a sweep computes: kind -> what its metrics may look at.
PLANNED: Mapping[Kind, tuple[LooksAt, ...]] = {
    "frame": ("video",),
    "clip": ("video", "audio"),
    "pair": ("pair",),
    "set": ("video",),
}


@dataclass(frozen=True)
class MetricInfo:
    """Identity of a metric.

    modality: what of a decoded clip it looks at; the harness hands it clips with nothing else (`PLANNED` says
    which kinds go with which);
    kind: `frame` (a value per frame, then averaged), `clip` (one value per clip), `pair` (one value per
    clip, of a picture with a sound) or `set` (one value over all clips of a codec and point);
    bounds: (worst or lowest, best or highest) values as (min, max), None where unbounded;
    definition: one sentence, with preprocessing; build: versions that can change the value;
    options: settings that can change the value;
    weights: names in the weights registry of what it needs: absent files make it unavailable, with the
    command that gets them, and their sha256 is part of the fingerprint;
    aggregate: how clips are averaged, `mean` or `weighted` (by `Score.weight`, for corpus-level rates);
    of_reference: the untouched reference is scored as a row of its own too (recognisers, lip sync,
    metrics without a reference);
    has_quick: there is a reduced-precision form (`quickened`).
    """

    name: str
    modality: LooksAt
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
    weights: tuple[str, ...] = ()
    of_reference: bool = False
    has_quick: bool = False

    def fingerprint(self) -> str:
        """16 hex digits over name, version, build, options and weights; device and threads are not part."""
        return key(self.name, self.version, self.build_with_weights, self.options)[:16]

    @property
    def build_with_weights(self) -> dict[str, str]:
        """`build`, and the sha256 of each of its weights by name: what a store keeps of it."""
        return {**self.build, **{name: weights.sha256(name) for name in self.weights}}

    @property
    def weights_variant(self) -> str:
        """`none`, `official` or `synthetic` (a small in-house network has a part in it)."""
        found = {weights.registry()[name].variant for name in self.weights}
        return "none" if not found else "synthetic" if "synthetic" in found else "official"

    def missing(self) -> str | None:
        """Which of its weights are absent, with the command that gets them; None when all are here."""
        return weights.missing(self.weights)

    def quickened(self) -> MetricInfo:
        """The same metric in bfloat16, with a fingerprint of its own; itself where it has no quick form."""
        return replace(self, options={**self.options, "precision": "bf16"}) if self.has_quick else self

    def exact(self) -> MetricInfo:
        """The official form, in float32."""
        return replace(self, options={k: v for k, v in self.options.items() if k != "precision"})

    @property
    def quick(self) -> bool:
        """Whether this is the quick form."""
        return self.options.get("precision") == "bf16"


def why_not_planned(infos: Sequence[MetricInfo]) -> str | None:
    """Why no sweep would compute the metrics of one family: the metric and the fix. None when it does."""
    for info in infos:
        if info.modality not in PLANNED.get(info.kind, ()):
            known = ", ".join(f"{kind} ({' or '.join(what)})" for kind, what in PLANNED.items())
            return (
                f"metric {info.name!r} is of kind {info.kind!r} and modality {info.modality!r}, which no "
                f"sweep computes; the kinds, with what each may look at, are {known}"
            )
    for first, info in itertools.pairwise(infos):
        contracts = [one.kind if one.kind in ("pair", "set") else "frame or clip" for one in (first, info)]
        if contracts[0] != contracts[1] or first.modality != info.modality:
            return (
                f"metrics {first.name!r} ({contracts[0]}, {first.modality}) and {info.name!r} "
                f"({contracts[1]}, {info.modality}) cannot be of one family; give each its own file"
            )
    return None


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
    """A loaded family of metrics of kinds `frame` and `clip` that share their work.

    infos: the metrics it computes, of one modality, all from one `compare`;
    frames_at_once: how many frames both verbs get at a time, their frame values being concatenated (it
    bounds the memory that `reference` keeps for all variants, and is not part of any result); None when
    it needs the whole clip (then `reference` gets the clip with picture and sound).
    """

    infos: Sequence[MetricInfo]
    frames_at_once: int | None

    def reference(self, clip: Clip) -> Any:
        """Analyse the reference once. Raises Unavailable when no metric of the family applies to it."""
        ...

    def compare(self, state: Any, decoded: Clip) -> Mapping[str, Score | Unavailable]:
        """Score one variant against the analysed reference, by metric name.

        A metric that does not apply to this clip is returned as an Unavailable with its reason.
        """
        ...


class PairMetric(Protocol):
    """A loaded family of kind `pair`: features of each picture and each sound once, then all pairs.

    The reference is one of the pictures and one of the sounds. Features are kept for all variants of a
    clip at once: make them small.
    """

    infos: Sequence[MetricInfo]

    def reference(self, clip: Clip) -> Any:
        """Analyse the reference, picture and sound, once (face tracks, say). Raises as `Metric` does."""
        ...

    def picture(self, state: Any, decoded: Clip) -> Any:
        """Features of one decoded picture (a clip without sound)."""
        ...

    def sound(self, state: Any, decoded: Clip) -> Any:
        """Features of one decoded sound (a clip without pictures)."""
        ...

    def compare(self, state: Any, picture: Any, sound: Any) -> Mapping[str, Score | Unavailable]:
        """Score one picture with one sound, by metric name."""
        ...


@dataclass(frozen=True)
class SetScore:
    """One distribution metric of one codec and point.

    n: how many samples (frames) of each side it rests on; note: what a reader must know of the value.
    """

    value: float
    n: int
    note: str | None = None


class SetMetric(Protocol):
    """A loaded family of kind `set`: an embedding per frame, and a distance between two sets of them.

    frames_at_once: how many frames `embed` gets at a time.
    """

    infos: Sequence[MetricInfo]
    frames_at_once: int

    def embed(self, clip: Clip) -> np.ndarray:
        """Features of a few frames: float32 (frames, dimensions)."""
        ...

    def distance(
        self, reference: Iterable[np.ndarray], decoded: Iterable[np.ndarray]
    ) -> Mapping[str, SetScore | Unavailable]:
        """The metrics of two sets of embedded frames, given clip by clip: arrays (n, dimensions)."""
        ...


class MetricModule(Protocol):
    """What `metrics/NAME.py` (or an entry point of group `talkbench.metrics`) offers."""

    def availability(self) -> str | None:
        """None when it can run here, else the reason and the command that fixes it. Cheap.

        Weights named in `MetricInfo.weights` need not be looked at: the harness does.
        """
        ...

    def describe(self, **options: int | float | str) -> Sequence[MetricInfo]:
        """The metrics of this family, without heavy imports. Options are the family's own, with defaults."""
        ...

    def load(self, device: str, infos: Sequence[MetricInfo]) -> Any:
        """A Metric, PairMetric or SetMetric ready to compute `infos`: a selection of `describe()`, available.

        What is not in `infos` need not be loaded or computed. Heavy imports happen here.
        """
        ...
