"""Where the speaker's face is: found in the reference, followed, smoothed, and cropped as SyncNet wants it.

The steps and constants after detection are those of SyncNet's own pipeline (joonson/syncnet_python).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ...benchmark.api import Unavailable

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from ...benchmark.media.faces import Box

OVERLAP, PATIENCE = 0.5, 25  # of boxes that follow each other (IoU); frames without a face within a track
SMOOTHING = 13  # frames of the median filter
MARGIN = 0.40  # of the face's half side, left and right; twice of it below
GREY = 110  # beyond the picture


@dataclass(frozen=True)
class Track:
    """x, y, half: the face's middle and half its side in each frame, pixels; found: frames with a face."""

    x: np.ndarray
    y: np.ndarray
    half: np.ndarray
    found: int


class Faces(Protocol):
    """A face detector."""

    def __call__(self, video: Tensor) -> Sequence[Sequence[Box]]:
        """The faces in each frame of uint8 video (T, 3, H, W), in its pixels."""
        ...


def follow(faces: Sequence[Sequence[Box]]) -> Track:
    """The speaker's track from the faces found in each frame. Raises Unavailable where there are none.

    Faces whose boxes overlap follow each other; the track that was seen in most frames is the speaker's.
    Boxes are interpolated between the frames where it was found, and held before and after.
    """
    import numpy as np
    from scipy.signal import medfilt

    tracks: list[list[tuple[int, Box]]] = []
    for frame, found in enumerate(faces):
        for box in found:
            near = [t for t in tracks if t[-1][0] < frame <= t[-1][0] + PATIENCE]
            near = [track for track in near if overlap(box, track[-1][1]) > OVERLAP]
            if near:
                max(near, key=lambda track: overlap(box, track[-1][1])).append((frame, box))
            else:
                tracks.append([(frame, box)])
    if not tracks:
        raise Unavailable("no face is found in any frame of the reference")
    track = max(tracks, key=len)
    at = np.arange(len(faces))
    seen = [frame for frame, _ in track]
    left, top, right, bottom = (np.interp(at, seen, [box[edge] for _, box in track]) for edge in range(4))
    # In a clip shorter than the filter most of its window would be outside.
    window = min(SMOOTHING, len(faces) - 1 + len(faces) % 2)
    x, y, half = (
        medfilt(values, window)
        for values in ((left + right) / 2, (top + bottom) / 2, np.maximum(right - left, bottom - top) / 2)
    )
    return Track(x, y, half, len(track))


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes."""
    width = max(0.0, min(a.right, b.right) - max(a.left, b.left))
    height = max(0.0, min(a.bottom, b.bottom) - max(a.top, b.top))
    areas = ((box.right - box.left) * (box.bottom - box.top) for box in (a, b))
    return width * height / (sum(areas) - width * height)


def crop(frame: Tensor, track: Track, index: int) -> Tensor:
    """SyncNet's crop of frame number `index` (3, H, W): uint8 (3, h, w), grey beyond the picture.

    About square, 1.4 sides of the face wide and high: from the face's top down, with a margin at the
    sides and below.
    """
    import torch.nn.functional as functional

    half = float(track.half[index])
    pad = int(half * (1 + 2 * MARGIN))
    x, y = float(track.x[index]) + pad, float(track.y[index]) + pad
    top, bottom = int(y - half), int(y + half * (1 + 2 * MARGIN))
    left, right = int(x - half * (1 + MARGIN)), int(x + half * (1 + MARGIN))
    padded = functional.pad(frame, (pad, pad, pad, pad), value=GREY)
    return padded[:, max(0, top) : bottom, max(0, left) : right]


class HogFaces:
    """The largest face of each frame, with dlib's detector, which ships in its package."""

    def __call__(self, video: Tensor) -> list[list[Box]]:
        """The largest face in each frame of uint8 video (T, 3, H, W), in its pixels."""
        from PIL import Image

        from ...benchmark.media.faces import SHORT_SIDES, FaceFinder

        finder = FaceFinder()

        def largest(index: int, short_side: int) -> list[Box]:
            picture = Image.fromarray(video[index].permute(1, 2, 0).numpy())
            face = finder.largest(picture, picture.size, index, (short_side,))
            return [face] if face else []

        # Small faces are looked for only where no frame shows a larger one: that takes ten times as long.
        for short_side in SHORT_SIDES:
            faces = [largest(index, short_side) for index in range(len(video))]
            if any(faces):
                return faces
        return [[] for _ in video]
