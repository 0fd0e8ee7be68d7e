"""What light comes back from a point: which material it is, and what is drawn on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .features import eye, mouth
from .hair import cloth_surface, hair_surface, strand_coordinates
from .identity import HAIR_STYLES
from .light import illuminate
from .rig import Triple, to_body, to_head, turn, turn_back, unfold
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

    move, who = rays.move, rays.who
    head, rest, _ = places
    nx, ny, nz, fibre, open_ = scene.head.sample(scene.head.surface, *rest, rays.person).unbind()
    normal = turn(nx, ny, nz, move)
    around = torch.atan2(rest[0], rest[2] + 0.35)
    grain = _texture(scene, 1.35 * around + who.pattern, 1.35 * rest[1])
    albedo, gloss, lips = skin_colour(head, rest, grain, move, who)
    flat = torch.ones_like(lit)
    surface = Surface(albedo, normal, gloss, 16 + 22 * lips, 0.42 * flat, open_)
    ray = head_rays(rays)
    front = ((rest[2] > 0.15) & (nz > -0.2)).nonzero()[:, 0]
    for feature in ("eye", "mouth"):
        wx, wy, wz = (value[front] for value in head)
        if feature == "eye":
            near = (wy.abs() < 0.16) & (wx.abs() < 0.6)
        else:
            near = (wy < -0.4) & (wy > -1.0) & (wx.abs() < 0.42) & (wz > 0.2)
        chosen = front[near.nonzero()[:, 0]]
        if not len(chosen):
            continue
        part = _pick(surface, chosen)
        here, through = _of(head, chosen), _of(ray, chosen)
        rows_move, rows_who = move.at(chosen), who.at(chosen)
        if feature == "eye":
            part = eye(part, here, through, rows_move, rows_who, grain[:, chosen], pixel)
        else:
            part = mouth(part, here, through, rows_move, rows_who, pixel)
        _put(surface, part, chosen)
    turned, away = strand_coordinates(rest)
    strands = _texture(scene, 2.2 * turned + who.pattern, 0.55 * away)
    if bool((who.hair_style == HAIR_STYLES.index("curly")).any()):
        curls = _texture(scene, 2.6 * turned + 1.2 * (7 * away).sin() * 0.15 + who.pattern, 2.6 * away)
        strands = torch.where(who.hair_style == HAIR_STYLES.index("curly"), curls, strands)
    share = smoothstep(-0.012, 0.030, fibre + 0.012 * strands[1] - 0.004)
    fibres, tangent = hair_surface(normal, (nx, ny, nz), strands, open_, who)
    # Strands stand a little sideways to each other.
    curly = who.hair_style == HAIR_STYLES.index("curly")
    tilt = torch.where(curly, 0.25 * strands[3], 0.16 * strands[1]) * (who.hair_style != 1)
    sideways = (
        ny * tangent[2] - nz * tangent[1],
        nz * tangent[0] - nx * tangent[2],
        nx * tangent[1] - ny * tangent[0],
    )
    sx, sy, sz = sideways
    fibres.normal = turn(nx + tilt * sx, ny + tilt * sy, nz + tilt * sz, move)
    surface = surface.blend(fibres, share)
    lean = 0.22 * strands[1] + 0.08
    tx, ty, tz = tangent
    tangent = turn(tx + lean * nx, ty + lean * ny, tz + lean * nz, move)
    return illuminate(surface, lit, _view(rays), who, share * (who.hair_style != 1), tangent)


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
