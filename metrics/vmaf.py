"""VMAF and VMAF NEG in one pass of libvmaf, through ffmpeg."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from ..benchmark.api import Clip, MetricInfo, Score, Unavailable
from ..benchmark.media import ffmpeg
from ._inputs import require
from ._yuv import YuvReference

MODELS = {"vmaf": "vmaf_v0.6.1", "vmaf_neg": "vmaf_v0.6.1neg"}
MIN_SIDE = 32


def availability() -> str | None:
    """None where ffmpeg is there and has libvmaf."""
    return ffmpeg.missing(filters=["libvmaf"])


def describe() -> Sequence[MetricInfo]:
    """`vmaf` and `vmaf_neg`."""
    build = {"ffmpeg": ffmpeg.version()} if availability() is None else {}
    return tuple(
        MetricInfo(
            name=name,
            modality="video",
            kind="frame",
            unit="",
            higher_is_better=True,
            bounds=(0.0, 100.0),
            definition=(
                f"libvmaf's {model} on 8-bit 4:2:0, BT.709 limited range, at the clip's own size, without "
                f"upscaling (the model was trained on 1080p). Needs a shorter side of {MIN_SIDE} pixels."
            ),
            paper="Li et al.: Toward a practical perceptual video quality metric, Netflix 2016"
            if name == "vmaf"
            else "Li et al.: Toward a better quality metric for the video community, Netflix 2020",
            build=build,
            options={"model": model},
        )
        for name, model in MODELS.items()
    )


def load(device: str, infos: Sequence[MetricInfo]) -> Vmaf:
    """The metrics; they run on the CPU, whatever the device."""
    return Vmaf(infos)


class Vmaf:
    """VMAF per frame."""

    frames_at_once = None

    def __init__(self, infos: Sequence[MetricInfo]) -> None:
        self.infos = infos
        self._models = {info.name: MODELS[info.name] for info in infos}

    def reference(self, clip: Clip) -> YuvReference:
        """The clip as raw YUV in a temporary file. Raises Unavailable without a picture of 32 pixels."""
        require(clip, "video")
        side = min(clip.spec.height, clip.spec.width)
        if side < MIN_SIDE:
            raise Unavailable(f"vmaf needs a shorter side of at least {MIN_SIDE} pixels, the clip has {side}")
        return YuvReference.of(clip)

    def compare(self, state: YuvReference, decoded: Clip) -> Mapping[str, Score | Unavailable]:
        """The metrics per frame. Raises InvalidClip when the shapes differ, CodecError when ffmpeg fails."""
        models = "|".join(rf"version={model}\:name={name}" for name, model in self._models.items())
        log = state.filtered(
            f"[0:v][1:v]libvmaf=model='{models}':n_threads=1:log_fmt=json:log_path={{log}}", decoded
        )
        measured = [frame["metrics"] for frame in json.loads(log)["frames"]]
        if len(measured) != decoded.spec.frames:
            raise RuntimeError(f"libvmaf measured {len(measured)} of {decoded.spec.frames} frames")
        return {name: Score(frame_values=[float(frame[name]) for frame in measured]) for name in self._models}
