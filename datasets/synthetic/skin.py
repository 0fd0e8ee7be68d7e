"""The colour of the skin at every place of the face, and what is drawn on it: lips, brows, lids, stubble."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .anatomy import EYE_X, MOUTH_HALF_WIDTH, MOUTH_Y
from .rig import Rows
from .solids import smoothstep

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class Surface:
    """What light needs to know of N points.

    albedo (3, N), linear; normal: three (N,), world; gloss (N,): strength of the highlight; sharp (N,): its
    exponent; wrap (N,): how far light bleeds round the edge of shadow; open (N,): ambient visibility.
    """

    albedo: Tensor
    normal: tuple[Tensor, Tensor, Tensor]
    gloss: Tensor
    sharp: Tensor
    wrap: Tensor
    open: Tensor

    def blend(self, other: Surface, share: Tensor) -> Surface:
        """This surface, and `other` where `share` (N,) is 1."""

        def mix(mine: Tensor, theirs: Tensor) -> Tensor:
            return mine + share * (theirs - mine)

        nx, ny, nz = (mix(mine, theirs) for mine, theirs in zip(self.normal, other.normal, strict=True))
        return Surface(
            mix(self.albedo, other.albedo), (nx, ny, nz), mix(self.gloss, other.gloss),
            mix(self.sharp, other.sharp), mix(self.wrap, other.wrap), mix(self.open, other.open),
        )  # fmt: skip


def bump(value: Tensor, centre: Tensor | float, width: Tensor | float) -> Tensor:
    """A bell of height 1."""
    scaled = (value - centre) / width
    return (-scaled * scaled).exp()


def lip_mask(x: Tensor, y: Tensor, who: Rows) -> Tensor:
    """1 on the red of the lips, in head coordinates at rest."""
    side = x.abs()
    across = side / (MOUTH_HALF_WIDTH * 0.99 * who.mouth_width)
    inside = (1 - across * across).clamp_min(0)
    bow = 0.015 * bump(side, 0.05, 0.035) - 0.016 * bump(side, 0.0, 0.028)
    upper = MOUTH_Y + (0.072 * inside**0.75 + bow * inside) * who.lip_fullness
    lower = MOUTH_Y - 0.098 * inside**0.62 * who.lip_fullness
    edge = 0.011
    return (
        smoothstep(-edge, edge, upper - y) * smoothstep(-edge, edge, y - lower) * smoothstep(0, 0.1, inside)
    )


def lid_edges(side: Tensor, move: Rows, who: Rows) -> tuple[Tensor, Tensor, Tensor]:
    """Heights of the upper and the lower lid's edge at |x|, and 1 - (across the eye)²."""
    across = (side - EYE_X * who.eye_spacing) / (0.138 * who.eye_size)
    inside = (1 - across * across).clamp_min(0)
    corner = who.eye_tilt * across * 0.5
    follow = 0.18 * move.gaze_y
    upper = corner + (0.054 + follow * 0.25) * who.eye_size * inside * (1 - 0.12 * across)
    lower = corner - (0.038 - 0.015 * move.smile.clamp_min(0)) * who.eye_size * inside * (1 + 0.15 * across)
    return upper + move.blink * (lower + 0.004 - upper), lower, inside


def brow_mask(x: Tensor, y: Tensor, strands: Tensor, move: Rows, who: Rows) -> Tensor:
    """How much brow hair there is."""
    side = x.abs() - EYE_X * who.eye_spacing
    lift = 0.05 * move.brow
    along = (side + 0.17) / 0.36  # 0 at the inner end, 1 at the outer
    centre = 0.155 + lift + 0.055 * who.brow_arch * (1 - (along - 0.62) ** 2 * 3.2) - 0.02 * (along - 0.5)
    half = 0.036 * who.brow_thickness * (1.05 - 0.75 * along.clamp(0, 1) ** 1.5)
    ragged = centre - y + 0.010 * strands
    body = smoothstep(-0.016, 0.014, half - ragged.abs())
    ends = smoothstep(-0.05, 0.10, along) * (1 - smoothstep(0.86, 1.03, along))
    return body * ends * (0.80 + 0.22 * strands).clamp(0.3, 1)


