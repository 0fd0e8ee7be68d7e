"""Reading untrusted recordings: pictures with their times, upright and in true colours."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from ..benchmark.api import DatasetError

if TYPE_CHECKING:
    import av
    import av.error
    import numpy as np
    from av.container import InputContainer
    from av.stream import Stream
    from numpy.typing import NDArray
    from PIL.Image import Image

# Play lists and scripts of other files (HLS, concat) are text that names paths and addresses:
# a recording must be one of these containers, and nothing but local files is ever opened.
_CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts,mpegvideo"
_MOST_PIXELS = 8192 * 8192
_HD_LINES = 720
_UNTAGGED = (2, 3)  # AVCOL_SPC_UNSPECIFIED, AVCOL_SPC_RESERVED
_HDR_TRANSFERS = (16, 18)  # PQ and HLG
_WIDE_PRIMARIES = (9, 11, 12)  # BT.2020, DCI-P3, Display P3
_MOST_OBLONG = 16  # width over height of a pixel, or the other way round


@dataclass
class Damage:
    """What a recording lost on the way. packets, pictures: left out; cut: reading stopped by an error."""

    packets: int = 0
    pictures: int = 0
    cut: bool = False

    def __str__(self) -> str:
        facts = []
        if self.packets:
            facts.append(f"{self.packets} damaged packets left out")
        if self.pictures:
            facts.append(f"{self.pictures} pictures left out that were damaged or out of order")
        if self.cut:
            facts.append("reading stopped at an error")
        return "; ".join(facts)


@contextmanager
def opened(path: Path) -> Iterator[InputContainer]:
    """The container at `path`. Raises DatasetError for what is not a recording with a picture."""
    import av
    import av.error

    if path.stat().st_size == 0:
        raise DatasetError("the file is empty")
    options = {"protocol_whitelist": "file", "format_whitelist": _CONTAINERS}
    try:
        container = av.open(str(path), options=options, metadata_errors="replace")
    except (av.error.FFmpegError, ValueError) as error:
        raise DatasetError(f"not a readable recording ({_reason(error)})") from error
    with container:
        yield container


def video_stream(container: InputContainer) -> av.VideoStream:
    """The main moving picture; cover art does not count. Raises DatasetError where there is none."""
    from av.stream import Disposition

    moving = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    best = container.streams.best("video")
    stream = next((s for s in moving if s == best), moving[0] if moving else None)
    if stream is None:
        raise DatasetError("it contains no video")
    if stream.codec_context is None:
        raise DatasetError("no decoder knows its video format")
    if stream.width * stream.height > _MOST_PIXELS:
        raise DatasetError(f"a picture of {stream.width}x{stream.height} is too large (at most 8192x8192)")
    oblong = stream.sample_aspect_ratio or Fraction(1)
    if not Fraction(1, _MOST_OBLONG) <= oblong <= _MOST_OBLONG:
        raise DatasetError(f"its pixels have the aspect ratio {oblong}; at most {_MOST_OBLONG} to 1 is read")
    stream.codec_context.options = {"max_pixels": str(_MOST_PIXELS)}  # it may grow on the way
    return stream


def promised_end(container: InputContainer) -> Fraction | None:
    """When the pictures end as the header has it (else when the file does), in seconds, if it tells."""
    stream = video_stream(container)
    if stream.duration and stream.time_base:
        return ((stream.start_time or 0) + stream.duration) * stream.time_base
    if container.duration:
        # Matroska's duration is counted from zero by FFmpeg's muxer, from the first picture by others:
        # the earlier end is the one that every writer promises.
        start = 0 if _from_zero(container) else container.start_time or 0
        return Fraction(start + container.duration, 1_000_000)
    return None


def promised_length(container: InputContainer) -> Fraction:
    """How many seconds the file lasts as its header has it; 0 where it does not tell."""
    length, start = container.duration or 0, container.start_time or 0
    if _from_zero(container) and start < length:
        length -= start
    return Fraction(max(length, 0), 1_000_000)


def _from_zero(container: InputContainer) -> bool:
    return "matroska" in container.format.name


def audio_stream(container: InputContainer) -> av.AudioStream | None:
    """The main sound that can be decoded, or None."""
    stream = container.streams.best("audio")
    return stream if stream and stream.codec_context else None  # pyright: ignore[reportReturnType]


def decoded(
    container: InputContainer, streams: Sequence[Stream], damage: Damage
) -> Iterator[tuple[Fraction, av.VideoFrame | av.AudioFrame]]:
    """All frames of `streams` in the order of the file, each with its presentation time in seconds.

    Damaged packets and pictures are left out and counted. Pictures come in strictly rising time.
    """
    import av
    import av.error

    packets = container.demux(*streams)
    clocks = {stream.index: _Clock(stream, container.format.name == "avi") for stream in streams}
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except av.error.FFmpegError:
            damage.cut = True
            return
        clock = clocks[packet.stream.index]
        try:
            frames = clock.decode(packet)
        except av.error.FFmpegError:
            damage.packets += 1
            continue
        for frame in frames:
            before, time = clock.now, clock.time(frame)
            late = before is not None and time <= before
            if isinstance(frame, av.VideoFrame) and (late or frame.is_corrupt):
                damage.pictures += 1
                continue
            clock.now = time
            yield time, frame


class _Clock:
    """Gives the frames of one stream their presentation times, in seconds."""

    def __init__(self, stream: Stream, avi: bool) -> None:
        self.now: Fraction | None = None
        self._stream = stream
        self._step = Fraction(0)
        # AVI knows in which order pictures are decoded, not when they are shown, and libavformat's
        # guess delays them by the depth of reordering. But every packet is one picture, so pictures
        # in the order of showing take the packets' times in the order of the file.
        self._waiting: deque[int] | None = deque() if avi and stream.type == "video" else None

    def decode(self, packet: av.Packet) -> list[av.VideoFrame | av.AudioFrame]:
        """The frames that `packet` completes. Raises FFmpegError for a damaged packet."""
        frames = packet.decode()
        if self._waiting is not None and packet.dts is not None and packet.size:
            self._waiting.append(packet.dts)
        return frames  # pyright: ignore[reportReturnType]

    def time(self, frame: av.VideoFrame | av.AudioFrame) -> Fraction:
        """When `frame` begins; where the file does not say, when the frame before it ends."""
        import av

        pts = self._waiting.popleft() if self._waiting else frame.pts
        if pts is not None and (base := self._stream.time_base) is not None:
            time = pts * base
        else:
            time = Fraction(0) if self.now is None else self.now + self._step
        if isinstance(frame, av.AudioFrame):
            self._step = Fraction(frame.samples, frame.sample_rate)
        else:
            self._step = 1 / frame_rate(self._stream)
        return time


def frame_rate(stream: Stream) -> Fraction:
    """Pictures per second as the container tells, or 25 where it tells none."""
    return getattr(stream, "average_rate", None) or getattr(stream, "guessed_rate", None) or Fraction(25)


def upright(frame: av.VideoFrame, pixel_aspect: Fraction | None) -> tuple[Image, Fraction]:
    """The picture as it is to be seen, turned as its display matrix says: 8-bit full-range sRGB.

    pixel_aspect: width over height of a stored pixel; returned for the upright picture's pixels.
    """
    import numpy as np
    from PIL import Image

    aspect = pixel_aspect or Fraction(1)
    rgb = to_rgb(frame)
    a, b, c, d = _display_matrix(frame)
    if abs(b) > abs(a):  # the axes change places
        aspect = 1 / aspect
        rgb, flip_x, flip_y = rgb.transpose(1, 0, 2), c < 0, b < 0
    else:
        flip_x, flip_y = a < 0, d < 0
    rgb = rgb[:: -1 if flip_y else 1, :: -1 if flip_x else 1]
    return Image.fromarray(np.ascontiguousarray(rgb)), aspect


def oblique(frame: av.VideoFrame) -> bool:
    """Whether the display matrix asks for more than quarter turns and mirrors, by over a degree."""
    a, b, c, d = _display_matrix(frame)
    small = min(abs(a), abs(b)), min(abs(c), abs(d))
    large = max(abs(a), abs(b)), max(abs(c), abs(d))
    return any(less > more / 57 for less, more in zip(small, large, strict=True))


def _display_matrix(frame: av.VideoFrame) -> tuple[int, int, int, int]:
    """a, b, c, d: a stored point (x, y) is to be seen at (a x + c y, b x + d y), up to scale and offset."""
    import struct

    from av.sidedata.sidedata import SideData, Type

    data = frame.side_data.get(Type.DISPLAYMATRIX)  # pyright: ignore[reportCallIssue, reportArgumentType]
    if not isinstance(data, SideData):
        return 1, 0, 0, 1
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(data)[:36])
    return (a, b, c, d) if a * d != b * c else (1, 0, 0, 1)  # a matrix without area shows nothing


def to_rgb(frame: av.VideoFrame) -> NDArray[np.uint8]:
    """uint8 (H, W, 3) of a decoded picture as stored in the stream: full-range sRGB.

    Matrix and range are those of the stream's tags. Untagged: limited range, and BT.601 below
    720 lines, BT.709 from there. Transfer curves are left as they are (BT.709 is shown as sRGB).
    Raises DatasetError for colours that have no conversion.
    """
    import av.error
    from av.video.reformatter import ColorRange, Colorspace, Interpolation

    matrix = None
    if frame.colorspace in _UNTAGGED:
        matrix = Colorspace.ITU709 if frame.height >= _HD_LINES else Colorspace.ITU601
    # Without these flags swscale repeats chroma samples and is off by up to 3 levels.
    exact = Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP | Interpolation.ACCURATE_RND
    try:
        converted = frame.reformat(
            format="rgb24",
            src_colorspace=matrix,
            dst_color_range=ColorRange.JPEG,
            interpolation=Interpolation.BICUBIC | Interpolation.BITEXACT | exact,
            threads=1,
        )
    except av.error.FFmpegError as error:
        raise DatasetError(f"its colours cannot be converted ({_reason(error)})") from error
    return converted.to_ndarray()  # pyright: ignore[reportReturnType]


def picture_notes(frame: av.VideoFrame) -> list[str]:
    """What of a picture preparation cannot keep, or leaves as it is."""
    bits = max(component.bits for component in frame.format.components)
    facts = (
        (frame.color_trc in _HDR_TRANSFERS, "high dynamic range, shown without tone mapping"),
        (frame.color_primaries in _WIDE_PRIMARIES, "wide colour gamut, shown as sRGB"),
        (bits > 8, f"{bits}-bit colour, rounded to 8 bits"),
        (any(component.is_alpha for component in frame.format.components), "transparency is left out"),
        (frame.interlaced_frame, "interlaced, and left so"),
        (oblique(frame), "to be turned by less than a quarter: turned to the nearest one"),
    )
    return [words for holds, words in facts if holds]


def track_notes(container: InputContainer) -> list[str]:
    """What else is in the file that is not used: further moving pictures and sounds, a plane of alpha."""
    from av.stream import Disposition

    films = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    counts = ((len(films), "video"), (len(container.streams.audio), "sound"))
    notes = [f"{count} {kind} tracks: only the main one is used" for count, kind in counts if count > 1]
    if (
        video_stream(container).metadata.get("alpha_mode", video_stream(container).metadata.get("ALPHA_MODE"))
        == "1"
    ):
        notes.append("transparency is left out")
    return notes


def _reason(error: Exception) -> str:
    """The library's own words, without the path that they may repeat."""
    return str(getattr(error, "strerror", "") or type(error).__name__)
