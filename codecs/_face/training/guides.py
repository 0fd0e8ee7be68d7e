"""Ten places of a rendered head that keypoints start from: unsupervised, they stay clustered for thousands of
steps before they spread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from ....datasets.synthetic.identity import Identity
    from ....datasets.synthetic.rig import Motion

# Which place is where a mirror shows each.
MIRRORED = (1, 0, 2, 4, 3, 5, 6, 7, 8, 9)
COUNT = len(MIRRORED)


def places(who: Identity, motion: Motion) -> torch.Tensor:
    """Both eyes, tip of the nose, corners of the mouth, lower lip, chin, forehead, crown, collar: (T, 10, 2).

    x and y are -1 to 1 across the picture, y downwards; the inverse of the renderer's rays.
    """
    import torch

    from ....datasets.synthetic.anatomy import EYE_X, MOUTH_HALF_WIDTH, MOUTH_Y, PIVOT
    from ....datasets.synthetic.rig import Rows, turn
    from ....datasets.synthetic.trace import CAMERA_Z, HALF_HEIGHT, LOOK_Y

    table = motion.table(torch.device("cpu"))
    move = Rows(table, torch.arange(len(motion)))
    eye = EYE_X * who.eye_spacing
    corner = 0.9 * MOUTH_HALF_WIDTH * who.mouth_width * move.stretch
    lip, chin = MOUTH_Y - 0.05 - 0.84 * move.drop, -0.93 - move.drop
    on_head = [
        (-eye, 0.0, 0.62),
        (eye, 0.0, 0.62),
        (0.0, -0.275 * who.nose_length, 0.86),
        (-corner, MOUTH_Y + 0.03 * move.smile - 0.4 * move.drop, 0.60),
        (corner, MOUTH_Y + 0.03 * move.smile - 0.4 * move.drop, 0.60),
        (0.0, lip, 0.70),
        (0.0, chin, 0.56),
        (0.0, 0.45, 0.66),
        (0.0, 0.98, -0.08),
    ]
    still = torch.zeros(len(motion))
    world = []
    for x, y, z in on_head:
        x, y, z = still + x * who.face_width, still + y * who.face_length, still + z
        x, y, z = turn(x - PIVOT[0], y - PIVOT[1], z - PIVOT[2], move)
        world.append((x + PIVOT[0] + move.x, y + PIVOT[1] + move.y, z + PIVOT[2]))
    body_y, body_z = -1.4, 0.1
    world.append((move.body_s * body_z + 0.7 * move.x, still + body_y + 0.6 * move.y, move.body_c * body_z))

    def seen(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
        scale = move.zoom * CAMERA_Z / HALF_HEIGHT / (CAMERA_Z - z)
        return torch.stack((x * scale, (LOOK_Y - y) * scale), 1)

    return torch.stack([seen(*point) for point in world], 1)
