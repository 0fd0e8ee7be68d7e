"""What a suite may say: every key with its type and its limits, and what is said of one that is wrong.

pydantic takes some 80 ms to import: only what reads or changes a suite imports this module.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ..util.errors import UsageError

MAX_NAME = 100  # characters of a name; of a suite's also bytes of a file's name
MAX_TITLE = 200
MAX_TEXT = 4096  # characters of an option's text: the longest path
MAX_ENTRIES = 1000  # of any list or table
MAX_INTEGER = 1 << 53  # JSON readers agree on integers up to there
MAX_SECONDS = 30 * 86400.0
MAX_KBPS = 1e9
MAX_MEGABYTES = 1e6
MAX_PREVIEWS = 1_000_000

_SUITE_NAME = re.compile(r"\w[\w .+()@,=-]*(?<![ .])")
_POINT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # '|' joins two points, ',' and '=' part them
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _matching(pattern: re.Pattern[str], what: str) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError(f"must be a text, got {shown(value)}")
        if len(value.encode("utf-8", "surrogatepass")) > MAX_NAME or not pattern.fullmatch(value):
            raise ValueError(f"{shown(value)} is not a name; use {what}, at most {MAX_NAME} bytes")
        return value

    return check


def _system(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be the name of a system, got {shown(value)}")
    parts = value.split("+")
    if len(parts) > 2 or not all(_NAME.fullmatch(part) and len(part) <= MAX_NAME for part in parts):
        raise ValueError(f"{shown(value)} is not a system; write CODEC or VIDEO+AUDIO, as 'vvc+opus'")
    return value


def _text(most: int) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError(f"must be a text, got {shown(value)}")
        if len(value) > most:
            raise ValueError(f"has {len(value)} characters; make it {most} at most")
        if any(ord(c) < 32 or ord(c) == 127 or 0xD800 <= ord(c) < 0xE000 for c in value):
            raise ValueError(f"{shown(value)} holds a control character; take it out")
        return value

    return check


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, got {shown(value)}")
    return value


def _number(low: float, high: float, above: bool = False, whole: bool = False) -> Callable[[Any], Any]:
    """low: excluded where `above`; whole: no float is taken; otherwise the number comes as float."""

    def check(value: Any) -> int | float:
        kind = "a whole number" if whole else "a number"
        wanted = f"{kind} {'above' if above else 'from'} {low:g} to {high:g}"
        number = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
        if not number or not (low < value if above else low <= value) or value > high:
            raise ValueError(f"must be {wanted}, got {shown(value)}")
        return value if whole else float(value)

    return check


def _scalar(value: Any) -> int | float | str:
    """A codec's parameter or a metric's option."""
    if isinstance(value, str):
        return _text(MAX_TEXT)(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"must be a number or a text, got {shown(value)}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"must be a finite number, got {shown(value)}")
    if abs(value) > MAX_INTEGER:
        raise ValueError(f"must be within ±2^53, got {shown(value)}")
    return value


def _option(value: Any) -> int | float | str | bool:
    """A dataset's option."""
    if not isinstance(value, bool | int | float | str):
        raise ValueError(f"must be a number, a text, true or false, got {shown(value)}")
    return value if isinstance(value, bool) else _scalar(value)


