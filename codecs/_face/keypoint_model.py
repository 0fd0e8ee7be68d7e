"""The network of a codec that sends keypoints: FOMM, DAC and those that follow them."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from .dense_motion import DenseMotion, KeypointMotion
from .generator import Generator
from .keypoints import KeypointDetector, Keypoints
from .layers import AntiAlias


@dataclass(frozen=True)
class KeypointShape:
    """Sizes of a keypoint model; the defaults are those of the published FOMM.

    Of each network: channels at full size, channels at most, and halvings; `residuals`: blocks where the
    generator is smallest. aligned, smooth, skips: see `layers.warp`, `layers.UpBlock` and `Generator`.
    """

    keypoints: int = 10
    jacobians: bool = True
    detector: tuple[int, int, int] = (32, 1024, 5)
    detector_padding: int = 0
    motion: tuple[int, int, int] = (64, 1024, 5)
    generator: tuple[int, int, int] = (64, 512, 2)
    residuals: int = 6
    aligned: bool = False
    smooth: bool = False
    skips: bool = False


@dataclass(frozen=True)
class Prepared:
    """A keyframe, ready to be moved: its features, itself at a quarter of its size, its keypoints."""

    features: list[Tensor]
    small: Tensor
    keypoints: Keypoints


class KeypointModel(nn.Module):
    """Detector, dense motion and generator: a `FaceModel` (see face_codec.py)."""

    def __init__(self, shape: KeypointShape) -> None:
        super().__init__()
        self.shape = shape
        self.parameters_per_frame = shape.keypoints * (6 if shape.jacobians else 2)
        self.kp_detector = KeypointDetector(
            shape.keypoints, *shape.detector, shape.jacobians, shape.detector_padding, shape.smooth
        )
        self.dense_motion = KeypointMotion(shape.keypoints, *shape.motion, shape.aligned, shape.smooth)
        self.down = AntiAlias()
        self.generator = Generator(
            *shape.generator, shape.residuals, shape.aligned, shape.smooth, shape.skips
        )

    def motion(self, frames: Tensor) -> Tensor:
        """What is sent of frames (B, 3, 256, 256), 0 to 1: (B, P) numbers."""
        return self.kp_detector(frames).flat()

    def prepare(self, keyframe: Tensor, picture: Tensor | None = None) -> Prepared:
        """What `animate` needs of keyframes (B, 3, 256, 256), 0 to 1.

        picture: the same at another size, to make pictures of that size (training does).
        """
        features = self.generator.features(keyframe if picture is None else picture)
        return Prepared(features, self.down(keyframe), self.kp_detector(keyframe))

    def dense(self, prepared: Prepared, motion: Tensor) -> DenseMotion:
        """Dense motion for numbers (B, P), at a quarter of the keyframe's size."""
        here = Keypoints.of(motion, self.shape.keypoints)
        there, small = prepared.keypoints, prepared.small.expand(len(motion), -1, -1, -1)
        if len(there.places) != len(motion):
            there = Keypoints(
                there.places.expand(len(motion), -1, -1),
                None if there.jacobians is None else there.jacobians.expand(len(motion), -1, -1, -1),
            )
        return self.dense_motion(small, here, there)

    def forward(self, prepared: Prepared, dense: DenseMotion) -> Tensor:
        """The pictures (B, 3, H, W), 0 to 1, for dense motion."""
        return self.generator(prepared.features, dense)

    def animate(self, prepared: Prepared, motion: Tensor) -> Tensor:
        """The pictures (B, 3, H, W), 0 to 1, for numbers (B, P)."""
        return self(prepared, self.dense(prepared, motion))


def small(jacobians: bool) -> KeypointShape:
    """Sizes of this project's own small models."""
    return KeypointShape(
        jacobians=jacobians,
        detector=(16, 128, 5),
        detector_padding=3,
        motion=(16, 128, 5),
        generator=(16, 96, 2),
        residuals=3,
        aligned=True,
        smooth=True,
        skips=True,
    )
