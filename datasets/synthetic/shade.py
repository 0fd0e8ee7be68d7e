"""What light comes back from a point: which material it is, and what is drawn on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .features import eye, mouth
from .hair import cloth_surface, hair_surface, strand_coordinates
from .identity import HAIR_STYLES
from .light import illuminate
from .rig import Rows, Triple, to_body, to_head, turn, turn_back, unfold
from .sculpt import Scene
from .skin import Surface, skin_colour
from .solids import smoothstep
from .trace import Rays

if TYPE_CHECKING:
    from torch import Tensor


def head_rays(rays: Rays) -> tuple[Tensor, Tensor, Tensor]:
    """The rays' directions in head coordinates, per unit of depth."""
    import torch

    dx, dy = rays.slopes()
    x, y, z = turn_back(dx, dy, -torch.ones_like(dx), rays.move)
    return x / rays.who.face_width, y / rays.who.face_length, z


def backdrop_light(scene: Scene, rays: Rays) -> Tensor:
    """Light (3, N) of the room behind."""
    import torch
    import torch.nn.functional as functional

    count, _, height, width = scene.backdrops.shape
    # The people's backdrops are stacked into one tall picture; the margin allows for the camera's shift.
    u = (rays.u * 0.90 - 0.05 * rays.move.x) / rays.move.zoom
    v = (-rays.v * 0.90 + 0.05 * rays.move.y) / rays.move.zoom
    row = (v.clamp(-1, 1) + 1) * (height - 1) / 2 + rays.person * height
    grid = torch.stack((u, row * 2 / (count * height - 1) - 1), -1)
    tall = scene.backdrops.permute(1, 0, 2, 3).reshape(1, 3, count * height, width)
    return functional.grid_sample(tall, grid[None, None], padding_mode="border", align_corners=True)[0, :, 0]


def _texture(scene: Scene, u: Tensor, v: Tensor) -> Tensor:
    """(4, N) noise at texture coordinates of any size; it repeats, mirrored."""
    import torch
    import torch.nn.functional as functional

    grid = torch.stack((u, v), -1)[None, None]
    return functional.grid_sample(scene.noise, grid, padding_mode="reflection", align_corners=True)[0, :, 0]


def shade(scene: Scene, rays: Rays, t: Tensor, lit: Tensor, pixel: float) -> Tensor:
    """Light (3, N) from the points at depth t: on the head or on the body, whichever is nearer."""
    import torch

    move, who = rays.move, rays.who
    x, y, z = rays.points(t)
    head = to_head(x, y, z, move, who)
    rest = unfold(*head, move, who)
    body = to_body(x, y, z, move)
    gap_head = scene.head.sample(scene.head.distance, *rest, rays.person)[0]
    gap_body = scene.body.sample(scene.body.distance, *body, rays.person)[0]
    on_head = gap_head < gap_body
    light = torch.empty(3, len(t), device=t.device)
    for chosen, shade in ((on_head, _shade_head), (~on_head, _shade_body)):
        index = chosen.nonzero()[:, 0]
        places = [_of(triple, index) for triple in (head, rest, body)]
        light[:, index] = shade(scene, rays.at(index), places, lit[index], pixel)
    return light


def _view(rays: Rays) -> tuple[Tensor, Tensor, Tensor]:
    dx, dy = rays.slopes()
    length = (dx * dx + dy * dy + 1).rsqrt()
    return -dx * length, -dy * length, length


def _shade_head(scene: Scene, rays: Rays, places: list[Triple], lit: Tensor, pixel: float) -> Tensor:
    import torch

    head, rest, _ = places
    found = scene.head.sample(scene.head.surface, *rest, rays.person)
    around, away = strand_coordinates(rest)
    strands = _strands(scene, rays.who, around, away)
    share = smoothstep(-0.012, 0.030, found[3] + 0.012 * strands[1] - 0.004)
    light = torch.zeros(3, len(lit), device=lit.device)
    for part, weight in ((_shade_skin, 1 - share), (_shade_hair, share)):
        index = (weight > 0).nonzero()[:, 0]
        if len(index):
            nx, ny, nz, _, open_ = found[:, index].unbind()
            where = (_of(head, index), _of(rest, index), (nx, ny, nz))
            seen = part(scene, rays.at(index), *where, open_, strands[:, index], lit[index], pixel)
            light[:, index] += weight[index] * seen
    return light


def _strands(scene: Scene, who: Rows, around: Tensor, away: Tensor) -> Tensor:
    import torch

    straight = _texture(scene, 2.2 * around + who.pattern, 0.55 * away)
    curly = who.hair_style == HAIR_STYLES.index("curly")
    if not bool(curly.any()):
        return straight
    curls = _texture(scene, 2.6 * around + 0.18 * (7 * away).sin() + who.pattern, 2.6 * away)
    return torch.where(curly, curls, straight)


