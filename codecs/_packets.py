"""Speech codecs of PyAV's FFmpeg libraries: mono samples in, packets without container out, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, cast

from ..benchmark.api import CodecError
from . import _audio

if TYPE_CHECKING:
    from av import AudioCodecContext

    from ._audio import Samples


def missing(*names: str) -> str | None:
    """Why a codec that needs these encoders and decoders of PyAV cannot run here, and the fix, or None."""
    fix = "install it with: pip install av"
    try:
        import av
    except ImportError as error:
        return f"{error}; {fix}"
    wanting = [name for name in names if name not in av.codecs_available]
    if wanting:
        return f"this build of PyAV ({av.__version__}) has no {', '.join(wanting)}; {fix}"
    return _audio.missing()


def build() -> dict[str, str]:
    """Versions that can change the coded or decoded sound, those of the resampler included."""
    import av

    libraries = {name: ".".join(map(str, version)) for name, version in av.library_versions.items()}
    return {"av": av.__version__, "libavcodec": libraries["libavcodec"], **_audio.build()}


def encode_packets(
    samples: Samples,
    rate: int,
    frame: int,
    count: int,
    encoder: str,
    bit_rate: int,
    options: Mapping[str, str],
) -> list[bytes]:
    """Exactly `count` packets, one per `frame` samples; silence follows the sound. Raises CodecError."""
    import av
    import numpy as np
    from av.error import FFmpegError

    context = cast("AudioCodecContext", av.CodecContext.create(encoder, "w"))
    context.sample_rate, context.layout, context.bit_rate = rate, "mono", bit_rate
    context.format, context.time_base, context.options = "s16", Fraction(1, rate), dict(options)
    sound = np.zeros(count * frame, dtype=np.int16)
    sound[: len(samples)] = np.round(np.clip(samples, -1, 32767 / 32768) * 32768)[: len(sound)]
    packets = []
    try:
        for start in range(0, len(sound), frame):
            piece = av.AudioFrame.from_ndarray(
                sound[None, start : start + frame], format="s16", layout="mono"
            )
            piece.sample_rate, piece.pts = rate, start
            packets += [bytes(packet) for packet in context.encode(piece)]
        packets += [bytes(packet) for packet in context.encode(None)]
    except FFmpegError as error:
        raise CodecError(f"{encoder} failed: {error}") from error
    if context.frame_size != frame or len(packets) < count:
        raise CodecError(
            f"{encoder} gave {len(packets)} packets of {context.frame_size} samples, not {count}"
        )
    return packets[:count]


def decode_packets(packets: Sequence[bytes], rate: int, frame: int, decoder: str) -> Samples:
    """Mono float32, `frame` samples for each packet. Raises CodecError for packets that do not give that."""
    import av
    import numpy as np
    from av.error import FFmpegError

    context = cast("AudioCodecContext", av.CodecContext.create(decoder, "r"))
    context.sample_rate, context.layout = rate, "mono"
    pieces = []
    try:
        for packet in packets:
            pieces += [decoded.to_ndarray() for decoded in context.decode(av.Packet(packet))]
        pieces += [decoded.to_ndarray() for decoded in context.decode(None)]
    except FFmpegError as error:
        raise CodecError(f"{decoder} cannot decode this payload: {error}") from error
    shapes = {piece.shape for piece in pieces}
    if len(pieces) != len(packets) or shapes - {(1, frame)} or context.sample_rate != rate:
        raise CodecError(
            f"{decoder}: the payload does not decode to {len(packets)} frames of {frame} samples"
        )
    return np.concatenate(pieces, axis=1)[0].astype(np.float32) / 32768
