"""Triangles between a system's measured settings, and the iso-rate curves on them. Never beyond them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

Crossing = tuple[int, int, float]
"""A place on the edge from point p to point q: p + t × (q − p), with t from 0 to 1."""

LEVELS = (1, 1.2, 1.5, 1.8, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9)
"""Rates of which iso-rate curves are made, times powers of ten."""
CONTOURS = 4
"""So many lines of one system can be told apart."""

LATTICE, TRIANGULATED, LADDER, SCATTERED = "lattice", "triangulated", "ladder", "scattered"


@dataclass(frozen=True)
class Mesh:
    """How the points of a system hang together; points are numbered.

    form: `lattice` (two settings, in grid order), `triangulated` (no grid: Delaunay), `ladder` (one setting)
    or `scattered` (nothing joins the points); rows, columns: its lines, where only one setting changes;
    shape: levels of the two settings.
    """

    form: str
    triangles: tuple[tuple[int, int, int], ...] = ()
    rows: tuple[tuple[int, ...], ...] = ()
    columns: tuple[tuple[int, ...], ...] = ()
    shape: tuple[int, int] = (0, 0)

    def crossings(self, height: Sequence[float] | Array, level: float) -> list[list[Crossing]]:
        """Where the linear interpolation of `height` (one per point) over the mesh is at `level`.

        Lines as lists of crossings of edges, in order along the line; on a ladder each line is one place.
        """
        above = [value >= level for value in height]

        def cross(p: int, q: int) -> Crossing:
            p, q = min(p, q), max(p, q)
            return p, q, (level - height[p]) / (height[q] - height[p])

        if not self.triangles:
            line = self.rows[0] if self.rows else ()
            return [[cross(p, q)] for p, q in pairwise(line) if above[p] != above[q]]
        follows: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for triangle in self.triangles:
            edges = [
                (min(p, q), max(p, q)) for p, q in zip(triangle, triangle[1:] + triangle[:1], strict=True)
            ]
            cut = [edge for edge in edges if above[edge[0]] != above[edge[1]]]
            if cut:
                first, second = cut
                follows.setdefault(first, []).append(second)
                follows.setdefault(second, []).append(first)
        return [[cross(*edge) for edge in line] for line in _chains(follows)]


def _chains(follows: Mapping[tuple[int, int], Sequence[tuple[int, int]]]) -> list[list[tuple[int, int]]]:
    """Nodes of degree one or two as open lines from end to end, then closed ones."""
    left = dict.fromkeys(sorted(follows, key=lambda node: (len(follows[node]), node)))
    lines = []
    while left:
        node = next(iter(left))
        line = []
        while node is not None:
            line.append(node)
            left.pop(node)
            node = next((other for other in follows[node] if other in left), None)
        if len(line) > 2 and line[0] in follows[line[-1]]:
            line.append(line[0])
        lines.append(line)
    return lines


def lattice(first: Sequence[int], second: Sequence[int]) -> Mesh:
    """Points at the levels `first` and `second` of two settings, both counted in order of rate.

    A cell with four measured corners is two triangles, split from more of the one setting to more of the
    other; with three corners one; what a missing corner leaves open stays open.
    """
    at = {(i, j): point for point, (i, j) in enumerate(zip(first, second, strict=True))}
    size = max(first, default=-1) + 1, max(second, default=-1) + 1
    rows = [tuple(at[i, j] for j in range(size[1]) if (i, j) in at) for i in range(size[0])]
    columns = [tuple(at[i, j] for i in range(size[0]) if (i, j) in at) for j in range(size[1])]
    if min(size) < 2:
        order = rows if size[0] == 1 else columns
        return Mesh(LADDER, rows=tuple(order[:1]), shape=size)
    triangles = []
    for i in range(size[0] - 1):
        for j in range(size[1] - 1):
            low, high = at.get((i, j)), at.get((i + 1, j + 1))
            more_first, more_second = at.get((i + 1, j)), at.get((i, j + 1))
            halves = [(low, more_first, more_second), (more_first, high, more_second)]
            if more_first is None or more_second is None:
                halves = [(low, more_first, high), (low, high, more_second)]
            triangles += [(p, q, r) for p, q, r in halves if None not in (p, q, r)]
    form = LATTICE if triangles else SCATTERED
    return Mesh(form, tuple(triangles), tuple(rows), tuple(columns), size)  # type: ignore[arg-type]


def triangulated(x: Sequence[float] | Array, y: Sequence[float] | Array) -> Mesh:
    """Points that form no grid, joined to their neighbours in the plane (x, y), axes scaled to [0, 1]."""
    import numpy as np
    from scipy.spatial import Delaunay, QhullError

    plane = np.stack([np.asarray(x, dtype=float), np.asarray(y, dtype=float)], axis=1)
    span = np.ptp(plane, axis=0)
    if len(plane) < 3 or not (span > 0).all():
        return Mesh(SCATTERED)
    try:
        found = Delaunay((plane - plane.min(axis=0)) / span)
    except QhullError:  # all on one line
        return Mesh(SCATTERED)
    return Mesh(TRIANGULATED, tuple((int(p), int(q), int(r)) for p, q, r in found.simplices))


def factors(params: Sequence[Mapping[str, object]]) -> list[tuple[str, list[str | float]]] | None:
    """The settings that vary, as (name, each point's level); parameters that move together are one.

    None when none or more than two vary, or when two points have the same levels: then they are not a grid.
    """
    names = list(dict.fromkeys(name for row in params for name in row))
    found: dict[tuple[int, ...], tuple[str, list[str | float]]] = {}
    for name in names:
        values = [_level(row.get(name)) for row in params]
        order = {value: at for at, value in enumerate(dict.fromkeys(values))}
        if len(order) > 1:
            found.setdefault(tuple(order[value] for value in values), (name, values))
    cells = set(zip(*(values for _, values in found.values()), strict=True))
    return list(found.values()) if 1 <= len(found) <= 2 and len(cells) == len(params) else None


def _level(value: object) -> str | float:
    return value if isinstance(value, int | float | str) else repr(value)


def ranked(values: Sequence[str | float], rates: Sequence[float] | Array) -> list[int]:
    """Each point's level, counted from 0; higher levels have higher `rates` (one per point, on the whole).

    Numbers keep their order (or its reverse), whatever points are missing; names are ordered by mean rate.
    """
    import numpy as np

    mean = {
        value: float(np.mean([r for v, r in zip(values, rates, strict=True) if v == value]))
        for value in values
    }
    if all(isinstance(value, int | float) for value in mean):
        order = sorted(mean)
        if np.corrcoef(np.argsort(np.argsort([mean[value] for value in order])), range(len(order)))[0, 1] < 0:
            order.reverse()
    else:
        order = sorted(mean, key=lambda value: (mean[value], str(value)))
    return [order.index(value) for value in values]


def preferred_rates(low: float, high: float) -> list[float]:
    """Round rates within [low, high] kbit/s, as `LEVELS`."""
    if not (0 < low <= high):
        return []
    powers = range(math.floor(math.log10(low)), math.floor(math.log10(high)) + 1)
    found = [float(f"{digit * 10.0**power:.4g}") for power in powers for digit in LEVELS]
    return [rate for rate in found if low <= rate <= high]


def usual_rates(rates: Sequence[float], drawn: Sequence[tuple[Sequence[float] | Array, Mesh]]) -> list[float]:
    """Of `rates` the few whose lines are drawn before any is chosen: those that most systems reach.

    drawn: total rates and mesh of each system; 1, 2, 5, 10 … where at least two of them are reached.
    """
    import numpy as np

    counts = {
        rate: sum(bool(mesh.crossings(np.log10(kbps), float(np.log10(rate)))) for kbps, mesh in drawn)
        for rate in rates
    }
    reached = [rate for rate in rates if counts[rate]]
    round_ = [rate for rate in reached if f"{rate:e}"[:8] in ("1.000000", "2.000000", "5.000000")]
    offered = round_ if len(round_) > 1 else reached
    return sorted(sorted(offered, key=lambda rate: (-counts[rate], rate))[:CONTOURS])
