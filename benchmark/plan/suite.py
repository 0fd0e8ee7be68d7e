"""Suites: TOML files that say which clips, systems, points and metrics a sweep runs."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any

from ..api.types import ParamValue, Point
from ..util import suggestions
from ..util.errors import UsageError
from ..util.hashing import key

Options = Mapping[str, int | float | str | bool]
MAX_BYTES = 1 << 20  # of a suite file


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
        points = [Point(point.name, {**point.params, **self.params}) for point in chosen]
        for point in points:
            _typed_params(codec, point, default)
        _all_different(codec, points)
        return points


def _known_params(codec: str, given: Mapping[str, object], known: set[str]) -> None:
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, sorted(known), n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise UsageError(
                f"codec {codec!r} has no parameter {name!r}; {hint}"
                f"its points have {', '.join(sorted(known)) or 'none'}"
            )


def _typed_params(codec: str, point: Point, default: Sequence[Point]) -> None:
    """Raise UsageError unless parameters are of the types that the default ladder has."""
    for name, value in point.params.items():
        kinds = {type(other.params[name]) for other in default if name in other.params}
        taken = kinds | {int} if float in kinds else kinds
        if type(value) not in taken:
            words = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
            wanted = " or ".join(sorted(words.get(kind, kind.__name__) for kind in kinds))
            raise UsageError(
                f"codecs.{codec}: point {point.name!r}: {name} must be {wanted}, "
                f"as {default[0].params.get(name)!r}; got {value!r}"
            )


def _all_different(codec: str, points: Sequence[Point]) -> None:
    """Raise UsageError for two points of one name, or of the same parameters: they are one encode."""
    names: set[str] = set()
    made: dict[str, str] = {}
    for point in points:
        if point.name in names:
            raise UsageError(f"codecs.{codec}.points: point {point.name!r} is there twice; take one out")
        names.add(point.name)
        other = made.setdefault(key(point.params), point.name)
        if other != point.name:
            raise UsageError(
                f"codecs.{codec}: points {other!r} and {point.name!r} have the same parameters "
                f"({dict(point.params)}); keep one of them"
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
        """This suite with what the command line changes; `clips` replaces its datasets by a folder.

        Raises UsageError for a change that no suite file could say either.
        """
        from . import suite_schema  # imports pydantic

        changed = replace(self, quick=self.quick or quick)
        if previews is not None:
            changed = replace(changed, previews=previews)
        if clips is not None:
            folder = clips.resolve()
            if not folder.is_dir():
                raise UsageError(f"--clips {clips}: no such directory")
            changed = replace(
                changed,
                name=_name_of(folder),
                title=f"Clips of {_name_of(folder)}",
                datasets=(DatasetChoice("folder", {"path": str(folder)}),),
            )
        if systems:
            anchors = {rate: name for rate, name in self.anchors.items() if name in _anchor_names(systems)}
            changed = replace(changed, systems=tuple(systems), anchors=anchors)
        if metrics:
            changed = replace(changed, metrics=tuple(metrics))
        for codec, names in (points or {}).items():
            if codec not in _anchor_names(changed.systems):
                raise UsageError(
                    f"--points {codec}=…: no system of this suite has the codec {codec!r}; "
                    f"the systems are {', '.join(changed.systems)}"
                )
            choice = replace(changed.codecs.get(codec, CodecChoice()), points=tuple(names))
            changed = replace(changed, codecs={**changed.codecs, codec: choice})
        try:
            suite_schema.check_resolved(changed.resolved())
        except UsageError as error:
            raise UsageError(f"with what the command line changes: {error}") from error
        return changed


def _name_of(folder: Path) -> str:
    """A suite's name for a folder of recordings: what no name may have becomes '-'."""
    plain = re.sub(r"[^\w .+()@,=-]+", "-", folder.name)
    return plain.encode()[:80].decode(errors="ignore").strip(" .-+()@,=") or "clips"


def _anchor_names(systems: Sequence[str]) -> set[str]:
    return {name for system in systems for name in (system, *system.split("+"))}


def names() -> list[str]:
    """The suites that ship with talkbench."""
    folder = resources.files("talkbench.benchmark.plan") / "suites"
    return sorted(
        entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")
    )


def load(name_or_path: str) -> Suite:
    """A shipped suite by name, or any TOML file by path. Raises UsageError naming file, key and fix."""
    path = Path(name_or_path)
    if name_or_path in names():
        text = (resources.files("talkbench.benchmark.plan") / "suites" / f"{name_or_path}.toml").read_text(
            encoding="utf-8"
        )
    elif path.suffix == ".toml" and path.is_file():
        text = _read(path)
    elif path.suffix == ".toml":
        raise UsageError(f"{path}: no such suite file")
    else:
        raise suggestions.unknown("suites", name_or_path, names())
    try:
        return of(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{name_or_path}: not valid TOML: {error}") from error
    except ValueError as error:  # an integer of more digits than Python reads
        raise UsageError(f"{name_or_path}: not valid TOML: {error}") from error
    except UsageError as error:
        raise UsageError(f"{name_or_path}: {error}") from error


def _read(path: Path) -> str:
    if path.stat().st_size > MAX_BYTES:
        raise UsageError(f"{path}: larger than {MAX_BYTES} bytes; a suite is a few lines of TOML")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 text: {error}; save it as UTF-8") from error


def of(values: Mapping[str, Any]) -> Suite:
    """The suite that the values of a TOML file describe. Raises UsageError naming the key and the fix."""
    from . import suite_schema  # imports pydantic

    found = suite_schema.parse(values)
    given = {name: getattr(found, name) for name in found.model_fields_set}
    given["datasets"] = tuple(
        DatasetChoice(entry["use"], {name: value for name, value in entry.items() if name != "use"})
        for entry in found.datasets
    )
    given["codecs"] = {
        name: CodecChoice(choice.points, choice.params) for name, choice in found.codecs.items()
    }
    return Suite(**given)
