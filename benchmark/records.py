"""What a sweep writes to the store, and what it reads back to plan: rows, in the schema's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .. import __version__
from . import environment, plan, score_rows, stages
from .executors import Executor
from .progress import STAGES
from .store import Store
from .suite import Suite


@dataclass(frozen=True)
class EncodeRow:
    """What planning needs to know of an earlier encode."""

    status: str
    sha256: str
    decode_status: str | None


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)  # the store's timestamps are UTC without a zone


def start_run(
    store: Store, run_id: str, suite: Suite, command: str, facts: Mapping[str, Any], executor: Executor
) -> None:
    """Open the row of this invocation; it has no end until `finish_run`."""
    commit, dirty = environment.commit()
    store.put(
        "runs",
        [
            {
                "run_id": run_id,
                "started_at": _now(),
                "command": command,
                "suite": suite.name,
                "suite_sha256": suite.sha256(),
                "suite_resolved": suite.resolved(),
                "talkbench_version": __version__,
                "git_commit": commit,
                "git_dirty": dirty,
                "environment": facts,
                "workers": executor.workers,
                "device": ",".join(executor.devices),
            }
        ],
    )


def finish_run(store: Store, run_id: str, digest: str, wall_s: float, seconds: Mapping[str, float]) -> None:
    """Close the row of this invocation, with its worker seconds by stage."""
    by_stage = {f"{stage}_s": seconds.get(stage, 0.0) for stage in STAGES}
    values = {"finished_at": _now(), "plan_sha256": digest, "wall_s": wall_s, **by_stage}
    store.change("runs", {"run_id": run_id}, values)


def last_digest(store: Store) -> str | None:
    """Plan of the last run that finished."""
    rows = store.rows(
        "SELECT plan_sha256 FROM runs WHERE finished_at IS NOT NULL ORDER BY finished_at DESC LIMIT 1"
    )
    return rows[0]["plan_sha256"] if rows else None


def known_encodes(store: Store) -> dict[str, EncodeRow]:
    """Every encode in the store, by id."""
    query = "SELECT encode_id, status, bitstream_sha256, decode_status FROM encodes"
    return {
        encode_id: EncodeRow(status, sha256 or "", decode_status)
        for encode_id, status, sha256, decode_status in store.connection.execute(query).fetchall()
    }


def known_scores(store: Store, ended: Sequence[str]) -> dict[str, frozenset[str]]:
    """encode_id -> the selected metrics that have a row with a status among `ended`."""
    query = """
        SELECT x.encode_id, list(x.metric) FROM scores x
        JOIN metrics m ON m.metric = x.metric AND m.fingerprint = x.fingerprint
        WHERE m.selected AND x.status IN (SELECT unnest(?)) GROUP BY x.encode_id
    """
    found = store.connection.execute(query, [list(ended)]).fetchall()
    return {encode_id: frozenset(names) for encode_id, names in found}


def known_pairs(store: Store, ended: Sequence[str]) -> dict[tuple[str, str], frozenset[str]]:
    """(picture, sound) -> the selected metrics that have a row with a status among `ended`."""
    query = """
        SELECT x.video_encode_id, x.audio_encode_id, list(x.metric) FROM pair_scores x
        JOIN metrics m ON m.metric = x.metric AND m.fingerprint = x.fingerprint
        WHERE m.selected AND x.status IN (SELECT unnest(?)) GROUP BY ALL
    """
    found = store.connection.execute(query, [list(ended)]).fetchall()
    return {(video, audio): frozenset(names) for video, audio, names in found}


def known_features(store: Store, ended: Sequence[str]) -> dict[str, dict[str, str]]:
    """Variant -> the selected set metrics whose features have a row among `ended`, with that status."""
    query = """
        SELECT x.encode_id, x.metric, x.status FROM set_features x
        JOIN metrics m ON m.metric = x.metric AND m.fingerprint = x.fingerprint
        WHERE m.selected AND x.status IN (SELECT unnest(?))
    """
    found: dict[str, dict[str, str]] = {}
    for encode_id, metric, status in store.connection.execute(query, [list(ended)]).fetchall():
        found.setdefault(encode_id, {})[metric] = status
    return found


def select_cells(store: Store, cells: Sequence[plan.Cell]) -> None:
    """Mark the plan's encodes; an encode that is known under an older name takes its new one."""
    connection = store.connection
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE planned (encode_id VARCHAR, clip_id VARCHAR, point VARCHAR)"
    )
    connection.execute(
        "INSERT INTO planned SELECT unnest(?), unnest(?), unnest(?)",
        [
            [cell.encode_id for cell in cells],
            [cell.clip.clip_id for cell in cells],
            [cell.point.name for cell in cells],
        ],
    )
    connection.execute(
        "UPDATE encodes SET selected = false "
        "WHERE selected AND encode_id NOT IN (SELECT encode_id FROM planned)"
    )
    connection.execute(
        """UPDATE encodes SET selected = true, clip_id = p.clip_id, point = p.point FROM planned p
           WHERE encodes.encode_id = p.encode_id
             AND NOT (encodes.selected AND encodes.clip_id = p.clip_id AND encodes.point = p.point)"""
    )
    connection.execute("DROP TABLE planned")


