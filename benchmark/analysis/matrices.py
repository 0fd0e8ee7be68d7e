"""Rates and scores of a store as arrays of clips × points, per codec and metric, read in a few queries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Mask = NDArray[np.bool_]
    Columns = dict[str, NDArray[Any]]

RATES = ("video", "audio", "total")

# Encodes and metrics are numbered in a fixed order, so that the queries below speak of the same ones.
_NUMBERED = """
WITH variants AS MATERIALIZED (
    SELECT *, row_number() OVER (ORDER BY dataset, codec, point, clip_id, encode_id) - 1 AS number
    FROM clip_points
), chosen AS MATERIALIZED (
    SELECT *, row_number() OVER (ORDER BY metric, fingerprint) - 1 AS number FROM metrics WHERE selected
)
"""
_VARIANTS = f"""{_NUMBERED}
SELECT dataset, codec, point, clip_id, coalesce(kbps_video, 'nan') AS kbps_video,
       coalesce(kbps_audio, 'nan') AS kbps_audio, coalesce(kbps_total, 'nan') AS kbps_total
FROM variants ORDER BY number
"""
_METRICS = f"""{_NUMBERED}
SELECT metric, fingerprint, modality, coalesce(higher_is_better, false) AS higher_is_better,
       coalesce(aggregate, 'mean') = 'weighted' AS weighted, coalesce(kind, '') = 'set' AS pooled
FROM chosen ORDER BY number
"""
# Of one encode: its own scores, those of its video with its own audio, and (a distribution metric has one
# value per codec, point and dataset) the value of the set that its features are part of.
_SCORES = f"""{_NUMBERED}
SELECT v.number AS variant, m.number AS metric, x.value, coalesce(x.weight, 1.0) AS weight
FROM scores x JOIN variants v USING (encode_id)
JOIN chosen m ON m.metric = x.metric AND m.fingerprint = x.fingerprint
WHERE x.status = 'ok' AND isfinite(x.value)
UNION ALL
SELECT v.number, m.number, x.value, coalesce(x.weight, 1.0)
FROM pair_scores x JOIN variants v ON v.encode_id = x.video_encode_id
JOIN chosen m ON m.metric = x.metric AND m.fingerprint = x.fingerprint
WHERE x.audio_encode_id = x.video_encode_id AND x.status = 'ok' AND isfinite(x.value)
UNION ALL
SELECT v.number, m.number, x.value, 1.0
FROM set_scores x JOIN chosen m ON m.metric = x.metric AND m.fingerprint = x.metric_fingerprint
JOIN encodes e ON e.codec = x.codec AND e.fingerprint = x.fingerprint AND e.point = x.point
JOIN variants v ON v.encode_id = e.encode_id AND v.dataset = x.dataset
JOIN set_features f ON f.encode_id = v.encode_id AND f.metric = m.metric AND f.fingerprint = m.fingerprint
WHERE x.status = 'ok' AND f.status = 'ok' AND isfinite(x.value)
"""
# Of a picture with the sound of another encode, or with the clip's own (-1); and the other way round.
_PAIR_SCORES = f"""{_NUMBERED}
SELECT coalesce(v.number, -1) AS video, coalesce(a.number, -1) AS audio, m.number AS metric,
       x.value, coalesce(x.weight, 1.0) AS weight
FROM pair_scores x
LEFT JOIN variants v ON v.encode_id = x.video_encode_id
LEFT JOIN variants a ON a.encode_id = x.audio_encode_id
JOIN chosen m ON m.metric = x.metric AND m.fingerprint = x.fingerprint
WHERE x.audio_encode_id <> x.video_encode_id AND x.status = 'ok' AND isfinite(x.value)
  AND CASE WHEN v.number IS NULL THEN x.video_encode_id = 'reference:' || a.clip_id
           WHEN a.number IS NULL THEN x.audio_encode_id = 'reference:' || v.clip_id
           ELSE v.clip_id = a.clip_id END
