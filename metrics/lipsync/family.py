"""Face tracks of the reference once, embeddings of each picture and each sound once, then all pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from ...benchmark import weights
from ...benchmark.api import Clip, ClipSpec, InvalidClip, MetricInfo, Score, Unavailable, full_precision
from .._filterbank import SAMPLE_RATE
from .._inputs import frames_at, mono, require
from . import DETECTOR, NETWORK, SMALL_NETWORK, offsets, tracks, views
from .network import PUBLISHED, SMALL, WINDOW, SyncNet
from .tracks import Faces, HogFaces, Track

if TYPE_CHECKING:
    from torch import Tensor

FPS = 25
_LIPS_AT_ONCE, _SOUNDS_AT_ONCE = 16, 64  # windows: what bounds memory
_SHAPES = {NETWORK: PUBLISHED, SMALL_NETWORK: SMALL}


@dataclass(frozen=True)
class Protocol:
    """How a picture is looked at: by which network; where `faces` names no detector, as a whole."""

    network: str
    faces: str | None

    @classmethod
    def of(cls, info: MetricInfo) -> Protocol:
        """The protocol of a metric of the family."""
        small = SMALL_NETWORK in info.weights
        faces = info.options.get("faces")
        return cls(SMALL_NETWORK if small else NETWORK, None if faces is None else str(faces))


@dataclass(frozen=True)
class Reference:
    """spec: of the clip; frames: which of its frames are seen, at 25 fps; windows: of picture and of sound.

    tracks: by detector, the speaker's track or why there is none.
    """

    spec: ClipSpec
    frames: Sequence[int]
    windows: int
    tracks: Mapping[str, Track | Unavailable]


class LipSync:
    """SyncNet's metrics for pairs of a picture and a sound."""

    def __init__(
        self,
        device: str,
        infos: Sequence[MetricInfo],
        tensors: Callable[[str], Mapping[str, Tensor]] | None = None,
    ) -> None:
        """tensors: what gives the weights by their name, in place of the registry."""
        tensors = tensors or weights.state_dict
        self.infos = infos
        self._device = torch.device(device)
        self._protocols = {info.name: Protocol.of(info) for info in infos}
        names = {protocol.network for protocol in self._protocols.values()}
        self._networks = {name: _network(name, tensors(name)).to(self._device) for name in sorted(names)}
        detectors = {protocol.faces for protocol in self._protocols.values() if protocol.faces}
        self._detectors = {name: _detector(name, device) for name in sorted(detectors)}

    def reference(self, clip: Clip) -> Reference:
        """Follows the speaker's face. Raises Unavailable without picture or sound, or if too short."""
        require(clip, "video")
        require(clip, "audio")
        spec = clip.spec
        frames = frames_at(spec.frames, spec.fps, FPS)
        samples = len(mono(clip.audio, spec.sample_rate, SAMPLE_RATE))
        # The published evaluation leaves out the last full window.
        windows = min(len(frames), samples // (SAMPLE_RATE // FPS)) - WINDOW
        if windows <= offsets.REACH:
            raise Unavailable(
                f"the clip is shorter than {WINDOW + offsets.REACH + 1} frames at {FPS} fps: at offsets of "
                f"{offsets.REACH} frames no picture would meet a sound"
            )
        followed: dict[str, Track | Unavailable] = {}
        for name, detect in self._detectors.items():
            try:
                followed[name] = tracks.follow(detect(clip.video[frames]))
            except Unavailable as reason:
                followed[name] = reason
        return Reference(spec, frames, windows, followed)

    def picture(self, state: Reference, decoded: Clip) -> Mapping[Protocol, Tensor | Unavailable]:
        """Embeddings of the lips by protocol, (windows, E) on the CPU, or why there are none."""
        wanted = (state.spec.frames, 3, state.spec.height, state.spec.width)
        if tuple(decoded.video.shape) != wanted:
            raise InvalidClip(f"decoded pictures are {tuple(decoded.video.shape)}, the reference's {wanted}")
        found: dict[Protocol, Tensor | Unavailable] = {}
        for protocol in dict.fromkeys(self._protocols.values()):
            track = state.tracks[protocol.faces] if protocol.faces else None
            if isinstance(track, Unavailable):
                found[protocol] = track
            else:
                found[protocol] = self._lips(state, decoded.video, protocol, track)
        return found

    def _lips(self, state: Reference, video: Tensor, protocol: Protocol, track: Track | None) -> Tensor:
        network, parts = self._networks[protocol.network], []
        for start in range(0, state.windows, _LIPS_AT_ONCE):
            stop = min(start + _LIPS_AT_ONCE, state.windows)
            seen = [
                look(video[state.frames[index]].to(self._device), network, track, index)
                for index in range(start, stop + WINDOW - 1)
            ]
            with full_precision():
                parts.append(network.lips(torch.stack(seen, 1)[None])[0].cpu())
        return torch.cat(parts)

    def sound(self, state: Reference, decoded: Clip) -> Mapping[str, Tensor]:
        """Embeddings of the sound by network, (windows, E) on the CPU."""
        shape = (state.spec.channels, state.spec.samples)
        if tuple(decoded.audio.shape) != shape or not decoded.audio.isfinite().all():
            raise InvalidClip(
                f"the decoded sound is {tuple(decoded.audio.shape)}, the reference's {shape}; "
                "all of it must be finite"
            )
        samples = mono(decoded.audio, state.spec.sample_rate, SAMPLE_RATE)
        heard = views.windows_of_sound(samples, state.windows)
        found = {}
        for name, network in self._networks.items():
            with full_precision():
                parts = [
                    network.sound(part[:, None].to(self._device)).cpu()
                    for part in heard.split(_SOUNDS_AT_ONCE)
                ]
            found[name] = torch.cat(parts)
        return found

    def compare(
        self, state: Reference, picture: Mapping[Protocol, Tensor | Unavailable], sound: Mapping[str, Tensor]
    ) -> Mapping[str, Score | Unavailable]:
        """LSE-C, LSE-D and offset of one pair."""
        found = {protocol: _sync(protocol, lips, sound) for protocol, lips in picture.items()}
        scores: dict[str, Score | Unavailable] = {}
        for name, protocol in self._protocols.items():
            sync = found[protocol]
            if isinstance(sync, Unavailable):
                scores[name] = sync
                continue
            detail: dict[str, int] = {"offset": sync.offset, "windows": state.windows}
            track = state.tracks[protocol.faces] if protocol.faces else None
            if isinstance(track, Track):
                detail["frames_with_face"] = track.found
            value = {"lse_c": sync.confidence, "lse_d": sync.distance, "lse_offset": abs(sync.offset)}
            scores[name] = Score(float(value["_".join(name.split("_")[:2])]), detail=detail)
        return scores


def _network(name: str, tensors: Mapping[str, Tensor]) -> SyncNet:
    network = SyncNet(_SHAPES[name])
    network.load_state_dict(tensors, strict=True)
    # 1.3 times as fast on a CPU
    network.netcnnlip.to(memory_format=torch.channels_last_3d)  # pyright: ignore[reportCallIssue]
    return network.eval()


def _detector(name: str, device: str) -> Faces:
    if name == DETECTOR:
        from .s3fd import S3fdFaces

        return S3fdFaces(weights.state_dict(DETECTOR), device)
    return HogFaces()


def _sync(
    protocol: Protocol, lips: Tensor | Unavailable, sound: Mapping[str, Tensor]
) -> offsets.Sync | Unavailable:
    if isinstance(lips, Unavailable):
        return lips
    # Zeros are nearer to embeddings of length 1 than most sounds are: the small network's search leaves
    # them out.
    padded = not _SHAPES[protocol.network].normalised
    return offsets.best(offsets.curve(lips, sound[protocol.network], zero_padded=padded))


def look(frame: Tensor, network: SyncNet, track: Track | None, index: int) -> Tensor:
    """What a network sees of frame number `index`, uint8 (3, H, W): float BGR (3, size, size), 0 to 255."""
    seen = frame if track is None else tracks.crop(frame, track, index)
    size = network.shape.picture
    return views.mouth(seen, size) if network.shape == SMALL else views.face(seen, size)
