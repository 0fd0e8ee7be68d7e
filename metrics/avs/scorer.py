"""The three AVS metrics of one clip: features of the reference once, two passes of the encoder a variant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ...benchmark.api import Clip, MetricInfo, Score, Unavailable, full_precision
from .. import _filterbank
from .._inputs import frames_at, mono, require, require_same_shape
from .mouth import Crops, Tracker
from .network import Encoder

RATE = 25
_STACKED = 4
_LONGEST = 30 * RATE
_MEAN, _STD = 0.421, 0.165

Parts = Sequence[Tensor]
"""Embedded sound or lips, (frames, width) each: the clip cut into parts of at most 30 s."""


@dataclass(frozen=True)
class Reference:
    """What is known of a reference: its pictures, where the mouth is in them, its sound and its features.

    video: uint8 (T, 3, H, W); sound: None where there is none, or only silence;
    features: what variants are compared to, by metric: (frames, width).
    """

    video: Tensor
    crops: Crops
    sound: Parts | None
    features: Mapping[str, Tensor]


class Avs:
    """AVS_u, AVS_m and AVS_v; in bfloat16 where the infos say quick."""

    frames_at_once = None

    def __init__(self, infos: Sequence[MetricInfo], device: str, encoder: Encoder, tracker: Tracker) -> None:
        self.infos = infos
        self._names = {info.name for info in infos}
        self._quick = any(info.quick for info in infos)
        self._device = torch.device(device)
        self._encoder = encoder.to(self._device)
        self._tracker = tracker

    def reference(self, clip: Clip) -> Reference:
        """Mouth, sound and features of the reference. Raises Unavailable without a picture, or a face."""
        require(clip, "video")
        frames = frames_at(clip.spec.frames, clip.spec.fps, RATE)
        crops = Crops(self._tracker.track(clip.video[number] for number in frames), frames)
        with full_precision():
            sound = self._sound(clip, len(frames))
            features = {}
            if sound and "avs_u" in self._names:
                features["avs_u"] = self._features(sound, None)
            if self._names - {"avs_u"}:
                lips = self._lips(clip.video, crops)
                if sound and "avs_m" in self._names:
                    features["avs_m"] = self._features(sound, lips)
                if "avs_v" in self._names:
                    features["avs_v"] = self._features(None, lips)
        return Reference(clip.video, crops, sound, features)

    def compare(self, state: Reference, decoded: Clip) -> Mapping[str, Score | Unavailable]:
        """Mean cosines; `avs_u` and `avs_m` are Unavailable where the reference has no sound."""
        require_same_shape(state.video, decoded.video)
        with full_precision():
            lips = self._lips(decoded.video, state.crops)
            alone = self._features(None, lips) if state.features.keys() & {"avs_u", "avs_v"} else None
            scores: dict[str, Score | Unavailable] = {}
            for name in self._names:
                wanted = state.features.get(name)
                if wanted is None:
                    scores[name] = Unavailable(f"{name} needs a reference with sound that is not silent")
                    continue
                found = self._features(state.sound, lips) if name == "avs_m" else alone
                assert found is not None
                cosines = functional.cosine_similarity(wanted.double(), found.double(), dim=-1)
                # Rounding may leave the cosine of equal features a little above 1.
                scores[name] = Score(value=min(1.0, cosines.mean().item()))
        return scores

    def _sound(self, clip: Clip, frames: int) -> Parts | None:
        if not clip.audio.any():
            return None
        features = log_mel(mono(clip.audio, clip.spec.sample_rate, _filterbank.SAMPLE_RATE), frames)
        with self._precision():
            return [
                self._encoder.sound(features[start:stop].to(self._device)) for start, stop in _parts(frames)
            ]

    def _lips(self, video: Tensor, crops: Crops) -> Parts:
        embedded = []
        for start, stop in _parts(len(crops)):
            grey = crops.cut(video, start, stop, self._device)
            with self._precision():
                embedded.append(self._encoder.lips((grey - _MEAN) / _STD))
        return embedded

    def _features(self, sound: Parts | None, lips: Parts | None) -> Tensor:
        """F: (frames, width), float32."""
        count = len(sound or lips or ())
        parts = zip(sound or [None] * count, lips or [None] * count, strict=True)
        with self._precision():
            return torch.cat([self._encoder(heard, seen).float() for heard, seen in parts])

    def _precision(self) -> torch.autocast:
        return torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=self._quick)


def log_mel(speech: np.ndarray, frames: int) -> Tensor:
    """What AV-HuBERT hears of speech (n,) at 16 kHz: float32 (frames, 104), 25 a second.

    Four windows of 26 log mel energies a frame, cut or filled up with zeros to the number of pictures, each
    frame then brought to mean 0 and variance 1.
    """
    energies = _filterbank.log_filterbank(_filterbank.int16_scale(speech))
    wanted = frames * _STACKED
    energies = np.pad(energies[:wanted], ((0, max(0, wanted - len(energies))), (0, 0)))
    stacked = torch.from_numpy(energies.astype(np.float32)).reshape(frames, -1)
    return functional.layer_norm(stacked, stacked.shape[1:])


def _parts(frames: int) -> list[tuple[int, int]]:
    """(start, stop) of equal parts of at most 30 s."""
    count = -(-frames // _LONGEST)
    edges = [part * frames // count for part in range(count + 1)]
    return list(pairwise(edges))
