"""The numbers behind the page's figures, as JSON-ready values; drawing them is the pages' scripts."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from .bd_rate import groups, matrix
from .clip_curves import ClipCurves
from .curves import Curve
from .facts import Row
from .tables import headline_order, text_order

COLOURS, DASHES, SYMBOLS = 7, 5, 7
"""How many of each the style sheet and static/core.js have; see `styles`."""


def styles(systems: Sequence[Row]) -> dict[str, dict[str, int]]:
    """One look per system, everywhere: a colour, a dash and a marker, as indices.

    A codec alone has its own colour and marker (and another dash after the seventh); a pair has the colour
    and marker of its picture and the dash of its sound.
    """
    counts = {"video": 0, "audio": 0}
    alone: dict[str, int] = {}
    for row in systems:
        if row["kind"] == "pair":
            continue
        modalities = ("video", "audio") if row["kind"] == "joint" else (row["kind"],)
        alone[row["system"]] = max(counts[modality] for modality in modalities)
        for modality in modalities:
            counts[modality] = alone[row["system"]] + 1
    looks = {}
    for row in systems:
        if row["kind"] == "pair":
            look, dash = alone.get(row["video_codec"], 0), alone.get(row["audio_codec"], 0)
        else:
            look, dash = alone[row["system"]], alone[row["system"]] // COLOURS
        looks[row["system"]] = {"colour": look % COLOURS, "dash": dash % DASHES, "symbol": look % SYMBOLS}
    return looks


def board_data(
    curves: list[ClipCurves], references: Mapping[tuple[str, str, str], Row]
) -> list[dict[str, Any]]:
    """Per dataset, rate and metric the curves and BD matrix that the page draws, headline metrics first.

    references: (dataset, metric, fingerprint) → what the clips themselves score.
    """
    ordered = sorted(
        groups(curves),
        key=lambda g: (g[0].dataset, text_order(g[0].rate), headline_order(g[0].rate, g[0].metric)),
    )
    return [
        {
            "dataset": group[0].dataset,
            "rate": group[0].rate,
            "metric": group[0].metric,
            "reference": short(
                references.get((group[0].dataset, group[0].metric, group[0].fingerprint), {}).get("value")
            ),
            "curves": [_curve(curve) for curve in group],
            "matrix": [
                [None if bd is None else [short(bd.value), short(bd.overlap), bd.status] for bd in row]
                for row in matrix(group)
            ],
        }
        for group in ordered
    ]


def _curve(curve: ClipCurves) -> dict[str, Any]:
    """Mean points over the clips that each point has, in order of rate, with the Pareto front marked."""
    import numpy as np

    points = []
    for at, name in enumerate(curve.points):
        here = np.isfinite(curve.value[:, at])
        weight = curve.weight[here, at] if curve.weighted else np.ones(int(here.sum()))
        if here.any() and weight.sum() > 0:
            value = float(np.average(curve.value[here, at], weights=weight))
            points.append((float(curve.kbps[here, at].mean()), value, name, int(here.sum())))
    points.sort()
    sign = 1 if curve.higher_is_better else -1
    positive = [point for point in points if point[0] > 0]
    front = Curve.of([p[0] for p in positive], [sign * p[1] for p in positive], curve.grid)
    kept = set(zip(front.kbps.tolist(), front.quality.tolist(), strict=True))
    return {
        "system": curve.system,
        "grid": curve.grid,
        "kbps": [short(point[0]) for point in points],
        "value": [short(point[1]) for point in points],
        "point": [point[2] for point in points],
        "clips": [curve.pooled or point[3] for point in points],
        "front": [at for at, point in enumerate(points) if (point[0], sign * point[1]) in kept],
    }


def short(value: float | None) -> float | None:
    """Six significant digits: more than any figure shows, in half the bytes."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.6g}")


def script_json(value: object) -> str:
    """JSON that can stand in a script element: nothing in it can end the element or start a comment."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
