"""What stands for a clip itself, uncoded, in the place of an encode id."""

from __future__ import annotations

_REFERENCE = "reference:"


def reference_id(clip_id: str) -> str:
    """What stands for the clip itself, uncoded, in the place of an encode id."""
    return f"{_REFERENCE}{clip_id}"
