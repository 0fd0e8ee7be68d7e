"""What is behind openings of the skin: the eyeball between the lids, teeth and tongue between the lips.

An opening is a window on the skin: the ray goes on through it and meets the sphere of the eye, or the teeth,
in closed form. So they have depth, and hold when the head turns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .anatomy import EYE_RADIUS, EYE_X, EYE_Z, MOUTH_HALF_WIDTH
from .rig import Rows, Triple, mouth_edges, turn
from .skin import Surface, bump, lid_edges
from .solids import smoothstep

if TYPE_CHECKING:
    from torch import Tensor


def eye(
    skin: Surface, head: Triple, ray: Triple, move: Rows, who: Rows, noise: Tensor, pixel: float
) -> Surface:
    """`skin` with the eyes in it. head: head coordinates; ray: direction in them; pixel: its size there."""
    import torch

    x, y, z = head
    left = torch.where(x < 0, -1.0, 1.0)
    upper, lower, inside = lid_edges(x.abs(), move, who)
    soft = 0.7 * pixel + 0.003
    above, below = upper - y, y - lower
    opening = smoothstep(-soft, soft, above) * smoothstep(-soft, soft, below) * smoothstep(0, 0.08, inside)
    opening = opening * smoothstep(0.1, 0.3, z)

    radius = EYE_RADIUS * who.eye_size
    px, py, pz = x - left * EYE_X * who.eye_spacing, y, z - EYE_Z
    length = (ray[0] ** 2 + ray[1] ** 2 + ray[2] ** 2).sqrt()
    vx, vy, vz = ray[0] / length, ray[1] / length, ray[2] / length
    half = px * vx + py * vy + pz * vz
    inner = half * half - (px * px + py * py + pz * pz - radius * radius)
    far = -half - inner.clamp_min(0).sqrt()
    nx, ny, nz = (px + far * vx) / radius, (py + far * vy) / radius, (pz + far * vz) / radius

    gx, gy = nx - move.gaze_x.sin(), ny - move.gaze_y.sin()
    out = (gx * gx + gy * gy).sqrt() + 1e-6
    iris_r, pupil_r, edge = 0.40, 0.165, 0.02 + 0.5 * pixel / EYE_RADIUS
    angle = torch.atan2(gy, gx)
    fibres = 0.16 * (torch.sin(23 * angle + 4 * out) + torch.sin(41 * angle - 9 * out)) + 0.10 * noise[0]
    iris = who.colour("iris") * (1.15 + fibres) * (0.65 + 1.5 * (out - pupil_r).clamp(0, 0.3))
    iris = iris * (1 - 0.78 * smoothstep(iris_r - 0.09, iris_r, out))
    # Light that enters the cornea from above is gathered on the lower side of the iris.
    iris = iris * (1 + 0.9 * smoothstep(0.05, -0.3, gy))
    white = iris.new_tensor([[0.58], [0.54], [0.51]]) * (1 - 0.10 * (px.abs() / 0.14) ** 2)
    vein = bump(px.abs(), 0.13, 0.05)
    white = torch.stack((white[0], white[1] * (1 - 0.18 * vein), white[2] * (1 - 0.2 * vein)))
    ball = white + (1 - smoothstep(iris_r - edge, iris_r + edge, out)) * (iris - white)
    ball = ball * smoothstep(pupil_r - edge, pupil_r + edge, out).clamp_min(0.02)
    # The upper lid and its lashes throw a shadow on the ball.
    shade = (0.40 + 0.60 * smoothstep(-0.005, 0.042, above)) * (
        0.72 + 0.28 * smoothstep(-0.004, 0.018, below)
    )
    shade = shade * (0.65 + 0.35 * smoothstep(0.0, 0.35, inside))
    # The cornea bulges: its highlight is that of a smaller sphere.
    bulge = (1 - smoothstep(0.2, 0.5, out)) * 0.9
    wx, wy, wz = turn(nx + bulge * gx, ny + bulge * gy, nz, move)
    flat = torch.ones_like(out)
    ball_surface = Surface(
        ball * shade,
        (wx, wy, wz),
        1.8 * flat * shade,
        130 * flat,
        0.5 * flat,
        skin.open.clamp_min(0.75) * shade,
    )
    surface = skin.blend(ball_surface, opening)
    # Wet rim of the lower lid, and the lashes: thick along the upper lid, fading towards the nose.
    thick = 0.010 + 0.004 * who.feminine + 0.35 * pixel
    rim = (1 - smoothstep(0.3, 1.0, (above.abs()) / thick)) * smoothstep(0.0, 0.22, inside)
    lower_rim = (1 - smoothstep(0.3, 1.0, below.abs() / (0.5 * thick))) * smoothstep(0.05, 0.4, inside)
    lashes = (rim * 0.88 + 0.30 * lower_rim * (0.6 + 0.6 * who.feminine)).clamp(0, 0.92) * smoothstep(
        0.1, 0.3, z
    )
    surface.albedo = surface.albedo * (1 - lashes)
    surface.gloss = surface.gloss * (1 - lashes)
    return surface


def mouth(
    skin: Surface, head: Triple, ray: Triple, move: Rows, who: Rows, noise: Tensor, pixel: float
) -> Surface:
    """`skin` with the inside of the mouth in it, where the lips are open."""
    import torch

    x, y, z = head
    line, up, down, drop = mouth_edges(x, y, z, move, who)
    above, below = line + up - y, y - (line - down)
    soft = 0.5 * pixel + 0.002
    opening = smoothstep(-soft, soft, above) * smoothstep(-soft, soft, below)
    opening = opening * smoothstep(0.012, 0.03, up + down) * smoothstep(0.2, 0.4, z)

    width = MOUTH_HALF_WIDTH * who.mouth_width
    arch_x, arch_z, centre_z = width * 1.15, 0.465, 0.215  # the dental arch is an elliptic cylinder
    qx, qz, ax, az = x / arch_x, (z - centre_z) / arch_z, ray[0] / arch_x, ray[2] / arch_z
    a, b, c = ax * ax + az * az + 1e-9, qx * ax + qz * az, qx * qx + qz * qz - 1
    # A ray that passes the arch by, seen from the side, still shows its nearest teeth, in the dark.
    gap = (b * b - a * c) / a
    far = ((-b - (gap * a).clamp_min(0).sqrt()) / a).clamp(0, 0.4)
    tx, ty, tz = x + far * ray[0], y + far * ray[1], z + far * ray[2]
    in_light = smoothstep(-0.55, 0.0, gap)
    around = torch.asin((tx / arch_x).clamp(-1, 1))
    tooth = around * 7.0
    cell = tooth - tooth.floor() - 0.5  # centred on the gap between the incisors
    scallop = 0.012 * (2 * cell).abs() ** 3
    top = line + 0.2 * drop * 0.4
    upper = smoothstep(-0.006, 0.006, ty - (top - 0.038 + scallop))
    low = line - drop * 0.84
    lower = smoothstep(-0.006, 0.006, (low + 0.040 - scallop) - ty)
    gum_up, gum_low = smoothstep(0.045, 0.06, ty - top), smoothstep(0.03, 0.045, low - ty)
    between = 1 - 0.40 * smoothstep(0.40, 0.5, cell.abs())
    enamel = (
        skin.albedo.new_tensor([[0.72], [0.66], [0.56]])
        * between
        * (1 - 0.45 * (around / 1.2) ** 2).clamp_min(0.3)
    )
    gum = skin.albedo.new_tensor([[0.42], [0.13], [0.13]])
    enamel = enamel * (0.10 + 0.90 * in_light)
    teeth_up = enamel + gum_up * (gum - enamel)
    teeth_low = 0.85 * (enamel + gum_low * (gum - enamel))

    # The tongue lies in the lower jaw, behind the teeth, and its tip rises.
    lift = move.tongue * (0.03 + 0.55 * drop)
    cy, cz, ry, rz = line - drop * 0.88 - 0.03 + lift, 0.40 + 0.10 * move.tongue, 0.075, 0.26
    hx, hy, hz = x / (0.78 * width), (y - cy) / ry, (z - cz) / rz
    dx, dy, dz = ray[0] / (0.78 * width), ray[1] / ry, ray[2] / rz
    a, b, c = dx * dx + dy * dy + dz * dz + 1e-9, hx * dx + hy * dy + hz * dz, hx * hx + hy * hy + hz * hz - 1
    gap = b * b - a * c
    reach = ((-b - gap.clamp_min(0).sqrt()) / a).clamp_min(0)
    on_tongue = smoothstep(0.0, 0.12, gap / (a + b * b + 1e-9))
    ux, uy, uz = (hx + reach * dx) / (0.78 * width), (hy + reach * dy) / ry, (hz + reach * dz) / rz
    norm = (ux * ux + uy * uy + uz * uz).sqrt() + 1e-6
    groove = 1 - 0.35 * bump(x + reach * ray[0], 0, 0.02)
    tongue = skin.albedo.new_tensor([[0.46], [0.15], [0.15]]) * groove

    deep = skin.albedo.new_tensor([[0.035], [0.010], [0.010]])
    colour = deep.expand(3, x.shape[0]) + on_tongue * (tongue - deep)
    colour = colour + lower * (teeth_low - colour)
    colour = colour + upper * (teeth_up - colour)
    solid = torch.maximum(upper, lower)
    nx, ny, nz = tx / arch_x**2, torch.zeros_like(x), (tz - centre_z) / arch_z**2
    length = (nx * nx + nz * nz).sqrt() + 1e-6
    tongue_share = on_tongue * (1 - solid)
    nx = nx / length * (1 - tongue_share) + tongue_share * ux / norm
    ny = ny + tongue_share * uy / norm
    nz = nz / length * (1 - tongue_share) + tongue_share * uz / norm
    flat = torch.ones_like(x)
    # The lips shade what is behind them: most under the upper one, and the deeper the darker.
    shade = (0.16 + 0.84 * smoothstep(0.0, 0.085, above)) * (0.45 + 0.55 * smoothstep(0.0, 0.05, below))
    shade = shade * (1 - 0.55 * smoothstep(0.5, 1.0, (x / (width * move.stretch)).abs()))
    inside = Surface(
        colour * shade,
        turn(nx, ny, nz, move),
        (0.55 * solid + 0.35 * tongue_share) * shade,
        60 * flat,
        0.6 * flat,
        0.8 * shade,
    )
    return skin.blend(inside, opening)
