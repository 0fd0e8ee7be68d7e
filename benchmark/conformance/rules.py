"""The rules that every codec is judged by: identity, coding, independence of encoder and decoder, edges."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from ..api.types import boundary_bits
from .bench import Bench, CheckResult, Stop, stream_of, verdict
from .clips import CheckClip
from .rules_alignment import aligned
from .rules_boundaries import boundaries, emptiness
from .rules_payload import ladder, payload_is_needed, timeline
from .worker import DecodedClip, EncodedClip, Refusal

_OTHER_SIZE = (256, 256)  # of codecs that code one picture size only, nearly all take this one


def identity(bench: Bench) -> Iterator[CheckResult]:
    """The codec can run, says the same of itself everywhere, and says it without heavy imports."""
    here = bench.encoder.identify()
    if isinstance(here, Refusal):
        yield CheckResult(
            "availability", False, f"availability() and describe() must return here; instead: {here}"
        )
        raise Stop("the codec cannot be described")
    if here.available is not None:
        yield CheckResult("availability", None, f"cannot run here: {here.available}")
        raise Stop("the codec cannot run here")
    yield CheckResult("availability", True, "can run here")
    bench.identity = here
    name = json.loads(here.facts)["name"]
    wrong = []
    if name != bench.codec:
        wrong.append(f"info.name is {name!r}, but the codec is registered as {bench.codec!r}")
    if not here.modalities or set(here.modalities) - {"video", "audio"}:
        wrong.append(f"info.modalities must name video, audio or both, got {here.modalities}")
    if not here.points:
        wrong.append("the ladder has no point")
    yield verdict("name", "; ".join(wrong), f"{len(here.points)} points, {' and '.join(here.modalities)}")
    yield verdict("parts", here.parts, "declared in order")
    if here.heavy:
        yield CheckResult(
            "light-description",
            False,
            "importing the module, availability() or describe() imported torch; import it inside load(), "
            "because listing and planning describe every codec",
        )
    else:
        yield CheckResult("light-description", True, f"described in {here.seconds:.2f} s without torch")
    loaded = bench.encoder.load()
    if isinstance(loaded, Refusal):
        yield CheckResult(
            "load", False, f"load() must return a codec where availability() is None; got: {loaded}"
        )
        raise Stop("the codec cannot be loaded")
    yield CheckResult("load", True, f"{loaded.seconds:.1f} s")
    differs = [
        f"{what} is {said!r} in describe() and {is_!r} in load()"
        for what, said, is_ in (
            ("info", here.facts, loaded.facts),
            ("points", here.points, loaded.points),
            ("order of points", list(here.points), list(loaded.points)),
        )
        if said != is_
    ]
    fix = "build both from the same function, so that plans and rows agree"
    yield verdict("description", "; ".join([*differs, fix]) if differs else "", "describe() equals load()")
    there = bench.decoder.identify()
    same = not isinstance(there, Refusal) and (there.facts, there.points) == (here.facts, here.points)
    found = str(there) if isinstance(there, Refusal) else f"{there.facts} {there.points}"
    yield verdict(
        "identity",
        ""
        if same
        else f"another process must describe the same codec {here.facts} {here.points}; got {found}. Take "
        "times, process ids, hash() and the order of sets out of info and points, or no row is found again",
        f"fingerprint {here.fingerprint} in two processes",
    )
    if wrong or here.parts:
        raise Stop("; ".join([*wrong, *([here.parts] if here.parts else [])]))


def coding(bench: Bench) -> Iterator[CheckResult]:
    """Encoding and decoding work, bill something, and return what the contract says."""
    bench.point = bench.points[len(bench.points) // 2]
    first = bench.encoder.encode(bench.point, bench.recipe)
    if isinstance(first, Refusal) and first.kind == "clear" and "video" in bench.modalities:
        bench.recipe = replace(bench.recipe, size=_OTHER_SIZE)
        first = bench.encoder.encode(bench.point, bench.recipe)
    shorter = second = first
    if not isinstance(first, Refusal):
        shorter = bench.encoder.encode(bench.point, replace(bench.recipe, frames=bench.recipe.frames // 2))
        second = bench.encoder.encode(bench.point, bench.other)
    if isinstance(first, Refusal) or isinstance(second, Refusal):
        shape = f"{bench.recipe.size[1]}x{bench.recipe.size[0]}, 10 frames, 16 kHz mono"
        message = f"point {bench.point!r} must encode a clip of {shape}; instead: {second}"
        yield CheckResult("encode", False, message)
        raise Stop("encoding does not work")
    bench.first, bench.second = first, second
    if isinstance(shorter, Refusal) and shorter.kind == "invalid":
        yield CheckResult("encode", False, f"point {bench.point!r} and a clip of 5 frames: {shorter}")
        raise Stop("encoding does not work")
    yield CheckResult("encode", True, f"point {bench.point!r}: {first.seconds:.2f} s for 10 frames")
    yield verdict(
        "input-untouched",
        "encode() changed the clip it was given; work on a copy, or the reference is no longer the original"
        if first.input_changed
        else "",
        "the clip is as before",
    )
    yield verdict(
        "leaves-nothing",
        f"encode() left files behind: {', '.join(second.left[:3])}; remove them (see "
        "tempfile.TemporaryDirectory): whatever the decoder needs is in the payload"
        if second.left
        else "",
        "no file is left behind",
    )
    yield _ledger(bench, [one for one in (first, second, shorter) if isinstance(one, EncodedClip)])
    here = bench.encoder.decode(first.data, bench.recipe.spec)
    if isinstance(here, Refusal):
        message = f"decoding must give the clip that the spec describes; instead: {here}"
        yield CheckResult("output", False, message)
        raise Stop("decoding does not work")
    yield CheckResult("output", True, f"shape, type and range are right; {here.seconds:.2f} s for 10 frames")


def _ledger(bench: Bench, encoded: list[EncodedClip]) -> CheckResult:
    streams = [stream_of(one) for one in encoded]
    wrong = ""
    if not all(stream.bits() for stream in streams):
        wrong = "the bitstream is empty; whatever the decoder needs of the clip belongs into payloads"
    bits = ", ".join(f"{part.name} {part.bits}" for part in streams[0].parts)
    total, count = streams[0].bits() // 8, len(streams[0].parts)
    carried = boundary_bits(total, count)
    share = 100 * carried / max(8 * total, 1)
    most = f"lengths of {count} parts can carry at most {carried:.1f} bits, {share:.2g} % of the bill"
    return verdict("ledger", wrong, f"bits: {bits}; {most if count > 1 else 'one part, no boundary'}")


def independence(bench: Bench) -> Iterator[CheckResult]:
    """The decoder knows nothing but the bytes and the spec."""
    assert bench.first
    assert bench.second
    spec, first, second = bench.recipe.spec, bench.first.data, bench.second.data
    there = [bench.decoder.decode(data, spec) for data in (first, second, first)]
    # The encoding process now encodes the first clip again, and is then asked for the second one.
    bench.encoder.encode(bench.point, bench.recipe)
    here = [bench.encoder.decode(data, spec) for data in (second, first)][::-1]
    instance = bench.encoder.decode(first, spec, instance=1)
    yield _same(
        "fresh-process",
        here[0],
        there[0],
        "decoding in a process that never saw the encoder",
        "the decoder uses something that is not in the bitstream (a global, a file, the encoder's state)",
    )
    yield _same(
        "second-instance",
        here[0],
        instance,
        "decoding with another instance of the codec",
        "keep the state of one clip inside encode() and decode(), not in the object, class or module",
    )
    if isinstance(there[0], Refusal):
        raise Stop("the decoding process cannot decode")
    yield _same(
        "repeatable-decode",
        there[0],
        there[2],
        "decoding the same bytes again, after another clip,",
        "seed every random number from constants, and keep no state between clips",
    )
    if isinstance(there[1], DecodedClip) and there[0].sha256 == there[1].sha256:
        wrong = "two different clips decode to the same output: the payload does not decide what is shown"
        yield CheckResult("payload-decides", False, wrong)
    else:
        yield _same(
            "payload-decides",
            there[1],
            here[1],
            "decoding the second clip's bytes after the first one was encoded",
            "the output must follow the payload, not what was encoded last",
        )
    bench.decoded = there[0]


def edges(bench: Bench) -> Iterator[CheckResult]:
    """Unusual clips work, or are refused with a CodecError."""
    base = bench.recipe
    video, audio = "video" in bench.modalities, "audio" in bench.modalities
    cases: dict[str, tuple[CheckClip, bool, bool]] = {  # recipe, concerns this codec, may be refused
        "one-frame": (replace(base, frames=1), True, False),
        "silence": (replace(base, silent=True), audio, False),
        "no-audio": (replace(base, audio=False), True, audio),
        "no-video": (replace(base, video=False), True, video),
        "odd-size": (replace(base, size=(49, 65)), video, True),
        "30-fps": (replace(base, fps=Fraction(30)), True, True),
        "stereo": (replace(base, channels=2), audio, True),
        "48-khz": (replace(base, sample_rate=48000), audio, True),
    }
    for name, (recipe, concerned, refusable) in cases.items():
        if not concerned:
            yield CheckResult(name, None, f"does not concern a codec of {bench.modalities[0]}")
            continue
        yield _edge(bench, name, recipe, refusable)


def _edge(bench: Bench, name: str, recipe: CheckClip, refusable: bool) -> CheckResult:
    assert bench.first
    encoded = bench.encoder.encode(bench.point, recipe)
    found = encoded
    if isinstance(encoded, EncodedClip):
        found = bench.decoder.decode(encoded.data, recipe.spec)
    if isinstance(found, Refusal):
        if found.kind == "clear" and refusable:
            return CheckResult(name, True, f"refused: {found}")
        verb = "must work, or be refused with a CodecError that says why" if refusable else "must work"
        return CheckResult(name, False, f"a clip of this kind {verb}; instead: {found}")
    ignored = {"no-audio": "audio", "no-video": "video"}.get(name)
    if ignored and ignored not in bench.modalities:
        assert isinstance(encoded, EncodedClip)
        if encoded.data != bench.first.data:
            message = f"the bitstream changes with the {ignored}, which the codec does not code; ignore it"
            return CheckResult(name, False, message)
    return CheckResult(name, True, "works")


def repeats(bench: Bench) -> Iterator[CheckResult]:
    """The same clip and point give the same bytes, here and in another process."""
    assert bench.first
    for process, where in ((bench.encoder, "again"), (bench.decoder, "in another process")):
        found = process.encode(bench.point, bench.recipe)
        if isinstance(found, Refusal) or found.data != bench.first.data:
            got = str(found) if isinstance(found, Refusal) else "other bytes"
            message = (
                f"encoding the same clip {where} must give the same bytes; got {got}. Seed every random "
                "number from constants, take time and thread count out, keep no state between clips"
            )
            yield CheckResult("repeatable-encode", False, message)
            return
    yield CheckResult("repeatable-encode", True, "the same bytes again, and in another process")


def _same(
    name: str, wanted: DecodedClip | Refusal, found: DecodedClip | Refusal, what: str, fix: str
) -> CheckResult:
    if isinstance(found, Refusal):
        return CheckResult(name, False, f"{what} must give the same clip; instead: {found}; {fix}")
    if isinstance(wanted, Refusal):
        return CheckResult(name, False, f"decoding worked once, and then: {wanted}; {fix}")
    if wanted.sha256 != found.sha256:
        return CheckResult(
            name, False, f"{what} must give the same clip bit for bit, and gave another; {fix}"
        )
    return CheckResult(name, True, "the same clip, bit for bit")


RULES = [
    (("availability", "name", "parts", "light-description", "load", "description", "identity"), identity),
    (("encode", "input-untouched", "leaves-nothing", "ledger", "output"), coding),
    (("fresh-process", "second-instance", "repeatable-decode", "payload-decides"), independence),
    (("ladder",), ladder),
    (("payload-needed", "damage"), payload_is_needed),
    (("emptiness",), emptiness),
    (("boundaries",), boundaries),
    (("timeline",), timeline),
    (("aligned",), aligned),
    (("one-frame", "silence", "no-audio", "no-video", "odd-size", "30-fps", "stereo", "48-khz"), edges),
    (("repeatable-encode",), repeats),
]
