"""The reference clips of a submission, prepared again on this machine and compared by their hash."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..api import registry
from ..api.dataset import Item
from ..api.types import ClipSpec
from ..execution.executors import Job
from ..plan import plan
from ..plan.suite import DatasetChoice
from ..stages import coding
from ..stages.homes import SHARED
from ..store import artifacts
from ..util.errors import describe_error
from .checks import Check
from .rerun import Runner

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


def prepare_again(
    dataset: str, options: Mapping[str, int | float | str | bool], name: str, key: str, device: str
) -> str:
    """Make one clip, unless this machine has it under its key; returns the sha256 of what lies there now."""
    folder = artifacts.prepared_folder(key)
    if artifacts.clip_facts(folder) is None:
        coding.prepare(dataset, options, name, key, device)
    return artifacts.load_clip(folder).sha256()


def reference_clips(
    connection: Connection, folders: Sequence[Path], runner: Runner
) -> tuple[dict[str, plan.PlannedClip], Check]:
    """clip_id → clip, for every clip that could be made here and has the hash of its row.

    folders: of recordings, for clips that came from such. No path of the submission is ever looked at.
    """
    result = Check("reference clips, prepared again")
    sources = list(_sources(connection, folders))
    rows = connection.execute(
        "SELECT clip_id, dataset, name, sha256, item_key FROM clips WHERE status = 'ok' ORDER BY clip_id"
    ).fetchall()
    jobs, wanted = [], {}
    for clip_id, dataset, name, sha256, item_key in rows:
        found = _find(sources, dataset, name, item_key)
        if isinstance(found, str):
            result.not_checked[found] += 1
            continue
        source, item = found
        wanted[clip_id] = (dataset, name, sha256, item.key, item.key == item_key)
        arguments = {
            "dataset": source.choice.use,
            "options": dict(source.choice.options),
            "name": item.name,
            "key": item.key,
        }
        jobs.append(Job(("prepare", clip_id), prepare_again, arguments, _TIME_LIMIT_S, SHARED))
    clips = {}
    for outcome in runner.run("prepare", jobs):
        clip_id = outcome.job.key[1]
        dataset, name, sha256, key, same_making = wanted[clip_id]
        if outcome.status != "ok":
            result.not_checked[f"cannot be prepared here: {outcome.error}"] += 1
        elif outcome.value == sha256:
            result.verified += 1
            folder = artifacts.prepared_folder(key)
            spec = ClipSpec.from_dict((artifacts.clip_facts(folder) or {})["spec"])  # pyright: ignore[reportArgumentType]
            clips[clip_id] = plan.PlannedClip(clip_id, sha256, folder, spec, dataset)
        elif same_making:
            result.wrong.append(
                f"clip {name!r}: prepared here, its sha256 is {outcome.value[:16]}…; "
                f"the table says {sha256[:16]}…"
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
                DatasetChoice(use), reason="its recordings are not here: give their folder with --clips"
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
    except Exception as error:  # options of a stranger: whatever they do to a dataset, it is not checked
        return _Source(choice, reason=f"dataset {choice.use!r} cannot be loaded: {describe_error(error)}")


def _find(
    sources: Sequence[_Source], dataset: str, name: str, item_key: str | None
) -> tuple[_Source, Item] | str:
    """The source and item of a clip, the one with its own key first; or why there is none."""
    found = [
        (source, source.items[name])
        for source in sources
        if source.items
        and name in source.items
        and (source.dataset == dataset or source.choice.use == FOLDER)
    ]
    if found:
        return min(found, key=lambda entry: entry[1].key != item_key)
    reasons = [source.reason for source in sources if source.reason]
    return reasons[0] if reasons else "no dataset here has a clip of this name"
