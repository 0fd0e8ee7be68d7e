"""Set metrics: one value per dataset, codec and point, over the features of all its clips."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..execution.executors import Job, Outcome
from ..plan import plan
from ..plan.variants import reference_id
from ..stages import score_jobs, score_rows
from ..store import artifacts
from ..store.database import Store
from ..util.hashing import key

KEY = "set"  # in the place of a clip's id in the key of a job

# The clips of every dataset, codec and point that have features, and whose reference has.
_INPUTS = """
    SELECT c.dataset, e.codec, e.fingerprint, e.point,
           list({'clip_id': c.clip_id, 'encode_id': e.encode_id, 'sha256': f.sha256, 'reference': r.sha256}
                ORDER BY c.clip_id) AS clips
    FROM encodes e JOIN clips c USING (clip_id)
    JOIN set_features f ON f.encode_id = e.encode_id AND f.metric = $metric AND f.fingerprint = $fingerprint
    JOIN set_features r ON r.encode_id = 'reference:' || c.clip_id
                       AND r.metric = f.metric AND r.fingerprint = f.fingerprint
    WHERE e.selected AND c.selected AND f.status = 'ok' AND r.status = 'ok'
    GROUP BY ALL ORDER BY ALL
"""


def missing(
    store: Store, planned: plan.Plan, root: Path, ended: Sequence[str], time_limit_s: float
) -> list[Job]:
    """The jobs for all values that are not there, or that were made from other features than now."""
    found = []
    for metric in planned.metrics:
        info = metric.info
        if info.kind != "set" or metric.unavailable:
            continue
        fingerprint = info.fingerprint()
        known = _known(store, info.name, fingerprint, (*ended, "unavailable"))
        rows = store.rows(_INPUTS, {"metric": info.name, "fingerprint": fingerprint})
        for row in rows:
            of = (row["dataset"], row["codec"], row["fingerprint"], row["point"])
            inputs = _digest(row["clips"])
            if known.get(of) == inputs:
                continue
            reference, decoded = [], []
            for clip in row["clips"]:
                path = artifacts.features_path(root, reference_id(clip["clip_id"]), fingerprint)
                reference.append((path, clip["reference"]))
                path = artifacts.features_path(root, clip["encode_id"], fingerprint)
                decoded.append((path, clip["sha256"]))
            of = (*of, inputs, str(len(row["clips"])))
            found.append(score_jobs.distance(metric.family, [info], of, reference, decoded, time_limit_s))
    return found


def _digest(clips: Sequence[dict[str, str]]) -> str:
    return key([[clip["reference"], clip["sha256"]] for clip in clips])


def _known(store: Store, metric: str, fingerprint: str, ended: Sequence[str]) -> dict[tuple[str, ...], str]:
    rows = store.rows(
        "SELECT dataset, codec, fingerprint, point, inputs FROM set_scores "
        "WHERE metric = ? AND metric_fingerprint = ? AND status IN (SELECT unnest(?))",
        [metric, fingerprint, list(ended)],
    )
    return {(r["dataset"], r["codec"], r["fingerprint"], r["point"]): r["inputs"] for r in rows}


def put(
    store: Store, run_id: str, metrics: Sequence[plan.PlannedMetric], outcome: Outcome, status: str
) -> list[score_rows.SetRow]:
    """Write how a job of `missing` ended. Returns its rows."""
    *_, dataset, codec, fingerprint, point, inputs, clips = outcome.job.key
    infos = outcome.job.arguments["infos"]
    rows = outcome.value or [score_rows.SetRow(info.name, status, error=outcome.error) for info in infos]
    fingerprints = {metric.info.name: metric.info.fingerprint() for metric in metrics}
    values: list[dict[str, Any]] = [
        {
            "dataset": dataset,
            "codec": codec,
            "fingerprint": fingerprint,
            "point": point,
            "metric": row.metric,
            "metric_fingerprint": fingerprints[row.metric],
            "value": row.value,
            "n": row.n,
            "clips": int(clips),
            "note": row.note,
            "inputs": inputs,
            "status": row.status,
            "error": row.error,
            "run_id": run_id,
        }
        for row in rows
    ]
    store.put("set_scores", values)
    return rows
