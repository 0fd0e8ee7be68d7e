"""Which systems a clip's page shows beside the clip itself when it is opened."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..queries.facts import Row
    from ..source import Source
    from .views import ClipView

MOST = 3


def openers(source: Source, view: ClipView) -> list[tuple[int, int]]:
    """Keys of picture and sound of each pane at first: the clip itself, then systems near one common rate.

    The systems are the first of the suite with different pictures (or sounds, where no picture is coded).
    """
    chosen = _systems(source, view)
    at_video = _nearest(view, {video for video, _ in chosen}, "video")
    at_audio = _nearest(view, {audio for _, audio in chosen}, "audio")
    panes = [(0, 0)]
    for video, audio in chosen:
        picture, sound = at_video.get(video, 0), at_audio.get(audio, 0)
        if video == audio and picture:
            sound = picture  # one point of one stream
        panes.append((picture, sound))
    return panes


def _systems(source: Source, view: ClipView) -> list[tuple[str | None, str | None]]:
    """Codecs of picture and sound of systems that can be played here, in the suite's order, no picture twice.

    None: none, or no preview of it.
    """
    encoded = [(v.encode["codec"], v.preview) for v in view.variants if v.encode]
    seen = {codec for codec, preview in encoded if preview.picture}
    heard = {codec for codec, preview in encoded if preview.sound}
    found: dict[str | None, tuple[str | None, str | None]] = {}
    sounds: dict[str | None, tuple[str | None, str | None]] = {}
    for row in in_suite_order(source):
        video = row["video_codec"] if row["video_codec"] in seen else None
        audio = row["audio_codec"] if row["audio_codec"] in heard else None
        if video:
            found.setdefault(video, (video, audio))
        elif audio:
            sounds.setdefault(audio, (None, audio))
    return list((found or sounds).values())[:MOST]


def in_suite_order(source: Source) -> list[Row]:
    """The listed systems (all, where none is) as the suite names them."""
    asked = [name for name in source.suite.get("systems", ()) if isinstance(name, str)]
    rows = [row for row in source.systems if row["listed"]] or source.systems
    return sorted(rows, key=lambda r: asked.index(r["system"]) if r["system"] in asked else len(asked))


def _nearest(view: ClipView, codecs: set[str | None], rate: str) -> dict[str | None, int]:
    """Codec → key of its point nearest to the rate at which all of them are near, by ratio."""
    modality = {"video": "picture", "audio": "sound"}[rate]
    points: dict[str | None, list[tuple[int, float]]] = {}
    for key, variant in enumerate(view.variants):
        kbps = variant.kbps(rate)
        if (
            variant.encode
            and variant.encode["codec"] in codecs
            and kbps
            and getattr(variant.preview, modality)
        ):
            points.setdefault(variant.encode["codec"], []).append((key, math.log(kbps)))

    def off(at: float) -> float:
        return sum(min(abs(place - at) for _, place in own) for own in points.values())

    places = sorted(place for own in points.values() for _, place in own)
    if not places:
        return {}
    middle = places[len(places) // 2]  # one codec alone is as near to any of its points
    common = min(places, key=lambda at: (round(off(at), 9), abs(at - middle)))
    return {codec: min(own, key=lambda p: abs(p[1] - common))[0] for codec, own in points.items()}
