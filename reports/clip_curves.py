"""Scores of a store as matrices of clips × points: what curves, means and resamples are made from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .curves import Curve

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Mask = NDArray[np.bool_]

RATES = ("video", "audio", "total")

# Which curves there are: a metric of one modality against that modality's rate for the codecs that code it
# (one of picture with sound then takes the other half from the clip itself), and every metric against the
# total rate for what a listener-viewer receives (listed pairs and joint codecs).
_AXES = """
    CASE WHEN {axis} = 'total' THEN s.listed AND s.kind IN ('pair', 'joint')
         ELSE s.kind IN ({axis}, 'joint') AND m.modality IN ({axis}, 'pair') END
"""

_CLIP_METRICS = f"""
SELECT r.dataset, a.axis, r.metric, r.fingerprint, r.system, r.kind, r.higher_is_better, r.aggregate, r.point,
       list(r.clip_id ORDER BY r.clip_id),
       list(CASE a.axis WHEN 'video' THEN r.kbps_video WHEN 'audio' THEN r.kbps_audio ELSE r.kbps_total END
            ORDER BY r.clip_id),
       list(r.value ORDER BY r.clip_id),
       list(coalesce(r.weight, 1.0) ORDER BY r.clip_id), 0
FROM rd_clip_points r
JOIN systems s USING (system)
JOIN metrics m ON m.metric = r.metric AND m.fingerprint = r.fingerprint
JOIN (VALUES ('video'), ('audio'), ('total')) a(axis) ON {_AXES.format(axis="a.axis")}
WHERE r.value IS NOT NULL AND isfinite(r.value)
GROUP BY ALL
"""

# A set metric (FID) has one value per codec, point and dataset, so one row stands for all clips.
_SET_METRICS = f"""
SELECT r.dataset, a.axis, r.metric, r.fingerprint, r.system, r.kind, r.higher_is_better, 'mean', r.point,
       ['all clips'],
       [CASE a.axis WHEN 'video' THEN r.kbps_video WHEN 'audio' THEN r.kbps_audio ELSE r.kbps_total END],
       [r.value], [1.0], r.n_scored
FROM set_points r
JOIN systems s USING (system)
JOIN metrics m ON m.metric = r.metric AND m.fingerprint = r.fingerprint
JOIN (VALUES ('video'), ('audio'), ('total')) a(axis) ON {_AXES.format(axis="a.axis")}
WHERE r.value IS NOT NULL AND isfinite(r.value)
"""


@dataclass(frozen=True)
class ClipCurves:
    """One metric of one system over one rate, before averaging. NaN where a clip lacks a score.

    clips: ids (C); points: names (P); kbps, value, weight: (C, P), the value as measured;
    grid: the points are settings of two modalities (pairs and joint codecs), not one ladder;
    weighted: a corpus-level rate, averaged by weight;
    pooled: for a set metric how many clips its one row stands for, else 0.
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

    def averages(self, counts: Array) -> tuple[Array, Array]:
        """Rates and qualities (B, P) over clips counted as in `counts` (B, C); higher quality is better."""
        import numpy as np

        def total(values: Array) -> Array:
            # Not `@`: on matrices this small BLAS threads cost far more than they save on a busy machine.
            return np.einsum("bc,cp->bp", counts, values)

        drawn = counts.sum(axis=1, keepdims=True)
        if self.weighted:
            with np.errstate(invalid="ignore", divide="ignore"):  # no word in any drawn clip: NaN, no number
                quality = total(self.value * self.weight) / total(self.weight)
        else:
            quality = total(self.value) / drawn
        return total(self.kbps) / drawn, quality if self.higher_is_better else -quality

    def mean_curve(self) -> Curve:
        """The curve of the means over all clips held here; empty when there are none."""
        import numpy as np

        if not len(self.clips):
            return Curve.of([], [], self.grid)
        kbps, quality = self.averages(np.ones((1, len(self.clips))))
        finite = np.isfinite(quality[0])
        return Curve.of(kbps[0][finite], quality[0][finite], self.grid)

    def _take(self, clips: Mask | slice, points: Mask | slice) -> ClipCurves:
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

    Curves of one dataset (and kind of metric) share their clip order, so their rows can be matched.
    """
    cells: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
    names: dict[tuple[str, bool], set[str]] = {}
    for row in connection.execute(_CLIP_METRICS).fetchall() + connection.execute(_SET_METRICS).fetchall():
        cells.setdefault(row[:8], []).append(row[8:])
        names.setdefault((row[0], bool(row[-1])), set()).update(row[9])
    order = {key: tuple(sorted(clips)) for key, clips in names.items()}
    return [
        _matrices(key, sorted(cells[key]), order[key[0], bool(cells[key][0][-1])])
        for key in sorted(cells, key=lambda key: (key[0], RATES.index(key[1]), *key[2:5]))
    ]


def _matrices(key: tuple[Any, ...], columns: list[tuple[Any, ...]], clips: tuple[str, ...]) -> ClipCurves:
    import numpy as np

    dataset, rate, metric, fingerprint, system, kind, higher_is_better, aggregate = key
    index = {clip: row for row, clip in enumerate(clips)}
    kbps, value, weight = np.full((3, len(clips), len(columns)), np.nan)
    for at, (_, clip_ids, rates, values, weights, _) in enumerate(columns):
        rows = [index[clip] for clip in clip_ids]
        kbps[rows, at], value[rows, at], weight[rows, at] = rates, values, weights
    return ClipCurves(
        dataset=dataset,
        rate=rate,
        metric=metric,
        fingerprint=fingerprint,
        system=system,
        higher_is_better=higher_is_better,
        weighted=aggregate == "weighted",
        grid=kind in ("pair", "joint"),
        pooled=min(column[-1] for column in columns),
        clips=clips,
        points=tuple(column[0] for column in columns),
        kbps=kbps,
        value=value,
        weight=weight,
    )
