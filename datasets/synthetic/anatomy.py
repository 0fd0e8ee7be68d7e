"""The shape of a head, its hair and its shoulders, as signed distances.

Head coordinates: x to the viewer's right, y up, z towards the viewer, the eyes on y = 0, the chin near
y = -1, the crown near y = 1. They are divided by the person's face width and length, so that landmarks stay
where they are for everybody. Body coordinates have the same origin and scale, but do not turn with the head.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .identity import HAIR_STYLES, Identity
from .solids import cone, cut, ellipsoid, smoothstep, sphere, union

if TYPE_CHECKING:
    from torch import Tensor

EYE_X, EYE_Z, EYE_RADIUS = 0.30, 0.475, 0.152
MOUTH_Y, MOUTH_HALF_WIDTH = -0.575, 0.23
PIVOT = (0.0, -0.62, -0.18)  # where the head turns on the neck
NO_HAIR = 0.5


def skin_distance(x: Tensor, y: Tensor, z: Tensor, who: Identity) -> Tensor:
    """Distance to the skin of the head, the mouth closed and the lids shut."""
    side = x.abs()
    skull = ellipsoid(x, y, z, (0, 0.30, -0.10), (0.70, 0.72, 0.85))
    face = ellipsoid(x, y, z, (0, -0.22, 0.12), (0.575, 0.74, 0.575))
    solid = union(skull, face, 0.18)
    jaw_width = who.jaw_width
    solid = union(solid, ellipsoid(x, y, z, (0, -0.66, 0.24), (0.38 * jaw_width, 0.31, 0.42)), 0.16)
    angle = cone(side, y, z, (0.47 * jaw_width, -0.42, -0.02), (0.15, -0.87, 0.47), (0.12, 0.11))
    solid = union(solid, angle, 0.16)
    solid = union(solid, sphere(x, y, z, (0, -0.85, 0.55 + 0.03 * (who.chin - 1)), 0.145 * who.chin), 0.14)
    solid = union(solid, ellipsoid(x, y, z, (0, -0.56, 0.49), (0.27, 0.22, 0.225)), 0.14)
    cheek = ellipsoid(side, y, z, (0.37, -0.17, 0.40), (0.20, 0.15, 0.185))
    solid = union(solid, cheek, 0.18 * who.cheek)
    ridge = cone(side, y, z, (0.08, 0.12, 0.645), (0.42, 0.17, 0.47), (0.05, 0.06))
    solid = union(solid, ridge, 0.05 + 0.09 * who.brow_ridge)
    nape = cone(x, y, z, (0, -0.35, -0.32), (0, -1.0, -0.24), (0.37 * who.neck, 0.35 * who.neck))
    solid = union(solid, nape, 0.12)
    eye_x = EYE_X * who.eye_spacing
    socket = ellipsoid(side, y, z, (eye_x - 0.01, 0.015, 0.745), (0.20, 0.125, 0.17))
    solid = cut(solid, socket, 0.13)
    lids = sphere(side, y, z, (eye_x, 0.0, EYE_Z), EYE_RADIUS * who.eye_size + 0.012)
    solid = union(solid, lids, 0.05)
    solid = union(solid, _nose(x, side, y, z, who), 0.075)
    solid = union(solid, _lips(side, y, z, who), 0.045)
    if HAIR_STYLES[who.hair_style] in ("bob", "long"):
        return solid  # their ears are under the hair
    return union(solid, _ear(side, y, z, who), 0.05)


def _nose(x: Tensor, side: Tensor, y: Tensor, z: Tensor, who: Identity) -> Tensor:
    length, width = who.nose_length, who.nose_width
    tip_y, tip_z = -0.275 * length + who.nose_tip, 0.815
    bridge = cone(x, y, z, (0, 0.12, 0.625), (0, tip_y + 0.04, tip_z - 0.005), (0.052, 0.068 * width))
    nose = union(bridge, sphere(x, y, z, (0, tip_y, tip_z), 0.078 * width), 0.07)
    wing = ellipsoid(side, y, z, (0.082 * width, -0.325 * length, 0.735), (0.055 * width, 0.052, 0.085))
    nose = union(nose, wing, 0.06)
    base = ellipsoid(x, y, z, (0, -0.37 * length, 0.74), (0.05, 0.05, 0.06))
    nose = union(nose, base, 0.06)
    nostril = ellipsoid(side, y, z, (0.048 * width, -0.378 * length, 0.775), (0.027, 0.03, 0.045))
    return cut(nose, nostril, 0.025)


def _lips(side: Tensor, y: Tensor, z: Tensor, who: Identity) -> Tensor:
    full, width = who.lip_fullness, MOUTH_HALF_WIDTH * who.mouth_width
    middle, corner = (0.05, MOUTH_Y + 0.036 * full, 0.715), (width * 0.92, MOUTH_Y + 0.005, 0.60)
    upper = cone(side, y, z, middle, corner, (0.043 * full, 0.012))
    middle, corner = (0.0, MOUTH_Y - 0.048 * full, 0.700), (width * 0.86, MOUTH_Y - 0.005, 0.60)
    lower = cone(side, y, z, middle, corner, (0.053 * full, 0.014))
    return union(upper, lower, 0.012)


def _ear(side: Tensor, y: Tensor, z: Tensor, who: Identity) -> Tensor:
    size = who.ear_size
    back = z + 0.12 + 0.25 * y  # leans backwards at the top
    out = side - 0.665 + 0.42 * back  # and stands off at the back
    ear = ellipsoid(out, y, back, (0, 0.0, 0), (0.055, 0.20 * size, 0.125 * size))
    ear = cut(ear, ellipsoid(out, y, back, (0.06, 0.02, 0.015), (0.055, 0.135 * size, 0.075 * size)), 0.03)
    tragus = sphere(out, y, back, (0.0, -0.03, 0.09), 0.045)
    return union(ear, tragus, 0.03)


def hair_distance(x: Tensor, y: Tensor, z: Tensor, who: Identity) -> Tensor:
    """Distance to the hair; NO_HAIR everywhere for the bald."""
    style = HAIR_STYLES[who.hair_style]
    if style == "bald":
        return x * 0 + NO_HAIR
    side = x.abs()
    volume = who.hair_volume
    thick = {"buzz": 0.012, "short": 0.06, "parted": 0.075, "curly": 0.15, "bob": 0.08, "long": 0.075}
    grown = thick.get(style, 0.05) * (volume if style != "buzz" else 1)
    centre, top = (0, 0.32, -0.12), 0.02 if style != "buzz" else 0.0
    hair = ellipsoid(x, y, z, centre, (0.70 + grown, 0.71 + grown + top, 0.85 + grown))
    if style == "parted":  # a mass that rises from the parting and falls to the other side
        lean = 1.0 if who.parting > 0 else -1.0
        quiff = ellipsoid(x, y, z, (-0.16 * lean, 0.80, 0.36), (0.50, 0.22 * volume, 0.42))
        hair = union(hair, quiff, 0.15)
    if style in ("bob", "long"):
        low = -0.42 if style == "bob" else -0.80
        fall = ellipsoid(side, y, z, (0.58, low + 0.35, -0.16), (0.19 * volume, 0.85, 0.48))
        back = ellipsoid(x, y, z, (0, low + 0.30, -0.58), (0.66, 0.95, 0.34))
        hair = union(hair, union(fall, back, 0.2), 0.15)
    if style == "curly":
        from torch import sin

        curls = sin(23 * x + 3 * sin(11 * y)) + sin(22 * y + 3 * sin(12 * z)) + sin(24 * z + 3 * sin(10 * x))
        hair = hair + 0.016 * curls
    line = 0.62 + who.hairline + (0.05 if who.feminine < 0.5 else 0.0)
    temple = {"bob": 0.47, "long": 0.47, "curly": 0.60}.get(style, 0.54)
    clear = ellipsoid(x, y, z, (0, -0.32, 0.72), (temple + 0.03, line + 0.32, 0.78))
    if style in ("bob", "long") and who.parting > 0.2:  # a fringe
        clear = ellipsoid(x, y, z, (0, -0.42, 0.72), (temple, 0.66, 0.72))
    hair = cut(hair, clear, 0.05)
    if style in ("buzz", "short", "parted", "curly", "bun"):
        around_ear = ellipsoid(side, y, z, (0.78, -0.10, -0.06), (0.30, 0.30, 0.24))
        hair = cut(hair, around_ear, 0.04)
        nape = y + 0.36  # nothing grows below it; sideburns end beside the ear
        cheek = ellipsoid(side, y, z, (0.62, -0.55, 0.30), (0.42, 0.50, 0.42))
        hair = cut(cut(hair, nape, 0.06), cheek, 0.04)
    else:
        hair = cut(hair, y + (0.72 if style == "bob" else 1.38), 0.08)
    if style == "bun":
        hair = union(hair, sphere(x, y, z, (0, 0.98, -0.48), 0.25 * volume), 0.08)
    return hair


def body_distance(x: Tensor, y: Tensor, z: Tensor, who: Identity) -> tuple[Tensor, Tensor]:
    """Distance to neck and shoulders, and how far a point lies below the collar (positive: clothed)."""
    side, width = x.abs(), who.shoulders
    neck = cone(x, y, z, (0, -0.55, -0.20), (0, -1.45, -0.30), (0.385 * who.neck, 0.43 * who.neck))
    slope = cone(side, y, z, (0, -1.05, -0.42), (0.95 * width, -1.80, -0.38), (0.16, 0.22))
    chest = ellipsoid(x, y, z, (0, -2.42, -0.30), (1.18 * width, 1.0, 0.60))
    shoulder = ellipsoid(side, y, z, (1.0 * width, -2.02, -0.36), (0.46, 0.42, 0.42))
    solid = union(union(chest, shoulder, 0.35), union(neck, slope, 0.15), 0.22)
    collar = -1.27 - 0.30 * (z + 0.3) - y
    clothed = smoothstep(-0.02, 0.06, collar)
    return solid - 0.035 * clothed, collar
