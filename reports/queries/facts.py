"""What a store says of its own making: what ran, how fast, what is covered, what failed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection

Row = dict[str, Any]

_JSON_COLUMNS = ("environment", "suite_resolved", "build", "options", "params", "parts", "truth", "detail")
_OBJECTS = ("environment", "suite_resolved", "build", "options", "params")
"""Of these, what is not an object (in a store that others wrote) is shown as one."""


def query(connection: Connection, sql: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
    """Rows as dictionaries, with JSON columns parsed; parameters: values of `$name` in the SQL."""
    found = connection.execute(sql, dict(parameters)) if parameters else connection.execute(sql)
    names = [column[0] for column in found.description or ()]
    rows = [dict(zip(names, values, strict=True)) for values in found.fetchall()]
    for row in rows:
        for name in _JSON_COLUMNS:
            if isinstance(row.get(name), str):
                parsed = json.loads(row[name])
                row[name] = {"value": parsed} if name in _OBJECTS and not isinstance(parsed, dict) else parsed
    return rows


def runs(connection: Connection) -> list[Row]:
    """All runs that wrote to the store, latest first."""
    return query(connection, "SELECT * FROM runs ORDER BY started_at DESC")


def datasets(connection: Connection) -> list[Row]:
    """Datasets of the plan with their clips counted."""
    return query(
        connection,
        """
        SELECT c.dataset, d.synthetic, d.licence, d.note, count(*) AS clips,
               count(*) FILTER (WHERE c.status = 'ok') AS usable,
               count(DISTINCT c.speaker) FILTER (WHERE c.speaker <> '') AS speakers,
               sum(coalesce(c.frames / nullif(c.fps, 0), c.samples / nullif(c.sample_rate, 0)))
                   FILTER (WHERE c.status = 'ok') AS seconds,
               list_sort(list(DISTINCT c.width || ' × ' || c.height) FILTER (WHERE c.width > 0)) AS sizes,
               list_sort(list(DISTINCT c.fps) FILTER (WHERE c.fps > 0)) AS fps,
               list_sort(list(DISTINCT c.sample_rate) FILTER (WHERE c.samples > 0)) AS sample_rates
        FROM clips c LEFT JOIN datasets d USING (dataset)
        WHERE c.selected GROUP BY ALL ORDER BY c.dataset
        """,
    )


def noted_clips(connection: Connection) -> list[Row]:
    """What preparation had to say of single clips: dataset, note, n clips and up to 200 of their names."""
    return query(
        connection,
        """
        SELECT c.dataset, c.note, count(*) AS n, list_slice(list(c.name ORDER BY c.name), 1, 200) AS names
        FROM clips c LEFT JOIN datasets d USING (dataset)
        WHERE c.selected AND c.note <> '' AND c.note IS DISTINCT FROM d.note
        GROUP BY ALL ORDER BY c.dataset, n DESC, c.note
        """,
    )


def codecs(connection: Connection) -> list[Row]:
    """Codecs of the plan."""
    return query(connection, "SELECT * FROM codecs WHERE selected ORDER BY codec, fingerprint")


def ladders(connection: Connection) -> dict[tuple[str, str], list[Row]]:
    """(codec, fingerprint) → its points with their params, lowest measured rate first."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in query(
        connection,
        """
        SELECT codec, fingerprint, point, params,
               avg((bits_video + bits_audio + bits_joint) / 1000.0 / duration_s) AS kbps
        FROM encodes WHERE selected GROUP BY ALL ORDER BY kbps NULLS FIRST, point
        """,
    ):
        found.setdefault((row["codec"], row["fingerprint"]), []).append(row)
    return found


def metrics(connection: Connection) -> list[Row]:
    """Metrics of the plan."""
    order = "CASE modality WHEN 'video' THEN 0 WHEN 'audio' THEN 1 ELSE 2 END"
    return query(connection, f"SELECT * FROM metrics WHERE selected ORDER BY {order}, metric, fingerprint")


def metric_marks(metric: Row) -> list[str]:
    """What a reader must know of a metric (a row of `metrics`) wherever it stands: keys of `text.MARKS`."""
    options = metric["options"] if isinstance(metric["options"], dict) else {}
    found = ["in-house"] if metric["weights"] == "synthetic" else []
    return found + (["quick"] if options.get("precision") == "bf16" else [])


