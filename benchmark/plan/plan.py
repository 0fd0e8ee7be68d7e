"""From a suite to cells: which systems, codecs, points, metrics and clips a sweep is made of."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..api import registry
from ..api.codec import CodecInfo
from ..api.dataset import Dataset, DatasetInfo, DatasetModule, Item
from ..api.metric import MetricInfo
from ..api.types import MODALITIES, ClipSpec, Modality, Point
from ..execution import process_state
from ..util import suggestions
from ..util.errors import UsageError
from ..util.hashing import key
from .suite import CodecChoice, DatasetChoice, Suite


@dataclass(frozen=True)
class System:
    """What a listener-viewer receives. A codec of a pair is also a system alone, then not `listed`."""

    name: str
    kind: Literal["pair", "joint", "video", "audio"]
    video_codec: str | None
    audio_codec: str | None
    listed: bool


@dataclass(frozen=True)
class PlannedCodec:
    """A codec with the points to run; `unavailable` is the reason and the fix when it cannot run here."""

    info: CodecInfo
    points: tuple[Point, ...]
    unavailable: str | None


@dataclass(frozen=True)
class PlannedMetric:
    """A metric to compute; `unavailable` as for codecs."""

    family: str
    info: MetricInfo
    unavailable: str | None


@dataclass(frozen=True)
class PlannedItem:
    """A clip to prepare. `dataset` is the dataset's own name, `choice` how to load it."""

    dataset: DatasetInfo
    choice: DatasetChoice
    item: Item


@dataclass(frozen=True)
class PlannedClip:
    """A prepared clip."""

    clip_id: str
    sha256: str
    folder: Path
    spec: ClipSpec
    dataset: str

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """What it has."""
        return tuple(modality for modality in MODALITIES if self.has(modality))

    def has(self, modality: Modality) -> bool:
        """Whether it has pictures (video) or sound (audio)."""
        return bool(self.spec.frames if modality == "video" else self.spec.samples)


@dataclass(frozen=True)
class Cell:
    """One (codec, point, clip) to encode. `encode_id` is the same on any machine."""

    encode_id: str
    codec: CodecInfo
    point: Point
    clip: PlannedClip

    @property
    def lacks(self) -> str | None:
        """Why this cell cannot be: the clip has nothing of what the codec codes."""
        missing = [modality for modality in self.codec.modalities if not self.clip.has(modality)]
        if not missing:
            return None
        return f"the clip has no {'pictures' if missing[0] == 'video' else 'sound'}"


@dataclass(frozen=True)
class Plan:
    """All that a sweep would do, before anything is done."""

    systems: Sequence[System]
    codecs: Mapping[str, PlannedCodec]
    metrics: Sequence[PlannedMetric]
    items: Sequence[PlannedItem]


def make(suite: Suite, limit: int | None = None) -> Plan:
    """Resolve a suite's names; `limit` clips of each dataset at most. Raises UsageError for unknown ones."""
    planned = codecs(suite)
    return Plan(systems(suite, planned), planned, metrics(suite), items(suite, limit))


def codecs(suite: Suite) -> dict[str, PlannedCodec]:
    """Every codec that the suite's systems name. Raises UsageError for an unknown codec or point."""
    wanted = dict.fromkeys(name for system in suite.systems for name in system.split("+"))
    for name in suite.codecs:
        if name not in registry.names("codecs"):
            raise suggestions.unknown("codecs", name, registry.names("codecs"))
    found = {}
    for name in wanted:
        with process_state.kept():
            module = registry.codec(name)
            info, default = module.describe()
            unavailable = module.availability()
        if info.name != name:
            raise UsageError(f"codec {name!r} describes itself as {info.name!r}; make its info.name {name!r}")
        points = suite.codecs.get(name, CodecChoice()).ladder(name, default)
        found[name] = PlannedCodec(info, tuple(points), unavailable)
    return found


def systems(suite: Suite, planned: dict[str, PlannedCodec]) -> list[System]:
    """The suite's systems, and their codecs alone. Raises UsageError for a pair that is none."""
    found: dict[str, System] = {}
    for name in suite.systems:
        parts = name.split("+")
        kinds = [planned[part].info.modalities for part in parts]
        if len(parts) == 1:
            found[name] = _alone(name, kinds[0], listed=True)
        elif kinds == [("video",), ("audio",)]:
            found[name] = System(name, "pair", parts[0], parts[1], True)
        else:
            found_kinds = " and ".join("/".join(kind) for kind in kinds)
            raise UsageError(f"system {name!r}: a pair is VIDEO+AUDIO, but these code {found_kinds}")
    for name in suite.systems:
        for part in name.split("+"):
            found.setdefault(part, _alone(part, planned[part].info.modalities, listed=False))
    for rate, name in suite.anchors.items():
        _check_anchor(rate, name, found)
    return list(found.values())


