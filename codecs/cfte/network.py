"""CFTE's networks: a code of 4×4 numbers for each frame, and a dense motion guessed from two such codes.

Source: Chen et al., Beyond Keypoint Coding: Temporal Evolution Inference with Compact Feature
Representation for Talking Face Video Compression, DCC 2022. Attribute names are those of its state dicts.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from .. import _checkpoint
from .._face.dense_motion import DenseMotion
from .._face.generator import Generator
from .._face.layers import AntiAlias, DownBlock, Hourglass, ResBlock, SameBlock, UpBlock, coordinates, warp
from .._face.published_names import published

SIDE = 4  # of a code
_HALVINGS = 4  # from a quarter of the frame's size to a code's


@dataclass(frozen=True)
class CompactShape:
    """Sizes of the networks; the defaults are those of the published CFTE.

    detector, motion, generator: channels at full size, channels at most, halvings; residuals: blocks where
    the motion network and the generator are smallest; skips: see `Generator`.
    """

    channels: int = 1
    detector: tuple[int, int, int] = (32, 1024, 5)
    motion: tuple[int, int, int] = (64, 512, 4)
    motion_residuals: int = 4
    generator: tuple[int, int, int] = (64, 512, 2)
    residuals: int = 6
    skips: bool = False


SMALL = CompactShape(
    detector=(16, 128, 5),
    motion=(16, 128, 4),
    motion_residuals=2,
    generator=(16, 96, 2),
    residuals=3,
    skips=True,
)


class Normalisation(nn.Module):
    """Generalised divisive normalisation, x / sqrt(β + γ x²): Ballé et al., ICLR 2016.

    β and γ are kept as square roots, offset so that neither gets near 0.
    """

    OFFSET, LEAST = 2.0**-18, 1e-6

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.beta = nn.Parameter((torch.ones(channels) + self.OFFSET**2).sqrt())
        self.gamma = nn.Parameter((0.1 * torch.eye(channels) + self.OFFSET**2).sqrt())

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W), as it came."""
        beta = self.beta.clamp_min((self.LEAST + self.OFFSET**2) ** 0.5) ** 2 - self.OFFSET**2
        gamma = self.gamma.clamp_min(self.OFFSET) ** 2 - self.OFFSET**2
        return x / functional.conv2d(x * x, gamma[:, :, None, None], beta).sqrt()


class CompactDetector(nn.Module):
    """An hourglass at a quarter of the size, and four halvings to the code."""

    def __init__(self, shape: CompactShape) -> None:
        super().__init__()
        self.down = AntiAlias()
        self.predictor = Hourglass(3, *shape.detector)
        inputs = self.predictor.outputs
        for number in range(1, _HALVINGS + 1):
            conv = nn.Conv2d(inputs, shape.channels, 5, stride=2, padding=2)
            nn.init.xavier_normal_(conv.weight, 2**0.5)
            setattr(self, f"conv{number}", conv)
            setattr(self, f"gdn{number}", Normalisation(shape.channels))
            inputs = shape.channels

    def forward(self, frames: Tensor) -> Tensor:
        """Codes (B, channels, 4, 4) of frames (B, 3, 256, 256), 0 to 1."""
        x = self.predictor(self.down(frames)).float()
        with torch.autocast(x.device.type, enabled=False):  # the code is short: no bit of it is to be lost
            for number in range(1, _HALVINGS + 1):
                x = getattr(self, f"gdn{number}")(getattr(self, f"conv{number}")(x))
        return x


class CompactMotion(nn.Module):
    """Dense motion from the keyframe and two codes."""

    def __init__(self, shape: CompactShape) -> None:
        super().__init__()
        width, most, blocks = shape.motion
        sizes = [min(most, width << level) for level in range(_HALVINGS + 1)]
        pairs = list(pairwise(sizes))
        self.hourglass = Hourglass(3 + shape.channels, width, most, blocks)
        self.flow = nn.Conv2d(self.hourglass.outputs, 2, 7, padding=3)
        self.occlusion = nn.Conv2d(self.hourglass.outputs, 1, 7, padding=3)
        self.up_blocks = nn.ModuleList(UpBlock(shape.channels, shape.channels) for _ in range(_HALVINGS))
        self.first = SameBlock(3, width, 7)
        self.motiondown_blocks = nn.ModuleList(DownBlock(a, b) for a, b in pairs)
        self.motionup_blocks = nn.ModuleList(UpBlock(b, a) for a, b in reversed(pairs))
        self.bottleneck = nn.Sequential()
        for index in range(shape.motion_residuals):
            self.bottleneck.add_module(f"r{index}", ResBlock(sizes[-1]))
        self.final = nn.Conv2d(width, 3, 7, padding=3)
        for block in self.up_blocks:
            # A code of few channels must get through four of these: at first it is only made larger.
            assert isinstance(block, UpBlock)
            nn.init.dirac_(block.conv.weight)
            nn.init.constant_(block.norm.bias, 1.5)

    def features(self, small: Tensor) -> Tensor:
        """Of the keyframe (B, 3, 64, 64), what is moved by the codes' own flow: (B, C, 4, 4)."""
        x = self.first(small)
        for block in self.motiondown_blocks:
            x = block(x)
        return x

    def forward(self, features: Tensor, here: Tensor, there: Tensor) -> DenseMotion:
        """features: as above; here: codes of the frames to be made; there: the keyframe's, (B, C, 4, 4)."""
        difference = self._enlarged(here) - self._enlarged(there)
        moved = warp(features.expand(len(here), -1, -1, -1), _grid(farneback(here, there)), aligned=True)
        moved = self.bottleneck(moved)
        for block in self.motionup_blocks:
            moved = block(moved)
        hidden = self.hourglass(torch.cat((difference, self.final(moved)), 1))
        return DenseMotion(_grid(self.flow(hidden).float()), self.occlusion(hidden).float().sigmoid())

    def _enlarged(self, code: Tensor) -> Tensor:
        for block in self.up_blocks:
            code = block(code)
        return code


