"""What the pages of clips show: of each clip all that was made of it, with its previews, scores and words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..boards.leaderboards import headline_order, text_order
from ..boards.series import short
from ..queries.facts import Row
from . import preview_files
from .preview_files import Preview
from .words import heard

if TYPE_CHECKING:
    from ..source import Source


@dataclass(frozen=True)
class Variant:
    """The clip itself (`encode` is None), or one of its encodes, with its preview and scores.

    scores: number of the metric → value, or why there is none.
    """

    encode_id: str
    encode: Row | None
    preview: Preview
    scores: dict[int, float | str] = field(default_factory=dict)

    def kbps(self, rate: str) -> float | None:
        """Its rate (video, audio, total) in kbit/s; None for the clip itself and for what failed."""
        row = self.encode
        if row is None or row["status"] != "ok" or not row["duration_s"]:
            return None
        bits = {
            "video": row["bits_video"] + row["bits_joint"],
            "audio": row["bits_audio"] + row["bits_joint"],
            "total": row["bits_video"] + row["bits_audio"] + row["bits_joint"],
        }
        return bits[rate] / 1000 / row["duration_s"]


@dataclass(frozen=True)
class ClipView:
    """A clip of the plan. name: of its page; variants: the clip itself, then codecs by name and rate."""

    row: Row
    name: str
    variants: Sequence[Variant] = ()
    why: str = ""

    @property
    def has_page(self) -> bool:
        """Whether any of its previews can be played."""
        return any(v.preview.picture or v.preview.sound for v in self.variants)

    @property
    def playable(self) -> int:
        """How many of its encodes have a preview that can be played."""
        return sum(bool(v.preview.picture or v.preview.sound) for v in self.variants[1:])


def metrics(source: Source) -> list[Row]:
    """The plan's metrics of single clips: those of frames first, then as the leaderboard has them."""

    def order(row: Row) -> tuple[Any, ...]:
        rate = {"video": "video", "audio": "audio"}.get(row["modality"], "total")
        return (
            row["kind"] != "frame",
            text_order(rate),
            headline_order(rate, row["metric"]),
            row["fingerprint"],
        )

    return sorted((row for row in source.metrics if row["kind"] != "set"), key=order)


def load(source: Source) -> list[ClipView]:
    """All clips of the plan, by dataset and name."""
    rows = source.query("SELECT * EXCLUDE (truth) FROM clips WHERE selected ORDER BY dataset, name, clip_id")
    previews: dict[str, dict[str, Row]] = {}
    if source.query("SELECT 1 FROM information_schema.tables WHERE table_name = 'previews'"):  # since 0.2
        for row in source.query("SELECT * FROM previews"):
            previews.setdefault(row["clip_id"], {})[row["encode_id"]] = row
    wanted = [row["clip_id"] for row in rows if row["clip_id"] in previews]
    encodes = _encodes(source, wanted)
    scores = _scores(source, wanted)
    views = []
    for number, row in enumerate(rows, 1):
        own = previews.get(row["clip_id"], {})
        views.append(
            ClipView(
                row=row,
                name=f"clip-{number}",
                variants=[
                    Variant(
                        encode_id,
                        encode,
                        preview_files.read(source.directory, own.get(encode_id)),
                        scores.get(encode_id, {}),
                    )
                    for encode_id, encode in (
                        (reference_id(row), None),
                        *((found["encode_id"], found) for found in encodes.get(row["clip_id"], ())),
                    )
                ]
                if own
                else (),
                why=_why_none(source, row, own),
            )
        )
    return views


def reference_id(row: Row) -> str:
    """What stands in the place of an encode's id for the clip itself."""
    return f"reference:{row['clip_id']}"


def _why_none(source: Source, row: Row, own: dict[str, Row]) -> str:
    """Why a clip without a page has none."""
    if row["status"] != "ok":
        return f"the clip could not be prepared: {row['error'] or row['status']}"
    if own:
        found = own.get(reference_id(row)) or next(iter(own.values()))
        why = preview_files.read(source.directory, found).why
        return next((reason for reason in why.values() if reason not in preview_files.NOTHING), "")
    wanted = source.suite.get("previews")
    if wanted == 0:
        return "the suite asks for no previews"
    if not isinstance(wanted, int):
        return preview_files.NOT_MADE
    return f"not among the first {wanted}" if wanted > 1 else "not the first clip of its dataset"


def _encodes(source: Source, clip_ids: list[str]) -> dict[str, list[Row]]:
    """Clip → its encodes in the plan, each codec's in order of rate."""
    found: dict[str, list[Row]] = {}
    for row in source.query(
        """
        SELECT encode_id, codec, fingerprint, point, clip_id, status, error, bits_video, bits_audio,
               bits_joint, duration_s, decode_status, decode_error
        FROM encodes WHERE selected AND clip_id IN (SELECT unnest($clips))
        ORDER BY clip_id, codec, bits_video + bits_audio + bits_joint NULLS LAST, point, encode_id
        """,
        {"clips": clip_ids},
    ):
        found.setdefault(row["clip_id"], []).append(row)
    return found


_VARIANTS = """(
    SELECT encode_id, clip_id FROM encodes WHERE selected AND clip_id IN (SELECT unnest($clips))
    UNION ALL SELECT 'reference:' || clip_id, clip_id FROM clips WHERE clip_id IN (SELECT unnest($clips))
)"""