def _check_anchor(rate: str, name: str, found: Mapping[str, System]) -> None:
    """Raise UsageError for an anchor that this suite does not run, or that has no such rate."""
    if name not in found:
        near = difflib.get_close_matches(name, list(found), n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(found)}"
        raise UsageError(f"anchors.{rate}: no system of this suite is called {name!r}; {hint}")
    kind = found[name].kind
    if (rate, kind) in (("video", "audio"), ("audio", "video")):
        raise UsageError(f"anchors.{rate}: {name!r} codes {kind} only; name a system that codes {rate}")


def _alone(name: str, modalities: Sequence[Modality], listed: bool) -> System:
    if set(modalities) == {"video", "audio"}:
        return System(name, "joint", name, name, listed)
    if tuple(modalities) == ("video",):
        return System(name, "video", name, None, listed)
    return System(name, "audio", None, name, listed)


def metrics(suite: Suite) -> list[PlannedMetric]:
    """The suite's metrics, or all. Raises UsageError for an unknown one, or for unknown options."""
    known = dict(registry.metrics())
    for family, options in suite.metric_options.items():
        if family not in registry.names("metrics"):
            raise suggestions.unknown("metric families", family, registry.names("metrics"))
        for info in registry.describe_family(family, options):
            known[info.name] = (family, info)
    reasons: dict[str, str | None] = {}
    found = []
    for name in suite.metrics or tuple(known):
        if name not in known:
            raise suggestions.unknown("metrics", name, sorted(known))
        family, info = known[name]
        if family not in reasons:
            reasons[family] = registry.metric_family(family).availability()
        info = info.quickened() if suite.quick else info
        found.append(PlannedMetric(family, info, reasons[family] or info.missing()))
    return found


def items(suite: Suite, limit: int | None) -> list[PlannedItem]:
    """All clips of the suite's datasets, `limit` of each at most.

    Raises UsageError when a dataset has none, or the name of another: tables tell them apart by name.
    """
    found: list[PlannedItem] = []
    named: dict[str, DatasetChoice] = {}
    for choice in suite.datasets:
        module = registry.dataset(choice.use)
        reason = module.availability()
        if reason:
            raise UsageError(f"dataset {choice.use!r} is not available: {reason}")
        dataset = _loaded(module, choice)
        name = dataset.info.name
        other = named.setdefault(name, choice)
        if other is not choice:
            raise UsageError(
                f"two datasets are called {name!r}: {_described(other)} and {_described(choice)}; "
                "tables would mix them: give one another `name`, or list only one"
            )
        listed = dataset.items()[:limit]
        if not listed:
            raise UsageError(f"dataset {dataset.info.name!r} has no clips (options {dict(choice.options)})")
        found += [PlannedItem(dataset.info, choice, item) for item in listed]
    return found


def _described(choice: DatasetChoice) -> str:
    options = ", ".join(f"{name} = {value!r}" for name, value in choice.options.items())
    return f"{choice.use} ({options})" if options else choice.use


def _loaded(module: DatasetModule, choice: DatasetChoice) -> Dataset:
    """A dataset with its options. Raises UsageError for options that it does not take."""
    try:
        return module.load(**choice.options)
    except (TypeError, ValueError, OverflowError) as error:
        if not choice.options:
            raise
        named = ", ".join(f"{name} = {value!r}" for name, value in choice.options.items())
        raise UsageError(f"dataset {choice.use!r}: it does not take {named}: {error}") from error


def cells(codecs: Iterable[PlannedCodec], clips: Sequence[PlannedClip]) -> list[Cell]:
    """Every encode of the plan, clip by clip, so that finished clips can leave the disk early."""
    coders = [
        (codec, point, codec.info.fingerprint(), dict(point.params))
        for codec in codecs
        if not codec.unavailable
        for point in codec.points
    ]
    return [
        Cell(key(clip.sha256, fingerprint, params), codec.info, point, clip)
        for clip in clips
        for codec, point, fingerprint, params in coders
    ]


def clip_id(dataset: str, name: str, sha256: str) -> str:
    """16 hex digits for a clip of a dataset."""
    return key(dataset, name, sha256)[:16]


def digest(cells: Sequence[Cell], metrics: Sequence[PlannedMetric], systems: Sequence[System]) -> str:
    """Hash over all that decides the tables: equal digests, equal tables."""
    head = key(
        [[m.info.name, m.info.fingerprint(), m.unavailable] for m in metrics],
        [[s.name, s.kind, s.listed] for s in systems],
    )
    total = hashlib.sha256(head.encode())
    for cell in cells:
        total.update(cell.encode_id.encode())
        total.update(cell.clip.clip_id.encode())
        total.update(cell.point.name.encode())
    return total.hexdigest()
