"""Rate, video and audio quality: a surface per system, its iso-rate curves, and their trade-off."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ..page import Page
from ..surfaces.grids import Surfaces
from ..surfaces.view import SurfaceView

if TYPE_CHECKING:
    from ..source import Source


def pages(source: Source) -> list[Page]:
    """The page of surfaces; none where the plan has no system of picture and sound."""
    surfaces = Surfaces(source)
    if not surfaces.systems:
        return []
    datasets, parts = [], {}
    for at, row in enumerate(source.datasets):
        view = SurfaceView(surfaces, row["dataset"])
        if not (view.video and view.audio):
            continue
        datasets.append(view.facts() | {"key": str(at), "expected": row["usable"]})
        parts[f"{at}/grids"] = view.part
        for side, keys in (("video", view.video), ("audio", view.audio)):
            for place, key in enumerate(keys):
                parts[f"{at}/{side}-{place}"] = partial(view.values, key)
        for place, key in enumerate(view.video):
            parts[f"{at}/correlation-{place}"] = partial(view.correlations, key)
    return [
        Page(
            name="surfaces",
            kind="surfaces",
            title="Surfaces",
            plotly=bool(datasets),
            context={"datasets": datasets, "systems": surfaces.systems},
            data={"datasets": datasets, "first": surfaces.first()},
            parts=parts,
        )
    ]
