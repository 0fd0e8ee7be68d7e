"""The words that statuses are shown by."""

from __future__ import annotations

from .curves import MIN_POINTS

STATUS_WORDS = {
    "ok": "",
    "low_overlap": "low overlap",
    "no_overlap": "no overlap",
    "non_monotone": "not monotone",
    "too_few_points": f"fewer than {MIN_POINTS} points",
}
