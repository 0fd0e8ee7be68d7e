"""SyncNet: two towers that bring five frames of a face and 0.2 s of its sound into one space.

Chung & Zisserman, "Out of time: automated lip sync in the wild", ACCV-W 2016. Layer names are those of the
published weights. The same network made small is `syncnet-synthetic`.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

WINDOW = 5  # frames seen at once
STEPS = 20  # of sound heard at once, 10 ms each
STEPS_PER_FRAME = 4


@dataclass(frozen=True)
class Shape:
    """picture: pixels, square; lip, audio: channels of the six convolutions; normalised: to length 1."""

    picture: int
    lip: tuple[int, ...]
    audio: tuple[int, ...]
    hidden: int
    embedding: int
    normalised: bool


PUBLISHED = Shape(224, (96, 256, 256, 256, 256, 512), (64, 192, 384, 256, 256, 512), 512, 1024, False)
SMALL = Shape(64, (16, 48, 96, 96, 96, 192), (16, 32, 48, 48, 64, 128), 192, 64, True)

# What the small network sees of SyncNet's face crop: a square of this side around this height, in the crop's
# side. At 64 pixels it shows a mouth as finely as the whole crop at 107, for a third of the work.
MOUTH_SIDE, MOUTH_MIDDLE = 0.6, 0.58


class SyncNet(nn.Module):
    """The two towers; every layer works per window, so that `lips` can slide over a whole clip."""

    def __init__(self, shape: Shape = PUBLISHED) -> None:
        super().__init__()
        self.shape = shape
        # What is left of the picture after three convolutions and poolings, 6 x 6 of 224 x 224.
        last = _left_over(shape.picture)
        a, b, c, d, e, f = shape.lip
        self.netcnnlip = nn.Sequential(
            *_block3d(3, a, (5, 7, 7), (1, 2, 2), (0, 0, 0)),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            *_block3d(a, b, (1, 5, 5), (1, 2, 2), (0, 1, 1)),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
            *_block3d(b, c, (1, 3, 3), (1, 1, 1), (0, 1, 1)),
            *_block3d(c, d, (1, 3, 3), (1, 1, 1), (0, 1, 1)),
            *_block3d(d, e, (1, 3, 3), (1, 1, 1), (0, 1, 1)),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            *_block3d(e, f, (1, last, last), (1, 1, 1), (0, 0, 0)),
        )
        self.netfclip = _head(f, shape)
        a, b, c, d, e, f = shape.audio
        self.netcnnaud = nn.Sequential(
            *_block2d(1, a),
            nn.MaxPool2d(1, 1),
            *_block2d(a, b),
            nn.MaxPool2d((3, 3), (1, 2)),
            *_block2d(b, c),
            *_block2d(c, d),
            *_block2d(d, e),
            nn.MaxPool2d((3, 3), (2, 2)),
            *_block2d(e, f, (5, 4), 0),
        )
        self.netfcaud = _head(f, shape)

    def lips(self, frames: Tensor) -> Tensor:
        """Embeddings (B, T - 4, E) of every window of BGR frames (B, 3, T, picture, picture), 0 to 255."""
        features = self.netcnnlip(frames).flatten(2).transpose(1, 2)
        return self._embed(self.netfclip, features)

    def sound(self, cepstra: Tensor) -> Tensor:
        """Embeddings (B, E) of windows of cepstra (B, 1, 13, 20)."""
        return self._embed(self.netfcaud, self.netcnnaud(cepstra).flatten(1))

    def _embed(self, head: nn.Module, features: Tensor) -> Tensor:
        found = head(features.flatten(0, -2)).unflatten(0, features.shape[:-1])
        return nn.functional.normalize(found, dim=-1) if self.shape.normalised else found


def _left_over(picture: int) -> int:
    size = (picture - 7) // 2 + 1
    size = (size - 3) // 2 + 1
    size = (size + 2 - 5) // 2 + 1
    size = (size + 2 - 3) // 2 + 1
    return (size - 3) // 2 + 1


_Triple = tuple[int, int, int]


def _block3d(
    inside: int, outside: int, kernel: _Triple, stride: _Triple, padding: _Triple
) -> tuple[nn.Module, ...]:
    convolution = nn.Conv3d(inside, outside, kernel, stride, padding)
    return convolution, nn.BatchNorm3d(outside), nn.ReLU(inplace=True)


def _block2d(
    inside: int, outside: int, kernel: tuple[int, int] = (3, 3), padding: int = 1
) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(inside, outside, kernel, padding=padding)
    return convolution, nn.BatchNorm2d(outside), nn.ReLU(inplace=True)


def _head(inside: int, shape: Shape) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inside, shape.hidden),
        nn.BatchNorm1d(shape.hidden),
        nn.ReLU(inplace=True),
        nn.Linear(shape.hidden, shape.embedding),
    )
