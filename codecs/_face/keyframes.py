"""Keyframes by the VVC intra coder: all in one stream, with one set of headers and nothing optional in it.

Each picture is decodable alone (IDR). The QP is that of the pictures, without an offset, as in the test
conditions of JVET's generative face video coding (QP 22 to 52).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from ...benchmark.api import Bitstream, ClipSpec, CodecError, Point, Timeline
from ...benchmark.media import ffmpeg
from .. import _annexb, _params, _video, _vvc

if TYPE_CHECKING:
    from torch import Tensor

QPS = (52, 42, 32, 22)  # the ladder, lowest rate first
# A group of one picture, all intra: libvvenc then sends a short sequence parameter set. Usability information
# and the model of a decoder's buffer are optional; mctf and bim look at neighbours and move the quantizer.
_PARAMS = (
    "intraperiod=1:gopsize=1:decodingrefreshtype=idr:intraqpoffset=0:mctf=0:bim=0"
    ":vuiparameterspresent=0:hrdparameterspresent=0"
)

# Pictures per run of the encoder: of seven to ten in a run with groups of one, FFmpeg gives none.
_RUN = 4


def availability() -> str | None:
    """Why keyframes cannot be coded here and the fix, or None."""
    return _vvc.SYNTAX.availability()


def build() -> dict[str, str]:
    """Versions that decide the keyframes. Raises Unavailable."""
    return {"ffmpeg": ffmpeg.version()}


def options() -> dict[str, int | str]:
    """What a fingerprint says of the keyframes."""
    return {**_vvc.SYNTAX.options(), "preset": _vvc.PRESET, "qpa": 0, "params": _PARAMS}


def gop_of(point: Point, frames: int) -> int:
    """Frames from one keyframe to the next, as it is sent: 0 where a clip has but one. Raises CodecError."""
    gop = _params.whole(point, "gop", 0, 100_000)
    return gop if gop < frames else 0


def positions(frames: int, gop: int) -> range:
    """Which frames of a clip are keyframes. Raises CodecError for a distance that `gop_of` never gives."""
    if not frames or gop >= max(frames, 1):
        raise CodecError(f"a stream with keyframes every {gop} frames is not of this clip of {frames}")
    return range(0, frames, gop or frames)


def encode(frames: Tensor, qp: int) -> bytes:
    """Code uint8 (K, 3, H, W), K > 0, at a QP of 0 to 63. Raises CodecError."""
    arguments = _vvc.arguments(qp, _vvc.PRESET, _PARAMS)
    units: list[bytes] = []
    for some in frames.split(_RUN):
        found = _vvc.needed(_video.encode_stream(some, _vvc.SYNTAX, arguments))
        pictures = sum(_annexb.vvc_type(unit) in _vvc.SLICES for unit in found)
        if pictures != len(some):
            raise CodecError(f"libvvenc gave {pictures} of {len(some)} keyframes")
        units += found
    headers = _headers(units)
    # libvvenc repeats the parameter sets before every keyframe; once is enough.
    return _annexb.join([*headers, *(unit for unit in units[len(headers) :] if unit not in headers)])


def decode(data: bytes, count: int, height: int, width: int) -> Tensor:
    """Inverse of `encode`: exactly `count` pictures, uint8 (count, 3, height, width). Raises CodecError."""
    spec = ClipSpec(count, height, width, Fraction(25), 0, 0, 0)
    return _video.decode_stream(data, _vvc.SYNTAX, spec)


def split(data: bytes) -> tuple[bytes, bytes]:
    """The parameter sets that a stream begins with, and its pictures; together they are `data`."""
    headers = _annexb.join(_headers(_vvc.needed(data)))
    return headers, data[len(headers) :]


def timeline(stream: Bitstream, spec: ClipSpec, gop: int) -> Mapping[str, Timeline]:
    """Bits of the parts `headers` and `keyframe` by frame. Raises CodecError."""
    headers, shown = [0] * spec.frames, [0] * spec.frames
    places = positions(spec.frames, gop)
    headers[0] = 8 * len(stream["headers"])
    done = 0
    for size, place in _vvc.units(stream["keyframe"]):
        number = done - 1 if place == "after" else done
        shown[places[min(max(number, 0), len(places) - 1)]] += 8 * size
        done += place == "picture"
    if done != len(places):
        raise CodecError(f"part 'keyframe' has {done} pictures, and the clip {len(places)} keyframes")
    step_s = float(1 / spec.fps)
    return {"headers": Timeline(step_s, tuple(headers)), "keyframe": Timeline(step_s, tuple(shown))}


def _headers(units: Sequence[bytes]) -> Sequence[bytes]:
    """The parameter sets before the first picture."""
    pictures = (at for at, unit in enumerate(units) if _annexb.vvc_type(unit) not in _vvc.PARAMETER_SETS)
    return units[: next(pictures, len(units))]
