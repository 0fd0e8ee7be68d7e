"""The numbers behind the page's figures, as JSON-ready values; drawing them is the pages' scripts."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...benchmark.analysis.clip_curves import ClipCurves, bands
from ...benchmark.analysis.curves import Curve, Matched
from ..queries.facts import Row
from .leaderboards import Leaderboard

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

COLOURS, DASHES, SYMBOLS = 7, 5, 7
"""How many of each the style sheet and static/core.js have; see `styles`."""


def styles(systems: Sequence[Row]) -> dict[str, dict[str, int]]:
    """One look per system, everywhere: a colour, a dash and a marker, as indices.

    A codec alone has its own colour and marker (after the seventh another combination, and another dash); a
    pair has the colour and marker of its picture and the dash of its sound.
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
        looks[row["system"]] = {
            "colour": look % COLOURS,
            "dash": dash % DASHES,
            "symbol": (look + look // COLOURS) % SYMBOLS,
        }
    return looks


def board_part(board: Leaderboard, reference: Row | None, sizes: Row | None) -> dict[str, Any]:
    """A leaderboard as columns, its systems in the order of its rows, and every system against every other.

    reference: what the clips score uncoded; sizes: how many frames a distribution metric saw. In `pairs` each
    column has S × S cells, row by row: the system, then the anchor that it is compared with; `status` counts
    in STATUSES. A missing matched value is its reason.
    """
    rows, pairs = board.rows, board.pairs
    order = [pairs.index[row.system] for row in rows]

    def cells(table: Any) -> list[float | int | None]:
        flat = table[order][:, order].ravel().tolist()
        return flat if table.dtype.kind == "i" else [short(value) for value in flat]

    return {
        "systems": [row.system for row in rows],
        "rank": [row.rank for row in rows],
        "tied": [row.tied for row in rows],
        "reason": [row.place.reason for row in rows],
        "quality": [[_found(found) for found in row.quality] for row in rows],
        "kbps": [_found(row.kbps) for row in rows],
        "low": [short(row.low_kbps) for row in rows],
        "high": [short(row.high_kbps) for row in rows],
        "points": [row.points for row in rows],
        "covered": [row.covered for row in rows],
        "expected": [row.expected for row in rows],
        "pooled": any(row.pooled for row in rows),
        "star": pairs.star,
        "reference": reference and {"value": short(reference["value"]), **_covered(reference)},
        "sizes": sizes and {"low": sizes["low"], "high": sizes["high"], "notes": sizes["notes"] or []},
        "pairs": {
            "bd": cells(pairs.bd_rate),
            "low": cells(pairs.ci_low),
            "high": cells(pairs.ci_high),
            "median": cells(pairs.median),
            "medianClips": cells(pairs.median_clips),
            "overlap": cells(pairs.overlap),
            "clips": cells(pairs.clips),
            "status": cells(pairs.status),
        },
    }


def _found(found: Matched) -> float | str | None:
    return found.reason if found.value is None else short(found.value)


def _covered(row: Row) -> dict[str, int]:
    return {"scored": row["n_scored"], "expected": row["n_expected"]}


def curve_part(group: Sequence[ClipCurves]) -> list[dict[str, Any]]:
    """What a figure of one dataset, rate and metric draws: mean points with their intervals."""
    return [_curve(curve) for curve in group]


def _curve(curve: ClipCurves) -> dict[str, Any]:
    """Mean points over the clips that each point has, by rate; `front`: those of the Pareto front."""
    low, high = bands(curve)
    kbps, values, clips = (column.tolist() for column in curve.means())
    rows = zip(kbps, values, curve.points, clips, range(len(kbps)), strict=True)
    points = sorted(point for point in rows if math.isfinite(point[1]))
    sign = 1 if curve.higher_is_better else -1
    positive = [point for point in points if point[0] > 0]
    front = Curve.of([p[0] for p in positive], [sign * p[1] for p in positive], curve.grid)
    places = {(point[0], sign * point[1]): at for at, point in enumerate(points)}
    on_front = [places[point] for point in zip(front.kbps.tolist(), front.quality.tolist(), strict=True)]
    return {
        "system": curve.system,
        "grid": curve.grid,
        "kbps": [short(point[0]) for point in points],
        "value": [short(point[1]) for point in points],
        "low": [short(float(low[point[4]])) for point in points],
        "high": [short(float(high[point[4]])) for point in points],
        "point": [point[2] for point in points],
        "clips": [curve.pooled or point[3] for point in points],
        "front": on_front,
        "hull": [on_front[at] for at in hull(front)],
    }


def hull(curve: Curve) -> list[int]:
    """Indices of a curve's points on its upper convex hull, quality over rate in kbit/s.

    The segment between two of them is reachable by switching between the two settings over time.
    """
    kept: list[int] = []
    for at in range(len(curve)):
        while len(kept) > 1 and _slope(curve, kept[-2], kept[-1]) <= _slope(curve, kept[-1], at):
            kept.pop()
        kept.append(at)
    return kept


def _slope(curve: Curve, start: int, end: int) -> float:
    return float(curve.quality[end] - curve.quality[start]) / float(curve.kbps[end] - curve.kbps[start])


def clip_part(group: Sequence[ClipCurves], names: Mapping[str, str]) -> dict[str, Any]:
    """Every clip's own curve: per system a list of (place in `clips`, rates, values); of a grid its front.

    names: clip_id → name. Four digits: the lines are thin, and what is read off them is a shape.
    """
    import numpy as np

    clips = group[0].clips
    lines: dict[str, list[list[Any]]] = {}
    for curve in group:
        found = lines.setdefault(curve.system, [])
        if curve.pooled:
            continue
        shown = curve.clip_fronts() if curve.grid else np.isfinite(curve.value) & (curve.kbps > 0)
        order = np.argsort(np.where(shown, curve.kbps, np.inf), axis=1)
        kbps, value = (
            np.take_along_axis(shortened(values, 4), order, axis=1).tolist()
            for values in (curve.kbps, curve.value)
        )
        for at, count in enumerate(shown.sum(axis=1).tolist()):
            if count:
                found.append([at, kbps[at][:count], value[at][:count]])
    return {"clips": [names.get(clip, clip) for clip in clips], "lines": lines}


def shortened(values: Array, digits: int) -> Array:
    """Rounded to so many significant digits, as `short`."""
    import numpy as np

    with np.errstate(divide="ignore", invalid="ignore"):
        places = digits - 1 - np.floor(np.log10(np.abs(values)))
    # Only whole powers of ten are exact, so that dividing by one gives the nearest number, of few digits.
    places = np.where(np.isfinite(places), places, 0)
    up, down = 10.0 ** np.maximum(places, 0), 10.0 ** np.maximum(-places, 0)
    return np.round(values * up / down) / up * down


def short(value: float | None, digits: int = 6) -> float | None:
    """Six significant digits: more than any figure shows, in half the bytes. None for what is not finite."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.{digits}g}")


def script_json(value: object) -> str:
    """JSON that can stand in a script element: nothing in it can end the element or start a comment."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
