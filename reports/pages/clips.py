"""The clips: a list of all, and a page for each that has previews, where they are seen and heard."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ..boards.series import short
from ..clips import contact_sheet, openers
from ..clips import views as clip_pages
from ..clips.views import ClipView, Variant
from ..page import Page
from ..queries import facts, ledger
from ..queries.facts import Row

if TYPE_CHECKING:
    from pathlib import Path

    from ..source import Source


def pages(source: Source) -> list[Page]:
    """The list first, then the clips' own pages, which are not in the navigation."""
    views = clip_pages.load(source)
    if not views:
        return []
    shown = [view for view in views if view.has_page]
    details = clip_pages.details(source)
    own = [
        _clip_page(source, view, details, before, after)
        for view, before, after in zip(shown, [None, *shown], [*shown[1:], None], strict=False)
    ]
    return [_list(source, views), *own]


# ------------------------------------------------------------------------------------------ the list


def _list(source: Source, views: list[ClipView]) -> Page:
    metrics = clip_pages.metrics(source)
    spreads = clip_pages.spreads(source)
    ids = [view.row["clip_id"] for view in views]
    scored = [number for number in range(len(metrics)) if any(spreads.get((i, number)) for i in ids)]
    names = {row["metric"] for row in metrics if [m["metric"] for m in metrics].count(row["metric"]) > 1}
    first = scored[0] if scored else -1
    return Page(
        name="clips",
        kind="clips",
        title="Clips",
        context={
            "views": views,
            "spreads": {i: spreads.get((i, first)) for i in ids},
            "metric": metrics[first] if scored else None,
            "previews": source.suite.get("previews"),
            "any_speaker": any(view.row["speaker"] for view in views),
            "digest": digest,
            "note": partial(own_note, source),
        },
        data={
            "metrics": [
                {
                    "key": number,
                    "metric": metrics[number]["metric"],
                    "label": _label(metrics[number], names),
                    "modality": metrics[number]["modality"],
                }
                for number in scored
            ],
            "thumbs": {view.name: thumb for view in views if (thumb := _thumb(view))},
        },
        parts={
            f"metric-{number}": partial(_column, spreads, ids, number, metrics[number]) for number in scored
        },
        media={name: file for view in views for name, file in _thumb_media(view).items()},
    )


def digest(view: ClipView) -> dict[str, Any]:
    """Length of a clip in seconds, and its picture and sound in words."""
    row = view.row
    return {
        "seconds": _seconds(row),
        "picture": f"{row['width']} × {row['height']}, {row['fps']:g} fps" if row["frames"] else "",
        "sound": f"{row['sample_rate'] / 1000:g} kHz" if row["samples"] else "",
    }


def own_note(source: Source, row: Row) -> str:
    """What preparation said of this clip alone, not of its dataset."""
    of_all = next((found["note"] for found in source.datasets if found["dataset"] == row["dataset"]), None)
    return "" if row["note"] == of_all else row["note"] or ""


def _column(
    spreads: dict[tuple[str, int], Row], clip_ids: list[str], number: int, metric: Row
) -> list[list[Any] | None]:
    """Of each clip: worst, median, best, what is worst and best, how many have a score, of how many."""
    rows = []
    for clip_id in clip_ids:
        row = spreads.get((clip_id, number))
        ends = ("low", "high") if metric["higher_is_better"] else ("high", "low")
        rows.append(
            row
            and [
                *(short(row[name]) for name in (ends[0], "middle", ends[1])),
                *(row[f"at_{name}"] for name in ends),
                row["scored"],
                row["tried"],
            ]
        )
    return rows