"""


@dataclass(frozen=True)
class Metric:
    """A metric of the plan; its fields are those of the table `metrics`. pooled: a distribution metric."""

    metric: str
    fingerprint: str
    modality: str
    higher_is_better: bool
    weighted: bool
    pooled: bool


@dataclass(frozen=True)
class Ladder:
    """The points of one codec on one dataset, by name, and what they cost. NaN where nothing was decoded.

    kbps: rate → (clips, points).
    """

    points: tuple[str, ...]
    kbps: dict[str, Array]


@dataclass(frozen=True)
class Scores:
    """One metric of one codec, or of two: value and weight, NaN where there is no score.

    (clips, points); of a picture and a sound (clips, video points, audio points).
    """

    value: Array
    weight: Array

    def spread(self, shape: tuple[int, int, int], axis: int) -> Scores:
        """Repeated along the points of the other modality: (clips, video points, audio points)."""
        import numpy as np

        value, weight = (np.expand_dims(x, axis) for x in (self.value, self.weight))
        return Scores(np.broadcast_to(value, shape), np.broadcast_to(weight, shape))


class ScoreMatrices:
    """All usable scores of a store's latest plan.

    clips: dataset → ids of the clips that have any score, sorted; ladders: (dataset, codec) → its points.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        import numpy as np

        variants = connection.execute(_VARIANTS).fetchnumpy()
        singles = connection.execute(_SCORES).fetchnumpy()
        doubles = connection.execute(_PAIR_SCORES).fetchnumpy()
        self.metrics = [Metric(*row) for row in connection.execute(_METRICS).fetchall()]
        self.ladders: dict[tuple[str, str], Ladder] = {}
        scored = np.zeros(len(variants["clip_id"]), dtype=bool)
        for found in (singles["variant"], doubles["video"], doubles["audio"]):
            scored[found[found >= 0]] = True
        self.clips = _scored_clips(variants, scored)
        self._number(variants)
        self._alone = self._fill_alone(singles)
        self._together = self._fill_together(doubles)

    def alone(self, dataset: str, codec: str, metric: Metric) -> Scores | None:
        """Scores (clips, points) of one codec by itself; None where there are none."""
        return self._alone.get((dataset, codec, metric))

    def together(self, dataset: str, video: str | None, audio: str | None, metric: Metric) -> Scores | None:
        """Scores (clips, video points, audio points) of a picture with a sound; None is the clip's own."""
        return self._together.get((dataset, video, audio, metric))

    def _number(self, variants: Columns) -> None:
        """Place of each variant in the arrays, and the ladders; variants come by dataset and codec."""
        import numpy as np

        size = len(variants["clip_id"])
        self._codec, self._clip, self._point = np.full((3, size), -1)
        rows = zip(*(variants[name] for name in ("dataset", "codec", "point", "clip_id")), strict=True)
        index = {
            dataset: {clip: at for at, clip in enumerate(clips)} for dataset, clips in self.clips.items()
        }
        for key, group in groupby(enumerate(rows), key=lambda row: row[1][:2]):
            known = [(at, point, clip) for at, (_, _, point, clip) in group if clip in index.get(key[0], ())]
            if not known:
                continue
            at, names, clips = zip(*known, strict=True)
            points = {name: place for place, name in enumerate(sorted(set(names)))}
            at = list(at)
            self._codec[at] = len(self.ladders)
            self._clip[at] = [index[key[0]][clip] for clip in clips]
            self._point[at] = [points[name] for name in names]
            kbps = {rate: np.full((len(index[key[0]]), len(points)), np.nan) for rate in RATES}
            for rate, values in kbps.items():
                values[self._clip[at], self._point[at]] = variants[f"kbps_{rate}"][at]
            self.ladders[key] = Ladder(tuple(points), kbps)

    def _fill_alone(self, rows: Columns) -> dict[tuple[str, str, Metric], Scores]:
        names = list(self.ladders)
        variant = rows["variant"]
        found = {}
        for (codec, metric), at in _by_key(self._codec[variant], rows["metric"]):
            places = self._clip[variant[at]], self._point[variant[at]]
            shape = len(self.clips[names[codec][0]]), len(self.ladders[names[codec]].points)
            found[*names[codec], self.metrics[metric]] = _scores(shape, places, rows, at)
        return found

    def _fill_together(self, rows: Columns) -> dict[tuple[str, str | None, str | None, Metric], Scores]:
        import numpy as np

        names = list(self.ladders)
        sides = [rows["video"], rows["audio"]]
        # The clip's own picture or sound is a ladder of one point; -1 stays -1.
        codecs = [np.where(side >= 0, self._codec[side], -1) for side in sides]
        clips = self._clip[np.maximum(*sides)]
        points = [np.where(side >= 0, self._point[side], 0) for side in sides]
        found = {}
        for (video, audio, metric), at in _by_key(*codecs, rows["metric"]):
            dataset = names[max(video, audio)][0]
            sizes = [1 if codec < 0 else len(self.ladders[names[codec]].points) for codec in (video, audio)]
            pair = [None if codec < 0 else names[codec][1] for codec in (video, audio)]
            places = clips[at], points[0][at], points[1][at]
            shape = len(self.clips[dataset]), *sizes
            found[dataset, *pair, self.metrics[metric]] = _scores(shape, places, rows, at)
        return found


def _scored_clips(variants: Columns, scored: Mask) -> dict[str, tuple[str, ...]]:
    found: dict[str, set[str]] = {}
    for dataset, clip in zip(variants["dataset"][scored], variants["clip_id"][scored], strict=True):
        found.setdefault(dataset, set()).add(clip)
    return {dataset: tuple(sorted(clips)) for dataset, clips in found.items()}


def _by_key(*columns: Ints) -> Iterator[tuple[tuple[int, ...], Ints]]:
    """Each combination of values of some columns, and the rows that have it."""
    import numpy as np

    order = np.lexsort(columns)
    if not len(order):
        return
    ordered = np.stack([column[order] for column in columns])
    starts = np.flatnonzero(np.any(np.diff(ordered, axis=1), axis=0)) + 1
    for rows in np.split(order, starts):
        yield tuple(int(column[rows[0]]) for column in columns), rows


def _scores(shape: tuple[int, ...], places: tuple[Ints, ...], rows: Columns, at: Ints) -> Scores:
    import numpy as np

    value, weight = np.full((2, *shape), np.nan)
    value[places], weight[places] = rows["value"][at], rows["weight"][at]
    return Scores(value, weight)
