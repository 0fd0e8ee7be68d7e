"""The renderer: a scene and the motion of its people to pictures, on any device, in bounded memory."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from .features import eye, mouth
from .glasses import glasses
from .hair import cloth_surface, hair_surface, strand_coordinates
from .light import develop, illuminate, key_direction, sensor_noise
from .rig import Motion, Rows, to_body, to_head, turn, turn_back, unfold
from .sculpt import Scene
from .skin import Surface, skin_colour
from .solids import smoothstep
from .trace import CAMERA_Z, COARSE, FAR, HALF_HEIGHT, NEAR, Rays, distances, march, shadow

if TYPE_CHECKING:
    import torch
    from torch import Tensor

# Points worked on at a time. A CPU is eight times as fast while they fit its cache; a GPU wants many.
_PIECE = {"cpu": 1 << 15, "cuda": 1 << 21}


def render(scene: Scene, motion: Motion, person: Tensor | None = None, size: int = 256) -> Tensor:
    """Pictures (B, 3, size, size), uint8 sRGB, on the scene's device.

    motion: B frames; person (B,) int64: who is seen in each, an index into the scene (default: its first).
    """
    import torch

    frames = len(motion)
    if person is None:
        person = torch.zeros(frames, dtype=torch.int64)
    step = max(1, _PIECE.get(scene.device.type, 1 << 20) * COARSE**2 // size**2)
    with torch.no_grad():
        pictures = [
            _render(
                scene, _part(motion, start, start + step), person[start : start + step].to(scene.device), size
            )
            for start in range(0, frames, step)
        ]
    return torch.cat(pictures)


def _part(motion: Motion, start: int, stop: int) -> Motion:
    return Motion(**{field.name: getattr(motion, field.name)[start:stop] for field in fields(Motion)})


def _render(scene: Scene, motion: Motion, person: Tensor, size: int) -> Tensor:
    import torch

    device, frames = scene.device, len(motion)
    table = motion.table(device)
    coarse = _coarse(scene, table, person, frames, size)
    pieces = []
    for index in torch.arange(frames * size * size, device=device).split(_PIECE.get(device.type, 1 << 20)):
        px, py = (index % size).float() + 0.5, (index // size % size).float() + 0.5
        pieces.append(_trace_and_shade(scene, table, person, index // size**2, px, py, size, coarse))
    light = torch.cat(pieces, 1)
    picture = develop(light.view(3, frames, size * size).transpose(0, 1))
    grain = torch.stack([sensor_noise(table["grain"] * 3 + channel, size * size) for channel in range(3)], 1)
    level = scene.people["noise"][person][:, None, None]
    picture = picture + grain * level * (0.6 + 0.8 * (picture * (1 - picture)).clamp_min(0).sqrt())
    return (picture * 255).round().clamp(0, 255).to(torch.uint8).view(frames, 3, size, size)


def _rays(
    scene: Scene, table: dict[str, Tensor], person: Tensor, frame: Tensor, px: Tensor, py: Tensor, size: int
) -> Rays:
    who = person[frame] if len(scene) > 1 else person[:1] * 0
    return Rays(frame, 2 * px / size - 1, 1 - 2 * py / size, Rows(table, frame), Rows(scene.people, who), who)


def _coarse(scene: Scene, table: dict[str, Tensor], person: Tensor, frames: int, size: int) -> Tensor:
    """(B, 3, g, g) on a grid of every COARSE-th pixel corner: near (0/1), depth to start at, light of the key."""
    import torch
    import torch.nn.functional as functional

    side = (size + COARSE - 1) // COARSE + 1
    index = torch.arange(frames * side * side, device=scene.device)
    px, py = (index % side).float() * COARSE, (index // side % side).float() * COARSE
    rays = _rays(scene, table, person, index // side**2, px, py, size)
    reach = 2 * HALF_HEIGHT / size * COARSE
    t, best, at = px * 0 + NEAR, px * 0 + 10, px * 0 + FAR
    for _ in range(20):
        head, body = distances(scene, rays, *rays.points(t))
        left = head.minimum(body)
        t = t + 0.92 * left
        at, best = torch.where(left < best, t, at), left.minimum(best)
        t = t.clamp_max(FAR)
    near = (best < 1.3 * reach).float().view(frames, 1, side, side)
    start = torch.where(best < 1.3 * reach, at, FAR).view(frames, 1, side, side)
    lit = shadow(scene, rays, at, key_direction(rays.who)).view(frames, 1, side, side)
    hit = (best < 0.3 * reach).float().view(frames, 1, side, side)
    # Where a coarse ray missed, the light of its neighbours that hit holds.
    around = functional.avg_pool2d(lit * hit, 3, 1, 1) / functional.avg_pool2d(hit, 3, 1, 1).clamp_min(0.05)
    lit = torch.where(hit > 0, lit, around)
    near = functional.max_pool2d(near, 3, 1, 1)
    start = -functional.max_pool2d(-start, 3, 1, 1)
    return torch.cat((near, start - 1.2 * reach - 0.02, lit), 1)


def _trace_and_shade(
    scene: Scene,
    table: dict[str, Tensor],
    person: Tensor,
    frame: Tensor,
    px: Tensor,
    py: Tensor,
    size: int,
    coarse: Tensor,
) -> Tensor:
    """Linear light (3, N) of the rays through picture positions px, py (pixels) of the frames."""
    import torch
    import torch.nn.functional as functional

    side = coarse.shape[-1]
    cell = (frame * side + (py / COARSE).round().long()) * side + (px / COARSE).round().long()
    active = (coarse[:, 0].reshape(-1)[cell] > 0).nonzero()[:, 0]
    rays = _rays(scene, table, person, frame, px, py, size)
    light = _backdrop(scene, rays)
    rays = rays.at(active)
    t = coarse[:, 1].reshape(-1)[cell[active]]
    pixel = 2 * HALF_HEIGHT / size
    t, hit = march(scene, rays, t, 0.25 * pixel)
    # The key's light at the pixel, between the four coarse rays around it.
    gx, gy = px[active] / COARSE, py[active] / COARSE
    flat = torch.stack(
        (gx * 2 / (side - 1) - 1, (gy + rays.frame * side) * 2 / (side * len(coarse) - 1) - 1), -1
    )
    lit = functional.grid_sample(coarse[:, 2].reshape(1, 1, -1, side), flat[None, None], align_corners=True)[
        0, 0, 0
    ]
    solid = hit.nonzero()[:, 0]
    found = _shade(scene, rays.at(solid), t[solid], lit[solid], pixel)
    seen = light[:, active]
    seen[:, solid] = found
    if bool((scene.people["glasses"] > 0).any()):
        t = torch.where(hit, t, FAR)
        head = to_head(*rays.points(t), rays.move, rays.who)
        seen = glasses(seen, head, _ray(rays), rays.who, pixel)
    light[:, active] = seen
    return light


def _ray(rays: Rays) -> tuple[Tensor, Tensor, Tensor]:
    """The rays' directions in head coordinates, per unit of depth."""
    import torch

    dx, dy = rays.slopes()
    x, y, z = turn_back(dx, dy, -torch.ones_like(dx), rays.move)
    return x / rays.who.face_width, y / rays.who.face_length, z


