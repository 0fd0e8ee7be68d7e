"""Where the numbers come from: runs and what differs between them, weights, the suite, a line to cite."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...benchmark import weights as registry
from ...benchmark.util.hashing import key

if TYPE_CHECKING:
    from ..queries.facts import Row
    from ..source import Source

_SHA256 = re.compile(r"[0-9a-f]{64}")


def contributing(source: Source) -> list[Row]:
    """The runs whose encodes and scores the report shows, latest first; all runs where no row names one."""
    named = source.query(
        """
        WITH shown AS (SELECT e.encode_id, e.run_id FROM encodes e JOIN clips c USING (clip_id)
                       WHERE e.selected AND c.selected)
        SELECT DISTINCT run_id FROM (
            SELECT run_id FROM shown
            UNION ALL SELECT x.run_id FROM scores x SEMI JOIN shown s ON s.encode_id = x.encode_id
            UNION ALL SELECT x.run_id FROM pair_scores x SEMI JOIN shown s ON s.encode_id = x.video_encode_id
        ) WHERE run_id IS NOT NULL
        """
    )
    ids = {row["run_id"] for row in named}
    return [run for run in source.runs if run["run_id"] in ids] or source.runs


def differences(runs: list[Row]) -> dict[str, list[str]]:
    """What is not the same in all runs → its values, latest first: commit, version, machine, libraries."""
    known = [_identity(run) for run in runs]
    found = {
        name: list(dict.fromkeys(facts.get(name) or "not recorded" for facts in known))
        for name in dict.fromkeys(name for facts in known for name in facts)
    }
    return {name: values for name, values in found.items() if len(values) > 1}


def _identity(run: Row) -> dict[str, str]:
    """What of a run could change a result or a speed, by name; the device and number of jobs apart."""
    environment = run["environment"] or {}
    facts = {"talkbench": run["talkbench_version"], "commit": (run["git_commit"] or "")[:12]}
    facts |= {name: environment.get(name) for name in ("cpu", "gpus", "system", "python")}
    libraries = environment.get("libraries")
    facts |= libraries if isinstance(libraries, Mapping) else {}
    return {
        name: ", ".join(map(str, value)) if isinstance(value, list) else str(value or "")
        for name, value in facts.items()
    }


def weights(source: Source) -> list[Row]:
    """Weights that the plan's codecs and metrics use, by name.

    Columns: name, sha256 (as the store has it, '' where it was not recorded), used_by (names), here (one of
    them ran), variant, what, licence, bytes; known: the registry has this name; same: with this sha256 too.
    """
    found: dict[tuple[str, str], dict[str, bool]] = {}
    for kind in ("codec", "metric"):
        for row in source.codecs if kind == "codec" else source.metrics:
            hashes = {
                name: value
                for name, value in (row["build"] or {}).items()
                if name in registry.registry() or (isinstance(value, str) and _SHA256.fullmatch(value))
            }
            if not hashes and row.get("weights") in ("official", "synthetic"):
                hashes = {"": ""}
            for name, sha256 in hashes.items():
                found.setdefault((name, str(sha256 or "")), {})[row[kind]] = row["status"] == "ok"
    rows = []
    for (name, sha256), users in found.items():
        part = registry.registry().get(name)
        rows.append(
            {
                "name": name,
                "sha256": sha256,
                "used_by": sorted(users),
                "here": any(users.values()),
                "known": part is not None,
                "same": part is not None and part.sha256 in ("", sha256),
                "variant": part.variant if part else None,
                "what": part.what if part else None,
                "licence": part.licence if part else None,
                "non_commercial": part is not None and part.non_commercial,
                "bytes": part.bytes if part else None,
            }
        )
    return sorted(rows, key=lambda row: (not row["here"], row["name"] == "", row["name"], row["sha256"]))


def suite_toml(suite: Mapping[str, Any]) -> str:
    """The suite as it ran, as a file that `talkbench sweep` takes; empty where none is recorded."""
    import tomli_w

    first = ("name", "title", "systems", "metrics", "datasets")
    ordered = {name: suite[name] for name in first if name in suite} | dict(suite)
    return tomli_w.dumps(_without_nothing(ordered), indent=2) if suite else ""


def _without_nothing(value: Any) -> Any:
    """TOML has no null: it is left out, and so are empty lists, which stand for the default."""
    if isinstance(value, Mapping):
        return {
            str(name): _without_nothing(inner) for name, inner in value.items() if inner not in (None, [])
        }
    if isinstance(value, list):
        return [_without_nothing(inner) for inner in value if inner is not None]
    return value


def suite_is_whole(run: Row) -> bool:
    """Whether the suite that a run's row holds is the one that its sha256 was made from."""
    return bool(run["suite_resolved"]) and key(run["suite_resolved"]) == run["suite_sha256"]


def citation(source: Source) -> str:
    """What identifies these results, as lines of text."""
    if not source.runs:
        return ""
    run = source.runs[0]
    commit = run["git_commit"] or "not under git"
    dirty = " with uncommitted changes" if run["git_commit"] and run["git_dirty"] else ""
    lines = [
        f"talkbench {run['talkbench_version'] or '(version not recorded)'}, commit {commit}{dirty}",
        f"suite {run['suite'] or '(no name)'}, sha256 {run['suite_sha256'] or 'not recorded'}",
        f"plan sha256 {run['plan_sha256'] or 'not recorded: the run has not finished'}",
        f"run {run['run_id']}, {run['started_at']:%Y-%m-%d} (UTC)",
    ]
    for row in source.datasets:
        made = " (rendered)" if row["synthetic"] else ""
        lines.append(f"dataset {row['dataset']}{made}: {row['usable']} of {row['clips']} clips")
    return "\n".join(lines)
