"""Whether a decoded face is still the same person's: cosine of two face-identity embeddings.

Faces are found in the reference alone and cut from every variant at its places, so that a face which a codec
has made unrecognisable counts, instead of being dropped with its frame.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata, util
from typing import TYPE_CHECKING, Any, Protocol

from ..benchmark import weights
from ..benchmark.api import Clip, MetricInfo, Score, Unavailable
from ._inputs import require, require_same_shape

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

NETWORK, LANDMARKS = "dlib-face-resnet-v1", "dlib-shape-5"
_PACKAGES = {"dlib": "dlib-bin", "PIL": "pillow"}


def availability() -> str | None:
    """None where dlib is installed; weights are looked at by the harness."""
    absent = [package for module, package in _PACKAGES.items() if util.find_spec(module) is None]
    return f"needs {' and '.join(absent)}: pip install {' '.join(absent)}" if absent else None


def describe() -> Sequence[MetricInfo]:
    """`csim`."""
    installed = availability() is None
    return (
        MetricInfo(
            name="csim",
            modality="video",
            kind="frame",
            unit="",
            higher_is_better=True,
            bounds=(-1.0, 1.0),
            definition=(
                "Cosine of the 128 numbers that dlib's face recognition network (ResNet v1) gives for the "
                "largest face of a frame, decoded and reference. The face is found (HOG) and aligned by its "
                "five landmarks in the reference (where none is found: as in the nearest frame that has one) "
                "and cut from both at that place, 150×150. Other networks give other values: by this one "
                "different people are at 0.75 to 0.94, one person in two recordings at 0.97 to 0.99."
            ),
            paper="King: High quality face recognition with deep metric learning, dlib.net, 2017",
            build={name: metadata.version(name) for name in _PACKAGES.values()} if installed else {},
            weights=(NETWORK, LANDMARKS),
        ),
    )


def load(device: str, infos: Sequence[MetricInfo]) -> Csim:
    """The metric; it runs on the CPU, whatever the device. Raises Unavailable where weights are absent."""
    return Csim(infos, DlibFaces())


class Faces(Protocol):
    """Finds faces and tells what they are like. Pictures are uint8 arrays (H, W, 3)."""

    def place(self, picture: np.ndarray, short_side: int) -> Any | None:
        """Where the largest face is, in a picture seen at that size; None where there is none."""
        ...

    def features(self, picture: np.ndarray, place: Any) -> np.ndarray:
        """Embedding (d,) of the face at `place`."""
        ...


class DlibFaces:
    """dlib's detector, five landmarks and face recognition network."""

    def __init__(self) -> None:
        import dlib

        from ..benchmark.media.faces import FaceFinder

        self._dlib: Any = dlib
        self._finder = FaceFinder()
        self._landmarks = self._dlib.shape_predictor(str(weights.path(LANDMARKS)))
        self._network = self._dlib.face_recognition_model_v1(str(weights.path(NETWORK)))

    def place(self, picture: np.ndarray, short_side: int) -> Any | None:
        """The five landmarks (a dlib.full_object_detection) of the largest face, or None."""
        from PIL import Image

        seen = Image.fromarray(picture)
        face = self._finder.largest(seen, seen.size, 0, (short_side,))
        if face is None:
            return None
        return self._landmarks(picture, self._dlib.rectangle(*(round(edge) for edge in face)))

    def features(self, picture: np.ndarray, place: Any) -> np.ndarray:
        """128 numbers, float64."""
        import numpy as np

        return np.array(self._network.compute_face_descriptor(picture, place))


@dataclass(frozen=True)
class Reference:
    """The frames, the place of the face in each, their embeddings, and in how many it was found."""

    video: Tensor
    places: Sequence[Any]
    features: Sequence[np.ndarray]
    found: int


class Csim:
    """CSIM per frame."""

    frames_at_once = None

    def __init__(self, infos: Sequence[MetricInfo], faces: Faces) -> None:
        self.infos = infos
        self._faces = faces

    def reference(self, clip: Clip) -> Reference:
        """Places and embeddings of the face. Raises Unavailable without a picture, or without a face."""
        require(clip, "video")
        found = self._places(clip.video)
        places = [
            found[min(found, key=lambda number: abs(number - frame))] for frame in range(len(clip.video))
        ]
        features = [
            self._faces.features(_array(frame), place)
            for frame, place in zip(clip.video, places, strict=True)
        ]
        return Reference(clip.video, places, features, len(found))

    def compare(self, state: Reference, decoded: Clip) -> Mapping[str, Score | Unavailable]:
        """Cosine per frame. Raises InvalidClip when the shapes differ."""
        require_same_shape(state.video, decoded.video)
        values = [
            cosine(features, self._faces.features(_array(frame), place))
            for features, frame, place in zip(state.features, decoded.video, state.places, strict=True)
        ]
        return {"csim": Score(frame_values=values, detail={"frames_with_face": state.found})}

    def _places(self, video: Tensor) -> Mapping[int, Any]:
        """Place of the face by number of the frame, where there is one."""
        from ..benchmark.media.faces import SHORT_SIDES

        # Small faces are looked for only where no frame has a larger one: that takes ten times as long.
        for short_side in SHORT_SIDES:
            seen = {n: self._faces.place(_array(frame), short_side) for n, frame in enumerate(video)}
            found = {number: place for number, place in seen.items() if place is not None}
            if found:
                return found
        raise Unavailable("no face was found in the reference")


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Cosine of the angle between two vectors, exactly 1 for equal ones."""
    import numpy as np

    value = float(a @ b / np.sqrt((a @ a) * (b @ b)))
    return min(max(value, -1.0), 1.0)


def _array(frame: Tensor) -> np.ndarray:
    """A frame (3, H, W) as dlib and PIL want it, (H, W, 3)."""
    return frame.permute(1, 2, 0).contiguous().numpy()
