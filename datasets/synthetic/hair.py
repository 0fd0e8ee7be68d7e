"""Hair and cloth: the fibres that cover head and shoulders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .identity import CLOTHES, HAIR_STYLES
from .rig import Rows, Triple
from .skin import Surface
from .solids import smoothstep

if TYPE_CHECKING:
    from torch import Tensor

# The crown, from which hair falls to all sides: a direction, from the middle of the skull.
_CROWN = (0.0, 0.62, -0.785)
_MIDDLE = (0.0, 0.28, -0.12)


def strand_coordinates(rest: Triple) -> tuple[Tensor, Tensor]:
    """Around the crown (a strand keeps it) and away from it (along the strand)."""
    import torch

    x, y, z = rest[0], rest[1] - _MIDDLE[1], rest[2] - _MIDDLE[2]
    # Below the ears hair hangs: there the strands are those of a cylinder.
    y = y.clamp_min(-0.35) + 0.15 * (y + 0.35).clamp_max(0)
    along = y * _CROWN[1] + z * _CROWN[2]
    sideways = y * -_CROWN[2] + z * _CROWN[1]
    around = torch.atan2(x, sideways)
    away = torch.atan2((x * x + sideways * sideways).sqrt(), along) - 0.8 * (
        rest[1] - _MIDDLE[1] + 0.35
    ).clamp_max(0)
    return around, away


def hair_surface(
    normal: Triple, head_normal: Triple, strands: Tensor, open_: Tensor, who: Rows
) -> tuple[Surface, Triple]:
    """Hair, and its strands' direction in head coordinates; strands: (4, N) noise drawn along them."""
    import torch

    nx, ny, nz = head_normal
    dot = nx * _CROWN[0] + ny * _CROWN[1] + nz * _CROWN[2]
    tx, ty, tz = _CROWN[0] - dot * nx, _CROWN[1] - dot * ny, _CROWN[2] - dot * nz
    length = (tx * tx + ty * ty + tz * tz).sqrt() + 1e-3
    tone = 1 + 0.34 * strands[1] + 0.10 * strands[2]
    curly = (who.hair_style == HAIR_STYLES.index("curly")).float()
    tone = tone + curly * (1 + 0.28 * strands[3] + 0.15 * strands[0] - tone)
    buzz = who.hair_style == HAIR_STYLES.index("buzz")
    colour = who.colour("hair") * tone.clamp_min(0.25)
    cropped = 0.72 * who.colour("hair") + 0.16 * who.colour("skin")
    colour = torch.where(buzz, cropped * (1 + 0.22 * strands[0]), colour)
    flat = torch.ones_like(nx)
    surface = Surface(colour, normal, 0.0 * flat, 20 * flat, 0.25 * flat, open_)
    return surface, (tx / length, ty / length, tz / length)


def cloth_surface(
    skin: Surface, body: Triple, collar: Tensor, normal: Triple, noise: Tensor, who: Rows, pixel: float
) -> Surface:
    """`skin` of the neck with the clothes over it, from the collar down."""
    import torch

    x, y, z = body
    style = who.cloth_style
    front = smoothstep(-0.35, -0.1, z)
    depth = collar
    v_neck = style == CLOTHES.index("v_neck")
    shirt = style == CLOTHES.index("shirt")
    notch = (0.46 - 1.25 * x.abs()).clamp_min(0) * front
    depth = torch.where(v_neck, collar - notch, torch.where(shirt, collar + 0.06 - 0.7 * notch, collar))
    covered = smoothstep(-pixel, pixel, depth)
    striped = style == CLOTHES.index("stripes")
    stripes = smoothstep(-0.15, 0.15, torch.sin(26 * y + 3 * z)) * striped
    first, second = who.colour("cloth"), who.colour("cloth_second")
    colour = first + stripes * (second - first)
    band = smoothstep(0.085, 0.07, depth) * (1 - shirt.float())
    ribs = 1 + 0.12 * torch.sin(70 * torch.atan2(x, z + 0.3))
    colour = colour + band * (colour * 0.72 * ribs - colour)
    flap = smoothstep(0.17, 0.155, depth) * shirt
    colour = colour + flap * (colour * 1.15 - colour)
    colour = colour * (1 - 0.45 * shirt * smoothstep(0.02, 0.0, (depth - 0.165).abs()))
    placket = smoothstep(0.010, 0.0, (x.abs() - 0.06).abs()) * shirt * smoothstep(0.2, 0.25, depth) * front
    colour = colour * (1 - 0.30 * placket) * (1 + 0.06 * noise[0] + 0.05 * noise[2] + 0.04 * noise[1])
    flat = torch.ones_like(x)
    rim = 1 - 0.5 * smoothstep(0.03, 0.0, depth)
    cloth = Surface(colour * rim, normal, 0.05 * flat, 12 * flat, 0.25 * flat, skin.open)
    shadow = 1 - 0.45 * smoothstep(-0.10, 0.0, depth)
    skin.albedo = skin.albedo * shadow
    return skin.blend(cloth, covered)
