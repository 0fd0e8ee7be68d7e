"""The rules on where a bitstream is parted: lengths of parts are not billed, so they must carry nothing.

Names, number and order of parts are the codec's declaration, and a bitstream with others is refused. What is
left are the lengths (`types.boundary_bits` says how much they could carry): which parts are empty, and where
the bytes of one part end and those of the next one begin.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..api.types import Bitstream
from .bench import Bench, CheckResult, stream_of, verdict
from .clips import CheckClip
from .worker import DecodedClip, EncodedClip, Refusal

_BUDGET_S = 30.0  # of each rule
_SCENES, _NOISES = 5, 8
_LEAST_TRIALS = 3
# Of the bytes, so much may change its part when only the noise of a clip changes. Boundaries that carry data
# can be anywhere: two of them are further apart than this nine times in ten.
_SHARE = 0.05


def emptiness(bench: Bench) -> Iterator[CheckResult]:
    """Which parts are empty follows from the clip's shape and the point, not from what the clip shows."""
    found = _encoded(bench, [*_scenes(bench), *_noises(bench)])
    if isinstance(found, Refusal):
        yield CheckResult("emptiness", False, f"clips of one shape must all encode; instead: {found}")
        return
    patterns = {tuple(part.name for part in stream.parts if not part.payload) for stream in found}
    wrong = ""
    if len(patterns) > 1:
        said = " and ".join(_words(pattern) for pattern in sorted(patterns))
        wrong = (
            f"of {len(found)} clips of one shape at point {bench.point!r}, the empty parts were {said}: "
            "which of the parts are empty is not billed, yet informs the decoder. Let it follow "
            "from the clip's spec and the point, or write it into a payload that is never empty"
        )
    yield verdict("emptiness", wrong, f"of {len(found)} clips of one shape, {_words(min(patterns))} empty")


def _words(pattern: Sequence[str]) -> str:
    return f"({', '.join(pattern)})" if pattern else "(none)"


def _scenes(bench: Bench) -> list[CheckClip]:
    return [replace(bench.recipe, seed=bench.recipe.seed + number) for number in range(_SCENES)]


def _noises(bench: Bench) -> list[CheckClip]:
    return [replace(bench.recipe, noise=1 + number) for number in range(_NOISES)]


def _encoded(bench: Bench, recipes: Sequence[CheckClip]) -> list[Bitstream] | Refusal:
    """Bitstreams at the bench's point of as many recipes, at least four, as the time allows."""
    assert bench.first
    count = max(4, int(_BUDGET_S / max(bench.first.seconds, 1e-3)))
    # From both ends, so that few trials have other scenes as well as other noise.
    turns = [one for pair in zip(recipes, recipes[::-1], strict=True) for one in pair]
    found = []
    for recipe in list(dict.fromkeys(turns))[:count]:
        encoded = bench.encoder.encode(bench.point, recipe)
        if not isinstance(encoded, EncodedClip):
            return encoded
        found.append(stream_of(encoded))
    return found


def boundaries(bench: Bench) -> Iterator[CheckResult]:
    """The same bytes parted elsewhere are refused or decode to the same clip, and parts keep their shares."""
    assert bench.first
    stream = stream_of(bench.first)
    if len(stream.parts) < 2:
        yield CheckResult("boundaries", True, "one part: there is no boundary")
        return
    heard, tried = _moved(bench, stream)
    if heard:
        wrong = (
            f"the same bytes, parted elsewhere, are accepted and give another clip: {'; '.join(heard[:3])}. "
            "Lengths of parts are not billed, so the decoder must not learn from them: let it refuse a part "
            "with bytes missing or left over (send a count where its content does not end by itself)"
        )
        yield CheckResult("boundaries", False, wrong)
        return
    found = _encoded(bench, _noises(bench))
    if isinstance(found, Refusal):
        yield CheckResult("boundaries", False, f"clips of one scene must all encode; instead: {found}")
        return
    shifts = sorted(_shift(one, other) for one, other in itertools.combinations(found, 2))
    middle = shifts[len(shifts) // 2]
    wrong = (
        f"in {len(found)} clips that differ in noise only, {100 * middle:.0f} % of the bytes are in another "
        "part from one clip to another: boundaries between parts are not billed, and must follow from what "
        "the parts are"
    )
    right = (
        f"{tried} other boundaries are refused or change nothing; with other noise, {100 * middle:.1f} % of "
    )
    yield verdict("boundaries", wrong if middle > _SHARE else "", f"{right}the bytes change their part")


def _shift(one: Bitstream, other: Bitstream) -> float:
    """Share of the bytes, 0 to 1, that would have to change their part: half the differences of shares."""
    shares = [[part.bits / max(stream.bits(), 1) for part in stream.parts] for stream in (one, other)]
    return sum(abs(first - second) for first, second in zip(*shares, strict=True)) / 2


def _moved(bench: Bench, stream: Bitstream) -> tuple[list[str], int]:
    """What decodes, and to another clip, with a boundary moved; and how many were tried."""
    assert bench.decoded
    allowed_s = max(10.0, 20 * bench.decoded.seconds)
    count = int(_BUDGET_S / max(bench.decoded.seconds, 1e-3) / (len(stream.parts) - 1))
    heard, tried = [], 0
    for at in range(1, len(stream.parts)):
        for words, moved in _moves(stream, at)[: max(_LEAST_TRIALS, count)]:
            found = bench.decoder.decode(moved.to_bytes(), bench.recipe.spec, limit_s=allowed_s)
            tried += 1
            if isinstance(found, DecodedClip) and found.sha256 != bench.decoded.sha256:
                heard.append(words)
    return heard, tried


def _moves(stream: Bitstream, at: int) -> list[tuple[str, Bitstream]]:
    """The stream with the boundary before part number `at` elsewhere, most telling first; with words."""
    before, after = stream.parts[at - 1 : at + 1]
    joined, here = before.payload + after.payload, len(before.payload)
    places = [here - 1, here + 1, here // 2, (here + len(joined)) // 2, 0, len(joined), here - 2, here + 2]
    found = []
    for place in dict.fromkeys(places):
        if not 0 <= place <= len(joined) or place == here:
            continue
        giver, taker = (before, after) if place < here else (after, before)
        moved = list(stream.parts)
        moved[at - 1 : at + 1] = (
            replace(before, payload=joined[:place]),
            replace(after, payload=joined[place:]),
        )
        words = f"{abs(place - here)} bytes of part {giver.name!r} moved to {taker.name!r}"
        found.append((words, Bitstream(tuple(moved))))
    return found
