"""Signed distances of a few solids, and their smooth combinations (after Quilez, "Distance functions").

Points come as separate coordinate tensors of one shape; distances are negative inside. Tensor arguments
broadcast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

Number = "Tensor | float"
Point = "tuple[Tensor | float, Tensor | float, Tensor | float]"


def ellipsoid(x: Tensor, y: Tensor, z: Tensor, centre: tuple, radii: tuple) -> Tensor:
    """Distance to an axis-aligned ellipsoid, exact to first order near its surface."""
    px, py, pz = x - centre[0], y - centre[1], z - centre[2]
    qx, qy, qz = px / radii[0], py / radii[1], pz / radii[2]
    inside = (qx * qx + qy * qy + qz * qz).sqrt()
    qx, qy, qz = qx / radii[0], qy / radii[1], qz / radii[2]
    slope = (qx * qx + qy * qy + qz * qz).sqrt()
    return inside * (inside - 1) / (slope + 1e-6)


def sphere(x: Tensor, y: Tensor, z: Tensor, centre: tuple, radius: Tensor | float) -> Tensor:
    """Distance to a sphere."""
    px, py, pz = x - centre[0], y - centre[1], z - centre[2]
    return (px * px + py * py + pz * pz).sqrt() - radius


def cone(x: Tensor, y: Tensor, z: Tensor, start: tuple, end: tuple, radii: tuple) -> Tensor:
    """Distance to a capsule from `start` to `end` whose radius goes from radii[0] to radii[1]."""
    bx, by, bz = end[0] - start[0], end[1] - start[1], end[2] - start[2]
    px, py, pz = x - start[0], y - start[1], z - start[2]
    along = ((px * bx + py * by + pz * bz) / (bx * bx + by * by + bz * bz)).clamp(0, 1)
    px, py, pz = px - along * bx, py - along * by, pz - along * bz
    return (px * px + py * py + pz * pz).sqrt() - (radii[0] + along * (radii[1] - radii[0]))


def union(first: Tensor, second: Tensor, blend: Tensor | float) -> Tensor:
    """Smooth minimum: the two solids flow together over a distance `blend`."""
    share = (0.5 + 0.5 * (second - first) / blend).clamp(0, 1)
    return second + share * (first - second) - blend * share * (1 - share)


def cut(solid: Tensor, tool: Tensor, blend: Tensor | float) -> Tensor:
    """`solid` without `tool`, smoothly."""
    return -union(-solid, tool, blend)


def smoothstep(low: Tensor | float, high: Tensor | float, value: Tensor) -> Tensor:
    """0 below `low`, 1 above `high`, cubic between."""
    t = ((value - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)
