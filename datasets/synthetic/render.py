"""The renderer: a scene and the motion of its people to pictures, on any device, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import TYPE_CHECKING

from .glasses import glasses
from .light import develop, key_direction, sensor_noise
from .rig import Motion, Rows, to_head
from .sculpt import Scene, one_thread
from .shade import backdrop_light, head_rays, shade
from .trace import COARSE, FAR, HALF_HEIGHT, NEAR, Rays, distances, march, shadow

if TYPE_CHECKING:
    from torch import Tensor

# Points worked on at a time. A CPU is eight times as fast while they fit its cache; a GPU wants many.
_PIECE = {"cpu": 1 << 16, "cuda": 1 << 21}
_EDGE = 0.15  # contrast (of 1) between neighbours beyond which a pixel is sampled more finely
_SUBPIXELS = ((-0.125, -0.375), (0.375, -0.125), (0.125, 0.375), (-0.375, 0.125))


def render(
    scene: Scene, motion: Motion, person: Tensor | None = None, size: int = 256, together: bool = False
) -> Tensor:
    """Pictures (B, 3, size, size), uint8 sRGB, on the scene's device.

    motion: B frames; person (B,) int64: who is seen in each, an index into the scene (default: its first);
    together: cast the rays of several frames at once on a CPU too, the same to rounding: two to three times
    as fast below 128 pixels, where a frame alone is too little work, and slower above.
    """
    import torch

    frames = len(motion)
    if person is None:
        person = torch.zeros(frames, dtype=torch.int64)
    person = person.to(scene.device)
    step = max(1, 4 * _piece(scene) // size**2)
    with torch.no_grad(), one_thread(scene.device):
        pictures = [
            _render(scene, _part(motion, start, start + step), person[start : start + step], size, together)
            for start in range(0, frames, step)
        ]
    return torch.cat(pictures) if pictures else torch.empty(0, 3, size, size, dtype=torch.uint8)


def _piece(scene: Scene) -> int:
    return _PIECE.get(scene.device.type, 1 << 20)


def _part(motion: Motion, start: int, stop: int) -> Motion:
    return Motion(**{field.name: getattr(motion, field.name)[start:stop] for field in fields(Motion)})


def _render(scene: Scene, motion: Motion, person: Tensor, size: int, together: bool) -> Tensor:
    import torch
    import torch.nn.functional as functional

    frames, pixels = len(motion), size * size
    table = motion.table(scene.device)
    cast = _Caster(scene, table, person, frames, size, together or scene.device.type != "cpu")
    index = torch.arange(frames * pixels, device=scene.device)
    picture, depth = cast.look(index, cast.start, torch.zeros(1, 2, device=scene.device))
    edges = _edges(picture.view(3, frames, size, size))
    # A finer ray starts where the nearest of the pixels around it ended.
    nearest = -functional.max_pool2d(-depth.view(frames, 1, size, size), 3, 1, 1).view(-1) - cast.pixel
    offsets = torch.tensor(_SUBPIXELS, device=scene.device)
    finer, _ = cast.look(edges, nearest, offsets)
    picture[:, edges] = finer.view(3, -1, len(offsets)).mean(2)
    picture = picture.view(3, frames, pixels).transpose(0, 1)
    grain = torch.stack([sensor_noise(table["grain"] * 3 + channel, pixels) for channel in range(3)], 1)
    level = scene.people["noise"][person][:, None, None]
    picture = picture + grain * level * (0.6 + 0.8 * (picture * (1 - picture)).clamp_min(0).sqrt())
    return (picture * 255).round().clamp(0, 255).to(torch.uint8).view(frames, 3, size, size)


def _edges(picture: Tensor) -> Tensor:
    """Index of the pixels (of B * H * W) that differ visibly from a neighbour."""
    import torch.nn.functional as functional

    grey = picture.mean(0)[:, None]
    highest = functional.max_pool2d(grey, 3, 1, 1)
    lowest = -functional.max_pool2d(-grey, 3, 1, 1)
    return (highest - lowest > _EDGE).view(-1).nonzero()[:, 0]


class _Caster:
    """Rays of a batch of frames: first a coarse pass over all of them, then whatever pixels are asked for."""

    def __init__(
        self,
        scene: Scene,
        table: dict[str, Tensor],
        person: Tensor,
        frames: int,
        size: int,
        together: bool,
    ) -> None:
        self.together = together
        self.scene, self.table, self.person, self.frames, self.size = scene, table, person, frames, size
        self.pixel = 2 * HALF_HEIGHT / size
        self.spectacled = bool((scene.people["glasses"] > 0).any())
        self.lit, self.start = self._coarse()

    def look(self, index: Tensor, start: Tensor, offsets: Tensor) -> tuple[Tensor, Tensor]:
        """Developed colours (3, N * K) and depths (N * K,) of K rays for each pixel of `index` (N,).

        index: into B * size * size, ascending; start: depth to start at, (B * size * size,), FAR where there
        is nothing; offsets: (K, 2), pixels off the pixel's centre.
        """
        import torch

        colours, depths = [torch.empty(3, 0, device=index.device)], [torch.empty(0, device=index.device)]
        for part, table, people, person, lit in self._pieces(index, len(offsets)):
            inside = part % self.size**2
            px = ((inside % self.size).float()[:, None] + 0.5 + offsets[:, 0]).view(-1)
            py = ((inside // self.size).float()[:, None] + 0.5 + offsets[:, 1]).view(-1)
            frame = part // self.size**2 if len(lit) > 1 else part[:1] * 0
            rays = self._rays(
                frame.repeat_interleave(len(offsets)) if len(lit) > 1 else frame,
                px,
                py,
                table,
                people,
                person,
            )
            light, depth = self._light(rays, px, py, start[part].repeat_interleave(len(offsets)), lit)
            colours.append(develop(light))
            depths.append(depth)
        return torch.cat(colours, 1), torch.cat(depths)

    def _pieces(self, index: Tensor, rays_each: int) -> Iterator[tuple]:
        """Parts of `index` with what they need: of one frame, whose parameters are scalars, or of several."""
        if self.together:
            for part in index.split(max(1, _piece(self.scene) // rays_each)):
                yield part, self.table, self.scene.people, self.person, self.lit
            return
        for frame in range(self.frames):
            row = slice(frame, frame + 1)
            table = {name: column[row] for name, column in self.table.items()}
            who = slice(int(self.person[frame]), int(self.person[frame]) + 1)
            people = {name: column[who] for name, column in self.scene.people.items()}
            own = index[(index >= frame * self.size**2) & (index < (frame + 1) * self.size**2)]
            for part in own.split(max(1, _piece(self.scene) // rays_each)):
                yield part, table, people, self.person[row], self.lit[row]

    def _rays(
        self,
        frame: Tensor,
        px: Tensor,
        py: Tensor,
        table: dict[str, Tensor],
        people: dict[str, Tensor],
        person: Tensor,
    ) -> Rays:
        who = person[frame] if len(person) > 1 else person
        return Rays(
            frame, 2 * px / self.size - 1, 1 - 2 * py / self.size, Rows(table, frame), Rows(people, who), who
        )

    def _coarse(self) -> tuple[Tensor, Tensor]:
        """What a ray for every COARSE-th pixel corner tells.

        How much key light arrives at the corners, (B, 1, g, g); the depth at which the pixels' rays may
        start, (B * size * size,), FAR where it and its surroundings meet nothing.
        """
        import torch
        import torch.nn.functional as functional

        scene = self.scene
        side = (self.size + COARSE - 1) // COARSE + 1
        index = torch.arange(self.frames * side * side, device=scene.device)
        px, py = (index % side).float() * COARSE, (index // side % side).float() * COARSE
        rays = self._rays(index // side**2, px, py, self.table, scene.people, self.person)
        shape = (self.frames, 1, side, side)
        reach = self.pixel * COARSE
        t, best, at = px * 0 + NEAR, px * 0 + 10, px * 0 + FAR
        for _ in range(26):
            head, body = distances(scene, rays, *rays.points(t))
            left = head.minimum(body)
            t = t + 0.92 * left
            at, best = torch.where(left < best, t, at), left.minimum(best)
            t = t.clamp_max(FAR)
        depth = torch.where(best < 1.3 * reach, at, FAR).view(shape)
        lit = shadow(scene, rays, at, key_direction(rays.who)).view(shape)
        hit = (best < 0.3 * reach).float().view(shape)
        # Where a coarse ray missed, the light of its neighbours that hit holds.
        around = functional.avg_pool2d(lit * hit, 3, 1, 1) / functional.avg_pool2d(hit, 3, 1, 1).clamp_min(
            0.05
        )
        lit = torch.where(hit > 0, lit, around)
        # Where the surface is smooth between coarse rays a ray may start close to it, at a rim it must not.
        nearest, farthest = -functional.max_pool2d(-depth, 3, 1, 1), functional.max_pool2d(depth, 3, 1, 1)
        start = nearest - 0.01 - (0.5 * (farthest - nearest)).clamp_max(1.3 * reach)
        start = torch.where(nearest < FAR, start, FAR)
        corner = (torch.arange(self.size, device=scene.device) + 0.5).div(COARSE).round().long()
        return lit, start[:, 0, corner][:, :, corner].reshape(-1)

    def _light(
        self, rays: Rays, px: Tensor, py: Tensor, start: Tensor, shades: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Linear light (3, N) and depth (N,) of rays through picture positions px, py (pixels)."""
        import torch
        import torch.nn.functional as functional

        side = shades.shape[-1]
        light, depth = backdrop_light(self.scene, rays), torch.full_like(px, FAR)
        active = (start < FAR).nonzero()[:, 0]
        rays = rays.at(active)
        t, hit = march(self.scene, rays, start[active], 0.4 * self.pixel)
        # The key's light at the pixel, between the four coarse rays around it.
        gx, gy = px[active] / COARSE, py[active] / COARSE + rays.frame * side
        grid = torch.stack((gx * 2 / (side - 1) - 1, gy * 2 / (side * len(shades) - 1) - 1), -1)
        lit = functional.grid_sample(shades.view(1, 1, -1, side), grid[None, None], align_corners=True)[
            0, 0, 0
        ]
        solid = hit.nonzero()[:, 0]
        seen = light[:, active]
        seen[:, solid] = shade(self.scene, rays.at(solid), t[solid], lit[solid], self.pixel)
        t = torch.where(hit, t, FAR)
        if self.spectacled and bool((rays.who.glasses > 0).any()):
            head = to_head(*rays.points(t), rays.move, rays.who)
            seen = glasses(seen, head, head_rays(rays), rays.who, self.pixel)
        light[:, active], depth[active] = seen, t
        return light, depth
