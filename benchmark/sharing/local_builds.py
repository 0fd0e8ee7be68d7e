"""Which codecs and metrics of foreign tables are those of this machine: same name, same fingerprint."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from ..api import registry
from ..api.codec import CodecInfo
from ..api.metric import MetricInfo
from ..util.errors import TalkbenchError
from .checks import Check

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection


class Build(NamedTuple):
    """A codec or a metric as a table names it."""

    name: str
    fingerprint: str


class Metric(NamedTuple):
    """A metric that this machine knows, and its family."""

    family: str
    info: MetricInfo


def codecs(connection: Connection) -> tuple[dict[Build, CodecInfo], dict[Build, str]]:
    """The codecs that can run here, and for the others, why not."""
    found, reasons = {}, {}
    for row in connection.execute("SELECT codec, fingerprint FROM codecs").fetchall():
        build = Build(*row)
        info = _codec(*build)
        (reasons if isinstance(info, str) else found)[build] = info
    return found, reasons


def _codec(name: str, fingerprint: str) -> CodecInfo | str:
    if name not in registry.names("codecs"):
        return f"codec {name!r} is not installed here"
    try:
        module = registry.codec(name)
        if reason := module.availability():
            return f"codec {name!r} cannot run here: {reason}"
        info = module.describe()[0]
    except TalkbenchError as error:
        return f"codec {name!r} cannot run here: {error}"
    if info.fingerprint() != fingerprint:
        return f"codec {name!r} is another build here ({info.fingerprint()}, not {fingerprint})"
    return info


def metrics(connection: Connection) -> tuple[dict[Build, Metric], dict[Build, str]]:
    """The metrics that can be computed here, and for the others, why not."""
    here = _forms(connection)
    found, reasons = {}, {}
    for name, fingerprint in connection.execute("SELECT metric, fingerprint FROM metrics").fetchall():
        build = Build(name, fingerprint)
        if build in here:
            family, info = here[build]
            if reason := registry.metric_family(family).availability() or info.missing():
                reasons[build] = f"metric {name!r} cannot run here: {reason}"
            else:
                found[build] = here[build]
        elif name in registry.metrics():
            own = registry.metrics()[name][1].fingerprint()
            reasons[build] = f"metric {name!r} is another build here ({own}, not {fingerprint})"
        else:
            reasons[build] = f"metric {name!r} is not installed here"
    return found, reasons


def _forms(connection: Connection) -> dict[Build, Metric]:
    """Every form of every metric that this machine knows: as it is, quick, and with the runs' options."""
    described = list(registry.metrics().values())
    for family, options in _metric_options(connection):
        try:
            described += [(family, info) for info in registry.describe_family(family, options)]
        except Exception:  # untrusted options: their metrics then have another fingerprint
            continue
    return {
        Build(form.name, form.fingerprint()): Metric(family, form)
        for family, info in described
        for form in (info, info.quickened())
    }


def _metric_options(connection: Connection) -> Iterator[tuple[str, dict[str, Any]]]:
    for (text,) in connection.execute("SELECT suite_resolved FROM runs").fetchall():
        options = json.loads(text or "{}").get("metric_options")
        for family, values in options.items() if isinstance(options, dict) else ():
            if family in registry.names("metrics") and isinstance(values, dict):
                yield family, values


def descriptions(connection: Connection) -> Check:
    """The row of a locally known fingerprint matches the local description: direction, weights, …"""
    result = Check("codecs, metrics described as here")
    own, reasons = codecs(connection)
    result.not_checked.update(reasons.values())
    for name, fingerprint, *said in connection.execute(
        "SELECT codec, fingerprint, family, modalities, weights, version FROM codecs ORDER BY ALL"
    ).fetchall():
        if info := own.get(Build(name, fingerprint)):
            expected = [info.family, list(info.modalities), info.weights, info.version]
            result.hold(said == expected, f"codec {name!r} is described as {said}; here it is {expected}")
    forms = _forms(connection)
    for name, fingerprint, *said in connection.execute(
        "SELECT metric, fingerprint, family, kind, modality, unit, higher_is_better, aggregate FROM metrics "
        "ORDER BY ALL"
    ).fetchall():
        build = Build(name, fingerprint)
        if build not in forms:
            result.not_checked[f"metric {name!r} is another build here, or is not installed here"] += 1
            continue
        family, info = forms[build]
        expected = [family, info.kind, info.modality, info.unit, info.higher_is_better, info.aggregate]
        result.hold(said == expected, f"metric {name!r} is described as {said}; here it is {expected}")
    return result
