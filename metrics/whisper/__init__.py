"""Word error rates by OpenAI's Whisper: its official checkpoints in transformers' implementation."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import metadata

from ...benchmark.api import MetricInfo, UsageError
from .. import _words

SIZES = ("tiny", "base", "small", "medium", "large-v2", "large-v3")
BEAMS = 5
# Half of the decoder's context, as in OpenAI's decoder.
MAX_TOKENS = 224


def availability() -> str | None:
    """Always available, given its weights."""
    return None


def describe(size: str = "large-v3") -> Sequence[MetricInfo]:
    """`wer_whisper` and `dwer_whisper` with a multilingual model. Raises UsageError for an unknown size."""
    if size not in SIZES:
        raise UsageError(f"Whisper has no size {size!r}; there are: {', '.join(SIZES)}")
    return _words.describe(
        "whisper",
        f"Whisper {size} in float32 at 16 kHz on the mean of the channels, each sound recognised by itself; "
        f"English transcription with {BEAMS} beams at temperature 0, at most {MAX_TOKENS} tokens a window, "
        "without fallback or text of earlier windows; up to 30 s in one window without timestamps, longer "
        "sound in windows that start at the last predicted timestamp; nothing is heard in digital silence; "
        "words after Whisper's English normaliser",
        paper="Radford et al.: Robust speech recognition via large-scale weak supervision, ICML 2023",
        build={package: metadata.version(package) for package in ("transformers", "jiwer", "soxr")},
        options={"size": size, "beams": BEAMS, "max_tokens": MAX_TOKENS},
        weights=(f"whisper-{size}", "whisper-vocabulary", "whisper-spelling"),
        has_quick=True,
    )


def load(device: str, infos: Sequence[MetricInfo]) -> _words.WordErrors:
    """The metrics with the options that `infos` share, on `device`."""
    from .recogniser import Recogniser

    info = infos[0]
    size, beams, max_tokens = (info.options[name] for name in ("size", "beams", "max_tokens"))
    recogniser = Recogniser(str(size), int(beams), int(max_tokens), device, info.quick)
    return _words.WordErrors(infos, recogniser.recognise, recogniser.words)
