"""Rays against a scene: sphere tracing on a coarse grid first, then from there for every pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .rig import Rows, to_body, to_head, unfold
from .sculpt import Scene

if TYPE_CHECKING:
    from torch import Tensor

CAMERA_Z, LOOK_Y, HALF_HEIGHT = 6.5, -0.32, 1.72  # head units; half height of the picture at z = 0
NEAR, FAR = CAMERA_Z - 1.45, CAMERA_Z + 1.3
COARSE = 4  # pixels between coarse rays


@dataclass(frozen=True)
class Rays:
    """One ray per point: frame (N,) int64; u, v (N,): picture coordinates, v upwards, the height is -1..1."""

    frame: Tensor
    u: Tensor
    v: Tensor
    move: Rows
    who: Rows
    person: Tensor

    def at(self, chosen: Tensor) -> Rays:
        """The chosen rays; `chosen` (M,) is an index."""
        person = self.person if len(self.person) == 1 else self.person[chosen]
        return Rays(
            self.frame[chosen] if len(self.frame) > 1 else self.frame,
            self.u[chosen],
            self.v[chosen],
            self.move.at(chosen),
            self.who.at(chosen),
            person,
        )

    def slopes(self) -> tuple[Tensor, Tensor]:
        """dx/dt and dy/dt, where t is the depth from the camera: z = CAMERA_Z - t."""
        scale = HALF_HEIGHT / CAMERA_Z / self.move.zoom
        return self.u * scale, self.v * scale

    def points(self, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """World points at depth t (N,)."""
        dx, dy = self.slopes()
        return dx * t, dy * t + LOOK_Y, CAMERA_Z - t


def distances(scene: Scene, rays: Rays, x: Tensor, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
    """Distances (N,) of world points to the head and to the body.

    A volume repeats its border outside of its box; the border is kept positive, so nothing is met there.
    """
    import torch

    rest = unfold(*to_head(x, y, z, rays.move, rays.who), rays.move, rays.who)
    head = scene.head.sample(scene.head.distance, *rest, rays.person)[0]
    if len(rays.frame) > 1:
        return head, _body_distance(scene, rays.move, x, y, z, rays.person)
    # The rays of one frame come row by row; those of the upper half, which rise, pass over the shoulders.
    upper = int((rays.v > 0).sum())
    body = _body_distance(scene, rays.move, x[upper:], y[upper:], z[upper:], rays.person)
    return head, torch.cat((torch.full_like(x[:upper], FAR), body))


def _body_distance(scene: Scene, move: Rows, x: Tensor, y: Tensor, z: Tensor, person: Tensor) -> Tensor:
    bx, by, bz = to_body(x, y, z, move)
    body = scene.body.sample(scene.body.distance, bx, by, bz, person)[0]
    return body + (by - scene.body.box[1][1]).clamp_min(0)


def march(scene: Scene, rays: Rays, t: Tensor, tolerance: float) -> tuple[Tensor, Tensor]:
    """Depth (N,) where each ray meets the scene, from depths t on, and whether it does (N,) bool.

    tolerance: a ray has arrived when it is this near. Rays that have not go on without the others.
    """
    import torch

    t = t.clone()
    left = torch.full_like(t, 10.0)
    going = torch.arange(len(t), device=t.device)
    for steps in (2, 1, 2, 3, 4, 6, 10):
        part, depth, gap = rays.at(going), t[going], left[going]
        for _ in range(steps):
            head, body = distances(scene, part, *part.points(depth))
            before, gap = gap, head.minimum(body)
            # A gap that hardly closes is that of a ray along a surface: it may take longer strides.
            depth = depth + gap * torch.where(gap > 0.6 * before.abs(), 1.9, 0.97)
        t[going], left[going] = depth, gap
        going = going[((gap.abs() > tolerance) & (depth < FAR)).nonzero()[:, 0]]
        if not len(going):
            break
    return t, (left < 1.5 * tolerance) & (t < FAR)


def shadow(scene: Scene, rays: Rays, t: Tensor, light: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """How much of the key light reaches the points at depth t (N,): 0 to 1, with soft edges."""
    x, y, z = rays.points(t - 0.03)
    lit = t * 0 + 1
    travelled = t * 0 + 0.06
    for _ in range(9):
        head, body = distances(
            scene, rays, x + light[0] * travelled, y + light[1] * travelled, z + light[2] * travelled
        )
        left = head.minimum(body)
        lit = lit.minimum(0.5 + 0.5 * 7 * left / travelled)
        travelled = travelled + left.clamp(0.03, 0.25)
    lit = lit.clamp(0, 1)
    return lit * lit * (3 - 2 * lit)
