"""A clip's contact sheet: the reference and each codec's lowest and highest point at a few moments of it.

The pictures are cut out of the previews' sprite sheets once, while the report is written: small files of
their own print, need no script, and fit into a single file where the sheets do not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any

from ..boards.leaderboards import headline_order
from . import openers, views

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

    from ..queries.facts import Row
    from ..source import Source
    from .preview_files import Preview
    from .views import ClipView, Variant

MOMENTS = 4
"""Twice as many pictures stand side by side: more, and a screen shows faces too small to judge."""
METRICS = 2
WEBP = {"quality": 92, "method": 4}  # above the sheets' own quality, so that it costs nothing visible


@dataclass(frozen=True)
class Moment:
    """farthest: no frame of the reference differs more from its first; spare: left out on a phone."""

    frame: int
    seconds: float
    farthest: bool = False
    spare: bool = False


@dataclass(frozen=True)
class Strip:
    """One variant at all moments. end: what its point is among its codec's; key: its place in the view.

    pictures: names of media, one a moment; or none, and why.
    """

    end: str
    key: int
    variant: Variant
    pictures: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True)
class CodecRow:
    """A codec's strips: of its lowest point, and of its highest where it has more than one.

    failed, tried: of its points, those that gave no bitstream of this clip, and all.
    """

    codec: str
    strips: tuple[Strip, ...]
    failed: int
    tried: int


@dataclass(frozen=True)
class ContactSheet:
    """metrics: numbers and rows of the metrics that stand beside the rates; media: name → picture."""

    moments: tuple[Moment, ...]
    reference: Strip
    rows: tuple[CodecRow, ...]
    metrics: tuple[tuple[int, Row], ...]
    media: Mapping[str, bytes] = field(repr=False)


def of(source: Source, view: ClipView) -> ContactSheet | None:
    """None where there is no picture of any codec, or none of the clip's frames is known."""
    frames, fps = view.row["frames"], view.row["fps"]
    if not frames or not fps or not view.has_page:
        return None
    reference = view.variants[0]
    try:
        farthest = _farthest(reference.preview)
    except _unreadable():
        farthest = None
    moments = spread(frames, fps, farthest)
    media: dict[str, bytes] = {}

    def filled(strip: Strip) -> Strip:
        failed = views.failure(strip.variant.encode) if strip.variant.encode else {}
        if failed or not strip.variant.preview.picture:
            return _without(strip, {**strip.variant.preview.why, **failed}["picture"])
        try:
            found = _pictures(strip.variant.preview, frames, [moment.frame for moment in moments])
        except _unreadable() as problem:
            return _without(strip, f"its preview cannot be read: {problem}")
        names = tuple(f"{view.name}/moments/{strip.key}-{moment.frame}.webp" for moment in moments)
        media.update(zip(names, found, strict=True))
        return Strip(strip.end, strip.key, strip.variant, names)

    rows = tuple(
        CodecRow(row.codec, tuple(map(filled, row.strips)), row.failed, row.tried)
        for row in _rows(source, view)
    )
    if not media:
        return None
    return ContactSheet(
        moments=moments,
        reference=filled(Strip("reference", 0, reference)),
        rows=rows,
        metrics=_metrics(source, view),
        media=media,
    )


def spread(frames: int, fps: float, farthest: int | None = None) -> tuple[Moment, ...]:
    """Evenly spaced frames from first to last; the farthest one replaces the nearest of them."""
    count = min(MOMENTS, frames)
    chosen = [round(at * (frames - 1) / max(count - 1, 1)) for at in range(count)]
    if farthest:
        nearest = min(range(1, count), key=lambda at: abs(chosen[at] - farthest))
        chosen[nearest] = farthest
    spare = next((f for f in chosen[1:-1] if f != farthest), None) if count == MOMENTS else None
    return tuple(Moment(frame, frame / fps, frame == farthest, frame == spare) for frame in chosen)


# ------------------------------------------------------------------------------------------ what is shown


