"""Light: a key, a fill, a rim and the room; and from light to picture: exposure, film curve, sRGB, noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .rig import Rows, Triple
from .skin import Surface

if TYPE_CHECKING:
    from torch import Tensor


def key_direction(who: Rows) -> Triple:
    """Unit vector towards the key light, world coordinates."""
    low = who.key_elevation.cos()
    return low * who.key_azimuth.sin(), who.key_elevation.sin(), low * who.key_azimuth.cos()


def illuminate(
    surface: Surface, lit: Tensor, view: Triple, who: Rows, hair: Tensor, tangent: Triple | None
) -> Tensor:
    """Light (3, N) that leaves the points towards the camera.

    lit (N,): how much of the key arrives; view: unit vectors towards the camera; hair (N,): share of hair,
    whose highlight runs across its strands (`tangent`, world), after Kajiya & Kay (1989).
    """
    import torch

    nx, ny, nz = surface.normal
    scale = (nx * nx + ny * ny + nz * nz + 1e-9).rsqrt()
    nx, ny, nz = nx * scale, ny * scale, nz * scale
    key = key_direction(who)
    facing = nx * key[0] + ny * key[1] + nz * key[2]
    warmth = torch.stack((1 + 0.12 * who.key_warmth, 1 + 0 * who.key_warmth, 1 - 0.11 * who.key_warmth))
    # Red light travels furthest in skin, and comes out again beyond the edge of the shadow.
    bleed = facing.new_tensor([[1.0], [0.45], [0.30]]) * surface.wrap
    diffuse = ((facing + bleed) / (1 + bleed)).clamp_min(0) * (lit + 0.25 * bleed * (1 - lit))
    light = who.key_power * warmth * diffuse
    fill = (-key[0] * nx * 0.8 + 0.15 * ny + 0.55 * nz + 0.35).clamp_min(0) / 1.35
    light = light + who.fill * fill * surface.open * fill.new_tensor([[0.85], [0.95], [1.1]])
    sky = 0.5 + 0.5 * ny
    ambient = sky * fill.new_tensor([[0.50], [0.53], [0.58]]) + (1 - sky) * fill.new_tensor(
        [[0.30], [0.25], [0.21]]
    )
    light = light + 0.75 * ambient * surface.open
    colour = surface.albedo * light

    towards = (nx * view[0] + ny * view[1] + nz * view[2]).clamp(0, 1)
    fresnel = 0.04 + 0.96 * (1 - towards) ** 5
    hx, hy, hz = key[0] + view[0], key[1] + view[1], key[2] + view[2]
    length = (hx * hx + hy * hy + hz * hz).rsqrt()
    hx, hy, hz = hx * length, hy * length, hz * length
    shine = (nx * hx + ny * hy + nz * hz).clamp_min(1e-4) ** surface.sharp
    shine = shine * (surface.sharp + 8) * 0.012 * lit * (facing > 0)
    colour = colour + warmth * (who.key_power * surface.gloss * shine * (0.35 + 2 * fresnel))
    edge = (
        (ny + 0.55).clamp(0, 1)
        * who.rim
        * 0.45
        * (fresnel - 0.04)
        * surface.open
        * (0.35 + 0.65 * (0.5 - 0.5 * nx * key[0].sign()))
    )
    colour = colour + edge * (0.3 + surface.albedo)
    if tangent is not None:
        along = tangent[0] * hx + tangent[1] * hy + tangent[2] * hz
        across = (1 - along * along).clamp_min(0)
        sheen = (0.55 * across**28 + 0.22 * across**6 * (0.2 + surface.albedo)) * (0.25 + 0.75 * lit)
        colour = (
            colour
            + hair
            * sheen
            * (facing + 0.4).clamp(0, 1)
            * who.key_power
            * 0.5
            * (0.05 + surface.albedo)
            * surface.open
        )
    return colour


def develop(light: Tensor) -> Tensor:
    """Linear light to sRGB in [0, 1]: a film curve (Narkowicz's fit of ACES), then the sRGB transfer."""
    import torch

    x = light.clamp_min(0) * 0.62
    x = ((x * (2.51 * x + 0.03)) / (x * (2.43 * x + 0.59) + 0.14)).clamp(0, 1)
    return torch.where(x <= 0.0031308, 12.92 * x, 1.055 * x.clamp_min(1e-6) ** (1 / 2.4) - 0.055)


def sensor_noise(grain: Tensor, count: int) -> Tensor:
    """Noise of about unit deviation, (B, count), from seeds (B,): a hash of seed and position.

    Integer arithmetic only, so that it is the same on every device, and for every way to batch.
    """
    import torch

    place = torch.arange(count, device=grain.device)[None]
    value = (place * 0x9E3779B1 + grain[:, None] * 0x85EBCA77 + 0x27D4EB2F) & 0xFFFFFFFF
    value = ((value ^ (value >> 15)) * 0x2C1B3C6D) & 0xFFFFFFFF
    value = ((value ^ (value >> 12)) * 0x297A2D39) & 0xFFFFFFFF
    value = value ^ (value >> 15)
    # The sum of four bytes is bell-shaped: mean 510, deviation 147.8.
    total = (value & 255) + ((value >> 8) & 255) + ((value >> 16) & 255) + (value >> 24)
    return (total.float() - 510) / 147.8
