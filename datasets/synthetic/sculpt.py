"""From people to a scene: shapes sampled once into volumes that rays can be marched through cheaply."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .anatomy import body_distance, hair_distance, skin_distance
from .backdrop import backdrop, noise_texture
from .identity import Identity, tabulate
from .solids import union

if TYPE_CHECKING:
    import torch
    from torch import Tensor

HEAD_BOX = ((-1.1, 1.1), (-1.5, 1.4), (-1.2, 1.05))
BODY_BOX = ((-1.9, 1.9), (-2.7, -0.5), (-1.1, 0.7))
HEAD_STEP, BODY_STEP = 0.025, 0.05
_SLAB = 3  # slices worked on at a time, so that they fit a processor's cache


@contextmanager
def one_thread(device: torch.device) -> Iterator[None]:
    """Within: torch uses one thread on a CPU.

    The tensors are small, to fit its cache: threads that wait for each other after every operation gain
    little, and lose a factor of ten where other work keeps the cores busy. Parallel work is done by clip.
    """
    import torch

    threads = torch.get_num_threads()
    if device.type == "cpu":
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@dataclass(frozen=True)
class Volume:
    """Fields on a regular grid, one block per person, stacked along z.

    distance: (1, 1, I * D, H, W); surface: (1, C, I * D, H, W), what is only wanted at the surface: the
    normal (x, y, z), a material field and how open the place is to the sky (1 open, 0 hidden).
    """

    box: tuple[tuple[float, float], ...]
    depth: int
    distance: Tensor
    surface: Tensor

    def sample(self, field: Tensor, x: Tensor, y: Tensor, z: Tensor, person: Tensor) -> Tensor:
        """Trilinear samples (C, N) at points (N,) of volume number `person` (N,) or (1,)."""
        import torch
        import torch.nn.functional as functional

        (x0, x1), (y0, y1), (z0, z1) = self.box
        slices = field.shape[2]
        layer = ((z - z0) * ((self.depth - 1) / (z1 - z0))).clamp(0, self.depth - 1) + person * self.depth
        grid = torch.stack(
            ((x - x0) * (2 / (x1 - x0)) - 1, (y - y0) * (2 / (y1 - y0)) - 1, layer * (2 / (slices - 1)) - 1),
            dim=-1,
        )
        grid = grid.view(1, 1, 1, -1, 3)
        found = functional.grid_sample(field, grid, padding_mode="border", align_corners=True)
        return found.view(field.shape[1], -1)


@dataclass(frozen=True)
class Scene:
    """Everything that does not move. people: Identity's fields, (I,) each; backdrops: (I, 3, h, w)."""

    people: dict[str, Tensor]
    head: Volume
    body: Volume
    backdrops: Tensor
    noise: Tensor
    device: torch.device

    def __len__(self) -> int:
        return len(self.people["skin_r"])


def sculpt(people: Sequence[Identity], device: torch.device | str = "cpu") -> Scene:
    """Samples the shapes of `people`; about 0.4 s and 24 MB each on two CPU cores."""
    import torch

    place = torch.device(device)

    def head(x: Tensor, y: Tensor, z: Tensor, who: Identity) -> tuple[Tensor, Tensor]:
        skin, hair = skin_distance(x, y, z, who), hair_distance(x, y, z, who)
        return union(skin, hair, 0.012), (skin - hair).clamp(-0.3, 0.3)

    with torch.no_grad(), one_thread(place):
        return Scene(
            tabulate(list(people), place),
            _volume(people, head, HEAD_BOX, HEAD_STEP, place),
            _volume(people, body_distance, BODY_BOX, BODY_STEP, place),
            torch.stack([backdrop(who, place) for who in people]),
            noise_texture(place),
            place,
        )


def _volume(
    people: Sequence[Identity],
    field: Callable[[Tensor, Tensor, Tensor, Identity], tuple[Tensor, Tensor]],
    box: tuple[tuple[float, float], ...],
    step: float,
    device: torch.device,
) -> Volume:
    import torch

    axes = [torch.linspace(low, high, round((high - low) / step) + 1, device=device) for low, high in box]
    x, y, depth = axes[0][None, None, :], axes[1][None, :, None], len(axes[2])
    distances, surfaces = [], []
    for who in people:
        slabs = []
        for start in range(0, depth, _SLAB):
            z = axes[2][start : start + _SLAB, None, None]
            shape = (len(z), len(axes[1]), len(axes[0]))
            slabs.append(torch.stack(field(x.expand(shape), y.expand(shape), z.expand(shape), who)))
        distance, material = torch.cat(slabs, dim=1)
        _keep_positive(distance)
        distances.append(distance)
        surfaces.append(torch.cat((_normals(distance, axes), material[None], _openness(distance)[None])))
    return Volume(box, depth, torch.cat(distances)[None, None], torch.cat(surfaces, dim=1)[None])


def _keep_positive(distance: Tensor) -> None:
    """Nothing touches the sides, the front, the back or the top of a box: beyond them it is repeated."""
    for border in (distance[0], distance[-1], distance[:, -1], distance[:, :, 0], distance[:, :, -1]):
        border.clamp_(min=0.06)


def _normals(distance: Tensor, axes: list[Tensor]) -> Tensor:
    import torch

    spacing = [float(axis[1] - axis[0]) for axis in reversed(axes)]
    nz, ny, nx = torch.gradient(distance, spacing=spacing)
    return torch.stack((nx, ny, nz)) / (nx * nx + ny * ny + nz * nz).sqrt().clamp_min(1e-4)


def _openness(distance: Tensor) -> Tensor:
    """Ambient occlusion: half of a small ball around a flat surface is solid, more of it in a crease."""

    solid = (0.5 - distance / 0.03).clamp(0, 1)
    near = _blurred(solid, 5)
    wide = _blurred(near, 13)
    crowding = 0.6 * (near - 0.5).clamp_min(0) + 1.4 * (wide - 0.42).clamp_min(0)
    return (1 - 1.5 * crowding).clamp(0.15, 1)


def _blurred(field: Tensor, width: int) -> Tensor:
    """Mean over cubes of `width` cells, one axis after the other."""
    import torch.nn.functional as functional

    field = field[None, None]
    for axis in range(3):
        kernel = [1, 1, 1]
        kernel[axis] = width
        padding = [size // 2 for size in kernel]
        field = functional.avg_pool3d(field, kernel, stride=1, padding=padding, count_include_pad=False)
    return field[0, 0]
