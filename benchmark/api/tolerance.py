"""How far two computations of one metric may differ and still count as equal."""

from __future__ import annotations

import math

from .metric import MetricInfo

EXACT = 1e-6
"""float64 arithmetic on equal inputs, whatever the number of threads; float32 values of frames."""

LEARNED = 1e-3
"""Networks in float32: their sums run in another order on another CPU or GPU."""

BFLOAT16 = 2e-2
"""Quick forms: eight bits of mantissa, rounded differently from device to device."""


def of(info: MetricInfo) -> float:
    """The tolerance of a metric: by what it is made of, never by who submits."""
    if info.quick:
        return BFLOAT16
    return LEARNED if info.weights else EXACT


def difference(one: float | None, other: float | None) -> float:
    """How far apart two numbers are: relative above 1, absolute below; infinite where one is missing."""
    if one is None or other is None:
        return 0.0 if one is other else math.inf
    return abs(one - other) / max(1.0, abs(one), abs(other))


def close(one: float | None, other: float | None) -> bool:
    """Whether two numbers that follow from the same others are equal. None equals None."""
    return difference(one, other) <= EXACT
