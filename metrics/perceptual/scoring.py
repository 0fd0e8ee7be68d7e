"""The family: each picture passes each network once, for all metrics that read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from ...benchmark.api import Clip, MetricInfo, Score, Unavailable, full_precision
from ...benchmark.weights.imagenet import ALEXNET, VGG16, normalised
from .._inputs import require, require_same_shape
from . import ALEX_MIN_SIDE, VGG_MIN_SIDE
from .dists import Dists, Moments, l2_pool, resized
from .lpips import Lpips
from .networks import Network

if TYPE_CHECKING:
    import torch
    from torch import Tensor

MIN_SIDES = {
    "lpips_alex": ALEX_MIN_SIDE,
    "lpips_alex_unnormalized": ALEX_MIN_SIDE,
    "lpips_vgg": VGG_MIN_SIDE,
    "dists": 1,
}


class Branch(Protocol):
    """One network and the metrics that read it. Frames are uint8 (N, 3, H, W), on the CPU."""

    def reference(self, frames: Tensor, wanted: Sequence[str]) -> Any:
        """What `compare` needs of the reference."""
        ...

    def compare(self, state: Any, frames: Tensor) -> Mapping[str, Tensor]:
        """Distances (N,) in float64, by metric."""
        ...


@dataclass(frozen=True)
class Reference:
    """The uint8 frames (T, 3, H, W), and each branch's state for each piece of frames."""

    frames: Tensor
    pieces: Sequence[Sequence[Any]]


class Perceptual:
    """LPIPS and DISTS of uint8 frames; in bfloat16 where the infos say quick.

    Features are large (62 MB a frame at 256×256 for all metrics): a processor takes frames one by one.
    """

    def __init__(self, device: str, infos: Sequence[MetricInfo]) -> None:
        import torch

        self.infos = infos
        self.frames_at_once = 1 if device == "cpu" else 4
        names = {info.name for info in infos}
        dtype = torch.bfloat16 if any(info.quick for info in infos) else torch.float32
        self._branches: list[Branch] = []
        if names & {"lpips_alex", "lpips_alex_unnormalized"}:
            self._branches.append(AlexBranch(device, dtype))
        if names & {"lpips_vgg", "dists"}:
            self._branches.append(VggBranch(names, device, dtype))

    def reference(self, clip: Clip) -> Reference:
        """Features of the reference. Raises Unavailable where no metric takes pictures of its size."""
        require(clip, "video")
        too_small = self._too_small(clip.video)
        wanted = [info.name for info in self.infos if info.name not in too_small]
        if not wanted:
            raise Unavailable("; ".join(map(str, too_small.values())))
        with full_precision():
            pieces = [
                [branch.reference(frames, wanted) for branch in self._branches]
                for frames in clip.video.split(self.frames_at_once)
            ]
        return Reference(clip.video, pieces)

    def compare(self, state: Reference, decoded: Clip) -> Mapping[str, Score | Unavailable]:
        """Each metric per frame; Unavailable for pictures too small for its network."""
        require_same_shape(state.frames, decoded.video)
        values: dict[str, list[float]] = {}
        with full_precision():
            for states, frames in zip(state.pieces, decoded.video.split(self.frames_at_once), strict=True):
                for branch, known in zip(self._branches, states, strict=True):
                    for name, found in branch.compare(known, frames).items():
                        values.setdefault(name, []).extend(found.tolist())
        scores = {name: Score(frame_values=found) for name, found in values.items()}
        return scores | self._too_small(state.frames)

    def _too_small(self, video: Tensor) -> dict[str, Unavailable]:
        side = min(video.shape[2:])
        return {
            info.name: Unavailable(
                f"{info.name} needs a shorter side of at least {MIN_SIDES[info.name]} pixels, "
                f"the clip has {side}"
            )
            for info in self.infos
            if side < MIN_SIDES[info.name]
        }


