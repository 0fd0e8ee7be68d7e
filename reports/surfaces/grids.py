"""Systems in three dimensions: total rate, a quality of the picture and one of the sound."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from ...benchmark.analysis.bootstrap import weighted_sums
from ...benchmark.analysis.clip_curves import ClipCurves
from .mesh import SCATTERED, Crossing, Mesh, factors, lattice, ranked, triangulated

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..source import Source

    Array = NDArray[np.float64]
    Mask = NDArray[np.bool_]

Key = tuple[str, str]
"""A metric and its fingerprint."""

SHOWN_AT_FIRST = 6
"""So many surfaces can be told apart."""
SIDES = {"video": ("video", "pair"), "audio": ("audio", "pair")}
"""Modalities of the metrics that can stand on either quality axis."""

PAIR_LEVELS = ("picture", "sound")
"""Names of a pair's two settings."""


@dataclass(frozen=True)
class Sheet:
    """A system's settings averaged over one set of clips, the same ones at every setting.

    points: names (P); levels: names of its settings and each point's level of them, none without a grid;
    clips: mask (C) over the grid's clips; at: the points' places in the grid (P); kbps: mean total rate (P);
    kbps_video, kbps_audio: of the picture and the sound alone, joint parts counted in both.
    """

    points: tuple[str, ...]
    levels: tuple[tuple[str, tuple[str | float, ...]], ...]
    clips: Mask
    at: NDArray[np.int_]
    kbps: Array
    kbps_video: Array
    kbps_audio: Array
    _meshes: dict[bytes, Mesh] = field(default_factory=dict, repr=False)

    @property
    def count(self) -> int:
        """Clips that the means are over."""
        return int(self.clips.sum())

    @cached_property
    def gridded(self) -> Mesh | None:
        """The points joined by their settings, whatever the metric is; None where these are not a grid."""
        if not self.levels:
            return None
        # A codec's points in order of their cost in its own modality; a joint codec's by the total.
        pair = tuple(name for name, _ in self.levels) == PAIR_LEVELS
        rates = (self.kbps_video, self.kbps_audio) if pair else (self.kbps, self.kbps)
        ranks = [ranked(values, rate) for (_, values), rate in zip(self.levels, rates, strict=False)]
        found = lattice(ranks[0], ranks[1] if len(ranks) > 1 else [0] * len(ranks[0]))
        return None if found.form == SCATTERED else found

    def mesh(self, picture: Array) -> Mesh:
        """Triangles between the points; without a grid over the plane (log rate, `picture` at each)."""
        import numpy as np

        if self.gridded is not None:
            return self.gridded
        key = picture.tobytes()
        if key not in self._meshes:
            self._meshes[key] = triangulated(np.log10(self.kbps), picture)
        return self._meshes[key]

    def equal_rate(self, mesh: Mesh, kbps: float) -> list[list[Crossing]]:
        """Lines of a total rate in kbit/s over a mesh, linear in log rate between measured points."""
        import numpy as np

        return mesh.crossings(np.log10(self.kbps), float(np.log10(kbps)))


