"""How a system's two qualities go together at equal rate."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...benchmark.analysis.bootstrap import INTERVAL, INTERVAL_SHARE, RESAMPLES, draws
from .grids import Grid, Key, Sheet
from .mesh import LADDER, SCATTERED

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

MIN_SETTINGS = 5
"""Fewer give no correlation: two numbers go into the line over the rate and one is the correlation itself."""


@dataclass(frozen=True)
class Correlation:
    """Of two qualities at equal rate; None with the reason. low, high: 95 % bootstrap over clips, or None."""

    value: float | None
    low: float | None = None
    high: float | None = None
    reason: str = ""


def correlations(
    grid: Grid, pairs: Iterable[tuple[Key, Key]], resamples: int = RESAMPLES
) -> dict[tuple[Key, Key], Correlation]:
    """Of each pair of metrics, how the two qualities go together at equal rate.

    The Pearson partial correlation, over the system's settings, of the two means (better is larger) given
    log10 of the total rate: the correlation of what a straight line over log rate leaves of each. The
    interval resamples clips, and recomputes all means and rates each time.
    """
    sheets: dict[int, tuple[Sheet, list[tuple[Key, Key]]]] = {}
    found = {}
    for video, audio in pairs:
        sheet = grid.sheet(video, audio)
        if isinstance(sheet, str):
            found[video, audio] = Correlation(None, reason=sheet)
        elif video == audio:
            found[video, audio] = Correlation(None, reason="one metric on both axes")
        else:
            sheets.setdefault(id(sheet), (sheet, []))[1].append((video, audio))
    for sheet, same in sheets.values():
        found |= _correlate(grid, sheet, same, resamples)
    return found


def _correlate(
    grid: Grid, sheet: Sheet, pairs: list[tuple[Key, Key]], resamples: int
) -> dict[tuple[Key, Key], Correlation]:
    import numpy as np

    counts = np.ones((1, sheet.count))
    if sheet.count > 1:
        counts = np.concatenate([counts, draws(sheet.count, resamples)])
    rates = grid.kbps[0][sheet.clips][:, sheet.at]
    log_rate = np.log10((counts @ rates) / counts.sum(axis=1, keepdims=True))
    sides = [list(dict.fromkeys(keys)) for keys in zip(*pairs, strict=True)]
    left, right = (
        np.stack([_left_by(log_rate, grid.means(sheet, key, counts)) for key in keys], axis=1)
        for keys in sides
    )
    # Rounding may leave a correlation slightly beyond ±1.
    values = np.clip(left @ right.transpose(0, 2, 1), -1, 1)  # (1 + resamples, video, audio)
    low, high, share = _intervals(values[1:])
    found = {}
    for video, audio in pairs:
        at = sides[0].index(video), sides[1].index(audio)
        curves = grid.curves[video], grid.curves[audio]
        sign = 1 if curves[0].higher_is_better == curves[1].higher_is_better else -1
        value = sign * float(values[0, *at])
        mesh = sheet.mesh(grid.means(sheet, video))
        if mesh.form in (LADDER, SCATTERED):
            found[video, audio] = Correlation(None, reason="no grid: one setting at each rate")
        elif len(sheet.points) < MIN_SETTINGS:
            found[video, audio] = Correlation(None, reason=f"fewer than {MIN_SETTINGS} settings")
        elif not np.isfinite(value):
            found[video, audio] = Correlation(None, reason="one quality does not vary at equal rate")
        elif curves[0].pooled or curves[1].pooled:
            found[video, audio] = Correlation(value, reason="one value for all clips")
        elif sheet.count == 1:
            found[video, audio] = Correlation(value, reason="one clip")
        elif share[at] < INTERVAL_SHARE:
            found[video, audio] = Correlation(value, reason="too many resamples have none")
        else:
            least, most = sorted((sign * float(low[at]), sign * float(high[at])))
            found[video, audio] = Correlation(value, least, most)
    return found


def _left_by(log_rate: Array, values: Array) -> Array:
    """What a line over `log_rate` leaves of `values`, row by row (B, P), scaled to length 1; or NaN."""
    import numpy as np

    x = log_rate - log_rate.mean(axis=1, keepdims=True)
    y = values - values.mean(axis=1, keepdims=True)
    square = (x * x).sum(axis=1, keepdims=True)
    slope = np.divide((x * y).sum(axis=1, keepdims=True), square, out=np.zeros_like(square), where=square > 0)
    rest = y - slope * x
    length = np.sqrt((rest * rest).sum(axis=1, keepdims=True))
    # What is left of an exact line is rounding: no quality to correlate with.
    nothing = length <= 1e-9 * np.abs(values).max(axis=1, keepdims=True)
    return np.where(nothing, np.nan, rest / np.where(nothing, 1, length))


def _intervals(values: Array) -> tuple[Array, Array, Array]:
    """Low and high end of the interval of resampled values (B, …), and the share of them that are numbers."""
    import numpy as np

    if not len(values):
        low, high, numbers = np.full((3, *values.shape[1:]), np.nan)
        return low, high, numbers
    numbers = np.isfinite(values).mean(axis=0)
    with np.errstate(invalid="ignore"):
        known = np.where(numbers > 0, values, 0)
        low, high = np.nanpercentile(known, [100 * share for share in INTERVAL], axis=0)
    return low, high, numbers
