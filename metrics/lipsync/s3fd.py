"""S3FD, the face detector of SyncNet's pipeline.

Zhang et al., "S3FD: single shot scale-invariant face detector", ICCV 2017. Layer names are those of the
published weights `sfd_face.pth`.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from ...benchmark.api import full_precision
from ...benchmark.media.faces import Box

SHORT_SIDE = 256  # pixels: larger pictures are brought to it, a quarter of full HD
CONFIDENCE = 0.9
_CANDIDATE, _CANDIDATES = 0.05, 5000  # confidence from which, and how many of the best, the network proposes
_PROPOSED_OVERLAP, _OVERLAP = 0.3, 0.1  # IoU beyond which the less confident of two boxes is dropped
_MEANS = (123.0, 117.0, 104.0)  # of red, green and blue
_CENTRE_VARIANCE, _SIZE_VARIANCE = 0.1, 0.2
_STRIDES = (4, 8, 16, 32, 64, 128)  # pixels between anchors on the six maps; an anchor is four strides wide
_STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


class _ScaledNorm(nn.Module):
    """Features brought to length 1 at each place, times a learned weight per channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, features: Tensor) -> Tensor:
        length = features.square().sum(1, keepdim=True).sqrt() + 1e-10
        return self.weight[:, None, None] * (features / length)


class S3FD(nn.Module):
    """VGG-16 with six detection heads."""

    def __init__(self) -> None:
        super().__init__()
        self.vgg = nn.ModuleList(_vgg())
        self.L2Norm3_3, self.L2Norm4_3, self.L2Norm5_3 = _ScaledNorm(256), _ScaledNorm(512), _ScaledNorm(512)
        self.extras = nn.ModuleList(
            (
                nn.Conv2d(1024, 256, 1),
                nn.Conv2d(256, 512, 3, 2, 1),
                nn.Conv2d(512, 128, 1),
                nn.Conv2d(128, 256, 3, 2, 1),
            )
        )
        channels = (256, 512, 512, 1024, 512, 256)
        self.loc = nn.ModuleList(nn.Conv2d(width, 4, 3, padding=1) for width in channels)
        # Three kinds of background on the finest map, of which the most likely one counts.
        self.conf = nn.ModuleList(
            nn.Conv2d(width, 4 if level == 0 else 2, 3, padding=1) for level, width in enumerate(channels)
        )

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Confidences (B, A) and boxes (B, A, 4) in pixels of all anchors, for RGB (B, 3, H, W), 0 to 255."""
        confidences, boxes = [], []
        for level, features in enumerate(self._maps(pictures)):
            logits, moves = self.conf[level](features), self.loc[level](features)
            background = logits[:, :-1].amax(1, keepdim=True)
            face = torch.cat((background, logits[:, -1:]), 1).softmax(1)[:, 1]
            confidences.append(face.flatten(1))
            boxes.append(_boxes(moves, _STRIDES[level]).flatten(1, 2))
        return torch.cat(confidences, 1), torch.cat(boxes, 1)

    def _maps(self, pictures: Tensor) -> Iterable[Tensor]:
        x = pictures - torch.tensor(_MEANS, device=pictures.device)[:, None, None]
        for (start, stop), norm in zip(
            pairwise((0, 16, 23, 30)), (self.L2Norm3_3, self.L2Norm4_3, self.L2Norm5_3), strict=True
        ):
            for layer in self.vgg[start:stop]:
                x = layer(x)
            yield norm(x)
        for layer in self.vgg[30:]:
            x = layer(x)
        yield x
        for index, layer in enumerate(self.extras):
            x = layer(x).relu()
            if index % 2:
                yield x


def _vgg() -> Iterable[nn.Module]:
    inside = 3
    for number, stage in enumerate(_STAGES):
        for width in stage:
            yield nn.Conv2d(inside, width, 3, padding=1)
            yield nn.ReLU(inplace=True)
            inside = width
        yield nn.MaxPool2d(2, 2, ceil_mode=number == 2)
    yield nn.Conv2d(512, 1024, 3, padding=6, dilation=6)
    yield nn.ReLU(inplace=True)
    yield nn.Conv2d(1024, 1024, 1)
    yield nn.ReLU(inplace=True)


def _boxes(moves: Tensor, stride: int) -> Tensor:
    """left, top, right, bottom in pixels, (B, h, w, 4), of the anchors moved by `moves` (B, 4, h, w)."""
    rows = (torch.arange(moves.shape[2], device=moves.device) + 0.5) * stride
    columns = (torch.arange(moves.shape[3], device=moves.device) + 0.5) * stride
    side = 4 * stride
    x = columns + _CENTRE_VARIANCE * side * moves[:, 0]
    y = rows[:, None] + _CENTRE_VARIANCE * side * moves[:, 1]
    width, height = (side * (_SIZE_VARIANCE * moves[:, axis]).exp() for axis in (2, 3))
    return torch.stack((x - width / 2, y - height / 2, x + width / 2, y + height / 2), -1)


def without_overlaps(boxes: Tensor, confidences: Tensor, most: float) -> Tensor:
    """Indices of the boxes (N, 4) that overlap no more confident kept one by more than `most` (IoU)."""
    order = confidences.argsort(descending=True, stable=True)
    kept = []
    while len(order):
        best, order = order[0], order[1:]
        kept.append(best)
        corner, far = boxes[best, :2].maximum(boxes[order, :2]), boxes[best, 2:].minimum(boxes[order, 2:])
        shared = (far - corner).clamp_min(0).prod(1)
        areas = (boxes[best, 2:] - boxes[best, :2]).prod() + (boxes[order, 2:] - boxes[order, :2]).prod(1)
        order = order[shared / (areas - shared) <= most]
    return torch.stack(kept) if kept else order


class S3fdFaces:
    """All faces of each frame, by confidence."""

    def __init__(self, state: dict[str, Tensor], device: str) -> None:
        self._network = S3FD()
        self._network.load_state_dict(state, strict=True)
        self._network.to(device).eval()
        self._device = device

    def __call__(self, video: Tensor) -> list[list[Box]]:
        """Faces in each frame of uint8 video (T, 3, H, W), in its pixels."""
        return [self._faces(frame) for frame in video]

    def _faces(self, frame: Tensor) -> list[Box]:
        picture = frame[None].to(self._device).float()
        height, width = frame.shape[1:]
        scale = min(1.0, SHORT_SIDE / min(height, width))
        size = round(height * scale), round(width * scale)
        if scale < 1:
            picture = functional.interpolate(picture, size, mode="bilinear").round()
        with full_precision():
            confidences, boxes = (values[0].cpu() for values in self._network(picture))
        boxes = select(confidences, boxes)
        back = torch.tensor((width / size[1], height / size[0])).repeat(2)
        return [Box(*box) for box in (boxes * back).tolist()]


def select(confidences: Tensor, boxes: Tensor) -> Tensor:
    """The boxes that are faces, most confident first, of the network's confidences (A,) and boxes (A, 4)."""
    confidences, best = confidences.topk(min(_CANDIDATES, len(confidences)))
    best, confidences = best[confidences > _CANDIDATE], confidences[confidences > _CANDIDATE]
    boxes = boxes[best]
    kept = without_overlaps(boxes, confidences, _PROPOSED_OVERLAP)
    boxes, confidences = boxes[kept], confidences[kept]
    boxes, confidences = boxes[confidences > CONFIDENCE], confidences[confidences > CONFIDENCE]
    return boxes[without_overlaps(boxes, confidences, _OVERLAP)]