def references(connection: Connection) -> dict[tuple[str, str, str], Row]:
    """(dataset, metric, fingerprint) → what the clips score uncoded: value, n_scored, n_expected."""
    rows = query(connection, "SELECT * FROM reference_points ORDER BY ALL")
    return {(row["dataset"], row["metric"], row["fingerprint"]): row for row in rows}


def set_sizes(connection: Connection) -> dict[tuple[str, str, str], Row]:
    """(dataset, metric, fingerprint) of distribution metrics → smallest and largest n (frames), the notes."""
    rows = query(
        connection,
        """
        SELECT x.dataset, x.metric, x.metric_fingerprint, min(x.n) AS low, max(x.n) AS high,
               coalesce(list_sort(list(DISTINCT x.note) FILTER (WHERE x.note <> '')), []) AS notes
        FROM set_scores x
        JOIN metrics m ON m.metric = x.metric AND m.fingerprint = x.metric_fingerprint AND m.selected
        JOIN codecs c ON c.codec = x.codec AND c.fingerprint = x.fingerprint AND c.selected
        WHERE x.status = 'ok' GROUP BY ALL
        """,
    )
    return {(row["dataset"], row["metric"], row["metric_fingerprint"]): row for row in rows}


def systems(connection: Connection) -> list[Row]:
    """Systems of the plan; joint codecs first, then codecs alone, then pairs."""
    order = "CASE kind WHEN 'joint' THEN 0 WHEN 'pair' THEN 2 ELSE 1 END"
    return query(connection, f"SELECT * FROM systems WHERE selected ORDER BY {order}, system")


def speed(connection: Connection) -> list[Row]:
    """Median speed of each codec on each device over all its encodes, and its largest memory.

    Earlier stores have no memory of decoding, and that of encoding is a whole worker's: it is left out.

    *_realtime: seconds of clip per second of work, with the slowest and fastest encode; *_fps: pictures/s.
    """
    return query(
        connection,
        """
        SELECT e.codec, e.encode_device, e.decode_device, count(*) AS encodes,
               median(e.duration_s / nullif(e.encode_s, 0)) AS encode_realtime,
               min(e.duration_s / nullif(e.encode_s, 0)) AS encode_realtime_min,
               max(e.duration_s / nullif(e.encode_s, 0)) AS encode_realtime_max,
               median(CASE WHEN e.bits_video + e.bits_joint > 0 THEN c.frames END / nullif(e.encode_s, 0))
                   AS encode_fps,
               median(e.duration_s / nullif(e.decode_s, 0)) AS decode_realtime,
               min(e.duration_s / nullif(e.decode_s, 0)) AS decode_realtime_min,
               max(e.duration_s / nullif(e.decode_s, 0)) AS decode_realtime_max,
               median(CASE WHEN e.bits_video + e.bits_joint > 0 THEN c.frames END / nullif(e.decode_s, 0))
                   AS decode_fps,
               max(e.peak_rss_bytes) FILTER (e.decode_peak_rss_bytes IS NOT NULL) AS encode_rss_bytes,
               max(e.decode_peak_rss_bytes) AS decode_rss_bytes,
               max(e.peak_gpu_bytes) FILTER (e.decode_peak_rss_bytes IS NOT NULL) AS encode_gpu_bytes,
               max(e.decode_peak_gpu_bytes) AS decode_gpu_bytes
        FROM encodes e JOIN clips c USING (clip_id)
        WHERE e.selected AND e.status = 'ok' GROUP BY ALL ORDER BY e.codec, e.encode_device
        """,
    )


def coverage(connection: Connection) -> list[Row]:
    """Per dataset, codec and point: planned encodes that have a row, and those encoded and decoded."""
    return query(
        connection,
        """
        SELECT c.dataset, e.codec, e.point, count(*) AS tried,
               count(*) FILTER (WHERE e.status = 'ok') AS encoded,
               count(*) FILTER (WHERE e.status = 'ok' AND e.decode_status = 'ok') AS decoded,
               any_value(n.n_expected) AS expected,
               avg((e.bits_video + e.bits_audio + e.bits_joint) / 1000.0 / e.duration_s) AS kbps
        FROM encodes e JOIN clips c USING (clip_id) LEFT JOIN expected_clips n USING (dataset)
        WHERE e.selected AND c.selected GROUP BY ALL ORDER BY c.dataset, e.codec, kbps NULLS FIRST, e.point
        """,
    )


