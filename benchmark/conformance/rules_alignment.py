"""The rule on time: what a codec decodes is neither early nor late against what was encoded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from .bench import Bench, CheckResult
from .worker import Refusal

_FRAMES = 25  # 1 s of sound
# Of waveforms: one sample at 8 kHz, the lowest rate of codecs. Of envelopes: half a picture at 25 per s.
_WAVEFORM_S, _ENVELOPE_S = 1 / 8000, 0.02
# Below these, the measures find a delay in sounds that have nothing in common.
_WAVEFORM_LIKENESS, _ENVELOPE_LIKENESS = 0.3, 0.6


def aligned(bench: Bench) -> Iterator[CheckResult]:
    """The decoded sound is not late, at the point of the highest rate, as far as that can be measured."""
    if "audio" not in bench.modalities:
        yield CheckResult("aligned", None, "does not concern a codec of video")
        return
    recipe, point = replace(bench.recipe, frames=_FRAMES), bench.points[-1]
    encoded = bench.encoder.encode(point, recipe)
    found = encoded if isinstance(encoded, Refusal) else bench.decoder.delays(encoded.data, recipe)
    if isinstance(found, Refusal):
        yield CheckResult("aligned", False, f"point {point!r} must code a clip of 1 s; instead: {found}")
        return
    waveform, envelope = found
    if waveform.likeness >= _WAVEFORM_LIKENESS:
        measured, limit_s, how = waveform, _WAVEFORM_S, "waveform"
    elif envelope.likeness >= _ENVELOPE_LIKENESS:
        measured, limit_s, how = envelope, _ENVELOPE_S, "loudness over time"
    else:
        yield CheckResult(
            "aligned",
            None,
            f"at {point!r} the decoded sound is too unlike the original to measure its delay "
            f"(coherence {waveform.likeness:.2f}, correlation of envelopes {envelope.likeness:.2f})",
        )
        return
    late_ms = 1000 * measured.samples / recipe.sample_rate
    limit_ms = 1000 * (limit_s + 3 * measured.error / recipe.sample_rate)
    side = "late" if late_ms > 0 else "early"
    said = f"by its {how}, the sound at {point!r} is {abs(late_ms):.3f} ms {side}"
    ok = abs(late_ms) <= limit_ms
    fix = "" if ok else ": decode() must take back the codec's own delay, look-ahead included, to the sample"
    yield CheckResult("aligned", ok, f"{said} ({measured.samples:.2f} samples at 16 kHz){fix}")
