"""Where the head is: one fixed square per recording, from the faces found in a few of its pictures."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from PIL.Image import Image

# The detector marks brows to chin. A head with its hair, some neck and air around it takes about
# this many times the marked side, and its centre is this fraction of the side above the mark's centre.
HEAD = 2.1
UP = 0.13
# The marks of a still face scatter over about this much of its side; only what goes beyond is movement.
SCATTER = 0.1
# From this share of the picture's short side a square takes all of it: such a picture is a head
# crop already, and cutting a sliver off would only resample it.
NEARLY_ALL = 0.95
# The detector sees faces from 80 pixels in steps of 6/5. Pictures are brought to this short side,
# and a little less from sample to sample, so that the mean over samples falls between the steps.
SHORT_SIDES = (320, 960)
_STEP = 5 / 6


class Box(NamedTuple):
    """left, top, right, bottom: pixels of the upright picture with square pixels; may be fractions."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def side(self) -> float:
        return max(self.right - self.left, self.bottom - self.top)

    @property
    def middle(self) -> tuple[float, float]:
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2


def detector() -> str:
    """Name and version of what finds faces: part of a clip's key."""
    import dlib

    return f"dlib {dlib.__version__} frontal HOG"


class FaceFinder:
    """Finds the largest face of a picture (dlib's frontal HOG detector, which ships in its library)."""

    def __init__(self) -> None:
        import dlib

        self._detect = dlib.get_frontal_face_detector()  # pyright: ignore[reportAttributeAccessIssue]

    def largest(
        self,
        picture: Image,
        shape: tuple[float, float],
        sample: int,
        short_sides: Sequence[int] = SHORT_SIDES,
    ) -> Box | None:
        """The largest face, or None. shape: width and height to see it in; sample: its number.

        short_sides: to which the picture is brought, one after the other until a face is found.
        """
        import numpy as np
        from PIL import Image

        width, height = shape
        for short_side in short_sides:
            scale = short_side * _STEP ** (sample % 3 / 3) / min(width, height)
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            small = np.asarray(picture.resize(size, Image.Resampling.BILINEAR))
            boxes = [
                Box(f.left() / scale, f.top() / scale, f.right() / scale, f.bottom() / scale)
                for f in self._detect(small, 0)
            ]
            if boxes:
                return max(boxes, key=lambda box: box.side)
        return None


def one_person(faces: Sequence[Box]) -> list[Box]:
    """Of the faces found in several pictures, those of the person found most often."""
    x, y = (median(box.middle[axis] for box in faces) for axis in (0, 1))
    usual = median(box.side for box in faces)
    return [b for b in faces if max(abs(b.middle[0] - x), abs(b.middle[1] - y)) < usual] or list(faces)


def head_square(faces: Sequence[Box], width: float, height: float) -> Box:
    """The square that holds the head in all of `faces`, inside a picture of width x height.

    Of several people the one found most often is followed. Where the square would not fit, it is
    the largest that does, moved so that the face is as near its middle as the picture allows.
    """
    same = one_person(faces)
    face = sum(box.side for box in same) / len(same)
    xs, ys = ([box.middle[axis] for box in same] for axis in (0, 1))
    moved = max(0.0, max(xs) - min(xs) - SCATTER * face, max(ys) - min(ys) - SCATTER * face)
    middle = (max(xs) + min(xs)) / 2, (max(ys) + min(ys)) / 2 - UP * face
    return square(middle, HEAD * face + moved, width, height)


def square(middle: tuple[float, float], side: float, width: float, height: float) -> Box:
    """A square of `side` around `middle`, made smaller and moved until it is inside width x height."""
    short = min(width, height)
    side = short if side > NEARLY_ALL * short else side
    left = min(max(middle[0] - side / 2, 0), width - side)
    top = min(max(middle[1] - side / 2, 0), height - side)
    return Box(left, top, left + side, top + side)
