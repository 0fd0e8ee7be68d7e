"""What the two towers see and hear: pictures of a face, and windows of cepstra."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor

from .._filterbank import int16_scale, mfcc
from .network import MOUTH_MIDDLE, MOUTH_SIDE, STEPS, STEPS_PER_FRAME


def face(seen: Tensor, size: int) -> Tensor:
    """A face crop or a frame, uint8 (3, H, W) RGB, as float BGR (3, size, size), 0 to 255.

    Resized by OpenCV, bilinear on bytes, whose fixed-point rounding is part of the published pipeline.
    """
    import cv2

    bgr = np.ascontiguousarray(seen.flip(0).permute(1, 2, 0).cpu().numpy())
    resized = cv2.resize(bgr, (size, size), interpolation=cv2.INTER_LINEAR)
    return torch.from_numpy(resized).permute(2, 0, 1).to(seen.device).float()


def mouth(seen: Tensor, size: int) -> Tensor:
    """The mouth's part of a face crop, uint8 (3, H, W) RGB, as float BGR (3, size, size), 0 to 255."""
    height, width = seen.shape[1:]
    top, bottom = ((MOUTH_MIDDLE + part * MOUTH_SIDE / 2) * height for part in (-1, 1))
    left, right = ((0.5 + part * MOUTH_SIDE / 2) * width for part in (-1, 1))
    part = seen[:, round(top) : round(bottom), round(left) : round(right)]
    return functional.interpolate(part.flip(0)[None].float(), (size, size), mode="bilinear", antialias=True)[
        0
    ]


def windows_of_sound(samples: np.ndarray, windows: int) -> Tensor:
    """The first `windows` windows of cepstra, one per frame: float32 (windows, 13, 20); sound at 16 kHz."""
    cepstra = mfcc(int16_scale(samples))
    views = np.lib.stride_tricks.sliding_window_view(cepstra, STEPS, axis=0)[::STEPS_PER_FRAME]
    return torch.from_numpy(views[:windows].astype(np.float32))
