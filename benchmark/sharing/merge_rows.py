"""Rows of several results as one store: which one is taken where several have it.

Works on temporary tables `all_TABLE`: the rows of every part, with the part's number in the column `part`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..store import parquet

if TYPE_CHECKING:
    from ..store.database import Store

TAKEN_BY_KEY = (
    "runs", "datasets", "clips", "codecs", "metrics", "systems", "encodes", "scores", "pair_scores",
    "set_features",
)  # fmt: skip
TABLES = (*TAKEN_BY_KEY, "set_scores", "previews")  # bd_rates are recomputed
_VOID = "computed over the clips of one part only; to compute it over all clips, sweep them together"


def stage(store: Store, table: str, files: Sequence[str | None]) -> None:
    """Fill `all_TABLE` from one Parquet file per part, in order; None where a part lacks the table."""
    connection = store.connection
    connection.execute(f"CREATE TEMP TABLE all_{table} AS SELECT *, 0 AS part FROM {table} LIMIT 0")
    for part, file in enumerate(files):
        if file is not None:
            connection.execute(
                f"INSERT INTO all_{table} BY NAME SELECT *, {part} AS part "
                "FROM read_parquet(?, hive_partitioning = false)",
                [file],
            )


_ENDED_WELL = "(status = 'ok') DESC, part"
# Of rows with the same key one is taken: what ended well before what did not, then the first part's.
_CHOICE = {
    "runs": "(finished_at IS NOT NULL) DESC, part",
    "datasets": "part",
    "systems": "part",
    "encodes": f"coalesce(status = 'ok' AND decode_status = 'ok', false) DESC, {_ENDED_WELL}",
}
# An unavailable codec or metric, or a clip that failed, says nothing where another part has it.
_WITHOUT = {
    "codecs": "(status = 'ok' OR codec NOT IN (SELECT codec FROM all_codecs WHERE status = 'ok'))",
    "metrics": "(status = 'ok' OR metric NOT IN (SELECT metric FROM all_metrics WHERE status = 'ok'))",
    "clips": "(status = 'ok' OR (dataset, name) NOT IN "
    "(SELECT (dataset, name) FROM all_clips WHERE status = 'ok'))",
}  # fmt: skip


def take(store: Store, table: str) -> int:
    """Insert the rows of `all_TABLE` that stand; returns how many were there more than once."""
    connection = store.connection
    keys = ", ".join(parquet.keys(table))
    order = _CHOICE.get(table, _ENDED_WELL)
    where = _WITHOUT.get(table, "true")
    connection.execute(
        f"INSERT INTO {table} BY NAME SELECT * EXCLUDE (part) FROM all_{table} WHERE {where} "
        f"QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY {order}) = 1"
    )
    if table == "systems":
        connection.execute(
            "UPDATE systems SET listed = true WHERE system IN (SELECT system FROM all_systems WHERE listed)"
        )
    ((staged, taken),) = connection.execute(
        f"SELECT (SELECT count(*) FROM all_{table}), (SELECT count(*) FROM {table})"
    ).fetchall()
    return staged - taken


# The clips that each value of a distribution metric is over: of the merged rows, and of each part's own.
_SET_CLIPS = """
    SELECT {part}, c.dataset, e.codec, e.fingerprint, e.point, f.metric, f.fingerprint AS metric_fingerprint,
           list(c.clip_id ORDER BY c.clip_id) AS clips
    FROM {prefix}encodes e JOIN {prefix}clips c ON c.clip_id = e.clip_id {same_clips}
    JOIN {prefix}set_features f ON f.encode_id = e.encode_id {same_features}
    WHERE f.status = 'ok' GROUP BY ALL
"""


def take_set_scores(store: Store) -> int:
    """Insert the distribution scores over all clips of the merged store; the others become unavailable.

    The features stay with their part, so that no value over all clips can be computed here. Returns how many
    values are void for that.
    """
    connection = store.connection
    keys = ", ".join(parquet.keys("set_scores"))
    of_parts = _SET_CLIPS.format(
        prefix="all_",
        part="e.part",
        same_clips="AND c.part = e.part",
        same_features="AND f.part = e.part",
    )
    of_all = _SET_CLIPS.format(prefix="", part="0 AS part", same_clips="", same_features="")
    connection.execute(
        f"""
        INSERT INTO set_scores BY NAME SELECT s.* EXCLUDE (part) FROM all_set_scores s
        JOIN ({of_parts}) p USING (part, {keys}) JOIN ({of_all}) m USING ({keys})
        WHERE s.status = 'ok' AND p.clips = m.clips
        QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY s.part) = 1
        """
    )
    connection.execute(
        f"""
        INSERT INTO set_scores BY NAME
        SELECT * EXCLUDE (part) REPLACE (
            CASE WHEN status = 'ok' THEN NULL ELSE value END AS value,
            CASE WHEN status = 'ok' THEN ? ELSE error END AS error,
            CASE WHEN status = 'ok' THEN 'unavailable' ELSE status END AS status)
        FROM all_set_scores WHERE ({keys}) NOT IN (SELECT ({keys}) FROM set_scores)
        QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY part) = 1
        """,
        [_VOID],
    )
    ((void,),) = connection.execute("SELECT count(*) FROM set_scores WHERE error = ?", [_VOID]).fetchall()
    return void