@dataclass(frozen=True)
class Grid:
    """All settings of one system on one dataset, before averaging.

    clips: ids (C); points: names (P); kbps: (3, C, P), total, video and audio, NaN where not decoded;
    curves: metric → its scores over the total rate.
    """

    dataset: str
    system: str
    kind: str
    clips: tuple[str, ...]
    points: tuple[str, ...]
    levels: tuple[tuple[str, tuple[str | float, ...]], ...]
    kbps: Array
    curves: Mapping[Key, ClipCurves]
    _sheets: dict[bytes, Sheet] = field(default_factory=dict, repr=False)
    _pairs: dict[tuple[Key, Key], Sheet | str] = field(default_factory=dict, repr=False)
    _kept: dict[Key, tuple[Mask, Array]] = field(default_factory=dict, repr=False)

    def sheet(self, video: Key, audio: Key) -> Sheet | str:
        """The settings that both metrics cover, over the clips that have both scores at each; or why none.

        Settings that failed nearly everywhere are left out first, as in a leaderboard (`ClipCurves.usable`).
        """
        if (video, audio) not in self._pairs:
            self._pairs[video, audio] = self._sheet(video, audio)
        return self._pairs[video, audio]

    def _sheet(self, video: Key, audio: Key) -> Sheet | str:
        import numpy as np

        for key in (video, audio):
            if key not in self.curves:
                return f"no {key[0]} scores"
        (usable, pictures), (also, sounds) = self._matrix(video), self._matrix(audio)
        keep = usable & also
        if not keep.any():
            return "no setting has both scores"
        known = np.isfinite(pictures) & np.isfinite(sounds) & np.isfinite(self.kbps[0])
        clips = known[:, keep].all(axis=1)
        if not clips.any():
            return "no clip has both scores at every setting"
        name = keep.tobytes() + clips.tobytes()
        if name not in self._sheets:
            at = np.flatnonzero(keep)
            total, picture, sound = self.kbps[:, clips][:, :, at].mean(axis=1)
            self._sheets[name] = Sheet(
                points=tuple(self.points[p] for p in at),
                levels=tuple((label, tuple(values[p] for p in at)) for label, values in self.levels),
                clips=clips,
                at=at,
                kbps=total,
                kbps_video=picture,
                kbps_audio=sound,
            )
        return self._sheets[name]

    def means(self, sheet: Sheet, metric: Key, counts: Array | None = None) -> Array:
        """Means (P) of a metric over a sheet's clips, as measured; or (B, P), clips counted by (B, C)."""
        import numpy as np

        curve = self.curves[metric]
        value = self._matrix(metric)[1][sheet.clips][:, sheet.at]
        times = np.ones((1, sheet.count)) if counts is None else counts
        if curve.weighted:
            weight = self._on_grid(curve, curve.weight)[sheet.clips][:, sheet.at]
            with np.errstate(invalid="ignore", divide="ignore"):  # no word in any drawn clip: NaN, no number
                found = weighted_sums(times, value * weight) / weighted_sums(times, weight)
        else:
            found = weighted_sums(times, value) / times.sum(axis=1, keepdims=True)
        return found[0] if counts is None else found

    def _matrix(self, metric: Key) -> tuple[Mask, Array]:
        """Mask (P) of the points that a metric covers well enough and that cost something; its values (C, P).

        One that stands for all clips (a distribution metric) stands for each of them.
        """
        import numpy as np

        if metric not in self._kept:
            curve = self.curves[metric]
            names = set(curve.usable().points)
            free = (self.kbps[0] <= 0).any(axis=0)
            keep = np.array([name in names for name in self.points], dtype=bool) & ~free
            self._kept[metric] = keep, self._on_grid(curve, curve.value)
        return self._kept[metric]

    def _on_grid(self, curve: ClipCurves, values: Array) -> Array:
        import numpy as np

        found = np.full((len(self.clips), len(self.points)), np.nan)
        columns = {name: at for at, name in enumerate(self.points)}
        at = [columns[name] for name in curve.points]
        if curve.pooled:
            found[:, at] = values
            return found
        rows = {clip: row for row, clip in enumerate(self.clips)}
        here = [row for row, clip in enumerate(curve.clips) if clip in rows]
        found[np.ix_([rows[curve.clips[row]] for row in here], at)] = values[here]
        return found


