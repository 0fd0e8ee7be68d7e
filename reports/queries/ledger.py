"""Where the bits go: mean rates by part of the bitstream, and how fast they are made at which rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .facts import Row, query

if TYPE_CHECKING:
    from collections.abc import Collection

    from .facts import Connection

NOT_SPLIT = "not split"
"""The name of what a bitstream without recorded parts is."""

KINDS = {
    "keyframe": "keyframe",
    "motion": "motion",
    "residual": "later frames (inter, residual)",
    "tokens": "tokens",
    "other": "not split further",
    "headers": "headers, parameter sets",
    "audio": "audio",
}
"""What a part is for → its words; its place is its colour, and its place in a bar."""

_WORDS = {
    "keyframe": ("keyframe", "intra", "identity"),
    "motion": ("motion", "keypoint", "pose", "expression", "mouth", "flow"),
    "residual": ("residual", "inter", "enhancement"),
    "audio": ("audio", "sound", "speech", "samples", "packets"),
    "tokens": ("token", "code", "indices", "latent"),
    "headers": ("header", "parameter_set", "length", "mode"),
}


def kind(part: str, modalities: Collection[str]) -> str:
    """What a part of a codec of these modalities is for: a key of KINDS, read off its name.

    All that an audio codec sends is audio, except its headers.
    """
    name = part.lower()
    found = next((key for key, words in _WORDS.items() if any(word in name for word in words)), "other")
    return found if found == "headers" or set(modalities) != {"audio"} else "audio"


def ledger(connection: Connection) -> list[Row]:
    """Per dataset, codec and point the mean kbit/s of each part over its encoded clips, lowest rate first.

    Columns: dataset, codec, point, parts (name → kbit/s; a part that a clip lacks is 0 there), kbps
    (their sum), clips. An encode whose parts are not recorded counts as one part, NOT_SPLIT.
    """
    rows = query(
        connection,
        f"""
        WITH coded AS (
            SELECT c.dataset, e.codec, e.point, e.encode_id, e.duration_s,
                   coalesce(e.bits_video, 0) + coalesce(e.bits_audio, 0) + coalesce(e.bits_joint, 0) AS bits,
                   map_entries(try_cast(e.parts AS MAP(VARCHAR, DOUBLE))) AS entries
            FROM encodes e JOIN clips c USING (clip_id)
            WHERE e.selected AND c.selected AND e.status = 'ok' AND e.duration_s > 0
        ), points AS (
            SELECT dataset, codec, point, count(*) AS clips, avg(bits / 1000 / duration_s) AS kbps
            FROM coded GROUP BY ALL
        ), sent AS (
            SELECT dataset, codec, point, duration_s,
                   unnest(CASE WHEN len(entries) > 0 THEN entries
                          ELSE [{{'key': '{NOT_SPLIT}', 'value': bits::DOUBLE}}] END) AS entry
            FROM coded
        ), parts AS (
            SELECT dataset, codec, point, entry.key AS name, sum(entry.value / 1000 / duration_s) AS total
            FROM sent GROUP BY ALL
        )
        SELECT p.dataset, p.codec, p.point, p.clips, p.kbps,
               list({{'name': s.name, 'kbps': s.total / p.clips}} ORDER BY s.name) AS split
        FROM points p JOIN parts s USING (dataset, codec, point)
        GROUP BY ALL ORDER BY p.dataset, p.codec, p.kbps, p.point
        """,
    )
    for row in rows:
        row["parts"] = {part["name"]: part["kbps"] or 0.0 for part in row.pop("split")}
    return rows


def unbalanced(connection: Connection) -> int:
    """How many encodes have parts that do not add up to their bits; none should."""
    ((count,),) = connection.execute(
        """
        SELECT count(*) FROM encodes e JOIN clips c USING (clip_id)
        WHERE e.selected AND c.selected AND e.status = 'ok' AND e.parts IS NOT NULL
          AND list_sum(map_values(try_cast(e.parts AS MAP(VARCHAR, DOUBLE))))
              IS DISTINCT FROM (e.bits_video + e.bits_audio + e.bits_joint)::DOUBLE
        """
    ).fetchall()
    return count


def pace(connection: Connection) -> list[Row]:
    """Per dataset, codec, devices and point: mean kbit/s, and the median seconds of clip per second of work.

    encode_realtime and decode_realtime are None where nothing was timed.
    """
    return query(
        connection,
        """
        SELECT c.dataset, e.codec, e.encode_device, e.decode_device, e.point, count(*) AS clips,
               avg((e.bits_video + e.bits_audio + e.bits_joint) / 1000 / e.duration_s) AS kbps,
               median(e.duration_s / nullif(e.encode_s, 0)) AS encode_realtime,
               median(e.duration_s / nullif(e.decode_s, 0)) AS decode_realtime
        FROM encodes e JOIN clips c USING (clip_id)
        WHERE e.selected AND c.selected AND e.status = 'ok' AND e.duration_s > 0
        GROUP BY ALL HAVING kbps > 0 ORDER BY c.dataset, e.codec, e.encode_device, kbps, e.point
        """,
    )
