"""The rules on bytes: the rate rises along the ladder, every billed part is needed, damage is noticed."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..api.types import Bitstream, Part
from .bench import Bench, CheckResult, stream_of, verdict
from .worker import DecodedClip, Refusal

_BUDGET_S = 30.0  # of a rule whose number of trials is free
_LADDER_S = 120.0  # of the rule on the ladder: a wrong line of a grid shows only where it is tried
_LEAST_POINTS = 4  # of a ladder, however slow
_CHANGES = 6  # changes of a part beside single bytes


def ladder(bench: Bench) -> Iterator[CheckResult]:
    """Measured bits rise in the order of the points; in a grid, along each of its lines."""
    assert bench.first
    assert bench.identity
    params = {point: json.loads(values) for point, values in bench.identity.points.items()}
    lines = _lines(params) if len(bench.modalities) == 2 else [bench.points]
    count = max(_LEAST_POINTS, int(_LADDER_S / max(bench.first.seconds, 1e-3)))
    lines = some_lines(lines, count)
    tried = [point for point in bench.points if any(point in line for line in lines)]
    bits: dict[str, int] = {}
    for point in tried:
        encoded = bench.encoder.encode(point, bench.recipe)
        if isinstance(encoded, Refusal):
            yield CheckResult("ladder", False, f"point {point!r} must encode; instead: {encoded}")
            return
        bits[point] = stream_of(encoded).bits()
    falls = [
        f"{high!r} ({bits[high]} bits) after {low!r} ({bits[low]} bits)"
        for line in lines
        for low, high in itertools.pairwise(line)
        if bits[high] < bits[low]
    ]
    wrong = f"points are listed lowest rate first; the rate falls at {'; '.join(falls)}" if falls else ""
    if not wrong and len(bits) > 1 and len(set(bits.values())) == 1:
        wrong = f"all points cost the same {bits[tried[0]]} bits; their params change nothing"
    found = ", ".join(f"{point} {value}" for point, value in bits.items())
    yield verdict("ladder", wrong, f"bits of {len(tried)} of {len(bench.points)} points: {found}")


def some_lines(lines: Sequence[Sequence[str]], count: int) -> list[list[str]]:
    """Whole lines, the ends first, until they have `count` points; of one line, points spread evenly.

    Only points of one line are comparable. Two lines are taken at least. Order is kept.
    """
    if len({point for line in lines for point in line}) <= count:
        return [list(line) for line in lines]
    if len(lines) == 1:
        (line,) = lines
        return [[line[round(at * (len(line) - 1) / (count - 1))] for at in range(count)]]
    places = _spread(len(lines))
    chosen: list[int] = []
    points: set[str] = set()
    for at in places:
        if len(chosen) >= 2 and len(points | set(lines[at])) > count:
            continue
        chosen.append(at)
        points |= set(lines[at])
    return [list(lines[at]) for at in sorted(chosen)]


def _spread(count: int) -> list[int]:
    """All of range(count): the ends, then what halves the largest gaps."""
    found = [0, count - 1]
    while len(found) < count:
        known = sorted(found)
        low, high = max(itertools.pairwise(known), key=lambda gap: gap[1] - gap[0])
        found.append((low + high) // 2)
    return found


def timeline(bench: Bench) -> Iterator[CheckResult]:
    """Where the codec says how bits fall over time, they add up to the bill, for short clips too."""
    assert bench.first
    one = replace(bench.recipe, frames=1)
    short = bench.encoder.encode(bench.point, one)
    found = bench.decoder.timeline(bench.first.data, bench.recipe.spec)
    if not isinstance(found, Refusal) and found is not None and not isinstance(short, Refusal):
        last = bench.decoder.timeline(short.data, one.spec)
        found = last if isinstance(last, Refusal) else found
    if found is None:
        message = "the codec has no timeline(), and need not have one"
        yield CheckResult("timeline", None, message)
    elif isinstance(found, Refusal):
        fix = "each part's bits must fall into its timeline, headers where they stand"
        yield CheckResult("timeline", False, f"timeline() must add up to the bits; instead: {found}; {fix}")
    else:
        steps = ", ".join(f"{name} {count}" for name, count in found.items())
        yield CheckResult("timeline", True, f"adds up to the bits; steps: {steps}")


def _lines(params: dict[str, dict[str, object]]) -> list[list[str]]:
    """Points that differ in one parameter only, per parameter; all points where there is no such line."""
    lines: dict[str, list[str]] = {}
    for point, values in params.items():
        for free in values:
            rest = json.dumps(
                [free, {key: value for key, value in values.items() if key != free}], sort_keys=True
            )
            lines.setdefault(rest, []).append(point)
    found = [line for line in lines.values() if len(line) > 1]
    return found or [list(params)]


def payload_is_needed(bench: Bench) -> Iterator[CheckResult]:
    """Change, cut, empty, swap and remove each part: the decoder must notice, and notice well."""
    assert bench.first
    assert bench.second
    assert bench.decoded
    stream, other = stream_of(bench.first), stream_of(bench.second)
    allowed_s = max(10.0, 20 * bench.decoded.seconds)
    per_part = _BUDGET_S / max(bench.decoded.seconds, 1e-3) / max(len(stream.parts), 1)
    probes = int(min(12, max(2, per_part - _CHANGES)))
    idle: list[str] = []
    damage: list[str] = []
    tried = 0
    for part in stream.parts:
        if not part.payload:
            continue
        unheard: dict[str, list[str]] = {"byte": [], "change": []}
        changes = [*_flips(part, probes), *_changes(part, other)]
        for kind, what, payload in changes:
            found = bench.decoder.decode(
                _with(stream, part, payload).to_bytes(), bench.recipe.spec, limit_s=allowed_s
            )
            tried += 1
            if isinstance(found, DecodedClip) and found.sha256 == bench.decoded.sha256:
                unheard[kind].append(what)
            if isinstance(found, Refusal) and found.kind != "clear":
                damage.append(f"part {part.name!r}, {what}: {found}")
                if found.kind == "lost":
                    break
        flips = sum(kind == "byte" for kind, _, _ in changes)
        if 2 * len(unheard["byte"]) > flips:
            at = ", ".join(unheard["byte"])
            idle.append(
                f"part {part.name!r}: {len(unheard['byte'])} of {flips} changed bytes ({at}) do nothing"
            )
        idle += [f"part {part.name!r}: the output is the same with {what}" for what in unheard["change"]]
    fix = "Send only bytes that the decoder reads: they are billed"
    message = f"each billed part must be needed. {'; '.join(idle)}. {fix}"
    right = f"{tried} changes of {len(stream.parts)} parts, all of them noticed where they must be"
    yield CheckResult("payload-needed", not idle, message if idle else right)
    fix = "Raise CodecError, with what is wrong, when a payload cannot be decoded"
    message = f"{len(damage)} of {tried} damaged payloads gave neither a right-shaped clip nor a CodecError, "
    message += f"such as {'; '.join(damage[:3])}. {fix}"
    right = f"{tried} damaged payloads gave a clip of the right shape or a clear error"
    yield CheckResult("damage", not damage, message if damage else right)


def _flips(part: Part, probes: int) -> Iterator[tuple[str, str, bytes]]:
    """Single bytes changed, at places spread evenly from first to last."""
    last = len(part.payload) - 1
    for at in sorted({round(last * i / (probes - 1)) for i in range(probes)}):
        changed = bytearray(part.payload)
        changed[at] ^= 0xA5
        yield "byte", f"byte {at} of {len(part.payload)} changed", bytes(changed)


def _changes(part: Part, other: Bitstream) -> Iterator[tuple[str, str, bytes | None]]:
    """What must not go unnoticed: (kind, words, payload), None standing for no such part at all."""
    payload = part.payload
    changes: dict[str, bytes | None] = {
        "the part removed": None,
        "an empty payload": b"",
        "half of the payload": payload[: len(payload) // 2],
        "the last quarter cut off": payload[: len(payload) - (len(payload) + 3) // 4],
        "zeros for a payload": bytes(len(payload)),
    }
    if part.name in [one.name for one in other.parts]:
        changes["the other clip's payload"] = other[part.name]
    for what, changed in changes.items():
        if changed != payload or what == "zeros for a payload":
            yield "change", what, changed


def _with(stream: Bitstream, part: Part, payload: bytes | None) -> Bitstream:
    parts = [
        replace(one, payload=payload) if one is part and payload is not None else one for one in stream.parts
    ]
    return Bitstream(tuple(one for one in parts if payload is not None or one is not part))
