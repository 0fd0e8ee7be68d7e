"""What a sweep writes to the store, and what it reads back to plan: rows, in the schema's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ... import __version__
from ..execution.executors import Executor
from ..plan import plan
from ..plan.suite import Suite
from ..stages import coding
from ..stages.score_rows import FeatureRow, PairKey, Row
from ..store.database import Store
from ..util import environment
from ..util.progress import STAGES


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


def same_as_last(store: Store, digest: str, suite: Suite) -> bool:
    """Whether the last run that finished had this plan, this suite in all that it says, and this version.

    A report shows all three: where one of them differs, it is written again.
    """
    rows = store.rows(
        "SELECT plan_sha256, suite_sha256, talkbench_version FROM runs "
        "WHERE finished_at IS NOT NULL ORDER BY finished_at DESC LIMIT 1"
    )
    now = {"plan_sha256": digest, "suite_sha256": suite.sha256(), "talkbench_version": __version__}
    return rows == [now]


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


def known_pairs(store: Store, ended: Sequence[str]) -> dict[PairKey, frozenset[str]]:
    """(picture, sound) -> the selected metrics that have a row with a status among `ended`."""
    query = """
        SELECT x.video_encode_id, x.audio_encode_id, list(x.metric) FROM pair_scores x
        JOIN metrics m ON m.metric = x.metric AND m.fingerprint = x.fingerprint
        WHERE m.selected AND x.status IN (SELECT unnest(?)) GROUP BY ALL
    """
    found = store.connection.execute(query, [list(ended)]).fetchall()
    return {PairKey(video, audio): frozenset(names) for video, audio, names in found}


def known_features(store: Store, ended: Sequence[str]) -> dict[str, dict[str, str]]:
    """Variant -> selected distribution metrics whose features have a row among `ended`, with its status."""
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
    with store.transaction():
        _select_cells(store, cells)


def _select_cells(store: Store, cells: Sequence[plan.Cell]) -> None:
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
    result: coding.Encoded | None = None,
) -> bool:
    """Write how an encode ended. Returns whether its bits are others than before, or are gone.

    Then all that was made from the earlier bits is deleted in the same transaction. With equal bits, the
    hash of the clip that they were decoded to stays, for `put_decode` to compare with.
    """
    sha256 = result.bitstream_sha256 if result else None
    with store.transaction():
        query = "SELECT bitstream_sha256, decoded_sha256 FROM encodes WHERE encode_id = ?"
        before = store.rows(query, [cell.encode_id])
        same = bool(before) and sha256 is not None and before[0]["bitstream_sha256"] == sha256
        changed = bool(before) and not same
        if changed:
            forget_variants(store, [cell.encode_id])
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
                    "bitstream_sha256": sha256,
                    "encode_s": result.encode_s if result else None,
                    "encode_device": result.device if result else None,
                    "peak_rss_bytes": result.peak_rss_bytes if result else None,
                    "peak_gpu_bytes": result.peak_gpu_bytes if result else None,
                    "decoded_sha256": before[0]["decoded_sha256"] if same else None,
                    "run_id": run_id,
                    "selected": True,
                }
            ],
        )
    return changed


def put_decode(
    store: Store, encode_id: str, status: str, error: str | None, result: coding.Decoded | None
) -> bool:
    """Write how a decode ended. Returns whether the clip is another than before, or is gone.

    Then all that was made from the earlier clip is deleted in the same transaction.
    """
    sha256 = result.decoded_sha256 if result else None
    with store.transaction():
        (before,) = store.rows("SELECT decoded_sha256 FROM encodes WHERE encode_id = ?", [encode_id])
        # A store of talkbench 0.1 has no hash of the earlier clip: its scores are taken to be of this one.
        changed = sha256 is None or before["decoded_sha256"] not in (None, sha256)
        if changed:
            forget_variants(store, [encode_id])
        values = {
            "decode_status": status,
            "decode_error": error,
            "decode_s": result.decode_s if result else None,
            "decode_device": result.device if result else None,
            "decode_peak_rss_bytes": result.peak_rss_bytes if result else None,
            "decode_peak_gpu_bytes": result.peak_gpu_bytes if result else None,
            "decoded_sha256": sha256,
        }
        store.change("encodes", {"encode_id": encode_id}, values)
    return changed


_OF_SETS = """
    DELETE FROM set_scores x USING encodes e, clips c, set_features f
    WHERE e.encode_id IN (SELECT unnest($ids)) AND c.clip_id = e.clip_id AND f.encode_id = e.encode_id
      AND x.dataset = c.dataset AND x.codec = e.codec AND x.fingerprint = e.fingerprint AND x.point = e.point
      AND x.metric = f.metric AND x.metric_fingerprint = f.fingerprint
