"""What the page of surfaces shows of one dataset and pair of metrics."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..boards.leaderboards import headline_order
from ..boards.series import short
from ..queries.facts import metric_marks
from ..words import MARKS
from .correlation import Correlation, correlations
from .grids import Grid, Key, Sheet, Surfaces
from .mesh import preferred_rates, usual_rates

if TYPE_CHECKING:
    from .mesh import Mesh


class SurfaceView:
    """What the page, and a paper's figures, show of one dataset."""

    def __init__(self, surfaces: Surfaces, dataset: str) -> None:
        self.dataset = dataset
        self.video = sorted(
            surfaces.metrics(dataset, "video"), key=lambda key: headline_order("video", key[0])
        )
        self.audio = sorted(
            surfaces.metrics(dataset, "audio"), key=lambda key: headline_order("audio", key[0])
        )
        self.grids = [grid for grid in surfaces.grids if grid.dataset == dataset]
        self.missing = [name for name in surfaces.systems if name not in {grid.system for grid in self.grids}]
        self.rates = _rates(self.grids)
        self.first = surfaces.first()
        self.facts_of = surfaces.source.metric_facts

    def facts(self) -> dict[str, Any]:
        return {
            "dataset": self.dataset,
            "video": [key[0] for key in self.video],
            "audio": [key[0] for key in self.audio],
            "rates": self.rates,
            "missing": self.missing,
            "contours": self.contours,
            "marks": {key[0]: found for key in (*self.video, *self.audio) if (found := self._marks(key))},
        }

    def _marks(self, key: Key) -> list[list[str]]:
        """What must be said of a metric: words and what they mean."""
        return [[mark, MARKS[mark]] for mark in metric_marks(self.facts_of[key])]

    @property
    def contours(self) -> list[float]:
        """The rates whose lines are drawn at first: of the first systems, for the first two metrics."""
        drawn = self.drawn(self.video[0], self.audio[0], self.first)
        return usual_rates(self.rates, [(sheet.kbps, mesh) for _, sheet, mesh in drawn])

    def drawn(self, video: Key, audio: Key, systems: Collection[str]) -> list[tuple[Grid, Sheet, Mesh]]:
        """Of some systems what there is to draw for two metrics."""
        found = []
        for grid in self.grids:
            sheet = grid.sheet(video, audio)
            if grid.system in systems and isinstance(sheet, Sheet):
                found.append((grid, sheet, sheet.mesh(grid.means(sheet, video))))
        return found

    def part(self) -> dict[str, Any]:
        """Per system its sheets, and which of them a pair of metrics uses, or the reason."""
        return {"systems": [self._system(*laid) for laid in self.laid]}

    @cached_property
    def laid(self) -> list[tuple[Grid, list[Sheet], list[list[int | str]]]]:
        """Per system its sheets, and per video and audio metric the sheet's number, or why it has none."""
        found = []
        for grid in self.grids:
            sheets = {
                id(s): s for v in self.video for a in self.audio if isinstance(s := grid.sheet(v, a), Sheet)
            }
            numbers = {name: number for number, name in enumerate(sheets)}
            rows = [[grid.sheet(video, audio) for audio in self.audio] for video in self.video]
            pairs = [[s if isinstance(s, str) else numbers[id(s)] for s in row] for row in rows]
            found.append((grid, list(sheets.values()), pairs))
        return found

    def _system(self, grid: Grid, sheets: list[Sheet], pairs: list[list[int | str]]) -> dict[str, Any]:
        meshes: list[dict[str, Any]] = [{} for _ in sheets]
        for place, row in enumerate(pairs):
            for number in {number for number in row if isinstance(number, int)}:
                sheet = sheets[number]
                name = "any" if sheet.gridded else str(place)
                if name not in meshes[number]:
                    mesh = sheet.mesh(grid.means(sheet, self.video[place]))
                    meshes[number][name] = self._mesh(sheet, mesh)
        found = [
            {
                "points": sheet.points,
                "levels": [{"name": name, "values": values} for name, values in sheet.levels],
                "clips": sheet.count,
                "kbps": [short(value) for value in sheet.kbps],
                "kbps_video": [short(value) for value in sheet.kbps_video],
                "kbps_audio": [short(value) for value in sheet.kbps_audio],
                "meshes": mesh,
            }
            for sheet, mesh in zip(sheets, meshes, strict=True)
        ]
        return {"system": grid.system, "kind": grid.kind, "sheets": found, "pairs": pairs}

    def _mesh(self, sheet: Sheet, mesh: Mesh) -> dict[str, Any]:
        """A mesh with its lines at each of the page's rates: [p, q, t, p, q, t …] a line."""
        lines = []
        for rate in self.rates:
            found = sheet.equal_rate(mesh, rate)
            lines.append([[n for p, q, t in line for n in (p, q, short(t))] for line in found])
        return {
            "form": mesh.form,
            "shape": mesh.shape,
            "triangles": [point for triangle in mesh.triangles for point in triangle],
            "rows": mesh.rows,
            "columns": mesh.columns,
            "lines": lines,
        }

    def values(self, metric: Key) -> dict[str, dict[int, list[float | None]]]:
        """System → number of each sheet that uses the metric → its mean at each point."""
        found: dict[str, dict[int, list[float | None]]] = {}
        for grid, sheets, pairs in self.laid:
            rows = [row for video, row in zip(self.video, pairs, strict=True) if video == metric]
            rows += [[row[self.audio.index(metric)] for row in pairs]] if metric in self.audio else []
            used = sorted({number for row in rows for number in row if isinstance(number, int)})
            found[grid.system] = {
                number: [short(value) for value in grid.means(sheets[number], metric)] for number in used
            }
        return found

    @cached_property
    def correlated(self) -> dict[str, dict[tuple[Key, Key], Correlation]]:
        """System → pair of metrics → how they go together."""
        pairs = [(video, audio) for video in self.video for audio in self.audio]
        return {grid.system: correlations(grid, pairs) for grid in self.grids}

    def correlations(self, video: Key) -> dict[str, list[list[float | str | None]]]:
        """System → per sound metric [correlation, low, high, reason]."""
        return {
            system: [
                [short(found.value), short(found.low), short(found.high), found.reason]
                for found in (of[video, audio] for audio in self.audio)
            ]
            for system, of in self.correlated.items()
        }


def _rates(grids: list[Grid]) -> list[float]:
    """The rates of the page's lines: round ones that some system has measured settings around."""
    import numpy as np

    means = [np.nanmean(grid.kbps[0], axis=0) for grid in grids]
    known = [rates[rates > 0] for rates in means if (rates > 0).any()]
    if not known:
        return []
    return preferred_rates(float(min(r.min() for r in known)), float(max(r.max() for r in known)))