def _scores(source: Source, clip_ids: list[str]) -> dict[str, dict[int, float | str]]:
    """Encode, or reference → number of the metric → its value there, or why it has none."""
    numbers = _numbers(source)
    found: dict[str, dict[int, float | str]] = {}
    for row in source.query(
        f"""
        SELECT x.encode_id, x.metric, x.fingerprint, x.value, x.status, x.error
        FROM scores x JOIN {_VARIANTS} v USING (encode_id)
        """,
        {"clips": clip_ids},
    ):
        number = numbers.get((row["metric"], row["fingerprint"]))
        if number is not None:
            found.setdefault(row["encode_id"], {})[number] = _value(row)
    return found


def pair_scores(source: Source, view: ClipView) -> list[list[Any]]:
    """Number of the metric, keys of the variants of its picture and its sound, value or why there is none."""
    numbers = _numbers(source)
    keys = {variant.encode_id: key for key, variant in enumerate(view.variants)}
    rows = source.query(
        f"""
        SELECT x.* FROM pair_scores x JOIN {_VARIANTS} v ON v.encode_id = x.video_encode_id
        ORDER BY x.metric, x.fingerprint, x.video_encode_id, x.audio_encode_id
        """,
        {"clips": [view.row["clip_id"]]},
    )
    return [
        [number, keys[row["video_encode_id"]], keys[row["audio_encode_id"]], _value(row)]
        for row in rows
        if (number := numbers.get((row["metric"], row["fingerprint"]))) is not None
        and row["video_encode_id"] in keys
        and row["audio_encode_id"] in keys
    ]


def details(source: Source) -> Callable[[ClipView, int], dict[str, Any]]:
    """A function that gives, of one variant of a clip, what its page asks for when it is chosen.

    frames: number of the metric → value of each frame, exactly as stored (None where not finite); words: see
    `clip_words.heard`. Only the latest clip's are kept in memory.
    """
    import numpy as np

    numbers = _numbers(source)

    @lru_cache(maxsize=1)
    def of_clip(clip_id: str) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for row in source.query(
            f"""
            SELECT x.encode_id, x.metric, x.fingerprint, x.value, x.frame_values, x.detail
            FROM scores x JOIN {_VARIANTS} v USING (encode_id)
            WHERE x.status = 'ok' AND (x.frame_values IS NOT NULL OR x.detail IS NOT NULL)
            ORDER BY x.metric, x.fingerprint
            """,
            {"clips": [clip_id]},
        ):
            number = numbers.get((row["metric"], row["fingerprint"]))
            if number is None:
                continue
            mine = found.setdefault(row["encode_id"], {"frames": {}, "words": []})
            if row["frame_values"]:
                # The shortest decimals that are this 32-bit number: frames that differ there differ here.
                values = np.asarray(row["frame_values"], dtype=np.float32)
                mine["frames"][number] = [float(str(v)) if np.isfinite(v) else None for v in values]
            if words := heard(row):
                mine["words"].append({**words, "metric": number})
        return found

    def of_variant(view: ClipView, key: int) -> dict[str, Any]:
        found = of_clip(view.row["clip_id"])
        return found.get(view.variants[key].encode_id, {"frames": {}, "words": []})

    return of_variant


def _numbers(source: Source) -> dict[tuple[str, str], int]:
    return {(row["metric"], row["fingerprint"]): number for number, row in enumerate(metrics(source))}


def _value(row: Row) -> float | str:
    value = short(row["value"], 9) if row["status"] == "ok" else None
    return (row["error"] or row["status"]) if value is None else value


def modalities(source: Source, encode: Row) -> list[str]:
    """What an encode's codec codes: video, audio."""
    for row in source.codecs:
        if (row["codec"], row["fingerprint"]) == (encode["codec"], encode["fingerprint"]):
            return list(row["modalities"] or ())
    return [
        name for name in ("video", "audio") if (encode[f"bits_{name}"] or 0) + (encode["bits_joint"] or 0)
    ]


def failure(encode: Row) -> dict[str, str]:
    """Why there is nothing to see or hear of an encode, where it, or its decoding, failed."""
    for stage, status, error in (
        ("encode", encode["status"], encode["error"]),
        ("decode", encode["decode_status"], encode["decode_error"]),
    ):
        if status != "ok":
            reason = f"{stage}: {status or 'not done'}{', ' + error if error else ''}"
            return {"picture": reason, "sound": reason}
    return {}


def spreads(source: Source) -> dict[tuple[str, int], Row]:
    """(clip, number of the metric) → how the clip's encodes in the plan score.

    low, middle (median), high; at_low, at_high: codec and point; scored, tried: numbers of encodes.
    """
    numbers = _numbers(source)
    rows = source.query(
        """
        SELECT e.clip_id, x.metric, x.fingerprint,
               min(x.value) FILTER (x.status = 'ok') AS low, max(x.value) FILTER (x.status = 'ok') AS high,
               median(x.value) FILTER (x.status = 'ok') AS middle,
               arg_min(e.codec || ' ' || e.point, x.value) FILTER (x.status = 'ok') AS at_low,
               arg_max(e.codec || ' ' || e.point, x.value) FILTER (x.status = 'ok') AS at_high,
               count(*) FILTER (x.status = 'ok') AS scored, count(*) AS tried
        FROM scores x JOIN encodes e USING (encode_id) WHERE e.selected GROUP BY ALL
        """
    )
    return {
        (row["clip_id"], numbers[row["metric"], row["fingerprint"]]): row
        for row in rows
        if row["scored"] and (row["metric"], row["fingerprint"]) in numbers
    }