def skin_colour(
    head: tuple[Tensor, Tensor, Tensor],
    rest: tuple[Tensor, Tensor, Tensor],
    grain: Tensor,
    move: Rows,
    who: Rows,
) -> tuple[Tensor, Tensor, Tensor]:
    """Albedo (3, N), gloss (N,) and lip mask (N,) of the skin.

    head, rest: head coordinates as seen and of the face at rest; grain: (4, N) noise of the place.
    """
    import torch

    x, y, z = rest
    side, front = x.abs(), smoothstep(0.1, 0.35, z)
    eye_x = EYE_X * who.eye_spacing
    albedo = who.colour("skin") * (1 + 0.045 * grain[2] + 0.035 * grain[0])
    cheeks = bump(side, 0.36, 0.17) * bump(y, -0.24, 0.16) * front
    tip = bump(x, 0, 0.11) * bump(y, -0.29, 0.10) * front
    ears = bump(side, 0.74, 0.09) * bump(y, 0, 0.3)
    red = who.blush * (0.5 * cheeks + 0.5 * tip + 0.10 * grain[2] * front) + 0.45 * ears
    tired = bump(side, eye_x - 0.02, 0.14) * bump(y, -0.10, 0.055) * front
    socket = bump(side, eye_x, 0.15) * bump(y, 0.07, 0.06) * front
    dim = 1 - 0.16 * tired - (0.16 + 0.12 * who.lipstick) * socket
    albedo = torch.stack(
        (albedo[0] * (1 + 0.10 * red), albedo[1] * (1 - 0.22 * red), albedo[2] * (1 - 0.20 * red))
    )
    albedo = albedo * dim
    spots = (
        smoothstep(1.0, 1.7, grain[0] + 0.5 * grain[2]) * bump(side, 0.2, 0.25) * bump(y, -0.18, 0.16) * front
    )
    albedo = albedo * (1 - 0.42 * who.freckles * spots)

    nostril = bump(side, 0.045 * who.nose_width, 0.026) * bump(y, -0.372 * who.nose_length, 0.020) * front
    albedo = albedo * (1 - 0.85 * nostril)

    red_of_lips = lip_mask(x, y, who) * front
    lips = who.colour("lip")
    painted = lips + who.lipstick * (lips.new_tensor([[0.36], [0.03], [0.06]]) - lips)
    lined = painted * (1 + 0.09 * grain[1]) * (0.80 + 3.2 * (MOUTH_Y + 0.01 - y).clamp(-0.05, 0.06))
    albedo = albedo + red_of_lips * (lined - albedo)
    across = side / (MOUTH_HALF_WIDTH * who.mouth_width)
    seam = bump(y, MOUTH_Y, 0.009 + 0.004 * move.press) * smoothstep(-0.06, 0.04, 1 - across) * front
    corner = bump(across, 1.0, 0.10) * bump(y, MOUTH_Y, 0.022) * front
    albedo = albedo * (1 - 0.80 * seam) * (1 - 0.40 * corner)

    beard = (
        smoothstep(-0.30, -0.42, y + 0.16 * (1 - side * 2).clamp_min(0))
        * smoothstep(-0.30, 0.02, z)
        * smoothstep(0.02, -0.10, y + 0.30 - 0.55 * (side - 0.33).clamp_min(0))
        * (1 - red_of_lips)
        * (1 - 0.75 * bump(side, 0.30, 0.13) * bump(y, -0.36, 0.13))
    )
    hairs = (0.45 + 0.45 * grain[0] + 0.1 * grain[3]).clamp(0, 1)
    shade = who.stubble * beard * (0.25 + 0.45 * hairs)
    albedo = albedo + shade * (0.5 * who.colour("hair") + 0.12 * who.colour("skin") - albedo)

    brow = brow_mask(x, head[1], grain[3], move, who) * front
    albedo = albedo + 0.92 * brow * (who.colour("hair") * 0.65 - albedo)

    upper, _, inside = lid_edges(head[0].abs(), move, who)
    crease = (
        bump(head[1], upper + 0.030 + 0.012 * (1 - move.blink), 0.010) * smoothstep(0, 0.25, inside) * front
    )
    albedo = albedo * (1 - 0.42 * crease * (1 - 0.6 * move.blink))
    gloss = (
        0.30
        + 0.25 * tip
        + 0.10 * bump(x, 0, 0.3) * bump(y, 0.4, 0.2)
        + 0.22 * red_of_lips * (0.5 + who.lipstick)
    )
    return albedo, gloss * (1 - 0.7 * brow) * (1 - 0.5 * shade), red_of_lips
