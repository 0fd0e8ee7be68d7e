"""XPSNR, through ffmpeg's filter: squared errors weighted by how busy a block is, in space and in time.

Its authors define one value per plane and none of all three (their filter prints the least of them). The
combinations in use are (6 Y + U + V) / 8, as JCT-VC reports PSNR (Ohm et al., IEEE TCSVT 22(12), 2012), and
(4 Y + U + V) / 6, both of decibels, and the latter of errors. Here it is the first.

The filter takes the untouched clip first: weights come from it alone. Before the first frame it assumes
black, which makes that frame busy and its value some decibels higher: for all codecs alike.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ..benchmark.api import Clip, MetricInfo, Score, Unavailable
from ..benchmark.media import ffmpeg
from ._inputs import require
from ._yuv import YuvReference

CAP_DB = 100.0
# Below this many pixels the filter's blocks would be under 4×4: it falls back to plain PSNR.
MIN_PIXELS = 2025
PLANE_WEIGHTS = {"y": 6 / 8, "u": 1 / 8, "v": 1 / 8}
_LINE = re.compile(r"n: *\d+" + "".join(rf"  XPSNR {plane}: (\S+)" for plane in PLANE_WEIGHTS))


def availability() -> str | None:
    """None where ffmpeg is there and has the filter xpsnr."""
    return ffmpeg.missing(filters=["xpsnr"])


def describe() -> Sequence[MetricInfo]:
    """`xpsnr` and `xpsnr_y`, in dB."""
    build = {"ffmpeg": ffmpeg.version()} if availability() is None else {}
    common = (
        f"A plane has at most {CAP_DB:g} dB, also where it is an exact copy. 8-bit 4:2:0, BT.709 limited "
        "range, by ffmpeg's filter, whose values per frame are averaged as decibels (its own summary "
        f"averages errors). Needs {MIN_PIXELS} pixels."
    )
    definitions = {
        "xpsnr": "Perceptually weighted PSNR: (6 Y + U + V) / 8 of the planes' decibels, per frame. ",
        "xpsnr_y": "Perceptually weighted PSNR of luma. Not comparable with `xpsnr`. ",
    }
    return tuple(
        MetricInfo(
            name=name,
            modality="video",
            kind="frame",
            unit="dB",
            higher_is_better=True,
            bounds=(None, CAP_DB),
            definition=definition + common,
            paper="Helmrich et al.: XPSNR, a low-complexity extension of the perceptually weighted PSNR, "
            "ICASSP 2020",
            build=build,
        )
        for name, definition in definitions.items()
    )


def load(device: str, infos: Sequence[MetricInfo]) -> Xpsnr:
    """Both metrics; they run on the CPU, whatever the device."""
    return Xpsnr(infos)


class Xpsnr:
    """XPSNR per frame."""

    frames_at_once = None

    def __init__(self, infos: Sequence[MetricInfo]) -> None:
        self.infos = infos

    def reference(self, clip: Clip) -> YuvReference:
        """The clip as raw YUV in a temporary file. Raises Unavailable without a picture of 2025 pixels."""
        require(clip, "video")
        pixels = clip.spec.height * clip.spec.width
        if pixels < MIN_PIXELS:
            raise Unavailable(f"xpsnr needs at least {MIN_PIXELS} pixels, the clip has {pixels}")
        return YuvReference.of(clip)

    def compare(self, state: YuvReference, decoded: Clip) -> Mapping[str, Score | Unavailable]:
        """Both metrics per frame. Raises InvalidClip when the shapes differ, CodecError when ffmpeg fails."""
        log = state.filtered("[1:v][0:v]xpsnr=stats_file={log}", decoded)
        measured = [[min(float(value), CAP_DB) for value in frame] for frame in _LINE.findall(log)]
        if len(measured) != decoded.spec.frames:
            raise RuntimeError(f"xpsnr measured {len(measured)} of {decoded.spec.frames} frames")
        weights = PLANE_WEIGHTS.values()
        together = [sum(w * v for w, v in zip(weights, frame, strict=True)) for frame in measured]
        return {
            "xpsnr": Score(frame_values=together),
            "xpsnr_y": Score(frame_values=[frame[0] for frame in measured]),
        }
