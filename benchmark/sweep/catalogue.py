"""What a plan names, as rows: datasets, codecs, metrics, systems and clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..api.types import ClipSpec
from ..plan import plan
from ..store import artifacts
from ..store.database import Store
from ..util.hashing import key


def put_plan(store: Store, planned: plan.Plan) -> None:
    """Write what the plan names: datasets, codecs, metrics and systems; older ones stay, not selected."""
    with store.transaction():
        _put_plan(store, planned)


def _put_plan(store: Store, planned: plan.Plan) -> None:
    for table in ("codecs", "metrics", "systems"):
        store.connection.execute(f"UPDATE {table} SET selected = false WHERE selected")
    datasets = {entry.dataset.name: entry.dataset for entry in planned.items}
    store.put(
        "datasets",
        [
            {"dataset": d.name, "synthetic": d.synthetic, "licence": d.licence, "note": d.note}
            for d in datasets.values()
        ],
    )
    store.put("codecs", [_codec_row(codec) for codec in planned.codecs.values()])
    store.put("metrics", [_metric_row(metric) for metric in planned.metrics])
    store.put(
        "systems",
        [
            {
                "system": s.name,
                "kind": s.kind,
                "video_codec": s.video_codec,
                "audio_codec": s.audio_codec,
                "listed": s.listed,
                "selected": True,
            }
            for s in planned.systems
        ],
    )


def _codec_row(codec: plan.PlannedCodec) -> dict[str, Any]:
    info = codec.info
    return {
        "codec": info.name,
        "fingerprint": info.fingerprint(),
        "version": info.version,
        "family": info.family,
        "modalities": list(info.modalities),
        "licence": info.licence,
        "paper": info.paper,
        "weights": info.weights,
        "build": info.build,
        "options": info.options,
        "parameters": info.parameters,
        "status": "unavailable" if codec.unavailable else "ok",
        "error": codec.unavailable,
        "selected": True,
    }


def _metric_row(metric: plan.PlannedMetric) -> dict[str, Any]:
    info = metric.info
    return {
        "metric": info.name,
        "fingerprint": info.fingerprint(),
        "family": metric.family,
        "kind": info.kind,
        "modality": info.modality,
        "unit": info.unit,
        "higher_is_better": info.higher_is_better,
        "bound_low": info.bounds[0],
        "bound_high": info.bounds[1],
        "definition": info.definition,
        "paper": info.paper,
        "aggregate": info.aggregate,
        "build": info.build_with_weights,
        "options": info.options,
        "weights": info.weights_variant,
        "status": "unavailable" if metric.unavailable else "ok",
        "error": metric.unavailable,
        "selected": True,
    }


def put_clips(
    store: Store, run_id: str, items: Sequence[plan.PlannedItem], errors: Mapping[str, str]
) -> list[plan.PlannedClip]:
    """Write a row per clip and return those that can be coded. A failed one is a row with its message."""
    rows: dict[str, dict[str, Any]] = {}
    clips: dict[str, plan.PlannedClip] = {}
    for entry in items:
        folder = artifacts.prepared_folder(entry.item.key)
        facts = artifacts.clip_facts(folder) or {}
        sha256 = str(facts.get("sha256", ""))
        clip_id = plan.clip_id(entry.dataset.name, entry.item.name, sha256)
        row: dict[str, Any] = {
            "clip_id": clip_id,
            "dataset": entry.dataset.name,
            "name": entry.item.name,
            "item_key": entry.item.key,
            "run_id": run_id,
            "selected": True,
        }
        if not facts:
            row |= {"status": "failed", "error": errors.get(entry.item.key, "preparation gave no clip")}
        elif sha256 in clips:
            row |= {"status": "unavailable", "error": "the same content as another clip: counted once"}
        else:
            spec = ClipSpec.from_dict(facts["spec"])  # pyright: ignore[reportArgumentType]
            names = ("sha256", "speaker", "transcript", "licence", "note", "truth", "prepare_s")
            row |= {**spec.to_dict(), "fps": float(spec.fps), "status": "ok"}
            row |= {name: facts.get(name) for name in names}
            clips[sha256] = plan.PlannedClip(clip_id, sha256, folder, spec, entry.dataset.name)
        rows[clip_id] = row
    with store.transaction():
        store.connection.execute("UPDATE clips SET selected = false WHERE selected")
        store.put("clips", rows.values())
    return list(clips.values())


def digest(store: Store) -> str:
    """Hash over the selected rows of codecs, metrics, systems, datasets and clips."""
    found = {}
    for table, left_out in (
        ("codecs", "selected"),
        ("metrics", "selected"),
        ("systems", "selected"),
        ("clips", "run_id, prepare_s"),
    ):
        query = f"SELECT * EXCLUDE ({left_out}) FROM {table} WHERE selected"
        found[table] = _lines(store, query)
    found["datasets"] = _lines(
        store, "SELECT * FROM datasets WHERE dataset IN (SELECT dataset FROM clips WHERE selected)"
    )
    return key(found)


def _lines(store: Store, query: str) -> list[str]:
    rows = store.connection.execute(f"SELECT t::VARCHAR FROM ({query}) t ORDER BY 1").fetchall()
    return [line for (line,) in rows]


def failed_items(store: Store) -> dict[str, str]:
    """Item key -> message, for clips that could not be prepared before."""
    rows = store.rows("SELECT item_key, error FROM clips WHERE status = 'failed'")
    return {row["item_key"]: row["error"] for row in rows}