def problems(connection: Connection) -> list[Row]:
    """Everything that has no result, with its message; equal messages of one thing are one row.

    Columns: stage, subject, status, message, n and the names of up to 200 cells.
    """
    return query(
        connection,
        """
        WITH variants AS (
            SELECT e.encode_id, c.name, e.codec || ' at ' || e.point AS label
            FROM encodes e JOIN clips c USING (clip_id) WHERE e.selected AND c.selected
            UNION ALL
            SELECT 'reference:' || clip_id, name, 'its own' FROM clips WHERE selected
        ), found AS (
            SELECT 1 AS stage_order, 'prepare' AS stage, dataset AS subject, status, error AS message,
                   name AS cell
            FROM clips WHERE selected AND status <> 'ok'
            UNION ALL
            SELECT 0, 'codec', codec, status, error, '' FROM codecs WHERE selected AND status <> 'ok'
            UNION ALL
            SELECT 0, 'metric', metric, status, error, '' FROM metrics WHERE selected AND status <> 'ok'
            UNION ALL
            SELECT 2, 'encode', e.codec, e.status, e.error, c.name || ' at ' || e.point
            FROM encodes e JOIN clips c USING (clip_id) WHERE e.selected AND c.selected AND e.status <> 'ok'
            UNION ALL
            SELECT 3, 'decode', e.codec, e.decode_status, e.decode_error, c.name || ' at ' || e.point
            FROM encodes e JOIN clips c USING (clip_id)
            WHERE e.selected AND c.selected AND e.status = 'ok' AND e.decode_status <> 'ok'
            UNION ALL
            SELECT 4, 'score', x.metric, x.status, x.error, c.name || ', ' || e.codec || ' at ' || e.point
            FROM scores x JOIN encodes e USING (encode_id) JOIN clips c USING (clip_id)
            JOIN metrics m ON m.metric = x.metric AND m.fingerprint = x.fingerprint AND m.selected
            WHERE e.selected AND c.selected AND x.status <> 'ok'
            UNION ALL
            SELECT 4, 'score', x.metric, x.status, x.error, c.name || ', uncoded'
            FROM scores x JOIN clips c ON x.encode_id = 'reference:' || c.clip_id
            JOIN metrics m ON m.metric = x.metric AND m.fingerprint = x.fingerprint AND m.selected
            WHERE c.selected AND x.status <> 'ok'
            UNION ALL
            SELECT 4, 'score', x.metric, x.status, x.error,
                   v.name || ', ' || v.label || ' with ' || a.label
            FROM pair_scores x JOIN variants v ON v.encode_id = x.video_encode_id
            JOIN variants a ON a.encode_id = x.audio_encode_id
            JOIN metrics m ON m.metric = x.metric AND m.fingerprint = x.fingerprint AND m.selected
            WHERE x.status <> 'ok'
            UNION ALL
            SELECT 4, 'features', x.metric, x.status, x.error, v.name || ', ' || v.label
            FROM set_features x JOIN variants v USING (encode_id)
            JOIN metrics m ON m.metric = x.metric AND m.fingerprint = x.fingerprint AND m.selected
            WHERE x.status <> 'ok'
            UNION ALL
            SELECT 4, 'score', x.metric, x.status, x.error, x.codec || ' at ' || x.point || ', ' || x.dataset
            FROM set_scores x
            JOIN metrics m ON m.metric = x.metric AND m.fingerprint = x.metric_fingerprint AND m.selected
            WHERE x.status <> 'ok'
        )
        SELECT stage, subject, status, coalesce(nullif(message, ''), 'no message was recorded') AS message,
               count(*) AS n, list_slice(list(cell ORDER BY cell) FILTER (WHERE cell <> ''), 1, 200) AS cells
        FROM found GROUP BY ALL ORDER BY min(stage_order), stage, subject, status, message
        """,
    )
