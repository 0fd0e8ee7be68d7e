"""What every generative face codec does around its network: keyframes by VVC, motion as integers, and back.

A network is a `FaceModel`: it says in P numbers x[t] how a face looks in frame t, and moves a keyframe to
such numbers. Sent are the keyframes and, of every other frame, v[t] = round(step · (x[t] - x_key)), where
x_key are the numbers of the keyframe as it was decoded, which both ends know. So what the decoder uses,
x_key + v[t] / step, is never further from x[t] than 1 / (2 step): nothing drifts, however long the clip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from ...benchmark.api import Bitstream, Clip, ClipSpec, CodecError, CodecInfo, Part, Point, reproducibly
from .. import _params
from . import face_stream, keyframes, motion_coding
from .face_stream import Setting

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

SIZE = 256  # pixels, square, of what a network sees; other clips are resized to it and back
_BATCH = 8  # frames that are resized at once
# Frames that a network takes at once. On one kind of device it is always the same, because sums of floats may
# depend on it. More than two are beyond a processor's caches, and take a third longer each.
_ON_GPU, _ON_CPU = 8, 2


class FaceModel(Protocol):
    """A network. Pictures are float32, 0 to 1, on its device; B frames have P numbers each."""

    @property
    def parameters_per_frame(self) -> int:
        """P."""
        ...

    def motion(self, frames: Tensor) -> Tensor:
        """The numbers (B, P), float32, of frames (B, 3, SIZE, SIZE)."""
        ...

    def prepare(self, keyframe: Tensor) -> Any:
        """What `animate` needs of a keyframe (1, 3, SIZE, SIZE): worked out once for all its frames."""
        ...

    def animate(self, prepared: Any, motion: Tensor) -> Tensor:
        """The frames (B, 3, SIZE, SIZE) in which the keyframe has moved to the numbers (B, P)."""
        ...


@dataclass(frozen=True)
class FaceCodec:
    """A codec of pictures made of a network that is on `device`; see `benchmark/api/codec.py`.

    Beyond the clip itself, memory holds one batch of frames, and the keyframes.
    """

    info: CodecInfo
    points: Sequence[Point]
    model: FaceModel
    device: str

    @property
    def _at_once(self) -> int:
        return _ON_GPU if self.device.startswith("cuda") else _ON_CPU

    def encode(self, clip: Clip, point: Point) -> Bitstream:
        """Parts `headers`, `keyframe` and `motion` (empty where every frame is a keyframe)."""
        frames = clip.spec.frames
        if not frames:
            raise CodecError(f"{self.info.name} codes pictures, and this clip has none")
        qp, setting = _params.whole(point, "qp", 0, 63), Setting.of(point, frames)
        places = keyframes.positions(frames, setting.gop)
        coded = keyframes.encode(_square(clip.video[:: places.step]), qp)
        shown = keyframes.decode(coded, len(places), SIZE, SIZE)
        anchors = self._motion(shown, batch=1).repeat(places.step, axis=0)[:frames]
        values = self._integers(setting.step * (self._motion(clip.video, self._at_once) - anchors))
        groups = [values[at + 1 : at + places.step] for at in places]
        headers, pictures = keyframes.split(coded)
        payloads = {
            "headers": setting.to_bytes() + headers,
            "keyframe": pictures,
            "motion": motion_coding.pack(groups, setting.profile),
        }
        return Bitstream(tuple(Part(name, "video", payload) for name, payload in payloads.items()))

    def decode(self, stream: Bitstream, spec: ClipSpec) -> Clip:
        """Pictures of the size in `spec`; those of keyframes are as VVC decodes them."""
        import torch

        setting, headers = Setting.read(stream["headers"])
        places = keyframes.positions(spec.frames, setting.gop)
        groups = face_stream.unpack(stream, spec, setting, self.model.parameters_per_frame)
        shown = keyframes.decode(headers + stream["keyframe"], len(places), SIZE, SIZE)
        video = torch.empty((spec.frames, 3, spec.height, spec.width), dtype=torch.uint8)
        for at, keyframe, values in zip(places, shown, groups, strict=True):
            video[at] = _fitted(keyframe[None] / 255, spec)[0]
            self._animate(keyframe[None], values / setting.step, spec, video[at + 1 : at + places.step])
        return Clip(replace(spec, samples=0), video, torch.zeros((spec.channels, 0)))

    def _motion(self, video: Tensor, batch: int) -> np.ndarray:
        """float64 (T, P) of uint8 (T, 3, H, W); keyframes go one by one, as the decoder meets them."""
        import torch

        # Made at once: small arrays kept from each batch would keep the C library from reusing large ones.
        found = torch.empty((len(video), self.model.parameters_per_frame), dtype=torch.float64)
        with reproducibly():
            for frames, place in zip(video.split(batch), found.split(batch), strict=True):
                place.copy_(self.model.motion(_square(frames).to(self.device) / 255))
        return found.numpy()

    def _integers(self, values: np.ndarray) -> np.ndarray:
        """Rounded to int32. Raises CodecError for what no face does."""
        import numpy as np

        wrong = np.flatnonzero(~(np.abs(values) <= face_stream.MOST).all(axis=1))
        if len(wrong):
            raise CodecError(
                f"{self.info.name}: the network's motion of frame {wrong[0]} reaches "
                f"{np.abs(values[wrong[0]]).max()} steps; it must be finite and at most {face_stream.MOST}"
            )
        return np.rint(values).astype(np.int32)

    def _animate(self, keyframe: Tensor, offsets: np.ndarray, spec: ClipSpec, video: Tensor) -> None:
        """Write the frames that follow a keyframe, uint8 (1, 3, SIZE, SIZE), into `video`.

        offsets: float64 (T, P), from the keyframe's numbers. Raises CodecError.
        """
        import torch

        if not len(offsets):
            return
        with reproducibly():
            picture = keyframe.to(self.device) / 255
            prepared, anchor = self.model.prepare(picture), self.model.motion(picture).double().cpu()
            motion = (anchor + torch.from_numpy(offsets)).float().to(self.device)
            for some, place in zip(motion.split(self._at_once), video.split(self._at_once), strict=True):
                made = self.model.animate(prepared, some)
                if not made.isfinite().all():
                    raise CodecError(f"{self.info.name}: the stream's motion leads to no picture")
                place.copy_(_fitted(made, spec))


def _square(video: Tensor) -> Tensor:
    """uint8 (T, 3, H, W) at a network's size; the same tensor where it has that size."""
    import torch
    from torch.nn.functional import interpolate

    if video.shape[-2:] == (SIZE, SIZE):
        return video
    small = torch.empty((len(video), 3, SIZE, SIZE), dtype=torch.uint8)
    for some, place in zip(video.split(_BATCH), small.split(_BATCH), strict=True):
        place.copy_(_bytes(interpolate(some.float() / 255, (SIZE, SIZE), mode="bilinear", antialias=True)))
    return small


def _fitted(pictures: Tensor, spec: ClipSpec) -> Tensor:
    """float (B, 3, SIZE, SIZE), 0 to 1, as uint8 of the size in `spec`."""
    from torch.nn.functional import interpolate

    size = (spec.height, spec.width)
    if pictures.shape[-2:] != size:
        pictures = interpolate(pictures, size, mode="bilinear", antialias=True)
    return _bytes(pictures)


def _bytes(pictures: Tensor) -> Tensor:
    return (255 * pictures).round().clamp(0, 255).byte()