def put_encode(
    store: Store,
    run_id: str,
    cell: plan.Cell,
    status: str,
    error: str | None,
    result: stages.Encoded | None = None,
) -> None:
    """Write how an encode ended. What was decoded before from the same identity is void."""
    store.put(
        "encodes",
        [
            {
                "encode_id": cell.encode_id,
                "codec": cell.codec.name,
                "fingerprint": cell.codec.fingerprint(),
                "point": cell.point.name,
                "params": cell.point.params,
                "clip_id": cell.clip.clip_id,
                "status": status,
                "error": error,
                "bits_video": result.bits["video"] if result else None,
                "bits_audio": result.bits["audio"] if result else None,
                "bits_joint": result.bits["joint"] if result else None,
                "parts": result.parts if result else None,
                "duration_s": cell.clip.spec.duration_s,
                "bitstream_sha256": result.bitstream_sha256 if result else None,
                "encode_s": result.encode_s if result else None,
                "encode_device": result.device if result else None,
                "peak_rss_bytes": result.peak_rss_bytes if result else None,
                "peak_gpu_bytes": result.peak_gpu_bytes if result else None,
                "run_id": run_id,
                "selected": True,
            }
        ],
    )


def put_decode(
    store: Store, encode_id: str, status: str, error: str | None, result: stages.Decoded | None
) -> None:
    """Write how a decode ended."""
    values = {
        "decode_status": status,
        "decode_error": error,
        "decode_s": result.decode_s if result else None,
        "decode_device": result.device if result else None,
        "decode_peak_rss_bytes": result.peak_rss_bytes if result else None,
        "decode_peak_gpu_bytes": result.peak_gpu_bytes if result else None,
    }
    store.change("encodes", {"encode_id": encode_id}, values)


def put_scores(
    store: Store, run_id: str, metrics: Sequence[plan.PlannedMetric], rows: Sequence[score_rows.Row]
) -> None:
    """Write scores of variants and of pairs, and features, under the fingerprints of the plan's metrics."""
    fingerprints = {metric.info.name: metric.info.fingerprint() for metric in metrics}
    tables: dict[str, list[dict[str, Any]]] = {"scores": [], "pair_scores": [], "set_features": []}
    for row in rows:
        score = row.score if isinstance(row, score_rows.PairRow) else row
        values = {
            "metric": score.metric,
            "fingerprint": fingerprints[score.metric],
            "status": score.status,
            "error": score.error,
            "detail": score.detail,
            "run_id": run_id,
        }
        if isinstance(score, score_rows.FeatureRow):
            values |= {"encode_id": score.encode_id, "n": score.n, "sha256": score.sha256}
            tables["set_features"].append(values)
            continue
        values |= {"value": score.value, "weight": score.weight}
        if isinstance(row, score_rows.PairRow):
            values |= {"video_encode_id": row.video_encode_id, "audio_encode_id": row.audio_encode_id}
            tables["pair_scores"].append(values)
        else:
            frames = list(score.frame_values) if score.frame_values is not None else None
            tables["scores"].append({**values, "encode_id": score.encode_id, "frame_values": frames})
    for table, found in tables.items():
        store.put(table, found)


def forget_scores(store: Store, metric: str) -> int:
    """Delete every score of a metric, so that it is computed again. Returns how many there were."""
    total = 0
    for table in ("scores", "pair_scores", "set_features", "set_scores"):
        total += store.rows(f"SELECT count(*) AS n FROM {table} WHERE metric = ?", [metric])[0]["n"]
        store.connection.execute(f"DELETE FROM {table} WHERE metric = ?", [metric])
    return total
