"""Parameters of a point, read with a clear error for what they cannot be."""

from __future__ import annotations

from collections.abc import Sequence

from ..benchmark.api import CodecError, Point


def whole(point: Point, key: str, least: int, most: int) -> int:
    """A whole number among a point's parameters. Raises CodecError, naming the key and what it may be."""
    value = point.params.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise CodecError(
            f"point {point.name!r}: {key} must be a whole number, {least} to {most}; got {value!r}"
        )
    return value


def choice(point: Point, key: str, known: Sequence[str]) -> str:
    """One of some words among a point's parameters. Raises CodecError, naming the key and the words."""
    value = point.params.get(key)
    if value not in known:
        raise CodecError(f"point {point.name!r}: {key} must be one of {', '.join(known)}; got {value!r}")
    return str(value)
