"""The reference clips of a submission, prepared again on this machine and compared by their hash."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ..api import registry
from ..api.dataset import Item
from ..api.types import ClipSpec
from ..execution.queue import BatchRunner
from ..plan import plan
from ..plan.suite import DatasetChoice
from ..stages.coding_jobs import Prepare
from ..stages.homes import SharedJob
from ..store import artifacts
from ..util.errors import describe_error
from .checks import Check

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection

FOLDER = "folder"  # the dataset that reads a user's recordings
_TIME_LIMIT_S = 1800.0


@dataclass(frozen=True)
class _Source:
    """A dataset as a run of the submission names it, loaded here; or the reason why it cannot be."""

    choice: DatasetChoice
    dataset: str = ""
    items: Mapping[str, Item] | None = None
    reason: str = ""


@dataclass(frozen=True)
class _Row:
    """A clip as the submission has it."""

    clip_id: str
    dataset: str
    name: str
    sha256: str
    item_key: str | None


@dataclass(frozen=True, kw_only=True)
class PrepareAgain(SharedJob):
    """Make the clip of a row, unless this machine has it under its key."""

    stage: ClassVar[str] = "prepare"
    row: _Row
    making: Prepare

    @property
    def folder(self) -> Path:
        return artifacts.prepared_folder(self.making.key)

    def run(self, device: str) -> str:
        """The sha256 of the file there now."""
        if artifacts.clip_facts(self.folder) is None:
            self.making.run(device)
        return artifacts.load_clip(self.folder).sha256()


def reference_clips(
    connection: Connection, folders: Sequence[Path], runner: BatchRunner
) -> tuple[dict[str, plan.PlannedClip], Check]:
    """clip_id → clip, for every clip that could be made here and has the hash of its row.

    folders: of recordings, for clips that came from such. No path of the submission is ever looked at.
    """
    result = Check("reference clips, prepared again")
    sources = list(_sources(connection, folders))
    rows = connection.execute(
        "SELECT clip_id, dataset, name, sha256, item_key FROM clips WHERE status = 'ok' ORDER BY clip_id"
    ).fetchall()
    jobs = []
    for row in (_Row(*values) for values in rows):
        found = _find(sources, row)
        if isinstance(found, str):
            result.not_checked[found] += 1
            continue
        source, item = found
        making = Prepare(
            dataset=source.choice.use,
            options=dict(source.choice.options),
            name=item.name,
            key=item.key,
            time_limit_s=_TIME_LIMIT_S,
        )
        jobs.append(PrepareAgain(row=row, making=making, time_limit_s=_TIME_LIMIT_S))
    clips = {}
    for outcome in runner.run(jobs):
        row, folder = outcome.job.row, outcome.job.folder
        if outcome.status != "ok":
            result.not_checked[f"cannot be prepared here: {outcome.error}"] += 1
        elif outcome.value == row.sha256:
            result.verified += 1
            spec = ClipSpec.from_dict((artifacts.clip_facts(folder) or {})["spec"])  # pyright: ignore[reportArgumentType]
            clips[row.clip_id] = plan.PlannedClip(row.clip_id, row.sha256, folder, spec, row.dataset)
        elif outcome.job.making.key == row.item_key:
            result.wrong.append(
                f"clip {row.name!r}: prepared here, its sha256 is {outcome.value[:16]}…; "
                f"the table says {row.sha256[:16]}…"
            )
        else:
            result.not_checked["another recording, or another version of the dataset, is here"] += 1
    return clips, result


def _sources(connection: Connection, folders: Sequence[Path]) -> Iterator[_Source]:
    seen = set()
    for (text,) in connection.execute(
        "SELECT suite_resolved FROM runs WHERE suite_resolved IS NOT NULL ORDER BY started_at DESC, run_id"
    ).fetchall():
        choices = json.loads(text).get("datasets")
        for entry in choices if isinstance(choices, list) else []:
            identity = json.dumps(entry, sort_keys=True)
            if isinstance(entry, dict) and isinstance(entry.get("use"), str) and identity not in seen:
                seen.add(identity)
                yield from _loaded(entry, folders)


def _loaded(entry: dict[str, Any], folders: Sequence[Path]) -> Iterator[_Source]:
    use = entry["use"]
    options = {name: value for name, value in entry.items() if name not in ("use", "path", "name", "limit")}
    if use == FOLDER:
        if not folders:
            yield _Source(
                DatasetChoice(use), reason="its recordings are missing: give their folder with --clips"
            )
        for folder in folders:
            yield _load(DatasetChoice(use, {**options, "path": str(folder.resolve())}))
        return
    if "path" in entry or any(
        isinstance(value, str) and ("/" in value or "\\" in value) for value in entry.values()
    ):
        yield _Source(
            DatasetChoice(use), reason=f"dataset {use!r}: its options name a path, which is not followed"
        )
        return
    limit = {"limit": entry["limit"]} if "limit" in entry else {}
    name = {"name": entry["name"]} if "name" in entry else {}
    yield _load(DatasetChoice(use, {**options, **limit, **name}))


def _load(choice: DatasetChoice) -> _Source:
    try:
        module = registry.dataset(choice.use)
        if reason := module.availability():
            return _Source(choice, reason=f"dataset {choice.use!r} is not available: {reason}")
        loaded = module.load(**choice.options)
        items = {item.name: item for item in loaded.items()}
        return _Source(choice, loaded.info.name, items)
    except Exception as error:  # untrusted options: any failure means not checked
        return _Source(choice, reason=f"dataset {choice.use!r} cannot be loaded: {describe_error(error)}")


def _find(sources: Sequence[_Source], row: _Row) -> tuple[_Source, Item] | str:
    """The source and item of a clip, the one with its own key first; or why there is none."""
    found = [
        (source, source.items[row.name])
        for source in sources
        if source.items
        and row.name in source.items
        and (source.dataset == row.dataset or source.choice.use == FOLDER)
    ]
    if found:
        return min(found, key=lambda entry: entry[1].key != row.item_key)
    reasons = [source.reason for source in sources if source.reason]
    return reasons[0] if reasons else "no dataset here has a clip of this name"
