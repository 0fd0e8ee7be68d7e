"""Distribution metrics: one value per dataset, codec and point, over the features of all its clips."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..plan import plan
from ..plan.variants import reference_id
from ..stages.score_jobs import Distance
from ..stages.score_rows import FeatureFile, SetKey, SetRow
from ..store import artifacts
from ..store.database import Store

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
) -> list[Distance]:
    """The jobs for all values that are not there, or that were made from other features than now."""
    found = []
    for metric in planned.metrics:
        info = metric.info
        if info.kind != "set" or metric.unavailable:
            continue
        fingerprint = info.fingerprint()
        known = _known(store, info.name, fingerprint, (*ended, "unavailable"))

        def features(of: str, sha256: str, fingerprint: str = fingerprint) -> FeatureFile:
            return FeatureFile(artifacts.features_path(root, of, fingerprint), sha256)

        for row in store.rows(_INPUTS, {"metric": info.name, "fingerprint": fingerprint}):
            clips = row.pop("clips")
            job = Distance(
                family=metric.family,
                infos=[info],
                of=SetKey(**row),
                reference=[features(reference_id(clip["clip_id"]), clip["reference"]) for clip in clips],
                decoded=[features(clip["encode_id"], clip["sha256"]) for clip in clips],
                time_limit_s=time_limit_s,
            )
            if known.get(job.of) != job.inputs:
                found.append(job)
    return found


def _known(store: Store, metric: str, fingerprint: str, ended: Sequence[str]) -> dict[SetKey, str]:
    """What each value that is there was made from."""
    rows = store.connection.execute(
        "SELECT dataset, codec, fingerprint, point, inputs FROM set_scores "
        "WHERE metric = ? AND metric_fingerprint = ? AND status IN (SELECT unnest(?))",
        [metric, fingerprint, list(ended)],
    ).fetchall()
    return {SetKey(*of): inputs for *of, inputs in rows}


def put(
    store: Store, run_id: str, metrics: Sequence[plan.PlannedMetric], job: Distance, rows: Sequence[SetRow]
) -> None:
    """Write the rows that a job of `missing` gave."""
    fingerprints = {metric.info.name: metric.info.fingerprint() for metric in metrics}
    values: list[dict[str, Any]] = [
        {
            **job.of._asdict(),
            "metric": row.metric,
            "metric_fingerprint": fingerprints[row.metric],
            "value": row.value,
            "n": row.n,
            "clips": len(job.decoded),
            "note": row.note,
            "inputs": job.inputs,
            "status": row.status,
            "error": row.error,
            "run_id": run_id,
        }
        for row in rows
    ]
    store.put("set_scores", values)