def _backdrop(scene: Scene, rays: Rays) -> Tensor:
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


def _shade(scene: Scene, rays: Rays, t: Tensor, lit: Tensor, pixel: float) -> Tensor:
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
        places = [tuple(value[index] for value in triple) for triple in (head, rest, body)]
        light[:, index] = shade(scene, rays.at(index), places, lit[index], pixel)
    return light


def _view(rays: Rays) -> tuple[Tensor, Tensor, Tensor]:
    dx, dy = rays.slopes()
    length = (dx * dx + dy * dy + 1).rsqrt()
    return -dx * length, -dy * length, length


def _shade_head(scene: Scene, rays: Rays, places: list, lit: Tensor, pixel: float) -> Tensor:
    import torch

    move, who = rays.move, rays.who
    head, rest, _ = places
    nx, ny, nz, fibre, open_ = scene.head.sample(scene.head.surface, *rest, rays.person)
    normal = turn(nx, ny, nz, move)
    around = torch.atan2(rest[0], rest[2] + 0.35)
    grain = _texture(scene, 1.35 * around + who.pattern, 1.35 * rest[1])
    albedo, gloss, lips = skin_colour(head, rest, grain, move, who)
    flat = torch.ones_like(lit)
    surface = Surface(albedo, normal, gloss, 16 + 22 * lips, 0.42 * flat, open_)
    ray = _ray(rays)
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
        here, through = tuple(v[chosen] for v in head), tuple(v[chosen] for v in ray)
        rows_move, rows_who = move.at(chosen), who.at(chosen)
        if feature == "eye":
            part = eye(part, here, through, rows_move, rows_who, grain[:, chosen], pixel)
        else:
            part = mouth(part, here, through, rows_move, rows_who, pixel)
        _put(surface, part, chosen)
    turned, away = strand_coordinates(rest, who)
    strands = _texture(scene, 2.2 * turned + who.pattern, 0.55 * away)
    share = smoothstep(-0.012, 0.030, fibre + 0.012 * strands[1] - 0.004)
    fibres, tangent = hair_surface(normal, (nx, ny, nz), strands, open_, who)
    # Strands stand a little sideways to each other.
    tilt = 0.16 * strands[1] * (who.hair_style != 1)
    sideways = (
        ny * tangent[2] - nz * tangent[1],
        nz * tangent[0] - nx * tangent[2],
        nx * tangent[1] - ny * tangent[0],
    )
    bent = turn(*(n + tilt * s for n, s in zip((nx, ny, nz), sideways, strict=True)), move)
    fibres.normal = bent
    surface = surface.blend(fibres, share)
    lean = 0.22 * strands[1] + 0.08
    tangent = turn(*(d + lean * n for d, n in zip(tangent, (nx, ny, nz), strict=True)), move)
    return illuminate(surface, lit, _view(rays), who, share * (who.hair_style != 1), tangent)


def _shade_body(scene: Scene, rays: Rays, places: list, lit: Tensor, pixel: float) -> Tensor:
    import torch

    move, who = rays.move, rays.who
    body = places[2]
    nx, ny, nz, collar, open_ = scene.body.sample(scene.body.surface, *body, rays.person)
    nx, nz = move.body_c * nx + move.body_s * nz, -move.body_s * nx + move.body_c * nz
    noise = _texture(scene, 1.1 * torch.atan2(body[0], body[2] + 1.0) * 3 + who.pattern, 2.1 * body[1])
    flat = torch.ones_like(lit)
    albedo = who.colour("skin") * (0.96 + 0.04 * noise[2] + 0.02 * noise[0])
    skin = Surface(albedo, (nx, ny, nz), 0.18 * flat, 14 * flat, 0.42 * flat, open_)
    surface = cloth_surface(skin, body, collar, (nx, ny, nz), noise, who, pixel)
    return illuminate(surface, lit, _view(rays), who, 0 * flat, None)


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