"""


def forget_variants(store: Store, encode_ids: Sequence[str]) -> None:
    """Delete all that was made from the decoded clips of these encodes: scores, features, previews.

    The scores of sets that their features are part of go too; other clips' features stay.
    """
    ids = {"ids": list(encode_ids)}
    with store.transaction():
        store.connection.execute(_OF_SETS, ids)
        for table, column in (
            ("scores", "encode_id"),
            ("pair_scores", "video_encode_id"),
            ("pair_scores", "audio_encode_id"),
            ("set_features", "encode_id"),
            ("previews", "encode_id"),
        ):
            store.connection.execute(f"DELETE FROM {table} WHERE {column} IN (SELECT unnest($ids))", ids)


# Rows that talkbench 0.1 could leave behind: it wrote an encode and deleted its scores in two steps, and kept
# the decode of an encode that failed later. Scores of a run before the encode's own are of other bits then.
_STALE = """
    SELECT e.encode_id FROM encodes e
    WHERE (e.status <> 'ok' OR e.decode_status <> 'ok') AND (
              e.encode_id IN (SELECT encode_id FROM scores UNION ALL SELECT encode_id FROM set_features
                              UNION ALL SELECT encode_id FROM previews
                              UNION ALL SELECT video_encode_id FROM pair_scores
                              UNION ALL SELECT audio_encode_id FROM pair_scores)
              OR e.status <> 'ok' AND (e.decode_status IS NOT NULL OR e.bitstream_sha256 IS NOT NULL))
    UNION
    SELECT e.encode_id FROM encodes e JOIN runs own ON own.run_id = e.run_id
    JOIN (SELECT encode_id, run_id FROM scores UNION SELECT encode_id, run_id FROM set_features
          UNION SELECT video_encode_id, run_id FROM pair_scores
          UNION SELECT audio_encode_id, run_id FROM pair_scores) made ON made.encode_id = e.encode_id
    JOIN runs earlier ON earlier.run_id = made.run_id
    WHERE e.decoded_sha256 IS NULL AND earlier.started_at < own.started_at
"""


def forget_stale(store: Store) -> int:
    """Delete scores, features and previews of encodes that have no decoded clip, or another than theirs.

    Returns of how many encodes. Stores that this version alone has written have none.
    """
    with store.transaction():
        found = [row["encode_id"] for row in store.rows(_STALE)]
        if found:
            forget_variants(store, found)
            store.connection.execute(
                """UPDATE encodes SET decode_status = NULL, decode_error = NULL, decode_s = NULL,
                          decode_device = NULL, decoded_sha256 = NULL, bitstream_sha256 = NULL
                   WHERE status <> 'ok' AND encode_id IN (SELECT unnest(?))""",
                [found],
            )
    return len(found)


def put_scores(store: Store, run_id: str, metrics: Sequence[plan.PlannedMetric], rows: Sequence[Row]) -> None:
    """Write scores of variants and of pairs, and features, under the fingerprints of the plan's metrics."""
    fingerprints = {metric.info.name: metric.info.fingerprint() for metric in metrics}
    tables: dict[str, list[dict[str, Any]]] = {"scores": [], "pair_scores": [], "set_features": []}
    for row in rows:
        values = {
            "metric": row.metric,
            "fingerprint": fingerprints[row.metric],
            "status": row.status,
            "error": row.error,
            "detail": row.detail,
            "run_id": run_id,
        }
        if isinstance(row, FeatureRow):
            values |= {"encode_id": row.encode_id, "n": row.n, "sha256": row.sha256}
            tables["set_features"].append(values)
            continue
        values |= {**row.of._asdict(), "value": row.value, "weight": row.weight}
        if isinstance(row.of, PairKey):
            tables["pair_scores"].append(values)
        else:
            frames = list(row.frame_values) if row.frame_values is not None else None
            tables["scores"].append({**values, "frame_values": frames})
    with store.transaction():
        for table, found in tables.items():
            store.put(table, found)


def forget_scores(store: Store, metric: str) -> int:
    """Delete every score of a metric, so that it is computed again. Returns how many there were."""
    total = 0
    with store.transaction():
        for table in ("scores", "pair_scores", "set_features", "set_scores"):
            total += store.rows(f"SELECT count(*) AS n FROM {table} WHERE metric = ?", [metric])[0]["n"]
            store.connection.execute(f"DELETE FROM {table} WHERE metric = ?", [metric])
    return total
