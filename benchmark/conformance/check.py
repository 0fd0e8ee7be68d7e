"""Does a codec keep the contract? `check` answers with one result per rule. See docs/adding-a-codec.md.

The codec runs in two other processes: one encodes, the other one decodes and never sees an encoder.
So a codec that hangs or crashes ends its own process only, and nothing but bytes joins the two.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from ..api import registry
from ..util import suggestions
from .bench import STEP_LIMIT_S, Bench, CheckResult, Process, Stop
from .rules import RULES


def check(
    name: str,
    device: str = "cpu",
    progress: Callable[[CheckResult], None] = lambda result: None,
    step_limit_s: float = STEP_LIMIT_S,
) -> list[CheckResult]:
    """Judge the codec called `name` by every rule, on short made-up clips.

    progress: called with each result as it comes; step_limit_s: seconds that loading, or coding one
    clip of 0.4 s, may take; a longer clip, in proportion. Raises UsageError when no codec has that name.
    """
    if name not in registry.names("codecs"):
        raise suggestions.unknown("codecs", name, registry.names("codecs"))
    results: list[CheckResult] = []
    with tempfile.TemporaryDirectory(prefix="talkbench-check-") as folder:
        bench = Bench(
            name,
            encoder=Process(name, device, Path(folder, "encode"), step_limit_s),
            decoder=Process(name, device, Path(folder, "decode"), step_limit_s),
        )
        try:
            for result in _judge(bench):
                results.append(result)
                progress(result)
        finally:
            bench.encoder.close()
            bench.decoder.close()
    return results


def _judge(bench: Bench) -> Iterator[CheckResult]:
    """All results in the rules' order; after a `Stop`, those that remain are not judged."""
    reason = ""
    for names, judge in RULES:
        judged = set()
        try:
            for result in judge(bench) if not reason else ():
                judged.add(result.name)
                yield result
        except Stop as stop:
            reason = str(stop)
        for name in names:
            if name not in judged:
                yield CheckResult(name, None, f"not judged: {reason}")
