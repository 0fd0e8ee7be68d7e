"""Recordings made on the spot, whose pictures tell their time and whose sound can be found again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soxr

STRIPES = 9  # bits of the number written across each picture


def speechlike(seconds: float, rate: int) -> np.ndarray:
    """Noise below 3.2 kHz, different at every moment: float32 (seconds * rate,) within ±0.5."""
    base = np.random.default_rng(7).uniform(-1, 1, 6400 * 20).astype(np.float32)
    noise = soxr.resample(base, 6400, rate)[: round(seconds * rate)]
    return (0.4 * noise / np.abs(noise).max()).astype(np.float32)


def numbered(number: int, width: int, height: int) -> np.ndarray:
    """uint8 (height, width, 3) with `number` in vertical dark and bright stripes, highest bit left."""
    bits = [number >> bit & 1 for bit in reversed(range(STRIPES))]
    row = np.array(bits)[np.arange(width) * STRIPES // width]
    return np.broadcast_to((40 + 170 * row)[None, :, None], (height, width, 3)).astype(np.uint8)


def number_of(picture: np.ndarray) -> int:
    """Inverse of `numbered` for uint8 (3, H, W)."""
    stripes = np.array_split(picture.mean((0, 1)), STRIPES)
    bits = [stripe[len(stripe) // 4 : -len(stripe) // 4 or None].mean() > 125 for stripe in stripes]
    return sum(int(bit) << place for place, bit in enumerate(reversed(bits)))


def lag(sound: np.ndarray, expected: np.ndarray) -> int:
    """By how many samples `sound` comes later than `expected` (negative: earlier)."""
    size = 1 << (len(sound) + len(expected)).bit_length()
    product = np.fft.rfft(sound, size) * np.conj(np.fft.rfft(expected, size))
    at = int(np.argmax(np.fft.irfft(product, size)))
    return at - size if at > size // 2 else at


@dataclass
class Film:
    """A recording and the truth about it: seconds at which each picture and the sound begin."""

    path: Path
    times: list[Fraction]
    sound_start: Fraction


@pytest.fixture
def film(tmp_path: Path) -> Callable[..., Film]:
    """Writes a recording. fps: pictures/s, or the seconds at which each picture begins (to 1 ms);
    sound: codec, rate and layout; the starts: where picture and sound begin, video in whole pictures."""

    def make(
        name: str,
        codec: str = "libx264",
        fps: Fraction | int | Sequence[Fraction] = 25,
        size: tuple[int, int] = (160, 120),
        sound: tuple[str, int, str] | None = ("aac", 48000, "stereo"),
        seconds: float = 2.0,
        video_start: Fraction = Fraction(0),
        sound_start: Fraction = Fraction(0),
        pixels: str = "yuv420p",
        options: dict[str, str] | None = None,
        paint: Callable[[int, int, int], np.ndarray] = numbered,
        sample_aspect_ratio: Fraction | None = None,
        sound_seconds: float = 0.0,
        balance: tuple[float, ...] = (1.0, 1.0),
    ) -> Film:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(fps, Fraction | int):
            times = [video_start + k / Fraction(fps) for k in range(round(seconds * fps))]
            rate, base = Fraction(fps), 1 / Fraction(fps)
        else:
            times, rate, base = list(fps), Fraction(25), Fraction(1, 1000)
        with av.open(str(path), "w") as out:
            video = out.add_stream(codec, rate=rate, options=options or {})
            assert isinstance(video, av.VideoStream)
            video.width, video.height = size
            video.pix_fmt = pixels
            video.codec_context.time_base = base
            if sample_aspect_ratio:
                video.codec_context.sample_aspect_ratio = sample_aspect_ratio
            packets = []
            track = None
            if sound:
                track = out.add_stream(sound[0], rate=sound[1], layout=sound[2])
            for number, time in enumerate(times):
                frame = av.VideoFrame.from_ndarray(paint(number, *size), "rgb24").reformat(format=pixels)
                frame.pts, frame.time_base = round(time / base), base
                packets += video.encode(frame)
            packets += video.encode(None)
            if isinstance(track, av.AudioStream) and sound:
                noise = speechlike(sound_seconds or seconds, sound[1])
                gains = np.array(balance if sound[2] == "stereo" else (1.0,), np.float32)[:, None]
                block = track.codec_context.frame_size or 1024
                mixer = av.AudioResampler(format=track.codec_context.format, layout=sound[2], rate=sound[1])
                for at in range(0, len(noise), block):
                    piece = gains * noise[at : at + block]
                    frame = av.AudioFrame.from_ndarray(piece, "fltp", sound[2])
                    frame.sample_rate, frame.time_base = sound[1], Fraction(1, sound[1])
                    frame.pts = at + round(sound_start * sound[1])
                    for ready in mixer.resample(frame):
                        packets += track.encode(ready)
                packets += track.encode(None)
            for packet in sorted(packets, key=lambda p: float((p.dts or 0) * p.time_base)):
                out.mux(packet)
        return Film(path, times, sound_start)

    return make
