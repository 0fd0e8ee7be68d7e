"""How a bitstream's bits fall over time, where its codec says so; checked against the bill."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from ..util.errors import CodecError, HelperKilled, describe_error
from . import registry
from .types import Bitstream, ClipSpec, Timeline

TimelineFunction = Callable[[Bitstream, ClipSpec], Mapping[str, Timeline]]


def function(codec: str) -> TimelineFunction | None:
    """The codec's `timeline(stream, spec)`, which a codec need not have."""
    return cast("TimelineFunction | None", getattr(registry.codec(codec), "timeline", None))


def read(codec: str, stream: Bitstream, spec: ClipSpec) -> Mapping[str, Timeline]:
    """Timelines by part, which add up to the bits of their parts; empty where the codec has none.

    Raises CodecError when one does not.
    """
    asked = function(codec)
    if asked is None:
        return {}
    found = asked(stream, spec)
    for name, line in found.items():
        wrong = _wrong(line, len(stream[name]) * 8)
        if wrong:
            raise CodecError(f"codec {codec!r}: the timeline of part {name!r} {wrong}")
    return found


def recorded(codec: str, stream: Bitstream, spec: ClipSpec) -> dict[str, object]:
    """`read`, JSON-ready: `lines`, or `error` where it failed, which is not a failure to decode."""
    try:
        lines = read(codec, stream, spec)
    except HelperKilled:
        raise
    except Exception as failure:  # the codec's own code
        return {"error": describe_error(failure)}
    return {"lines": {name: {"step_s": line.step_s, "bits": list(line.bits)} for name, line in lines.items()}}


def _wrong(line: Timeline, bits: int) -> str | None:
    if not isinstance(line, Timeline):
        return f"is {type(line).__name__}, not a Timeline"
    if not 0 < line.step_s < float("inf"):
        return f"has steps of {line.step_s} s; they must be longer than 0"
    if any(not isinstance(value, int) or value < 0 for value in line.bits):
        return "contains a value that is not a number of bits (whole, not negative)"
    if sum(line.bits) != bits:
        return f"adds up to {sum(line.bits)} bits, and the part has {bits}"
    return None
