"""Scores of a store as matrices of clips × points: what curves, means and resamples are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .bootstrap import INTERVAL, INTERVAL_SHARE, RESAMPLES, draws, weighted_sums
from .curve_batch import fronts
from .curves import Curve
from .matrices import RATES, Metric, ScoreMatrices, Scores

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .clip_curves import ClipCurves

    Array = NDArray[np.float64]

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Mask = NDArray[np.bool_]
    Places = NDArray[np.int64]
    Counts = NDArray[np.int64]


@dataclass(frozen=True)
class ClipCurves:
    """One metric of one system over one rate, before averaging. NaN where a clip lacks a score.

    clips: ids (C); points: names (P); kbps, value, weight: (C, P), the value as measured;
    grid: the points are settings of two modalities (pairs and joint codecs), not one ladder;
    weighted: a corpus-level rate, averaged by weight;
    pooled: for a distribution metric how many clips its one row stands for, else 0.
    """

    dataset: str
    rate: str
    metric: str
    fingerprint: str
    system: str
    higher_is_better: bool
    weighted: bool
    grid: bool
    pooled: int
    clips: tuple[str, ...]
    points: tuple[str, ...]
    kbps: Array
    value: Array
    weight: Array

    def usable(self) -> ClipCurves:
        """Only the points that have a rate above 0 and cover at least half as many clips as the best point.

        One point that failed nearly everywhere would otherwise take its clips from the whole curve.
        """
        import numpy as np

        covered = np.isfinite(self.value).sum(axis=0)
        keep = (2 * covered >= covered.max(initial=1)) & np.all(~(self.kbps <= 0), axis=0)
        return self._take(slice(None), keep)

    def complete(self) -> Mask:
        """Mask (C,) of the clips that have a score at every point."""
        import numpy as np

        return np.asarray(np.isfinite(self.value).all(axis=1))

    def only(self, clips: Mask) -> ClipCurves:
        """The clips of a mask (C,)."""
        return self._take(clips, slice(None))

    def means(self) -> tuple[Array, Array, Counts]:
        """Each point's rate, value as measured and count (P) over the clips that it has; NaN without any."""
        import numpy as np

        here = np.isfinite(self.value)
        clips = here.sum(axis=0)
        weight = np.where(here, self.weight if self.weighted else 1.0, 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            value = np.where(here, self.value * weight, 0).sum(axis=0) / weight.sum(axis=0)
            kbps = np.where(here, self.kbps, 0).sum(axis=0) / clips
        return kbps, value, clips

    def without_dominated(self) -> ClipCurves:
        """Without points of a grid that on every clip cost no less than another one of the very same value.

        No mean over any clips can have them on its front, and they lack the same clips. A metric of the
        picture leaves one point per picture of a grid of pictures and sounds.
        """
        import numpy as np

        if not self.grid or self.weighted:
            return self
        equals: dict[bytes, list[int]] = {}
        for at, column in enumerate(np.ascontiguousarray(self.value.T)):
            equals.setdefault(column.tobytes(), []).append(at)
        keep = []
        for same in equals.values():
            kbps = self.kbps[:, same]
            cheapest = int(np.argmin(kbps.sum(axis=0)))
            cheaper = np.flatnonzero((kbps < kbps[:, [cheapest]]).any(axis=0))
            keep += [same[cheapest], *(same[at] for at in cheaper)]
        return self._take(slice(None), np.array(sorted(keep))) if len(keep) < len(self.points) else self

    def clip_fronts(self) -> Mask:
        """Mask (C, P) of the points on the Pareto front of each clip alone; no missing and no free ones."""
        import numpy as np

        found = np.zeros(self.value.shape, dtype=bool)
        known = np.isfinite(self.value) & (self.kbps > 0)
        patterns, pattern = np.unique(known, axis=0, return_inverse=True)
        for at, points in enumerate(patterns):
            here = np.ix_(np.flatnonzero(np.ravel(pattern) == at), np.flatnonzero(points))
            if found[here].size:
                quality = self.value[here] if self.higher_is_better else -self.value[here]
                order, _, keep = fronts(np.log10(self.kbps[here]), quality)
                on_front = np.zeros_like(keep)
                np.put_along_axis(on_front, order, keep, axis=-1)
                found[here] = on_front
        return found

    def averages(self, counts: Array) -> tuple[Array, Array]:
        """Rates and qualities (B, P) over clips counted as in `counts` (B, C); higher quality is better."""
        import numpy as np

        drawn = counts.sum(axis=1, keepdims=True)
        if self.weighted:
            with np.errstate(invalid="ignore", divide="ignore"):  # no word in any drawn clip: NaN, no number
                quality = weighted_sums(counts, self.value * self.weight) / weighted_sums(counts, self.weight)
        else:
            quality = weighted_sums(counts, self.value) / drawn
        kbps = weighted_sums(counts, self.kbps) / drawn
        return kbps, quality if self.higher_is_better else -quality

    def mean_curve(self) -> Curve:
        """The curve of the means over all clips held here; empty when there are none."""
        import numpy as np

        if not len(self.clips):
            return Curve.of([], [], self.grid)
        kbps, quality = self.averages(np.ones((1, len(self.clips))))
        finite = np.isfinite(quality[0])
        return Curve.of(kbps[0][finite], quality[0][finite], self.grid)

    def _take(self, clips: Mask | slice, points: Mask | Places | slice) -> ClipCurves:
        import numpy as np

        return replace(
            self,
            clips=tuple(np.array(self.clips, dtype=object)[clips]),
            points=tuple(np.array(self.points, dtype=object)[points]),
            kbps=self.kbps[clips][:, points],
            value=self.value[clips][:, points],
            weight=self.weight[clips][:, points],
        )


def load(connection: duckdb.DuckDBPyConnection) -> list[ClipCurves]:
    """All curves of the latest plan, sorted by dataset, rate, metric and system.

    Which there are: a metric of one modality against that modality's rate for the codecs that code it (one
    of picture with sound then takes the other half from the clip itself, of joint codecs too), and every
    metric against the total rate for what a listener-viewer receives (listed pairs and joint codecs).
    Curves of one dataset (and kind of metric) share their clip order, so their rows can be matched.
    """
    matrices = ScoreMatrices(connection)
    systems = connection.execute(
        "SELECT system, kind, video_codec, audio_codec, listed FROM systems WHERE selected ORDER BY system"
    ).fetchall()
    curves = []
    for dataset in sorted(matrices.clips):
        received = [_Received.of(matrices, dataset, *system) for system in systems]
        for rate in RATES:
            for metric in matrices.metrics:
                found = (system.curve(rate, metric) for system in received if system is not None)
                curves += [curve for curve in found if curve is not None]
    return curves


@dataclass(frozen=True)
class _Received:
    """One system on one dataset: its points, and their rates (clips, points)."""

    matrices: ScoreMatrices
    dataset: str
    system: str
    kind: str
    video: str | None
    audio: str | None
    listed: bool
    points: tuple[str, ...]
    kbps: Mapping[str, Array]

    @classmethod
    def of(
        cls,
        matrices: ScoreMatrices,
        dataset: str,
        system: str,
        kind: str,
        video: str | None,
        audio: str | None,
        listed: bool,
    ) -> _Received | None:
        """None where one of its codecs has no decoded clip."""
        used = [codec for codec in dict.fromkeys((video, audio)) if codec is not None]
        ladders = [matrices.ladders[dataset, codec] for codec in used if (dataset, codec) in matrices.ladders]
        if len(ladders) < len(used):
            return None
        points, kbps = ladders[0].points, ladders[0].kbps
        if kind == "pair":
            sight, sound = ladders
            points = tuple(f"{v}|{a}" for v in sight.points for a in sound.points)
            total = sight.kbps["total"][:, :, None] + sound.kbps["total"][:, None, :]
            kbps = {"total": total.reshape(len(total), len(points))}
        return cls(matrices, dataset, system, kind, video, audio, listed, points, kbps)

    def curve(self, rate: str, metric: Metric) -> ClipCurves | None:
        """None where the metric does not go with the rate or the system, or gave no value."""
        import numpy as np

        if rate == "total":
            wanted = self.listed and self.kind in ("pair", "joint")
        else:
            wanted = self.kind in (rate, "joint") and metric.modality in (rate, "pair")
        scores = self._scores(rate, metric) if wanted else None
        if scores is None:
            return None
        value, weight = (x.reshape(len(x), len(self.points)) for x in (scores.value, scores.weight))
        kbps = self.kbps[rate]
        missing = ~np.isfinite(value + kbps)
        curve = ClipCurves(
            dataset=self.dataset,
            rate=rate,
            metric=metric.metric,
            fingerprint=metric.fingerprint,
            system=self.system,
            higher_is_better=metric.higher_is_better,
            weighted=metric.weighted,
            grid=self.kind in ("pair", "joint"),
            pooled=0,
            clips=self.matrices.clips[self.dataset],
            points=self.points,
            kbps=np.where(missing, np.nan, kbps) if missing.any() else kbps,
            value=np.where(missing, np.nan, value),
            weight=weight,
        )
        lacking = np.flatnonzero(missing.all(axis=0))
        order = sorted(set(range(len(self.points))) - set(lacking.tolist()), key=self.points.__getitem__)
        if not order:
            return None
        if order != list(range(len(self.points))):
            curve = curve._take(slice(None), np.array(order))
        return _pooled(curve) if metric.pooled else curve

    def _scores(self, rate: str, metric: Metric) -> Scores | None:
        """Value and weight, (clips, points) or (clips, video points, audio points)."""
        matrices = self.matrices
        if self.kind == "joint" and metric.modality == "pair" and rate != "total":
            sides = (self.video, None) if rate == "video" else (None, self.audio)
            return matrices.together(self.dataset, *sides, metric)
        if self.kind != "pair":
            codec = self.video or self.audio
            assert codec is not None
            found = matrices.alone(self.dataset, codec, metric)
            return found or matrices.together(self.dataset, self.video, self.audio, metric)
        assert self.video is not None
        assert self.audio is not None
        if found := matrices.together(self.dataset, self.video, self.audio, metric):
            return found
        rows = len(matrices.clips[self.dataset])
        sights, sounds = (len(matrices.ladders[self.dataset, c].points) for c in (self.video, self.audio))
        if found := matrices.alone(self.dataset, self.video, metric):
            return found.spread((rows, sights, sounds), 2)
        if found := matrices.alone(self.dataset, self.audio, metric):
            return found.spread((rows, sights, sounds), 1)
        return None


def _pooled(curve: ClipCurves) -> ClipCurves:
    """A distribution metric (FID) has one value per codec, point and dataset: one row for all its clips."""
    import numpy as np

    return replace(
        curve,
        weighted=False,
        pooled=int(np.isfinite(curve.value).sum(axis=0).min()),
        clips=("all clips",),
        kbps=np.nanmean(curve.kbps, axis=0, keepdims=True),
        value=np.nanmax(curve.value, axis=0, keepdims=True),
        weight=np.ones((1, len(curve.points))),
    )


def bands(curve: ClipCurves, resamples: int = RESAMPLES) -> tuple[Array, Array]:
    """95 % percentile bootstrap over clips of the value at each point of a curve: (low, high), each (P,).

    Values as measured (not negated), means or, for a corpus metric, means by weight. Each point is resampled
    over the clips that it has, as its plotted mean. NaN where fewer than two clips cover it, or where a value
    stands for all clips (a distribution metric).
    """
    import numpy as np

    low, high = np.full((2, len(curve.points)), np.nan)
    if curve.pooled:
        return low, high
    # A metric of the picture is the same for every sound of a grid: equal columns are resampled once.
    columns = [curve.value[:, at].tobytes() for at in range(len(curve.points))]
    if curve.weighted:
        columns = [value + curve.weight[:, at].tobytes() for at, value in enumerate(columns)]
    covered = np.isfinite(curve.value)
    groups: dict[bytes, dict[bytes, list[int]]] = {}
    for at, column in enumerate(columns):
        groups.setdefault(covered[:, at].tobytes(), {}).setdefault(column, []).append(at)
    for equal in groups.values():
        points = [same[0] for same in equal.values()]
        clips = covered[:, points[0]]
        if clips.sum() < 2:
            continue
        value, counts = curve.value[clips][:, points], draws(int(clips.sum()), resamples)
        if curve.weighted:
            weight = curve.weight[clips][:, points]
            with np.errstate(invalid="ignore", divide="ignore"):  # no word in any drawn clip: NaN, no number
                means = weighted_sums(counts, value * weight) / weighted_sums(counts, weight)
        else:
            means = weighted_sums(counts, value) / clips.sum()
        ends = _percentiles(means)
        for same, *end in zip(equal.values(), *ends, strict=True):
            low[same], high[same] = end
    return low, high


def _percentiles(values: Array) -> Array:
    """Both ends (2, P) of the INTERVAL of values (B, P); NaN where too few are numbers (INTERVAL_SHARE)."""
    import numpy as np

    numbers = np.isfinite(values)
    shares = [100 * share for share in INTERVAL]
    if numbers.all():  # much faster than the other one
        return np.percentile(values, shares, axis=0)
    enough = numbers.mean(axis=0) >= INTERVAL_SHARE
    ends = np.full((2, values.shape[1]), np.nan)
    if enough.any():
        ends[:, enough] = np.nanpercentile(values[:, enough], shares, axis=0)
    return ends
