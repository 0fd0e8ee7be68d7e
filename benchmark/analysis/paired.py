"""All pairs of a board: mean curves, the paired bootstrap over clips, and `Pairs` from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, combinations
from typing import TYPE_CHECKING

from .bootstrap import INTERVAL, INTERVAL_SHARE, RESAMPLES, draws, percent_quantile
from .clip_curves import ClipCurves
from .curve_batch import CurveBatch, to_percent
from .curves import NO_NUMBER, STATUSES, Curve, diagnose, relation
from .pairs import Pairs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Places = NDArray[np.int64]

MANY_SYSTEMS = 60
"""Above so many systems on a board, only pairs with its default anchor have an interval."""
CHUNK = 500
"""Pairs that are integrated together: some 20 MB with 1000 resamples."""


def all_pairs(
    group: Sequence[ClipCurves],
    anchor: ClipCurves,
    resamples: int = RESAMPLES,
    star: bool = False,
    diagnostics: bool = True,
) -> Pairs:
    """BD-rates between the curves of one dataset, rate and metric, `anchor` being the default one among them.

    The headline is that of the two mean curves over the clips that both cover at all used points; the
    median is over clips whose own two curves give a number; the 95 % interval is the percentile bootstrap
    over clips, paired: both curves are made of the same drawn clips, the same for every system. A `pooled`
    metric has one curve and neither. With more than MANY_SYSTEMS curves only pairs with the anchor have
    intervals, since their number grows with the square; the others have the number without one.
    star: only pairs with the anchor; diagnostics: Akima's and the cubic's numbers too.
    """
    import numpy as np

    size = len(group)
    center = next(at for at, curve in enumerate(group) if curve is anchor)
    spokes = [(at, center) for at in range(size) if at != center]
    rest = [] if star else [pair for pair in combinations(range(size), 2) if center not in pair]
    many = size > MANY_SYSTEMS
    rounds = [(spokes, resamples), (rest, 0)] if many else [(spokes + rest, resamples)]
    tables = {name: np.full((size, size), missing) for name, missing in _MISSING.items()}
    akima, cubic = np.full((2, size), np.nan)
    usable = [curve.usable().without_dominated() for curve in group]
    for pairs, drawn in rounds:
        for clips, same in _by_clips(usable, pairs).items():
            here = np.frombuffer(clips, dtype=bool)
            sampled = {at: _Sampled.of(usable[at].only(here), drawn) for at in sorted({*chain(*same)})}
            for start in range(0, len(same), CHUNK):
                tests, anchors = np.array(same[start : start + CHUNK]).T
                for name, found in _compare(sampled, tests, anchors, int(here.sum()), drawn).items():
                    tables[name][tests, anchors], tables[name][anchors, tests] = found
            for test, other in same if diagnostics else ():
                if other == center and np.isfinite(tables["bd_rate"][test, center]):
                    both = diagnose(sampled[test].mean, sampled[center].mean)
                    akima[test], cubic[test] = (np.nan if value is None else value for value in both)
    if anchor.pooled:
        tables["clips"] = np.minimum.outer(*2 * [np.array([curve.pooled for curve in group])])
    return Pairs(
        dataset=anchor.dataset,
        rate=anchor.rate,
        metric=anchor.metric,
        fingerprint=anchor.fingerprint,
        systems=tuple(curve.system for curve in group),
        anchor=anchor.system,
        akima=akima,
        cubic=cubic,
        pooled=bool(anchor.pooled),
        star=star or many,
        **tables,
    )


_MISSING: dict[str, float | int] = {
    **dict.fromkeys(("bd_rate", "ci_low", "ci_high", "median", "overlap"), float("nan")),
    **dict.fromkeys(("points", "clips", "median_clips"), 0),
    "status": -1,
}
"""What stands in a pair's cell before it is compared."""