def _thumb(view: ClipView) -> dict[str, Any] | None:
    """Position of a picture of the clip itself: near its middle, in its first sheet."""
    picture = view.variants[0].preview.picture if view.variants else None
    if picture is None:
        return None
    at = min(picture["frames"] // 2, picture["per_sheet"] - 1)
    rows = -(-min(picture["frames"], picture["per_sheet"]) // picture["columns"])
    return {
        "media": f"{view.name}/0/{picture['sheets'][0]}",
        "column": at % picture["columns"],
        "row": at // picture["columns"],
        "columns": picture["columns"],
        "rows": rows,
        "ratio": picture["width"] / picture["height"],
    }


def _thumb_media(view: ClipView) -> dict[str, Path]:
    thumb = _thumb(view)
    if thumb is None:
        return {}
    preview = view.variants[0].preview
    return {thumb["media"]: preview.files[thumb["media"].rsplit("/", 1)[1]]}


# ------------------------------------------------------------------------------------------ one clip


def _clip_page(
    source: Source, view: ClipView, details: Any, before: ClipView | None, after: ClipView | None
) -> Page:
    row = view.row
    synthetic = next((d["synthetic"] for d in source.datasets if d["dataset"] == row["dataset"]), None)
    metrics = clip_pages.metrics(source)
    seen = {number for variant in view.variants for number in variant.scores}
    pairs = clip_pages.pair_scores(source, view)
    seen |= {entry[0] for entry in pairs}
    names = {m["metric"] for m in metrics if [other["metric"] for other in metrics].count(m["metric"]) > 1}
    sheet = contact_sheet.of(source, view)
    return Page(
        name=view.name,
        kind="clip",
        title=row["name"],
        nav=False,
        context={
            "view": view,
            "row": row,
            "digest": digest(view),
            "note": own_note(source, row),
            "synthetic": synthetic,
            "sheet": sheet,
            "before": before,
            "after": after,
            "unseen": [v for v in view.variants[1:] if not (v.preview.picture or v.preview.sound)],
        },
        data={
            "clip": {
                "name": row["name"],
                "frames": row["frames"] or 0,
                "fps": row["fps"] if row["frames"] else None,
                "seconds": _seconds(row),
                "transcript": row["transcript"] or "",
            },
            "metrics": {
                number: {
                    "metric": metric["metric"],
                    "label": _label(metric, names),
                    "unit": metric["unit"] or "",
                    "higher": metric["higher_is_better"],
                    "kind": metric["kind"],
                    "modality": metric["modality"],
                    "marks": facts.metric_marks(metric),
                }
                for number, metric in enumerate(metrics)
                if number in seen
            },
            "variants": [_variant(source, view, key, v) for key, v in enumerate(view.variants)],
            "openers": openers.openers(source, view),
        },
        parts={
            "pairs": partial(list, pairs),
            **{
                f"variant-{key}": partial(_detail, source, view, details, key)
                for key in range(len(view.variants))
            },
        },
        media={
            **(sheet.media if sheet else {}),
            **{
                f"{view.name}/{key}/{name}": file
                for key, variant in enumerate(view.variants)
                for name, file in variant.preview.files.items()
            },
        },
    )


def _variant(source: Source, view: ClipView, key: int, variant: Variant) -> dict[str, Any]:
    """All that the script gets of a variant at once; media are named as `Page.media` names them."""
    preview, encode = variant.preview, variant.encode

    def media(found: Any, *names: str) -> dict[str, Any] | None:
        if found is None:
            return None
        return {
            name: [f"{view.name}/{key}/{file}" for file in value]
            if name == "sheets"
            else f"{view.name}/{key}/{value}"
            if name == "file"
            else value
            for name, value in found.items()
        }

    codes = ["video", "audio"] if encode is None else clip_pages.modalities(source, encode)
    return {
        "codec": encode and encode["codec"],
        "point": encode and encode["point"],
        "codes": codes,
        "kbps": {rate: short(variant.kbps(rate)) for rate in ("video", "audio", "total")},
        "picture": media(preview.picture),
        "sound": media(preview.sound),
        "mel": media(preview.mel),
        "mouth": preview.mouth,
        "why": {**preview.why, **({} if encode is None else clip_pages.failure(encode))},
        "scores": variant.scores,
    }


def _detail(source: Source, view: ClipView, details: Any, key: int) -> dict[str, Any]:
    variant = view.variants[key]
    codes = clip_pages.modalities(source, variant.encode) if variant.encode else ()
    places = list(ledger.KINDS)
    timeline = {
        # What a part is for, as on the page of bits: the same colours.
        part: {**steps, "kind": places.index(ledger.kind(part, codes))}
        for part, steps in variant.preview.timeline.items()
    }
    return {**details(view, key), "timeline": timeline}


def _label(metric: Row, ambiguous: set[str]) -> str:
    """A metric's name; with its fingerprint where two of one name are in the plan."""
    name = metric["metric"]
    return f"{name} [{metric['fingerprint'][:6]}]" if name in ambiguous else name


def _seconds(row: Row) -> float:
    """Length of the longer of picture and sound."""
    picture = row["frames"] / row["fps"] if row["frames"] and row["fps"] else 0.0
    sound = row["samples"] / row["sample_rate"] if row["samples"] and row["sample_rate"] else 0.0
    return max(picture, sound)
