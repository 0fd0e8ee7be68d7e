"""VMAF and VMAF NEG in one pass of libvmaf, through ffmpeg."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..benchmark import colour, ffmpeg
from ..benchmark.errors import Unavailable
from ..benchmark.metric import MetricInfo, Score
from ..benchmark.types import Clip
from ._inputs import require, require_same_shape

if TYPE_CHECKING:
    from torch import Tensor

MODELS = {"vmaf": "vmaf_v0.6.1", "vmaf_neg": "vmaf_v0.6.1neg"}
MIN_SIDE = 32


def availability() -> str | None:
    """None where ffmpeg is there and has libvmaf."""
    try:
        if not ffmpeg.has_filter("libvmaf"):
            return (
                f"{ffmpeg.executable()} has no libvmaf; install imageio-ffmpeg's: pip install imageio-ffmpeg"
            )
    except Unavailable as error:
        return str(error)
    return None


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


def load(device: str) -> Vmaf:
    """Both metrics; they run on the CPU, whatever the device."""
    return Vmaf()


@dataclass(frozen=True)
class Reference:
    """The reference's frames, and a folder (removed with this object) that holds them as raw YUV."""

    video: Tensor
    fps: str
    folder: Path


class Vmaf:
    """VMAF per frame."""

    scope = "clip"

    def __init__(self) -> None:
        self.infos = describe()

    def reference(self, clip: Clip) -> Reference:
        """The clip as raw YUV in a temporary file. Raises Unavailable without a picture of 32 pixels."""
        require(clip, "video")
        side = min(clip.spec.height, clip.spec.width)
        if side < MIN_SIDE:
            raise Unavailable(f"vmaf needs a shorter side of at least {MIN_SIDE} pixels, the clip has {side}")
        folder = Path(tempfile.mkdtemp(prefix="talkbench-vmaf-"))
        state = Reference(clip.video, str(clip.spec.fps), folder)
        weakref.finalize(state, shutil.rmtree, folder, ignore_errors=True)
        with (folder / "reference.yuv").open("wb") as file:
            file.writelines(colour.pack_yuv420(clip.video, bits=8))
        return state

    def compare(self, state: Reference, decoded: Clip) -> Mapping[str, Score | Unavailable]:
        """Both metrics per frame. Raises CodecError when ffmpeg fails."""
        require_same_shape(state.video, decoded.video)
        frames, _, height, width = decoded.video.shape
        layout = ["-f", "rawvideo", "-pixel_format", "yuv420p", "-framerate", state.fps]
        layout += ["-video_size", f"{width + width % 2}x{height + height % 2}"]
        log = state.folder / "vmaf.json"
        models = "|".join(rf"version={model}\:name={name}" for name, model in MODELS.items())
        options = f"model='{models}':n_threads=1:log_fmt=json:log_path={_escaped(log)}"
        inputs = [*layout, "-i", "pipe:0", *layout, "-i", str(state.folder / "reference.yuv")]
        graph = ["-filter_complex_threads", "1", "-lavfi", f"[0:v][1:v]libvmaf={options}"]
        pictures = colour.pack_yuv420(decoded.video, bits=8)
        ffmpeg.run([*inputs, *graph, "-f", "null", "-"], pictures, threads=1)
        measured = [frame["metrics"] for frame in json.loads(log.read_text())["frames"]]
        if len(measured) != frames:
            raise RuntimeError(f"libvmaf measured {len(measured)} of {frames} frames")
        return {name: Score(frame_values=[float(frame[name]) for frame in measured]) for name in MODELS}


def _escaped(path: Path) -> str:
    """A path inside a filter graph: escaped once for the option's value and once for the graph."""
    value = re.sub(r"([\\':])", r"\\\1", str(path))
    return re.sub(r"([\\'\[\],;])", r"\\\1", value)
