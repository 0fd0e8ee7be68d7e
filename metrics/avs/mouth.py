"""Grey 88×88 crops of the mouth, as AV-HuBERT was trained on, at the same places in every variant of a clip.

Landmarks come from the reference. Each picture is turned, scaled and moved (a similarity) so that the corners
of the eyes and the base of the nose, averaged over it and the eleven pictures after it, fall on those of a
mean face; the crop has its own mouth landmarks' centre in the middle, on whole pixels of the turned picture.
AV-HuBERT cuts 96×96 and takes its centre.

The mean face is this project's: the generalised Procrustes mean of dlib's points over 15 recorded
speakers, made symmetric, with the outer corners of the eyes 76 pixels apart, the scale of AV-HuBERT's data.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import dlib
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ...benchmark.api import Unavailable

SIDE = 88
_BASE_OF_NOSE_AND_EYES = (33, 36, 39, 42, 45)
# x to the right and y down, as complex numbers.
_MEAN_FACE = np.array([32.4j, -38 - 8.3j, -16.5 - 7.9j, 16.5 - 7.9j, 38 - 8.3j])
_MOUTH = slice(48, 68)
_SMOOTHED = 12
# dlib sees faces from 80 pixels: here from 16 % of the short side.
_SHORT_SIDE = 512
_LUMA = (0.299, 0.587, 0.114)
_FRAMES_AT_ONCE = 64

Landmarks = NDArray[np.float64]


class Tracker:
    """Finds 68 landmarks of the largest face (dlib: HOG detector, shape predictor)."""

    def __init__(self, shape_predictor: Path) -> None:
        self._detect: Any = dlib.get_frontal_face_detector()  # pyright: ignore[reportAttributeAccessIssue]
        self._place: Any = dlib.shape_predictor(str(shape_predictor))  # pyright: ignore[reportAttributeAccessIssue]

    def track(self, pictures: Iterable[Tensor]) -> Landmarks:
        """Landmarks (T, 68, 2), x and y in pixels, of T uint8 pictures (3, H, W).

        Where no face is found they are interpolated in time, at the ends repeated.
        Raises Unavailable where no picture has a face.
        """
        found = [self._landmarks(picture) for picture in pictures]
        known = {number: points.ravel() for number, points in enumerate(found) if points is not None}
        if not known:
            raise Unavailable("no face was found in the reference")
        filled = [
            np.interp(range(len(found)), list(known), values)
            for values in np.stack(list(known.values()), axis=1)
        ]
        return np.stack(filled, axis=1).reshape(len(found), 68, 2)

    def _landmarks(self, picture: Tensor) -> Landmarks | None:
        grey = _grey(picture[None])[0]
        scale = _SHORT_SIDE / min(grey.shape)
        seen = functional.interpolate(grey[None, None], scale_factor=scale, mode="bilinear", antialias=True)[
            0, 0
        ]
        faces = self._detect(_bytes(seen), 0)
        if not faces:
            return None
        face = max(faces, key=lambda face: face.width())
        corners = [round(edge / scale) for edge in (face.left(), face.top(), face.right(), face.bottom())]
        box = dlib.rectangle(*corners)  # pyright: ignore[reportAttributeAccessIssue]
        return np.array([(point.x, point.y) for point in self._place(_bytes(grey), box).parts()], float)


class Crops:
    """Where the mouth is in the pictures of a clip that are looked at."""

    def __init__(self, landmarks: Landmarks, frames: Sequence[int]) -> None:
        """landmarks: (T, 68, 2) in pixels; frames: the numbers of these T pictures in the clip."""
        points = landmarks[..., 0] + 1j * landmarks[..., 1]
        turns, shifts = _alignment(points[:, _BASE_OF_NOSE_AND_EYES])
        # The centre of the mouth in the turned picture, on its pixel grid.
        mouth = (turns[:, None] * points[:, _MOUTH] + shifts[:, None]).mean(axis=1)
        self._first = np.rint(mouth.real) + 1j * np.rint(mouth.imag) - (1 + 1j) * (SIDE // 2)
        self._turns, self._shifts, self._frames = turns, shifts, frames

    def __len__(self) -> int:
        return len(self._frames)

    def cut(self, video: Tensor, start: int, stop: int, device: str | torch.device = "cpu") -> Tensor:
        """Crops [start, stop) of a clip (N, 3, H, W) in uint8: float32 (stop - start, 88, 88) in [0, 1].

        Bilinear, black outside of the picture.
        """
        height, width = video.shape[-2:]
        size = torch.tensor([width, height], dtype=torch.float32, device=device)
        pieces = []
        for first in range(start, stop, _FRAMES_AT_ONCE):
            part = slice(first, min(first + _FRAMES_AT_ONCE, stop))
            grey = _grey(video[list(self._frames[part])].to(device))
            # Pixel centres lie on whole numbers; grid_sample counts from -1 to 1 between the outer edges.
            grid = (2 * torch.from_numpy(self._places(part)).to(device) + 1) / size - 1
            cut = functional.grid_sample(grey[:, None], grid, align_corners=False)
            pieces.append(cut[:, 0] / 255)
        return torch.cat(pieces)

    def _places(self, part: slice) -> NDArray[np.float32]:
        """The position in the picture of each pixel of the crops: (T, 88, 88, 2), x and y in pixels."""
        steps = np.arange(SIDE)
        turned = self._first[part, None, None] + steps[None, None, :] + 1j * steps[None, :, None]
        places = (turned - self._shifts[part, None, None]) / self._turns[part, None, None]
        return np.stack([places.real, places.imag], axis=-1).astype(np.float32)


def _alignment(stable: NDArray[np.complex128]) -> tuple[Any, Any]:
    """The similarities z → turn · z + shift of least squares onto the mean face: (T, 5) to two of (T,).

    Landmarks are averaged over a window that starts at their picture; the last pictures share one.
    """
    window = min(len(stable), _SMOOTHED)
    smooth = np.lib.stride_tricks.sliding_window_view(stable, window, axis=0).mean(axis=-1)
    smooth = np.concatenate([smooth, np.repeat(smooth[-1:], window - 1, axis=0)])
    middle = smooth.mean(axis=1)
    centred, target = smooth - middle[:, None], _MEAN_FACE - _MEAN_FACE.mean()
    turns = (centred.conj() * target).sum(axis=1) / (np.abs(centred) ** 2).sum(axis=1)
    return turns, _MEAN_FACE.mean() - turns * middle


def _grey(video: Tensor) -> Tensor:
    """Luma of uint8 (T, 3, H, W): float32 (T, H, W) in [0, 255]."""
    return torch.einsum("tchw,c->thw", video.float(), video.new_tensor(_LUMA, dtype=torch.float32))


def _bytes(grey: Tensor) -> NDArray[np.uint8]:
    return np.ascontiguousarray(grey.round().clamp(0, 255).byte().numpy())