class AlexBranch:
    """LPIPS on AlexNet; both ranges of the pictures in one batch."""

    def __init__(self, device: str, dtype: torch.dtype) -> None:
        self._network = Network("alexnet", ALEXNET, device, dtype)
        self._lpips = Lpips("lpips-alex", ALEXNET, device)
        self._device, self._dtype = device, dtype

    def reference(self, frames: Tensor, wanted: Sequence[str]) -> AlexReference:
        """Features of unit length."""
        names = [name for name in ("lpips_alex", "lpips_alex_unnormalized") if name in wanted]
        return AlexReference(names, self._lpips.reference(self._features(frames, names)) if names else [])

    def compare(self, state: AlexReference, frames: Tensor) -> Mapping[str, Tensor]:
        """One or both LPIPS."""
        if not state.names:
            return {}
        found = self._lpips.compare(state.features, self._features(frames, state.names))
        return dict(zip(state.names, found.chunk(len(state.names)), strict=True))

    def _features(self, frames: Tensor, names: Sequence[str]) -> Iterator[Tensor]:
        import torch
        from torch.nn.functional import max_pool2d

        pictures = in_unit_range(frames, self._device)
        # [0, 1] taken for [-1, 1] is what [0.5, 1] is in the right range.
        ranges = {"lpips_alex": pictures, "lpips_alex_unnormalized": (pictures + 1) / 2}
        inputs = normalised(torch.cat([ranges[name] for name in names])).to(self._dtype)
        return self._network.rest(self._network.first(inputs), lambda x: max_pool2d(x, 3, stride=2))


@dataclass(frozen=True)
class AlexReference:
    """Which metrics, and the features of unit length of their inputs, one after the other."""

    names: Sequence[str]
    features: Sequence[Tensor]


class VggBranch:
    """LPIPS and DISTS on VGG-16, which differ in pooling: the first stage is computed once for both."""

    def __init__(self, names: set[str], device: str, dtype: torch.dtype) -> None:
        self._network = Network("vgg16", VGG16, device, dtype)
        self._lpips = Lpips("lpips-vgg", VGG16, device) if "lpips_vgg" in names else None
        self._dists = Dists("dists", VGG16, device) if "dists" in names else None
        self._device, self._dtype = device, dtype

    def reference(self, frames: Tensor, wanted: Sequence[str]) -> VggReference:
        """Features of unit length for LPIPS, moments for DISTS."""
        features = VggFeatures(self._network, frames, self._device, self._dtype)
        lpips = dists = None
        if self._lpips and "lpips_vgg" in wanted:
            lpips = self._lpips.reference(features.for_lpips())
        if self._dists and "dists" in wanted:
            dists = self._dists.reference(*features.for_dists())
        return VggReference(lpips, dists)

    def compare(self, state: VggReference, frames: Tensor) -> Mapping[str, Tensor]:
        """LPIPS, DISTS or both."""
        features = VggFeatures(self._network, frames, self._device, self._dtype)
        found = {}
        if self._lpips and state.lpips is not None:
            found["lpips_vgg"] = self._lpips.compare(state.lpips, features.for_lpips())
        if self._dists and state.dists is not None:
            found["dists"] = self._dists.compare(state.dists, *features.for_dists())
        return found


@dataclass(frozen=True)
class VggReference:
    """Features of unit length for LPIPS and moments for DISTS; None for what is not wanted."""

    lpips: Sequence[Tensor] | None
    dists: Sequence[Moments] | None


class VggFeatures:
    """What both metrics read of uint8 frames (N, 3, H, W); stages are computed as they are read."""

    def __init__(self, network: Network, frames: Tensor, device: str, dtype: torch.dtype) -> None:
        self._network, self._frames, self._device, self._dtype = network, frames, device, dtype

    @cached_property
    def _first(self) -> Tensor:
        return self._first_of(in_unit_range(self._frames, self._device))

    def _first_of(self, pictures: Tensor) -> Tensor:
        return self._network.first(normalised(pictures).to(self._dtype))

    def for_lpips(self) -> Iterator[Tensor]:
        """Features with max pooling."""
        from torch.nn.functional import max_pool2d

        return self._network.rest(self._first, lambda x: max_pool2d(x, 2))

    def for_dists(self) -> tuple[Tensor, Iterator[Tensor]]:
        """The pictures in [0, 1], at most 256 pixels on their shorter side, and features with L2 pooling."""
        small = resized(self._frames)
        pictures = in_unit_range(small, self._device)
        first = self._first if small is self._frames else self._first_of(pictures)
        return pictures, self._network.rest(first, l2_pool)


def in_unit_range(frames: Tensor, device: str) -> Tensor:
    """uint8 frames as float32 in [0, 1] on `device`."""
    return frames.to(device).float() / 255
