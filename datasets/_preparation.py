"""Preparation of recordings: square head crop, constant frame rate, mono sound in step with the pictures.

Two passes over the file, so that no more than one full picture is held: the first learns the times
of all pictures and looks for faces in a few, the second keeps what the clip is made of.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Literal

from ..benchmark.api import Clip, ClipSpec, DatasetError
from ..benchmark.media.faces import Box, FaceFinder, detector, head_square, square
from ._recording import (
    Damage,
    audio_stream,
    decoded,
    opened,
    picture_notes,
    promised_end,
    promised_length,
    track_notes,
    upright,
    video_stream,
)
from ._sound import SoundTrack

if TYPE_CHECKING:
    import av
    from av.container import InputContainer

VERSION = "2"  # of what this module does to a recording: part of every key
SAMPLES = 16  # pictures in which a face is looked for, about evenly spread
_LARGEST_CLIP = 4 << 30  # bytes of prepared pictures; a clip is held in memory as a whole
_MOST_RATE = 300  # pictures/s; no camera for talking heads makes more
_STANDS = 0.5  # seconds without a new picture that are worth a word
_FROZEN = 10  # seconds without a new picture: broken time stamps rather than a talking head
_CUT_SHORT = 0.5  # seconds; less than that missing of what the header promises is not worth a word

Crop = Literal["face", "centre", "none"]


@dataclass(frozen=True)
class Settings:
    """What a clip is to become.

    size: pixels of the square's side (of the short side with crop 'none'); fps: pictures/s;
    sample_rate: Hz; max_seconds: how much is kept, 0 = all; crop: 'face', 'centre' or 'none'.
    """

    size: int = 256
    fps: Fraction = Fraction(25)
    sample_rate: int = 16000
    max_seconds: float = 0.0
    crop: Crop = "face"

    def identity(self) -> dict[str, object]:
        """All that changes a prepared clip, besides the file: settings, detector, library versions."""
        import av
        import PIL
        import soxr

        return {
            "preparation": VERSION,
            "size": self.size,
            "fps": str(self.fps),
            "sample_rate": self.sample_rate,
            "max_seconds": self.max_seconds,
            "crop": self.crop,
            "detector": detector() if self.crop == "face" else "",
            "av": f"{av.__version__} {sorted(av.library_versions.items())}",
            "pillow": PIL.__version__,
            "soxr": soxr.__version__,
        }


@dataclass
class Survey:
    """What the first pass learns. width, height: of the upright picture, in square pixels."""

    times: list[Fraction] = field(default_factory=list)
    faces: list[Box] = field(default_factory=list)
    looked_at: int = 0
    width: float = 0.0
    height: float = 0.0
    notes: list[str] = field(default_factory=list)
    sizes: list[str] = field(default_factory=list)  # of the stored pictures, in the order of appearance


def prepare(path: Path, settings: Settings) -> tuple[Clip, str]:
    """The clip made of the recording at `path`, and what a reader must know of it ('' when all is well).

    Raises DatasetError, with a message that does not name the file, when nothing in it can be used.
    """
    with opened(path) as container:
        survey = _survey(container, settings)
        promised = promised_end(container)
        survey.notes += [note for note in track_notes(container) if note not in survey.notes]
    times = survey.times
    if not times:
        raise DatasetError("no picture in it can be decoded")
    steps = [after - before for before, after in pairwise(times)] or [1 / settings.fps]
    usual = median(steps)
    length = times[-1] - times[0] + usual
    notes = []
    missing = float(promised - times[0] - length) if promised is not None else 0.0
    if missing > _CUT_SHORT and not settings.max_seconds:
        notes.append(f"pictures end after {float(length):.2f} s, {missing:.2f} s before the file says")
    if (longest := max(steps)) > _STANDS:
        notes.append(f"one picture stands for {float(longest):.2f} s")
    if settings.max_seconds:
        length = min(length, Fraction(settings.max_seconds))
    chosen = nearest(times, length, settings.fps)
    notes += survey.notes
    if len(survey.sizes) > 1:
        notes.append(f"pictures of {', '.join(survey.sizes[:4])}: all are scaled to the first")
    box, words = _box(survey, settings)
    notes += words
    with opened(path) as container:
        clip, damage, heard = _render(container, settings, survey, chosen, box)
    notes += heard if clip.spec.samples else ["no sound"]
    return clip, "; ".join(filter(None, [str(damage), *notes]))


def nearest(times: Sequence[Fraction], length: Fraction, fps: Fraction) -> list[int]:
    """Which picture is shown at each k / fps after times[0], for `length` seconds: the nearest in time.

    A picture is never shown more than half an output frame before its time, so that a long-standing
    picture of a variable frame rate stays until the next one is due. times: rising seconds.
    """
    indices = []
    for k in range(max(1, int(length * fps + Fraction(1, 2)))):
        time = times[0] + k / fps
        now = bisect_right(times, time) - 1
        if now + 1 < len(times):
            early = times[now + 1] - time
            if early < time - times[now] and early <= 1 / fps / 2:
                now += 1
        indices.append(now)
    return indices


def _survey(container: InputContainer, settings: Settings) -> Survey:
    import av

    stream = video_stream(container)
    survey = Survey()
    finder = FaceFinder() if settings.crop == "face" else None
    seconds = promised_length(container)
    seconds = min(seconds, Fraction(settings.max_seconds)) if settings.max_seconds else seconds
    _check_fits(seconds, settings)
    interval = seconds / SAMPLES or Fraction(1)
    due = Fraction(0)
    for time, frame in decoded(container, [stream], Damage()):
        since = time - (survey.times[0] if survey.times else time)
        if settings.max_seconds and since > settings.max_seconds + 1:
            break
        if survey.times and time - survey.times[-1] > _FROZEN:
            stands = float(time - survey.times[-1])
            raise DatasetError(f"no new picture for {stands:.0f} s before {float(since):.0f} s; cut it there")
        _check_fits(since, settings)
        if len(survey.times) > _MOST_RATE * (since + 1):
            raise DatasetError(f"more than {_MOST_RATE} pictures/s; convert it to a lower rate")
        survey.times.append(time)
        first = len(survey.times) == 1
        if not isinstance(frame, av.VideoFrame):
            continue
        _look(survey, frame)
        if not (first or (finder and since >= due)):
            continue
        picture, pixel_aspect = upright(frame, stream.sample_aspect_ratio)
        if first:
            survey.width, survey.height = float(picture.width * pixel_aspect), float(picture.height)
        if finder:
            face = finder.largest(picture, (survey.width, survey.height), survey.looked_at)
            survey.faces += [face] if face else []
            survey.looked_at += 1
            # A header may promise less than there is: look less and less often.
            interval *= 2 if survey.looked_at % (2 * SAMPLES) == 0 else 1
            due = since + interval
    return survey


def _check_fits(seconds: Fraction, settings: Settings) -> None:
    """Raises DatasetError where `seconds` of prepared pictures are more than a clip can hold."""
    if seconds * settings.fps * settings.size**2 * 3 > _LARGEST_CLIP:
        raise DatasetError(
            f"{int(seconds)} s or longer: more than a clip can hold at {settings.size} pixels and "
            f"{settings.fps} pictures/s; cut it, or set max_seconds"
        )


def _look(survey: Survey, frame: av.VideoFrame) -> None:
    """Note what there is to say of a picture, once for all pictures."""
    survey.notes += [note for note in picture_notes(frame) if note not in survey.notes]
    size = f"{frame.width}x{frame.height}"
    if size not in survey.sizes:
        survey.sizes.append(size)


def _box(survey: Survey, settings: Settings) -> tuple[Box, list[str]]:
    """What is kept of the picture, and what must be said about it."""
    width, height = survey.width, survey.height
    if settings.crop == "none":
        return Box(0, 0, width, height), []
    notes = []
    if survey.faces:
        box = head_square(survey.faces, width, height)
        if 2 * len(survey.faces) < survey.looked_at:
            notes.append(f"a face in only {len(survey.faces)} of {survey.looked_at} pictures looked at")
    else:
        box = square((width / 2, height / 2), min(width, height), width, height)
        if settings.crop == "face":
            notes.append(f"no face found in {survey.looked_at} pictures ({detector()}): centre crop")
    if 2 * box.side < settings.size:
        notes.append(f"enlarged from {box.side:.0f} to {settings.size} pixels")
    return box, notes


def _render(
    container: InputContainer, settings: Settings, survey: Survey, chosen: Sequence[int], box: Box
) -> tuple[Clip, Damage, list[str]]:
    """The second pass: the chosen pictures, cut and resized one at a time, and the sound with its notes."""
    import av
    import numpy as np
    import torch
    from PIL import Image

    video, audio = video_stream(container), audio_stream(container)
    duration = len(chosen) / settings.fps
    sound = SoundTrack(survey.times[0], duration)
    width, height = _output_size(survey, settings)
    pictures = np.empty((len(chosen), 3, height, width), np.uint8)
    shown = 0  # output frames written
    index = -1
    damage = Damage()
    for time, frame in decoded(container, [video, audio] if audio else [video], damage):
        if isinstance(frame, av.AudioFrame):
            sound.add(time, frame)
        else:
            index += 1
            if shown < len(chosen) and chosen[shown] == index:
                picture, _ = upright(frame, video.sample_aspect_ratio)
                x, y = picture.width / survey.width, picture.height / survey.height
                region = (box.left * x, box.top * y, box.right * x, box.bottom * y)
                small = picture.resize((width, height), Image.Resampling.LANCZOS, region)
                while shown < len(chosen) and chosen[shown] == index:
                    pictures[shown] = np.asarray(small).transpose(2, 0, 1)
                    shown += 1
        if shown == len(chosen) and (audio is None or sound.full):
            break
    if shown < len(chosen):
        raise DatasetError("it changed while it was read, or decodes differently each time")
    samples = int(duration * settings.sample_rate + Fraction(1, 2))
    waveform = sound.finish(samples, settings.sample_rate)
    if waveform is None:
        waveform = np.zeros(0, np.float32)
    spec = ClipSpec(len(chosen), height, width, settings.fps, len(waveform), settings.sample_rate, channels=1)
    return Clip(spec, torch.from_numpy(pictures), torch.from_numpy(waveform[None])), damage, sound.notes()


def _output_size(survey: Survey, settings: Settings) -> tuple[int, int]:
    """Width and height of the clip; with crop 'none' the long side is rounded to an even number."""
    if settings.crop != "none":
        return settings.size, settings.size
    scale = settings.size / min(survey.width, survey.height)
    long = max(settings.size, 2 * round(max(survey.width, survey.height) * scale / 2))
    return (long, settings.size) if survey.width > survey.height else (settings.size, long)
