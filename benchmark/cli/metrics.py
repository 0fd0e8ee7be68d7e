"""`talkbench metrics`: the metrics and whether they can run here; `--explain NAME`: all about one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from .. import weights
from ..api import registry
from ..api.metric import MetricInfo
from ..util import suggestions
from ..util.terminal import Terminal
from . import weights as weights_cli

_out = Terminal()


def metrics(
    explain: Annotated[str, typer.Option(metavar="NAME", help="All about one metric.")] = "",
) -> None:
    """List the metrics and whether they can run here, or explain one."""
    if explain:
        _explain(explain)
        return
    table = Table("metric", "looks at", "per", "unit", "better", "runs here", box=None, pad_edge=False)
    reasons: list[str] = []
    for family, info in sorted(registry.metrics().values(), key=lambda e: (e[1].modality, e[1].name)):
        reason = unavailable(family, info)
        if reason and reason not in reasons:
            reasons.append(reason)
        here = f"no: see {reasons.index(reason) + 1}" if reason else "yes"
        better = "higher" if info.higher_is_better else "lower"
        table.add_row(info.name, looks_at(info), info.kind, info.unit, better, here)
    _out.print(table)
    # Under the table, once each: most reasons are longer than a column and shared by several metrics.
    for number, reason in enumerate(reasons, 1):
        _out.say(f"{number}: {reason}")


def unavailable(family: str, info: MetricInfo) -> str | None:
    """Why a metric cannot run here, with the command that fixes it; None when it can."""
    return registry.metric_family(family).availability() or info.missing()


def looks_at(info: MetricInfo) -> str:
    """In words: video, audio, or both for a pair."""
    return "video+audio" if info.modality == "pair" else info.modality


def _explain(name: str) -> None:
    known = registry.metrics()
    if name not in known:
        raise suggestions.unknown("metrics", name, sorted(known))
    family, info = known[name]
    for label, text in facts(family, info):
        _out.say(f"{label:<15}{text}")


def facts(family: str, info: MetricInfo) -> list[tuple[str, str]]:
    """(label, text) of everything about a metric, also what depends on this machine."""
    low, high = ("unbounded" if bound is None else f"{bound:g}" for bound in info.bounds)
    reason = unavailable(family, info)
    found = [
        ("metric", info.name),
        ("definition", info.definition),
        ("unit", info.unit or "none"),
        ("better", "higher" if info.higher_is_better else "lower"),
        ("bounds", f"{low} to {high}"),
        ("looks at", looks_at(info)),
        ("value per", f"{info.kind}, {_AVERAGE[info.aggregate]}" if info.kind != "set" else _SET),
        ("reference row", "yes: the untouched reference is scored too" if info.of_reference else "no"),
        ("quick form", "yes: bfloat16, with a fingerprint of its own" if info.has_quick else "no"),
        ("source", info.paper or "none"),
        ("implementation", f"{_file(family)} (family {family}, version {info.version})"),
    ]
    found += [("weights", _weight(part)) for part in info.weights] or [("weights", "none")]
    found += [("option", f"{key} = {value}") for key, value in info.options.items()]
    found += [("build", f"{key} {value}") for key, value in info.build.items()]
    unknown = [part for part in info.weights if not weights.sha256(part)]
    caveat = f" (will change: the sha256 of {', '.join(unknown)} is not known yet)" if unknown else ""
    found.append(("fingerprint", info.fingerprint() + caveat))
    found.append(("runs here", f"no: {reason}" if reason else "yes"))
    return found


_AVERAGE = {"mean": "then the mean over clips", "weighted": "then summed over clips by weight (words)"}
_SET = "distribution (set): one value over all clips of a codec and point"


def _file(family: str) -> str:
    return str(Path(str(registry.metric_family(family).__file__)))  # pyright: ignore[reportAttributeAccessIssue]


def _weight(name: str) -> str:
    found = weights.find(name)
    sha256 = weights.sha256(name) or "not known yet"
    part = found.weight
    return (
        f"{name} ({part.variant}): {weights_cli.licence(part)}; sha256 {sha256}; {weights_cli.where(found)}"
    )