def _list(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        raise ValueError(f"must be a list, got {shown(value)}; write it in brackets")
    if not value:
        raise ValueError("must be a list of one or more, got an empty one; fill it, or take the key out")
    if len(value) > MAX_ENTRIES:
        raise ValueError(f"must be a list of {MAX_ENTRIES} at most, got {len(value)}")
    return tuple(value)


def _table(value: Any) -> Any:
    if not isinstance(value, Mapping):
        raise ValueError(f"must be a table, got {shown(value)}")
    if len(value) > MAX_ENTRIES:
        raise ValueError(f"must be a table of {MAX_ENTRIES} entries at most, got {len(value)}")
    return dict(value)


def _once(values: Sequence[Any]) -> Sequence[Any]:
    for at, value in enumerate(values):
        for before, other in enumerate(values[:at]):
            if type(value) is type(other) and value == other:
                raise ValueError(f"has {shown(value)} twice, at {before} and {at}; take one out")
    return values


Name = Annotated[str, BeforeValidator(_matching(_NAME, "letters, digits, '.', '_' and '-'"))]
Key = Annotated[str, BeforeValidator(_matching(_KEY, "letters, digits and '_'"))]
PointName = Annotated[str, BeforeValidator(_matching(_POINT_NAME, "letters, digits, '.', '_' and '-'"))]
SystemName = Annotated[str, BeforeValidator(_system)]
Scalar = Annotated[int | float | str, BeforeValidator(_scalar)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Kbps = Annotated[float, BeforeValidator(_number(0, MAX_KBPS, above=True))]


def _point(value: Any) -> str | dict[str, Any]:
    """A name of the default ladder, or a new point as {name, parameter…}."""
    if isinstance(value, str):
        return _matching(_POINT_NAME, "letters, digits, '.', '_' and '-'")(value)
    if not isinstance(value, Mapping) or "name" not in value:
        raise ValueError(f"{shown(value)} is neither a point's name nor a table with a name")
    name = _matching(_POINT_NAME, "letters, digits, '.', '_' and '-'")(value["name"])
    found: dict[str, Any] = {"name": name}
    for key, entry in _table(value).items():
        if key != "name":
            try:
                found[_matching(_KEY, "letters, digits and '_'")(key)] = _scalar(entry)
            except ValueError as error:
                raise ValueError(f"{key} {error}") from error
    return found


def _points_once(points: Sequence[str | Mapping[str, Any]]) -> Sequence[str | Mapping[str, Any]]:
    _once([point if isinstance(point, str) else point["name"] for point in points])
    return points


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Codec(_Strict):
    """[codecs.NAME]."""

    points: Annotated[
        tuple[Annotated[Any, BeforeValidator(_point)], ...],
        BeforeValidator(_list),
        AfterValidator(_points_once),
    ] = ()
    params: Annotated[dict[Key, Scalar], BeforeValidator(_table)] = Field(default_factory=dict)


def _dataset(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not isinstance(value.get("use"), str):
        raise ValueError('needs use = "NAME"; see `talkbench datasets`')
    found: dict[str, Any] = {}
    for key, entry in _table(value).items():
        try:
            found[_matching(_KEY, "letters, digits and '_'")(key)] = (
                _matching(_NAME, "letters, digits, '.', '_' and '-'")(entry)
                if key == "use"
                else _option(entry)
            )
        except ValueError as error:
            raise ValueError(f"{key} {error}") from error
    return found


class SuiteFile(_Strict):
    """A suite file as TOML gives it. Defaults are those of `suite.Suite`: what is not given stays unset."""

    name: Annotated[str, BeforeValidator(_matching(_SUITE_NAME, "letters, digits, spaces and '.+()@,=-'"))]
    systems: Annotated[tuple[SystemName, ...], BeforeValidator(_list), AfterValidator(_once)]
    datasets: Annotated[
        tuple[Annotated[dict[str, Any], BeforeValidator(_dataset)], ...],
        BeforeValidator(_list),
        AfterValidator(_once),
    ]
    title: Annotated[str, BeforeValidator(_text(MAX_TITLE))] = ""
    metrics: Annotated[tuple[Name, ...], BeforeValidator(_list), AfterValidator(_once)] = ()
    metric_options: Annotated[
        dict[Name, Annotated[dict[Key, Scalar], BeforeValidator(_table)]], BeforeValidator(_table)
    ] = Field(default_factory=dict)
    codecs: Annotated[dict[Name, Annotated[Codec, BeforeValidator(_table)]], BeforeValidator(_table)] = Field(
        default_factory=dict
    )
    anchors: Annotated[dict[Literal["video", "audio", "total"], SystemName], BeforeValidator(_table)] = Field(
        default_factory=dict
    )
    matched_kbps: Annotated[tuple[Kbps, ...], BeforeValidator(_list), AfterValidator(_once)] = ()
    time_limit_s: Annotated[float, BeforeValidator(_number(0, MAX_SECONDS, above=True))] = 1800.0
    keep_decoded: Flag = False
    quick: Flag = False
    previews: Annotated[int, BeforeValidator(_number(0, MAX_PREVIEWS, whole=True))] = 1
    preview_megabytes: Annotated[float, BeforeValidator(_number(0, MAX_MEGABYTES))] = 40.0


_KEYS = {"": tuple(SuiteFile.model_fields), "codecs": tuple(Codec.model_fields)}


def parse(values: Mapping[str, Any]) -> SuiteFile:
    """The suite that these values of a TOML file describe. Raises UsageError naming the key and the fix."""
    try:
        return SuiteFile.model_validate(values)
    except ValidationError as error:
        raise UsageError(_message(error)) from error


def check_resolved(values: Mapping[str, Any]) -> None:
    """Raise UsageError unless `Suite.resolved()` is what a file could have said.

    There, an empty list stands for a key that was not given.
    """
    given = {name: value for name, value in values.items() if not isinstance(value, list) or value}
    given["codecs"] = {
        name: {key: entry for key, entry in choice.items() if entry}
        for name, choice in values["codecs"].items()
    }
    parse(given)


def _message(error: ValidationError) -> str:
    """The first thing that is wrong, in one line."""
    first = error.errors(include_url=False)[0]
    where = [part for part in first["loc"] if part != "[key]"]
    at = _path(where)
    if first["type"] == "missing":
        return f"key {at!r} is missing"
    if first["type"] == "extra_forbidden":
        known = _KEYS["codecs" if where[0] == "codecs" else ""]
        return f"unknown key {at!r}; {_suggestion(str(where[-1]), known)}"
    if first["type"] == "literal_error":
        return f"{at}: an anchor is for video, audio or total"
    if first["type"] == "value_error" and "ctx" in first:
        return f"{at} {first['ctx']['error']}"
    return f"{at}: {first['msg']}"


def _suggestion(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"


def _path(where: Sequence[int | str]) -> str:
    text = ""
    for part in where:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            plain = part if _NAME.fullmatch(part) and len(part) <= MAX_NAME else shown(part)
            text += f".{plain}" if text else plain
    return text


def shown(value: object) -> str:
    """A value for a message: on one line, and short."""
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        return f"a number of {value.bit_length()} bits"
    if isinstance(value, list | tuple | Mapping):
        return f"a {'table' if isinstance(value, Mapping) else 'list'} of {len(value)}"
    text = ascii(value) if isinstance(value, str) else str(value)
    if isinstance(value, bool):
        text = text.lower()
    return text if len(text) <= 80 else f"{text[:80]}…"
