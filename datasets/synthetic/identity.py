"""Who is seen: every number of a person and of the place they sit in, drawn from one seed."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from .grammar import Split

if TYPE_CHECKING:
    import torch
    from numpy.random import Generator

Colour = tuple[float, float, float]  # linear RGB, 0..1

HAIR_STYLES = ("bald", "buzz", "short", "parted", "curly", "bob", "long", "bun")
CLOTHES = ("crew", "v_neck", "shirt", "stripes")
_MASCULINE_HAIR = (0.08, 0.14, 0.34, 0.26, 0.14, 0.02, 0.02, 0.0)
_FEMININE_HAIR = (0.0, 0.02, 0.08, 0.10, 0.16, 0.22, 0.26, 0.16)

_SKINS: tuple[Colour, ...] = (  # light to dark
    (0.70, 0.47, 0.37), (0.64, 0.40, 0.29), (0.60, 0.36, 0.24), (0.46, 0.26, 0.16), (0.30, 0.155, 0.09),
    (0.17, 0.085, 0.05),
)  # fmt: skip
_HAIRS: tuple[Colour, ...] = (
    (0.018, 0.013, 0.011), (0.045, 0.025, 0.015), (0.11, 0.055, 0.028), (0.22, 0.12, 0.05),
    (0.42, 0.28, 0.13), (0.30, 0.085, 0.03), (0.36, 0.35, 0.34),
)  # fmt: skip
_IRISES: tuple[Colour, ...] = (
    (0.10, 0.045, 0.02), (0.20, 0.10, 0.035), (0.13, 0.15, 0.05), (0.10, 0.20, 0.34), (0.17, 0.23, 0.25)
)  # fmt: skip


@dataclass(frozen=True)
class Identity:
    """One person. Shapes are factors around 1 or offsets in head units (half a head is about 1)."""

    feminine: float
    face_width: float
    face_length: float
    jaw_width: float
    chin: float
    cheek: float
    brow_ridge: float
    nose_width: float
    nose_length: float
    nose_tip: float
    eye_size: float
    eye_spacing: float
    eye_tilt: float
    mouth_width: float
    lip_fullness: float
    ear_size: float
    neck: float
    shoulders: float
    skin: Colour
    blush: float
    freckles: float
    stubble: float
    lip: Colour
    lipstick: float
    hair_style: int
    hair_volume: float
    hairline: float
    parting: float
    hair: Colour
    brow_thickness: float
    brow_arch: float
    iris: Colour
    glasses: int  # 0 none, 1 round, 2 rectangular
    frame: Colour
    cloth_style: int
    cloth: Colour
    cloth_second: Colour
    backdrop_seed: int
    backdrop: Colour
    key_azimuth: float  # radians
    key_elevation: float
    key_power: float
    key_warmth: float
    fill: float
    rim: float
    noise: float
    pattern: float  # offset into the noise textures, so that no two skins are alike


def random_identity(rng: Generator, glasses: bool | None = None) -> Identity:
    """A person from `rng`; `glasses` overrules chance."""
    import numpy as np

    def about(centre: float, spread: float) -> float:
        return float(np.clip(rng.normal(centre, spread), centre - 2 * spread, centre + 2 * spread))

    def between(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    def colour(value: np.ndarray) -> Colour:
        red, green, blue = (float(channel) for channel in np.clip(value, 0.008, 1))
        return red, green, blue

    feminine = float(rng.random() < 0.5)
    tone = between(0, len(_SKINS) - 1.001)
    low, part = int(tone), tone % 1
    skin = (1 - part) * np.array(_SKINS[low]) + part * np.array(_SKINS[low + 1])
    skin = skin * rng.uniform(0.95, 1.05, 3)
    darkest = 3 if tone > 2.5 else len(_HAIRS)
    hair = np.array(_HAIRS[rng.integers(darkest)]) * rng.uniform(0.85, 1.2) * rng.uniform(0.95, 1.05, 3)
    iris = np.array(_IRISES[0 if tone > 3 else rng.integers(len(_IRISES))]) * rng.uniform(0.8, 1.2, 3)
    lip = skin * np.array((0.80, 0.55, 0.56)) + np.array((0.02, 0.0, 0.005))
    lipstick = float(rng.random() < 0.45) * feminine * between(0.35, 0.85)
    stubble = (1 - feminine) * float(rng.random() < 0.6) * between(0.25, 1.0)
    style = int(rng.choice(len(HAIR_STYLES), p=_FEMININE_HAIR if feminine else _MASCULINE_HAIR))
    wears = bool(rng.random() < 0.3) if glasses is None else glasses
    kind = int(rng.integers(1, 3))
    return Identity(
        feminine=feminine,
        face_width=about(1.05 - 0.02 * feminine, 0.035),
        face_length=about(1.0 - 0.01 * feminine, 0.03),
        jaw_width=about(1.04 - 0.13 * feminine, 0.06),
        chin=about(1.0 - 0.06 * feminine, 0.06),
        cheek=about(1.0, 0.12),
        brow_ridge=about(1.0 - 0.55 * feminine, 0.15),
        nose_width=about(1.02 - 0.1 * feminine, 0.12),
        nose_length=about(1.0 - 0.03 * feminine, 0.06),
        nose_tip=about(0.0, 0.03),
        eye_size=about(1.0 + 0.05 * feminine, 0.05),
        eye_spacing=about(1.0, 0.035),
        eye_tilt=about(0.04 + 0.03 * feminine, 0.035),
        mouth_width=about(1.0 - 0.03 * feminine, 0.07),
        lip_fullness=about(0.92 + 0.22 * feminine, 0.14),
        ear_size=about(1.0 - 0.06 * feminine, 0.08),
        neck=about(1.04 - 0.17 * feminine, 0.05),
        shoulders=about(1.04 - 0.12 * feminine, 0.05),
        skin=colour(skin),
        blush=between(0.2, 1.0),
        freckles=max(0.0, between(-1.5, 1.0)) * float(tone < 2.5),
        stubble=stubble,
        lip=colour(lip),
        lipstick=lipstick,
        hair_style=style,
        hair_volume=about(1.0, 0.2),
        hairline=about(0.0, 0.03),
        parting=between(-1, 1),
        hair=colour(hair),
        brow_thickness=about(1.05 - 0.25 * feminine, 0.12),
        brow_arch=about(0.5 + 0.4 * feminine, 0.2),
        iris=colour(iris),
        glasses=kind * int(wears),
        frame=colour(np.array((0.02, 0.02, 0.025)) if rng.random() < 0.6 else rng.uniform(0.02, 0.3, 3)),
        cloth_style=int(rng.integers(len(CLOTHES))),
        cloth=colour(rng.uniform(0.02, 0.4) + rng.uniform(-0.12, 0.22, 3)),
        cloth_second=colour(rng.uniform(0.05, 0.6) + rng.uniform(-0.1, 0.2, 3)),
        backdrop_seed=int(rng.integers(1 << 31)),
        backdrop=colour(rng.uniform(0.06, 0.36) + rng.uniform(-0.06, 0.09, 3)),
        key_azimuth=between(0.35, 1.0) * float(rng.choice((-1, 1))),
        key_elevation=between(0.35, 0.8),
        key_power=between(1.5, 2.2),
        key_warmth=between(-0.6, 1.0),
        fill=between(0.25, 0.55),
        rim=between(0.2, 1.0),
        noise=between(0.004, 0.011),
        pattern=between(0, 50),
    )


def seed_of(*parts: str | int) -> int:
    """A 128-bit seed named by `parts`; different parts, different seed."""
    from ...benchmark.util.hashing import key

    return int(key("talkbench synthetic", *parts)[:32], 16)


def identity_of(split: Split, seed: int, index: int, glasses: bool | None = None) -> Identity:
    """Person number `index` of a split; the split is part of the seed, so no two splits share a person."""
    import numpy as np

    return random_identity(np.random.default_rng(seed_of("identity", split, seed, index)), glasses)


def tabulate(people: list[Identity], device: torch.device | str) -> dict[str, torch.Tensor]:
    """All fields as float32 tensors: (I,), and colours as three of them, `skin_r`, `skin_g`, `skin_b`."""
    import torch

    table: dict[str, torch.Tensor] = {}
    for field in fields(Identity):
        values = [getattr(person, field.name) for person in people]
        if isinstance(values[0], tuple):
            for channel, name in enumerate("rgb"):
                table[f"{field.name}_{name}"] = torch.tensor([value[channel] for value in values])
        else:
            table[field.name] = torch.tensor(values, dtype=torch.float32)
    return {name: value.to(device) for name, value in table.items()}