def _grid(flow: Tensor) -> Tensor:
    """Where a flow (B, 2, h, w), in its own pixels, points to: (B, h, w, 2), -1 to 1 (aligned corners)."""
    height, width = flow.shape[2:]
    unit = torch.tensor([2 / (width - 1), 2 / (height - 1)], device=flow.device)
    return coordinates(height, width, flow.device) + flow.permute(0, 2, 3, 1) * unit


def farneback(here: Tensor, there: Tensor) -> Tensor:
    """Optical flow (B, 2, 4, 4), in pixels, from codes `here` to codes `there` (B, 1, 4, 4), by OpenCV.

    Each code is first stretched to 0…255 by its own least and greatest number; a flat one becomes 0.
    """
    import cv2

    pairs = zip(_stretched(here), _stretched(there), strict=True)
    flows = [cv2.calcOpticalFlowFarneback(a, b, None, 0.5, 2, 15, 3, 5, 1.2, 0) for a, b in pairs]  # pyright: ignore
    return torch.from_numpy(np.stack(flows)).permute(0, 3, 1, 2).to(here.device)


def _stretched(codes: Tensor) -> np.ndarray:
    values = codes.detach().float().cpu()
    least, most = values.amin((1, 2, 3), keepdim=True), values.amax((1, 2, 3), keepdim=True)
    stretched = (values - least) / (most - least).clamp_min(1e-12) * 255.0
    return stretched.round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()


@dataclass(frozen=True)
class Prepared:
    """A keyframe, ready to be moved: the generator's and the motion network's features, and its code."""

    features: list[Tensor]
    moving: Tensor
    code: Tensor


class CompactModel(nn.Module):
    """Detector, dense motion and generator: a `FaceModel` (see face_codec.py)."""

    def __init__(self, shape: CompactShape = CompactShape()) -> None:
        super().__init__()
        self.shape = shape
        self.parameters_per_frame = shape.channels * SIDE**2
        self.kp_detector = CompactDetector(shape)
        self.dense_motion = CompactMotion(shape)
        self.down = AntiAlias()
        self.generator = Generator(*shape.generator, shape.residuals, aligned=True, skips=shape.skips)

    def motion(self, frames: Tensor) -> Tensor:
        """What is sent of frames (B, 3, 256, 256), 0 to 1: (B, 16 · channels) numbers."""
        return self.kp_detector(frames).flatten(1)

    def prepare(self, keyframe: Tensor, picture: Tensor | None = None) -> Prepared:
        """What `animate` needs of keyframes (B, 3, 256, 256), 0 to 1.

        picture: the same at another size, to make pictures of that size (training does).
        """
        features = self.generator.features(keyframe if picture is None else picture)
        return Prepared(features, self.dense_motion.features(self.down(keyframe)), self.kp_detector(keyframe))

    def dense(self, prepared: Prepared, motion: Tensor) -> DenseMotion:
        """Dense motion for numbers (B, P), at a quarter of the keyframe's size."""
        here = motion.view(-1, self.shape.channels, SIDE, SIDE)
        return self.dense_motion(prepared.moving, here, prepared.code.expand(len(here), -1, -1, -1))

    def forward(self, prepared: Prepared, dense: DenseMotion) -> Tensor:
        """The pictures (B, 3, H, W), 0 to 1, for dense motion."""
        return self.generator(prepared.features, dense)

    def animate(self, prepared: Prepared, motion: Tensor) -> Tensor:
        """The pictures (B, 3, H, W), 0 to 1, for numbers (B, P)."""
        return self(prepared, self.dense(prepared, motion))


def official(weights: str, device: str) -> CompactModel:
    """The network for a checkpoint of the authors' own layout. Raises Unavailable."""
    return _checkpoint.load(CompactModel, weights, device, published)


def synthetic(weights: str, device: str) -> CompactModel:
    """The network for weights that `talkbench train cfte` wrote. Raises Unavailable."""
    return _checkpoint.load(lambda: CompactModel(SMALL), weights, device)