def _rows(source: Source, view: ClipView) -> list[CodecRow]:
    """Of each codec that codes pictures, in the suite's order, the points of least and most measured rate."""
    ladders: dict[str, list[int]] = {}
    for key, variant in enumerate(view.variants):
        if variant.encode and "video" in views.modalities(source, variant.encode):
            ladders.setdefault(variant.encode["codec"], []).append(key)
    order = list(dict.fromkeys(row["video_codec"] for row in openers.in_suite_order(source)))
    found = []
    for codec in sorted(ladders, key=lambda name: order.index(name) if name in order else len(order)):
        kbps = {key: view.variants[key].kbps("video") for key in ladders[codec]}
        coded = sorted((rate, key) for key, rate in kbps.items() if rate is not None)
        if not coded:
            ends = [("no point was encoded", ladders[codec][0])]
        elif len(coded) == 1:
            ends = [("the one point", coded[0][1])]
        else:
            ends = [("lowest", coded[0][1]), ("highest", coded[-1][1])]
        strips = tuple(Strip(end, key, view.variants[key]) for end, key in ends)
        found.append(CodecRow(codec, strips, len(kbps) - len(coded), len(kbps)))
    return found


def _metrics(source: Source, view: ClipView) -> tuple[tuple[int, Row], ...]:
    """The best-known metrics of the picture that this clip has scores of."""
    scored = {
        number
        for variant in view.variants[1:]
        for number, value in variant.scores.items()
        if not isinstance(value, str)
    }
    known = [
        (number, row)
        for number, row in enumerate(views.metrics(source))
        if row["modality"] == "video" and number in scored
    ]
    known.sort(key=lambda entry: headline_order("video", entry[1]["metric"]))
    by_name = {row["metric"]: (number, row) for number, row in reversed(known)}  # of two of a name the first
    return tuple(list(by_name.values())[::-1][:METRICS])


def _without(strip: Strip, why: str) -> Strip:
    return Strip(strip.end, strip.key, strip.variant, (), why)


# ------------------------------------------------------------------------------------------ pictures


def _unreadable() -> tuple[type[Exception], ...]:
    """Errors of reading a file that is not a picture, or not the one of its row."""
    from PIL import Image

    return OSError, ValueError, Image.DecompressionBombError


def _sheets(preview: Preview, wanted: Iterable[int]) -> dict[int, PILImage]:
    """Frame → its picture, for the wanted frames; each sheet is decoded once."""
    from PIL import Image

    picture: Mapping[str, Any] = preview.picture or {}
    by_sheet: dict[int, list[int]] = {}
    for frame in wanted:
        by_sheet.setdefault(frame // picture["per_sheet"], []).append(frame)
    width, height = picture["width"], picture["height"]
    found = {}
    for at, frames in by_sheet.items():
        with Image.open(preview.files[picture["sheets"][at]], formats=["WEBP"]) as sheet:
            for frame in frames:
                row, column = divmod(frame % picture["per_sheet"], picture["columns"])
                box = (column * width, row * height, (column + 1) * width, (row + 1) * height)
                if box[2] > sheet.width or box[3] > sheet.height:
                    raise ValueError(f"frame {frame + 1} is outside {picture['sheets'][at]}")
                found[frame] = sheet.crop(box).convert("RGB")
    return found


def _pictures(preview: Preview, frames: int, wanted: Sequence[int]) -> list[bytes]:
    """WebP pictures of the wanted frames of a clip of that many frames."""
    held = (preview.picture or {})["frames"]
    if held != frames:
        raise ValueError(f"it has {held} frames, the clip {frames}")
    cells = _sheets(preview, wanted)
    made = []
    for frame in wanted:
        data = BytesIO()
        cells[frame].save(data, "WEBP", **WEBP)
        made.append(data.getvalue())
    return made


def _farthest(preview: Preview) -> int | None:
    """The frame that differs most from the first, by mean absolute difference; None where none does."""
    import numpy as np

    if not preview.picture:
        return None
    cells = _sheets(preview, range(preview.picture["frames"]))
    # Averages of 4 × 4 pixels: what moved, not the noise.
    small = np.stack([np.asarray(cells[frame].reduce(4), dtype=np.float32) for frame in sorted(cells)])
    off = np.abs(small - small[0]).mean(axis=(1, 2, 3))
    return int(off.argmax()) or None