@dataclass(frozen=True)
class Surfaces:
    """All systems of a store that have picture and sound, and the metrics that can be their axes."""

    source: Source

    @cached_property
    def systems(self) -> list[str]:
        """Joint codecs, then pairs, in the plan's order."""
        rows = self.source.systems
        return [row["system"] for row in rows if row["listed"] and row["kind"] in ("joint", "pair")]

    @cached_property
    def grids(self) -> list[Grid]:
        """A grid per dataset and system that has scored points, in the order of `systems`."""
        curves: dict[tuple[str, str], dict[Key, ClipCurves]] = {}
        for curve in self.source.curves:
            if curve.rate == "total":
                key = (curve.metric, curve.fingerprint)
                curves.setdefault((curve.dataset, curve.system), {})[key] = curve
        rows: dict[tuple[str, str], list[tuple]] = {}
        for row in self.source.connection.execute(_RATES).fetchall():
            rows.setdefault(row[:2], []).append(row[2:])
        params = self._params()
        place = {name: at for at, name in enumerate(self.systems)}
        keys = sorted((key for key in curves if key in rows), key=lambda key: (key[0], place[key[1]]))
        return [_grid(*key, rows[key], params.get(key[1], {}), curves[key]) for key in keys]

    def first(self, limit: int = SHOWN_AT_FIRST) -> list[str]:
        """Systems to draw at first: joint codecs, a pair of each video codec, other pairs, baselines."""
        rows = [row for row in self.source.systems if row["listed"] and row["kind"] in ("joint", "pair")]
        seen: dict[str, int] = {}
        order = []
        for row in rows:
            again = seen.get(row["video_codec"], 0)
            seen[row["video_codec"]] = again + 1
            baseline = "baseline" in self.source.marks.get(row["system"], ())
            order.append((baseline, row["kind"] == "pair", again, len(order), row["system"]))
        return [name for *_, name in sorted(order)[:limit]]

    def metrics(self, dataset: str, side: str, modalities: Collection[str] = ()) -> list[Key]:
        """Metrics that some system of a dataset has scores of, in the order of `Source.metrics`."""
        known = {key for grid in self.grids if grid.dataset == dataset for key in grid.curves}
        rows = [row for row in self.source.metrics if row["modality"] in (modalities or SIDES[side])]
        keys = [(row["metric"], row["fingerprint"]) for row in rows]
        return [key for key in keys if key in known]

    def _params(self) -> dict[str, dict[str, dict[str, object]]]:
        """Joint system → point → its parameters."""
        found: dict[str, dict[str, dict[str, object]]] = {}
        for row in self.source.query(_PARAMS):
            found.setdefault(row["system"], {})[row["point"]] = row["params"] or {}
        return found


_RATES = """
SELECT p.dataset, p.system, p.kind, p.point, p.video_point, p.audio_point, list(p.clip_id ORDER BY p.clip_id),
       list(p.kbps_total ORDER BY p.clip_id), list(p.kbps_video ORDER BY p.clip_id),
       list(p.kbps_audio ORDER BY p.clip_id)
FROM system_clip_points p JOIN systems s USING (system)
WHERE s.listed AND p.kind IN ('pair', 'joint') GROUP BY ALL ORDER BY p.dataset, p.system, p.point
"""

_PARAMS = """
SELECT s.system, e.point, any_value(e.params) AS params
FROM systems s JOIN encodes e ON e.codec = s.video_codec
WHERE s.kind = 'joint' AND s.selected AND e.selected GROUP BY ALL ORDER BY ALL
"""


def _grid(
    dataset: str,
    system: str,
    rows: list[tuple],
    params: Mapping[str, Mapping[str, object]],
    curves: Mapping[Key, ClipCurves],
) -> Grid:
    import numpy as np

    clips = sorted({clip for row in rows for clip in row[4]})
    index = {clip: at for at, clip in enumerate(clips)}
    kbps = np.full((3, len(clips), len(rows)), np.nan)
    for at, (*_, clip_ids, total, video, audio) in enumerate(rows):
        kbps[:, [index[clip] for clip in clip_ids], at] = total, video, audio
    kind, points = rows[0][0], [row[1] for row in rows]
    if kind == "pair":
        levels = [(name, [row[2 + side] for row in rows]) for side, name in enumerate(PAIR_LEVELS)]
    else:
        levels = factors([params.get(point, {}) for point in points]) or []
    return Grid(
        dataset=dataset,
        system=system,
        kind=kind,
        clips=tuple(clips),
        points=tuple(points),
        levels=tuple((name, tuple(values)) for name, values in levels),
        kbps=kbps,
        curves=curves,
    )
