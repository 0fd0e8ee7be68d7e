"""Suites: TOML files that say which clips, systems, points and metrics a sweep runs."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any

from . import registry
from .errors import UsageError
from .fingerprint import key
from .types import ParamValue, Point

Options = Mapping[str, int | float | str | bool]


@dataclass(frozen=True)
class DatasetChoice:
    """A dataset module with its options."""

    use: str
    options: Options = field(default_factory=dict)


@dataclass(frozen=True)
class CodecChoice:
    """What a suite changes of a codec's ladder.

    points: names of the default ladder to keep, or new points as {name, parameter…}, lowest rate first;
    empty keeps all. params: values that replace those of every point.
    """

    points: tuple[str | Mapping[str, ParamValue], ...] = ()
    params: Mapping[str, ParamValue] = field(default_factory=dict)

    def ladder(self, codec: str, default: Sequence[Point]) -> list[Point]:
        """The points to run. Raises UsageError for a name or a parameter that the codec does not have."""
        by_name = {point.name: point for point in default}
        known = set(default[0].params)
        chosen: list[Point] = []
        for entry in self.points or tuple(by_name):
            if isinstance(entry, str):
                if entry not in by_name:
                    raise UsageError(
                        f"codec {codec!r} has no point {entry!r}; it has {', '.join(by_name)} "
                        f"(codecs.{codec}.points)"
                    )
                chosen.append(by_name[entry])
                continue
            changes = {name: value for name, value in entry.items() if name != "name"}
            _known_params(codec, changes, known)
            chosen.append(Point(str(entry["name"]), {**default[0].params, **changes}))
        _known_params(codec, self.params, known)
        return [Point(point.name, {**point.params, **self.params}) for point in chosen]


def _known_params(codec: str, given: Mapping[str, object], known: set[str]) -> None:
    for name in given:
        if name not in known:
            raise UsageError(
                f"codec {codec!r} has no parameter {name!r}; "
                f"its points have {', '.join(sorted(known)) or 'none'}"
            )


@dataclass(frozen=True)
class Suite:
    """What to run. `metrics` empty means all; `anchors` maps a rate (video, audio, total) to a system.

    metric_options: family -> what its `describe` takes; quick: metrics in bfloat16 where they can;
    previews: clips of each dataset that the report shows; preview_megabytes: of each of them at most.
    """

    name: str
    systems: tuple[str, ...]
    datasets: tuple[DatasetChoice, ...]
    title: str = ""
    metrics: tuple[str, ...] = ()
    metric_options: Mapping[str, Mapping[str, int | float | str]] = field(default_factory=dict)
    codecs: Mapping[str, CodecChoice] = field(default_factory=dict)
    anchors: Mapping[str, str] = field(default_factory=dict)
    matched_kbps: tuple[float, ...] = (2.0, 5.0, 10.0, 20.0)
    time_limit_s: float = 1800.0
    keep_decoded: bool = False
    quick: bool = False
    previews: int = 1
    preview_megabytes: float = 40.0

    def resolved(self) -> dict[str, Any]:
        """Plain values, as stored with each run."""
        return {
            "name": self.name,
            "title": self.title,
            "systems": list(self.systems),
            "datasets": [{"use": d.use, **d.options} for d in self.datasets],
            "metrics": list(self.metrics),
            "metric_options": {family: dict(options) for family, options in self.metric_options.items()},
            "codecs": {
                name: {
                    "points": [p if isinstance(p, str) else dict(p) for p in choice.points],
                    "params": dict(choice.params),
                }
                for name, choice in self.codecs.items()
            },
            "anchors": dict(self.anchors),
            "matched_kbps": list(self.matched_kbps),
            "time_limit_s": self.time_limit_s,
            "keep_decoded": self.keep_decoded,
            "quick": self.quick,
            "previews": self.previews,
            "preview_megabytes": self.preview_megabytes,
        }

    def sha256(self) -> str:
        """Hash over everything that the suite says."""
        return key(self.resolved())

    def override(
        self,
        clips: Path | None = None,
        systems: Sequence[str] = (),
        points: Mapping[str, Sequence[str]] | None = None,
        metrics: Sequence[str] = (),
        quick: bool = False,
        previews: int | None = None,
    ) -> Suite:
        """This suite with what the command line changes; `clips` replaces its datasets by a folder."""
        changed = replace(self, quick=self.quick or quick)
        if previews is not None:
            changed = replace(changed, previews=previews)
        if clips is not None:
            folder = clips.resolve()
            if not folder.is_dir():
                raise UsageError(f"--clips {clips}: no such directory")
            changed = replace(
                changed,
                name=folder.name,
                title=f"Clips of {folder.name}",
                datasets=(DatasetChoice("folder", {"path": str(folder)}),),
            )
        if systems:
            anchors = {rate: name for rate, name in self.anchors.items() if name in _anchor_names(systems)}
            changed = replace(changed, systems=tuple(systems), anchors=anchors)
        if metrics:
            changed = replace(changed, metrics=tuple(metrics))
        for codec, names in (points or {}).items():
            choice = replace(changed.codecs.get(codec, CodecChoice()), points=tuple(names))
            changed = replace(changed, codecs={**changed.codecs, codec: choice})
        return changed


def _anchor_names(systems: Sequence[str]) -> set[str]:
    return {name for system in systems for name in (system, *system.split("+"))}


def names() -> list[str]:
    """The suites that ship with talkbench."""
    folder = resources.files("talkbench.benchmark") / "suites"
    return sorted(
        entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")
    )


def load(name_or_path: str) -> Suite:
    """A shipped suite by name, or any TOML file by path. Raises UsageError naming file, key and mend."""
    path = Path(name_or_path)
    if name_or_path in names():
        text = (resources.files("talkbench.benchmark") / "suites" / f"{name_or_path}.toml").read_text(
            encoding="utf-8"
        )
    elif path.suffix == ".toml" and path.is_file():
        text = path.read_text(encoding="utf-8")
    elif path.suffix == ".toml":
        raise UsageError(f"{path}: no such suite file")
    else:
        raise registry.unknown("suites", name_or_path, names())
    try:
        return _parse(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{name_or_path}: not valid TOML: {error}") from error
    except UsageError as error:
        raise UsageError(f"{name_or_path}: {error}") from error


def _parse(values: dict[str, Any]) -> Suite:
    fields: dict[str, Any] = {
        "name": _typed(values, "name", str, required=True),
        "title": _typed(values, "title", str),
        "systems": _names(values, "systems", required=True),
        "metrics": _names(values, "metrics"),
        "metric_options": _tables(values, "metric_options"),
        "anchors": _typed(values, "anchors", dict),
        "matched_kbps": values.get("matched_kbps"),
        "time_limit_s": _typed(values, "time_limit_s", (int, float)),
        "keep_decoded": _typed(values, "keep_decoded", bool),
        "quick": _typed(values, "quick", bool),
        "previews": _typed(values, "previews", int),
        "preview_megabytes": _typed(values, "preview_megabytes", (int, float)),
        "datasets": tuple(_dataset(entry) for entry in _typed(values, "datasets", list, required=True)),
        "codecs": {name: _codec(name, entry) for name, entry in values.get("codecs", {}).items()},
    }
    for name in values:
        if name not in fields:
            raise UsageError(f"unknown key {name!r}; a suite has {', '.join(fields)}")
    kbps = fields["matched_kbps"]
    if kbps is not None:
        if not isinstance(kbps, list) or not all(isinstance(x, int | float) and x > 0 for x in kbps):
            raise UsageError("matched_kbps must be a list of positive numbers (kbit/s)")
        fields["matched_kbps"] = tuple(float(x) for x in kbps)
    for name in ("previews", "preview_megabytes"):
        if not 0 <= (fields[name] or 0) < float("inf"):
            raise UsageError(f"{name} must be 0 or more, got {fields[name]!r}")
    wrong = set(fields["anchors"] or {}) - {"video", "audio", "total"}
    if wrong:
        raise UsageError(f"anchors.{wrong.pop()}: an anchor is for video, audio or total")
    return Suite(**{name: value for name, value in fields.items() if value is not None})


def _typed(values: Mapping[str, Any], name: str, kind: Any, required: bool = False) -> Any:
    value = values.get(name)
    if value is None:
        if required:
            raise UsageError(f"key {name!r} is missing")
        return None
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        wanted = kind.__name__ if isinstance(kind, type) else "number"
        raise UsageError(f"{name} must be a {wanted}, got {value!r}")
    return value


def _names(values: Mapping[str, Any], name: str, required: bool = False) -> tuple[str, ...] | None:
    found = _typed(values, name, list, required)
    if found is None:
        return None
    if not all(isinstance(entry, str) for entry in found):
        raise UsageError(f"{name} must be a list of names, got {found!r}")
    return tuple(found)


def _tables(values: Mapping[str, Any], name: str) -> dict[str, dict[str, Any]] | None:
    found = _typed(values, name, dict)
    for key_, table in (found or {}).items():
        if not isinstance(table, dict):
            raise UsageError(f"{name}.{key_} must be a table of options, got {table!r}")
    return found


def _dataset(entry: Any) -> DatasetChoice:
    if not isinstance(entry, dict) or not isinstance(entry.get("use"), str):
        raise UsageError('each [[datasets]] needs use = "NAME"; see `talkbench datasets`')
    return DatasetChoice(entry["use"], {name: value for name, value in entry.items() if name != "use"})


def _codec(name: str, entry: Any) -> CodecChoice:
    if not isinstance(entry, dict) or set(entry) - {"points", "params"}:
        raise UsageError(f"codecs.{name} may have points and params only")
    points = entry.get("points", [])
    for point in points:
        if not isinstance(point, str) and not (isinstance(point, dict) and "name" in point):
            raise UsageError(
                f"codecs.{name}.points: {point!r} is neither a point's name nor a table with a name"
            )
    return CodecChoice(tuple(points), entry.get("params", {}))
