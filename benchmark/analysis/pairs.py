"""BD-rates of every system of a board against every other: number, interval, and what it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .curves import STATUSES, Status

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Counts = NDArray[np.int64]
    Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class BdRow:
    """A row of the table `bd_rates`; the fields are its columns, in its order. None is NULL."""

    dataset: str
    system: str
    anchor: str
    rate: str
    metric: str
    fingerprint: str
    status: Status
    bd_rate: float | None
    ci_low: float | None
    ci_high: float | None
    bd_rate_median: float | None
    bd_rate_akima: float | None
    bd_rate_cubic: float | None
    overlap: float | None
    points: int
    anchor_points: int
    clips: int
    median_clips: int
    default_anchor: bool


@dataclass(frozen=True, eq=False)
class Pairs:
    """A board's BD-rates as arrays (S, S): row = system, column = the anchor that it is seen from.

    bd_rate, ci_low, ci_high, median, overlap: percent, NaN where there is none; status: index into STATUSES,
    -1 for a system with itself and for a pair that was not asked for; points: of the row's curve in the
    pair; clips: that both cover; median_clips: whose own two curves give a number.
    anchor: the default one; akima, cubic: (S,), against it only. pooled: one value stands for all clips;
    star: only pairs with the anchor were resampled.
    """

    dataset: str
    rate: str
    metric: str
    fingerprint: str
    systems: tuple[str, ...]
    anchor: str
    bd_rate: Array
    ci_low: Array
    ci_high: Array
    median: Array
    overlap: Array
    status: Counts
    points: Counts
    clips: Counts
    median_clips: Counts
    akima: Array
    cubic: Array
    pooled: bool
    star: bool

    @cached_property
    def index(self) -> dict[str, int]:
        """Place of each system along both axes."""
        return {system: at for at, system in enumerate(self.systems)}

    @property
    def tested(self) -> Mask:
        """(S, S): where there is an interval."""
        import numpy as np

        return np.isfinite(self.ci_low)

    def row(self, system: str, anchor: str) -> BdRow:
        """One pair. Raises KeyError for a name that is not here, or for a pair that is not."""
        at = self.index[system], self.index[anchor]
        if self.status[at] < 0:
            raise KeyError((system, anchor))
        default = anchor == self.anchor

        def number(values: Array) -> float | None:
            return float(values[at]) if values[at] == values[at] else None  # NaN is not equal to itself

        def diagnostic(values: Array) -> float | None:
            return float(values[at[0]]) if default and values[at[0]] == values[at[0]] else None

        return BdRow(
            dataset=self.dataset,
            system=system,
            anchor=anchor,
            rate=self.rate,
            metric=self.metric,
            fingerprint=self.fingerprint,
            status=STATUSES[self.status[at]],
            bd_rate=number(self.bd_rate),
            ci_low=number(self.ci_low),
            ci_high=number(self.ci_high),
            bd_rate_median=number(self.median),
            bd_rate_akima=diagnostic(self.akima),
            bd_rate_cubic=diagnostic(self.cubic),
            overlap=number(self.overlap),
            points=int(self.points[at]),
            anchor_points=int(self.points[at[1], at[0]]),
            clips=int(self.clips[at]),
            median_clips=int(self.median_clips[at]),
            default_anchor=default,
        )

    def against(self, anchor: str) -> list[BdRow]:
        """Every other system seen from one anchor."""
        column = self.status[:, self.index[anchor]]
        return [self.row(self.systems[at], anchor) for at in (column >= 0).nonzero()[0]]

    def columns(self) -> dict[str, Any]:
        """All pairs as columns named as those of the table `bd_rates`, in one order; NaN is NULL there."""
        import numpy as np

        row, column = np.nonzero(self.status >= 0)
        default = column == self.index[self.anchor]
        names = np.array(self.systems, dtype=object)
        board = ("dataset", "rate", "metric", "fingerprint")
        return {name: np.full(len(row), getattr(self, name), dtype=object) for name in board} | {
            "system": names[row],
            "anchor": names[column],
            "status": np.array(STATUSES, dtype=object)[self.status[row, column]],
            "bd_rate": self.bd_rate[row, column],
            "ci_low": self.ci_low[row, column],
            "ci_high": self.ci_high[row, column],
            "bd_rate_median": self.median[row, column],
            "bd_rate_akima": np.where(default, self.akima[row], np.nan),
            "bd_rate_cubic": np.where(default, self.cubic[row], np.nan),
            "overlap": self.overlap[row, column],
            "points": self.points[row, column],
            "anchor_points": self.points[column, row],
            "clips": self.clips[row, column],
            "median_clips": self.median_clips[row, column],
            "default_anchor": default,
        }
