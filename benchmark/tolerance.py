"""How far two computations of one metric may lie apart and still be the same."""

from __future__ import annotations

from .metric import MetricInfo

EXACT = 1e-6
"""float64 arithmetic on equal inputs, whatever the number of threads: relative above 1, absolute below."""

LEARNED = 1e-3
"""Networks in float32: their sums run in another order on another CPU or GPU."""

BFLOAT16 = 2e-2
"""Quick forms: eight bits of mantissa, rounded differently from device to device."""


def of(info: MetricInfo) -> float:
    """The tolerance of a metric: by what it is made of, never by who submits."""
    if info.quick:
        return BFLOAT16
    return LEARNED if info.weights else EXACT