def _shade_skin(
    scene: Scene, rays: Rays, head: Triple, rest: Triple, normal: Triple, open_: Tensor, strands: Tensor,
    lit: Tensor, pixel: float,
) -> Tensor:  # fmt: skip
    import torch

    move, who = rays.move, rays.who
    around = torch.atan2(rest[0], rest[2] + 0.35)
    grain = _texture(scene, 1.35 * around + who.pattern, 1.35 * rest[1])
    albedo, gloss, lips = skin_colour(head, rest, grain, move, who)
    wrap = torch.full_like(lit, 0.42)
    surface = Surface(albedo, turn(*normal, move), gloss, 16 + 22 * lips, wrap, open_)
    ray = head_rays(rays)
    x, y, z = head
    front = (rest[2] > 0.15) & (normal[2] > -0.2)
    for feature, near in (
        (eye, (y.abs() < 0.16) & (x.abs() < 0.6)),
        (mouth, (y < -0.4) & (y > -1.0) & (x.abs() < 0.42) & (z > 0.2)),
    ):
        chosen = (front & near).nonzero()[:, 0]
        if len(chosen):
            at = (
                _of(head, chosen),
                _of(ray, chosen),
                move.at(chosen),
                who.at(chosen),
                grain[:, chosen],
                pixel,
            )
            _put(surface, feature(_pick(surface, chosen), *at), chosen)
    return illuminate(surface, lit, _view(rays), who, 0 * lit, None)


def _shade_hair(
    scene: Scene, rays: Rays, head: Triple, rest: Triple, normal: Triple, open_: Tensor, strands: Tensor,
    lit: Tensor, pixel: float,
) -> Tensor:  # fmt: skip
    import torch

    move, who = rays.move, rays.who
    (nx, ny, nz), combed = normal, (who.hair_style != HAIR_STYLES.index("buzz")).float()
    curly = who.hair_style == HAIR_STYLES.index("curly")
    surface, (tx, ty, tz) = hair_surface(turn(*normal, move), normal, strands, open_, who)
    # Strands stand a little sideways to each other.
    tilt = torch.where(curly, 0.25 * strands[3], 0.16 * strands[1]) * combed
    sx, sy, sz = ny * tz - nz * ty, nz * tx - nx * tz, nx * ty - ny * tx
    surface.normal = turn(nx + tilt * sx, ny + tilt * sy, nz + tilt * sz, move)
    lean = 0.22 * strands[1] + 0.08
    tangent = turn(tx + lean * nx, ty + lean * ny, tz + lean * nz, move)
    return illuminate(surface, lit, _view(rays), who, combed, tangent)


def _shade_body(scene: Scene, rays: Rays, places: list[Triple], lit: Tensor, pixel: float) -> Tensor:
    import torch

    move, who = rays.move, rays.who
    body = places[2]
    nx, ny, nz, collar, open_ = scene.body.sample(scene.body.surface, *body, rays.person).unbind()
    nx, nz = move.body_c * nx + move.body_s * nz, -move.body_s * nx + move.body_c * nz
    noise = _texture(scene, 1.1 * torch.atan2(body[0], body[2] + 1.0) * 3 + who.pattern, 2.1 * body[1])
    flat = torch.ones_like(lit)
    albedo = who.colour("skin") * (0.96 + 0.04 * noise[2] + 0.02 * noise[0])
    skin = Surface(albedo, (nx, ny, nz), 0.18 * flat, 14 * flat, 0.42 * flat, open_)
    surface = cloth_surface(skin, body, collar, (nx, ny, nz), noise, who, pixel)
    return illuminate(surface, lit, _view(rays), who, 0 * flat, None)


def _of(values: Triple, chosen: Tensor) -> Triple:
    x, y, z = values
    return x[chosen], y[chosen], z[chosen]


def _pick(surface: Surface, chosen: Tensor) -> Surface:
    nx, ny, nz = (value[chosen] for value in surface.normal)
    return Surface(
        surface.albedo[:, chosen], (nx, ny, nz), surface.gloss[chosen], surface.sharp[chosen],
        surface.wrap[chosen], surface.open[chosen],
    )  # fmt: skip


def _put(surface: Surface, part: Surface, chosen: Tensor) -> None:
    surface.albedo[:, chosen] = part.albedo
    for mine, theirs in zip(surface.normal, part.normal, strict=True):
        mine[chosen] = theirs
    for name in ("gloss", "sharp", "wrap", "open"):
        getattr(surface, name)[chosen] = getattr(part, name)
