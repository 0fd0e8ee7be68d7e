"""How a head moves: the parameters of a frame, the pose, and the deformation of the face by the mouth."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from .anatomy import MOUTH_HALF_WIDTH, MOUTH_Y, PIVOT
from .solids import smoothstep

if TYPE_CHECKING:
    import torch
    from torch import Tensor

JAW_DROP = 0.27  # head units that the chin falls when `open` is 1
BODY_TURN = 0.22  # of the head's yaw that the shoulders follow


@dataclass(frozen=True)
class Motion:
    """What moves, per frame, float32 (B,) each; `grain` int64 (B,).

    yaw, pitch, roll: degrees (yaw > 0 turns to the viewer's right, pitch > 0 nods down, roll > 0 leans to
    the viewer's left); x, y: translation in head units; zoom: factor; gaze_x, gaze_y: radians, relative to
    the head; blink, brow, smile: 0 to 1 (brow and smile may be negative); open, press, tuck, tongue: 0 to 1;
    wide: -1 (rounded) to 1 (spread); grain: seed of the frame's camera noise.
    """

    yaw: Tensor
    pitch: Tensor
    roll: Tensor
    x: Tensor
    y: Tensor
    zoom: Tensor
    gaze_x: Tensor
    gaze_y: Tensor
    blink: Tensor
    brow: Tensor
    smile: Tensor
    open: Tensor
    wide: Tensor
    press: Tensor
    tuck: Tensor
    tongue: Tensor
    grain: Tensor

    @classmethod
    def still(cls, frames: int) -> Motion:
        """`frames` frames of a head at rest that looks into the camera."""
        import torch

        values = {field.name: torch.zeros(frames) for field in fields(cls)}
        values["zoom"] = torch.ones(frames)
        values["grain"] = torch.arange(frames)
        return cls(**values)

    def __len__(self) -> int:
        return len(self.yaw)

    def table(self, device: torch.device) -> dict[str, Tensor]:
        """All fields on `device`, with the rotation matrix `r00` … `r22` (head to world) and mouth sizes."""
        import torch

        table = {field.name: getattr(self, field.name).to(device) for field in fields(self)}
        yaw, pitch, roll = (torch.deg2rad(table[name]) for name in ("yaw", "pitch", "roll"))
        cy, sy, cp, sp, cr, sr = yaw.cos(), yaw.sin(), pitch.cos(), pitch.sin(), roll.cos(), roll.sin()
        # roll about z, after pitch about x, after yaw about y
        rows = (
            (cr * cy - sr * sp * sy, -sr * cp, cr * sy + sr * sp * cy),
            (sr * cy + cr * sp * sy, cr * cp, sr * sy - cr * sp * cy),
            (-cp * sy, sp, cp * cy),
        )
        table |= {f"r{i}{j}": value for i, row in enumerate(rows) for j, value in enumerate(row)}
        table["body_c"], table["body_s"] = (BODY_TURN * yaw).cos(), (BODY_TURN * yaw).sin()
        table["drop"] = JAW_DROP * table["open"]
        wide = table["wide"]
        table["stretch"] = 1 + 0.20 * wide.clamp_min(0) + 0.38 * wide.clamp_max(0) + 0.10 * table["smile"]
        return table


class Rows:
    """Columns of a table, gathered for points: `Rows(table, index).name` is table[name][index].

    A table of one row is not gathered: it broadcasts.
    """

    def __init__(self, table: dict[str, Tensor], index: Tensor) -> None:
        self._table, self._index = table, index
        self._cache: dict[str, Tensor] = {}

    def __getattr__(self, name: str) -> Tensor:
        if name not in self._cache:
            column = self._table[name]
            self._cache[name] = column if len(column) == 1 else column.index_select(0, self._index)
        return self._cache[name]

    def colour(self, name: str) -> Tensor:
        """The colour `name` as (3, N) or (3, 1)."""
        import torch

        return torch.stack([getattr(self, f"{name}_{channel}") for channel in "rgb"])

    def at(self, chosen: Tensor) -> Rows:
        """The rows of the chosen points: `chosen` is an index into these points."""
        return Rows(
            self._table, self._index if len(self._index) == 1 else self._index.index_select(0, chosen)
        )


Triple = tuple["Tensor", "Tensor", "Tensor"]


def to_head(x: Tensor, y: Tensor, z: Tensor, move: Rows, who: Rows) -> Triple:
    """World to head coordinates."""
    x, y, z = x - move.x - PIVOT[0], y - move.y - PIVOT[1], z - PIVOT[2]
    hx, hy, hz = turn_back(x, y, z, move)
    return (hx + PIVOT[0]) / who.face_width, (hy + PIVOT[1]) / who.face_length, hz + PIVOT[2]


def turn_back(x: Tensor, y: Tensor, z: Tensor, move: Rows) -> Triple:
    """A direction from world to head."""
    return (
        move.r00 * x + move.r10 * y + move.r20 * z,
        move.r01 * x + move.r11 * y + move.r21 * z,
        move.r02 * x + move.r12 * y + move.r22 * z,
    )


def turn(x: Tensor, y: Tensor, z: Tensor, move: Rows) -> Triple:
    """A direction from head to world."""
    return (
        move.r00 * x + move.r01 * y + move.r02 * z,
        move.r10 * x + move.r11 * y + move.r12 * z,
        move.r20 * x + move.r21 * y + move.r22 * z,
    )


def to_body(x: Tensor, y: Tensor, z: Tensor, move: Rows) -> Triple:
    """World to body coordinates: the shoulders turn a little, and shift less than the head."""
    x, y = x - 0.7 * move.x, y - 0.6 * move.y
    return move.body_c * x - move.body_s * z, y, move.body_s * x + move.body_c * z


def _nearness(x: Tensor, y: Tensor) -> Tensor:
    """1 at the mouth, 0 from the eyes upwards: the region that expression deforms."""
    height = y - MOUTH_Y
    inside = (1 - 4 * height * height - 1.2 * x * x).clamp_min(0)
    return inside * inside


def mouth_edges(
    x: Tensor, y: Tensor, z: Tensor, move: Rows, who: Rows
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """At head coordinates: the mouth line's y, how far above and below it the lips are, the jaw's drop."""
    across = x / (MOUTH_HALF_WIDTH * 0.97 * who.mouth_width * move.stretch)
    squared = across * across
    profile = (1 - squared).clamp_min(0).sqrt()
    bend = 0.035 * move.smile * squared.clamp_max(2.2) - 0.012 * (1 - squared).clamp_min(0)
    line = MOUTH_Y + bend * _nearness(x, y)
    drop = move.drop * smoothstep(-0.25, 0.25, z)
    return line, 0.20 * drop * profile, (0.84 - 0.35 * move.tuck) * drop * profile, drop


def unfold(x: Tensor, y: Tensor, z: Tensor, move: Rows, who: Rows) -> Triple:
    """Head coordinates of a moving face to those of the face at rest, where its shape is known.

    Skin above the mouth stays, the lips part along the mouth line, the chin follows the jaw, the cheeks
    stretch between; what lies between the lips maps onto the mouth line.
    """
    line, up, down, drop = mouth_edges(x, y, z, move, who)
    height = y - line
    above, below = (height - up).clamp_min(0), (-height - down).clamp_min(0)
    raised = up * (1 - smoothstep(0.0, 0.16, above))
    # The stretch of the cheek must stay invertible: 0.45 is longer than any drop.
    fallen = down + (drop - down) * smoothstep(0.0, 0.45, below)
    rest = (height - raised).clamp_min(0) + (height + fallen).clamp_max(0)
    near = _nearness(x, y)
    x = x * (1 + (1 / move.stretch - 1) * near)
    push = 0.06 * (-move.wide).clamp_min(0) * near - 0.03 * move.press * near
    return x, rest + MOUTH_Y, z - push
