"""Two clips as raw YUV for ffmpeg's filters that compare: 8-bit 4:2:0, BT.709 limited range."""

from __future__ import annotations

import re
import shutil
import tempfile
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..benchmark.api import Clip
from ..benchmark.media import colour, ffmpeg
from ._inputs import require_same_shape

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class YuvReference:
    """The reference's frames, and a folder (removed with this object) that holds them as raw YUV."""

    video: Tensor
    fps: str
    folder: Path

    @classmethod
    def of(cls, clip: Clip) -> YuvReference:
        """Write a clip with pictures to a temporary folder."""
        folder = Path(tempfile.mkdtemp(prefix="talkbench-yuv-"))
        reference = cls(clip.video, str(clip.spec.fps), folder)
        weakref.finalize(reference, shutil.rmtree, folder, ignore_errors=True)
        with (folder / "reference.yuv").open("wb") as file:
            file.writelines(colour.pack_yuv420(clip.video, bits=8))
        return reference

    def filtered(self, graph: str, decoded: Clip) -> str:
        """What a filter writes to its log while it compares; one process, one thread.

        graph: a filter graph from [0:v], the decoded clip, and [1:v], the reference, that writes to a file;
        `{log}` in it is replaced by the path of that file. Odd sizes gain a row or column.
        Raises InvalidClip when the shapes differ, CodecError when ffmpeg fails.
        """
        require_same_shape(self.video, decoded.video)
        height, width = decoded.video.shape[2:]
        layout = ["-f", "rawvideo", "-pixel_format", "yuv420p", "-framerate", self.fps]
        layout += ["-video_size", f"{width + width % 2}x{height + height % 2}"]
        inputs = [*layout, "-i", "pipe:0", *layout, "-i", str(self.folder / "reference.yuv")]
        log = self.folder / "log"
        filters = ["-filter_complex_threads", "1", "-lavfi", graph.replace("{log}", _escaped(log))]
        pictures = colour.pack_yuv420(decoded.video, bits=8)
        ffmpeg.run([*inputs, *filters, "-f", "null", "-"], pictures, threads=1)
        return log.read_text()


def _escaped(path: Path) -> str:
    """A path inside a filter graph: escaped once for the option's value and once for the graph."""
    value = re.sub(r"([\\':])", r"\\\1", str(path))
    return re.sub(r"([\\'\[\],;])", r"\\\1", value)