@dataclass(frozen=True)
class _Sampled:
    """A system over some clips: its mean curve, and the batch of the mean, each clip alone, each resample."""

    mean: Curve
    batch: CurveBatch

    @classmethod
    def of(cls, curve: ClipCurves, resamples: int) -> _Sampled:
        import numpy as np

        if not len(curve.clips):
            return cls(Curve.of([], [], curve.grid), CurveBatch.of(*np.empty((2, 1, 0))))
        kbps, quality = curve.averages(_counts(len(curve.clips), resamples))
        points = np.isfinite(quality[0])  # a corpus metric may have a point without a single word
        kbps, quality = kbps[:, points], quality[:, points]
        return cls(Curve.of(kbps[0], quality[0], curve.grid), CurveBatch.of(kbps, quality))


@lru_cache(maxsize=32)
def _counts(clips: int, resamples: int) -> Array:
    """How often each clip counts: all once, each alone, each resample; one clip has the first row only."""
    import numpy as np

    if clips == 1:
        return np.ones((1, 1))
    return np.concatenate([np.ones((1, clips)), np.eye(clips), draws(clips, resamples)])


def _by_clips(
    usable: Sequence[ClipCurves], pairs: Sequence[tuple[int, int]]
) -> dict[bytes, list[tuple[int, int]]]:
    """The pairs by the clips that both cover, as the bytes of a mask."""
    complete = [curve.complete() for curve in usable]
    found: dict[bytes, list[tuple[int, int]]] = {}
    for test, anchor in pairs:
        found.setdefault((complete[test] & complete[anchor]).tobytes(), []).append((test, anchor))
    return found


def _compare(
    sampled: Mapping[int, _Sampled], tests: Places, anchors: Places, clips: int, resamples: int
) -> dict[str, Array]:
    """Per column of `Pairs` an array (2, N): of the test against the anchor, and the other way round."""
    import numpy as np

    found = {name: np.full((2, len(tests)), missing) for name, missing in _MISSING.items()}
    for at, (test, anchor) in enumerate(zip(tests.tolist(), anchors.tolist(), strict=True)):
        status, overlap = relation(sampled[test].mean, sampled[anchor].mean)
        found["status"][:, at] = STATUSES.index(status)
        found["overlap"][:, at] = np.nan if overlap is None else overlap
        found["points"][:, at] = len(sampled[test].mean), len(sampled[anchor].mean)
    found["clips"][:] = clips
    ratios = _log_ratios(sampled, tests, anchors)
    numbered = ~np.isin(found["status"][0], [STATUSES.index(status) for status in NO_NUMBER])
    ratios[~numbered, 0] = np.nan
    found["bd_rate"][:] = to_percent(ratios[:, 0]), to_percent(-ratios[:, 0])
    if clips > 1:
        alone, resampled = np.sort(ratios[:, 1 : 1 + clips]), np.sort(ratios[:, 1 + clips :])
        counts = np.isfinite(alone).sum(axis=1)
        found["median_clips"][:] = counts
        found["median"][:] = [percent_quantile(alone, counts, 0.5, swapped) for swapped in (False, True)]
        counts = np.isfinite(resampled).sum(axis=1)
        known = numbered & (counts >= INTERVAL_SHARE * resamples) & (counts > 0)
        for name, share in zip(("ci_low", "ci_high"), INTERVAL, strict=True):
            for row, swapped in enumerate((False, True)):
                found[name][row, known] = percent_quantile(resampled[known], counts[known], share, swapped)
    return found


def _log_ratios(sampled: Mapping[int, _Sampled], tests: Places, anchors: Places) -> Array:
    """Mean differences of log10 rate (N, B) of each pair's two batches, as `curve_batch.log_ratio`.

    Each system integrates its polynomials for all its partners at once.
    """
    import numpy as np

    first, second = [[sampled[at].batch for at in side.tolist()] for side in (tests, anchors)]
    low = np.maximum(*(np.stack([batch.low for batch in side]) for side in (first, second)))
    high = np.minimum(*(np.stack([batch.high for batch in side]) for side in (first, second)))
    difference = np.zeros(low.shape)
    for side, sign in ((tests, np.add), (anchors, np.subtract)):
        for at in np.unique(side).tolist():
            rows = side == at
            area = sampled[at].batch.integral(low[rows], high[rows])
            difference[rows] = sign(difference[rows], area)
    return difference / np.where(high > low, high - low, np.nan)
