"""Ranks on a board from paired differences: independent of the anchor, and only as far as significant."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .curves import STATUSES
from .pairs import Pairs
from .statuses import STATUS_WORDS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Place:
    """One system's place. rank: 1 + the number of significantly better systems, or None with the reason.

    tied: another system has this rank too, or is ranked and not distinguishable from this one; compared:
    other systems with which there is a result of the kind that ranks (see `places`).
    """

    rank: int | None
    tied: bool
    compared: int
    reason: str = ""


def places(pairs: Pairs, baselines: Collection[str] = ()) -> dict[str, Place]:
    """The place of every system of a board, by the numbers alone where nothing can be resampled.

    Significantly better: the paired 95 % interval of the one's BD-rate against the other is entirely below 0.
    On a board of one clip or of a distribution metric there is no interval: the numbers alone decide, and
    nothing is tested. Where only pairs with the default anchor were resampled (`MANY_SYSTEMS`), one system is
    significantly better than another if its interval against the anchor is entirely below the other's.

    A system that has a result against less than half as many others as the best connected one has no rank:
    it was not seen to lose because it was hardly compared. Nor have `baselines`: nobody would use them, so
    they neither win nor lower the rank of others.
    """
    import numpy as np

    size = len(pairs.systems)
    real = np.array([system not in baselines for system in pairs.systems])
    known, better = _outcomes(pairs)
    compared = known.sum(axis=1)
    ranked = (compared > 0) & (2 * compared >= compared.max(initial=0)) & real
    better &= ranked[:, None] & ranked
    ranks = 1 + better.sum(axis=0)
    alike = (known & ~better & ~better.T) | (ranks[:, None] == ranks)
    tied = (alike & ranked[:, None] & ranked & ~np.eye(size, dtype=bool)).any(axis=1)
    found = {}
    for at, system in enumerate(pairs.systems):
        count = int(compared[at])
        if ranked[at]:
            found[system] = Place(int(ranks[at]), bool(tied[at]), count)
        else:
            reason = _reason(pairs, at, count, size - 1) if real[at] else "lower-bound baseline"
            found[system] = Place(None, False, count, reason)
    return found


def _outcomes(pairs: Pairs) -> tuple[Mask, Mask]:
    """Masks (S, S): the pair has a result; the row's system is significantly better than the column's."""
    import numpy as np

    apart = ~np.eye(len(pairs.systems), dtype=bool)
    with np.errstate(invalid="ignore"):
        if not pairs.tested.any():
            known = apart & np.isfinite(pairs.bd_rate) & (pairs.pooled | (pairs.clips <= 1))
            return known, known & (pairs.bd_rate < 0)
        known, better = pairs.tested.copy(), pairs.ci_high < 0
        if pairs.star:
            center = pairs.index[pairs.anchor]
            low, high = pairs.ci_low[:, center].copy(), pairs.ci_high[:, center].copy()
            low[center] = high[center] = 0.0
            seen = np.isfinite(low)
            known = apart & seen[:, None] & seen
            better = known & (high[:, None] < low)
    return known, better


def _reason(pairs: Pairs, at: int, compared: int, others: int) -> str:
    """Why a system has no rank."""
    import numpy as np

    if not others:
        return "nothing to compare with"
    if compared:
        return f"comparable with only {compared} of {others} systems"
    asked = pairs.status[at] >= 0
    if not pairs.clips[at][asked].any():
        return "no common clip"
    if np.isfinite(pairs.bd_rate[at]).any():
        return "no interval"
    statuses = np.unique(pairs.status[at][asked])
    return " or ".join(STATUS_WORDS[STATUSES[status]] for status in statuses)
