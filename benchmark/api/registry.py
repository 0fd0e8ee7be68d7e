"""What there is: codecs, metrics and datasets, found by file name and by entry point.

A file `codecs/amr_nb.py` (or a folder with `__init__.py`) is the codec `amr-nb`; names that start
with `_` are private. Outside the repository, the entry-point groups `talkbench.codecs`,
`talkbench.metrics` and `talkbench.datasets` add more. Nothing is imported before it is asked for.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, Literal, cast

from ..util.errors import UsageError
from ..util.suggestions import unknown
from .codec import CodecModule
from .dataset import DatasetModule
from .metric import MetricInfo, MetricModule, why_not_planned

Kind = Literal["codecs", "metrics", "datasets"]
_PACKAGE = __name__.partition(".")[0]


@cache
def _sources(kind: Kind) -> Mapping[str, str | metadata.EntryPoint]:
    """Name to module path (inside the package) or entry point (outside)."""
    folder = Path(__file__).parents[2] / kind
    found: dict[str, str | metadata.EntryPoint] = {
        module.name.replace("_", "-"): f"{_PACKAGE}.{kind}.{module.name}"
        for module in pkgutil.iter_modules([str(folder)])
        if not module.name.startswith("_")
    }
    for entry in metadata.entry_points(group=f"talkbench.{kind}"):
        if entry.name in found:
            raise UsageError(
                f"entry point {entry.value!r} (group talkbench.{kind}) offers {entry.name!r}, which exists "
                "already; give it another name in the package's entry points"
            )
        found[entry.name] = entry
    return found


def names(kind: Kind) -> list[str]:
    """All registered names, sorted."""
    return sorted(_sources(kind))


def forget() -> None:
    """Look again for what is registered, after a file or a package was added while this process runs."""
    importlib.invalidate_caches()
    _sources.cache_clear()
    metrics.cache_clear()


def _module(kind: Kind, name: str) -> Any:
    source = _sources(kind).get(name)
    if source is None:
        raise unknown(kind, name, names(kind))
    if isinstance(source, str):
        return importlib.import_module(source)
    try:
        return source.load()
    except Exception as error:  # code from outside: anything may happen while it is imported
        raise UsageError(
            f"entry point {source.value!r} of {kind.rstrip('s')} {name!r} cannot be loaded: "
            f"{type(error).__name__}: {error}"
        ) from error


def codec(name: str) -> CodecModule:
    """The module of a codec. Raises UsageError for an unknown name."""
    return cast(CodecModule, _module("codecs", name))


def dataset(name: str) -> DatasetModule:
    """The module of a dataset. Raises UsageError for an unknown name."""
    return cast(DatasetModule, _module("datasets", name))


def metric_family(name: str) -> MetricModule:
    """The module of a family of metrics. Raises UsageError for an unknown name."""
    return cast(MetricModule, _module("metrics", name))


def describe_family(family: str, options: Mapping[str, int | float | str]) -> Sequence[MetricInfo]:
    """The metrics of a family with these options.

    Raises UsageError for options that it does not take, and for metrics that no sweep would compute.
    """
    try:
        infos = metric_family(family).describe(**options)
    except TypeError as error:
        if not options:
            raise
        raise UsageError(f"metric_options.{family}: {', '.join(options)}: {error}") from error
    if reason := why_not_planned(infos):
        raise UsageError(f"metric family {family!r}: {reason}")
    return infos


@cache
def metrics() -> Mapping[str, tuple[str, MetricInfo]]:
    """Metric name to (family, info), over all families with their default options."""
    found: dict[str, tuple[str, MetricInfo]] = {}
    for family in names("metrics"):
        for info in describe_family(family, {}):
            if info.name in found:
                raise UsageError(
                    f"metric {info.name!r} is offered by two families, {found[info.name][0]!r} and {family!r}"
                )
            found[info.name] = (family, info)
    return found
