"""Glasses, in closed form: lenses on a curved sheet before the eyes, arms as segments to the ears."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .anatomy import EYE_X
from .rig import Rows, Triple
from .solids import smoothstep

if TYPE_CHECKING:
    from torch import Tensor

_SHEET_Z, _SHEET_CURVE, _LENS_Y = 0.815, 0.32, -0.015


def glasses(light: Tensor, head: Triple, ray: Triple, who: Rows, pixel: float) -> Tensor:
    """`light` (3, N) with glasses over it, on those who wear them.

    head: head coordinates of what is seen; ray: the ray's direction there, away from the camera.
    """
    import torch

    worn = (who.glasses > 0).float()
    frame = head[0] * 0
    lens = frame
    for layer in (0.0, 0.022):
        mask, inside = _front(head, ray, who, layer, pixel)
        frame, lens = torch.maximum(frame, mask), torch.maximum(lens, inside)
    arms = torch.maximum(_arm(head, ray, who, 1.0, pixel), _arm(head, ray, who, -1.0, pixel))
    frame = torch.maximum(frame, arms) * worn
    lens = lens * worn * (1 - frame)
    sheen = 0.05 + 0.10 * smoothstep(0.1, 0.5, (head[0] * 1.4 + head[1] * 2.0).sin())
    glass = light * 0.93 + sheen * light.new_tensor([[0.50], [0.58], [0.68]])
    light = light + lens * (glass - light)
    metal = who.colour("frame") + 0.02 + 0.07 * smoothstep(-0.1, 0.2, head[1])
    return light + frame * (metal - light)


def _front(head: Triple, ray: Triple, who: Rows, layer: float, pixel: float) -> tuple[Tensor, Tensor]:
    """Coverage of the rims and of the lenses, where the ray meets the sheet before the face."""
    import torch

    down = torch.where(ray[2].abs() < 0.05, -0.05, ray[2])
    x, far = head[0] * 0 + 0.3, head[0] * 0
    for _ in range(4):
        far = (_SHEET_Z - layer - _SHEET_CURVE * (x * x).clamp_max(0.35) - head[2]) / down
        x = head[0] + far * ray[0]
    y = head[1] + far * ray[1] - _LENS_Y
    visible = smoothstep(0.02, -0.005, far) * (ray[2] < -0.05)
    side = x.abs() - (EYE_X + 0.015) * who.eye_spacing
    round_ = who.glasses == 1
    half_x, half_y, corner = 0.055 * ~round_, 0.02 * ~round_, torch.where(round_, 0.19, 0.135)
    qx, qy = (side.abs() - half_x).clamp_min(0), (y.abs() - half_y).clamp_min(0)
    outline = (qx * qx + qy * qy).sqrt() - corner
    soft = 0.7 * pixel
    rim = smoothstep(soft, -soft, outline.abs() - 0.017)
    gap = 0.115 - 0.05 * (~round_).float()
    bridge = smoothstep(soft, -soft, (y - 0.05 + 1.5 * x * x).abs() - 0.012) * (x.abs() < gap + 0.03)
    bridge = bridge * (outline > 0)
    hinge = smoothstep(soft, -soft, (y - 0.05).abs() - 0.016) * (outline > 0) * (side > 0) * (x.abs() < 0.56)
    frame = torch.maximum(torch.maximum(rim, bridge), hinge)
    return frame * visible, smoothstep(soft, -soft, outline) * visible


def _arm(head: Triple, ray: Triple, who: Rows, side: float, pixel: float) -> Tensor:
    """Coverage of one arm: how near the ray passes to the segment from the hinge to behind the ear."""
    start = (side * 0.555, 0.035, 0.70)
    end = (side * 0.700, 0.045, -0.14)
    bx, by, bz = end[0] - start[0], end[1] - start[1], end[2] - start[2]
    wx, wy, wz = head[0] - start[0], head[1] - start[1], head[2] - start[2]
    vv = ray[0] ** 2 + ray[1] ** 2 + ray[2] ** 2
    vb, bb = ray[0] * bx + ray[1] * by + ray[2] * bz, bx * bx + by * by + bz * bz
    vw, bw = ray[0] * wx + ray[1] * wy + ray[2] * wz, bx * wx + by * wy + bz * wz
    along = ((vv * bw - vb * vw) / (vv * bb - vb * vb + 1e-6)).clamp(0, 1)
    far = (vb * along - vw) / vv
    dx, dy, dz = (
        wx + far * ray[0] - along * bx,
        wy + far * ray[1] - along * by,
        wz + far * ray[2] - along * bz,
    )
    gap = (dx * dx + dy * dy * 0.5 + dz * dz).sqrt()
    return smoothstep(0.7 * pixel, -0.7 * pixel, gap - 0.014) * smoothstep(0.015, -0.015, far)
