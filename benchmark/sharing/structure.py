"""Whether tables are what talkbench writes: names that are hashes, numbers that follow from others.

Nothing is decoded here. Each check is a function of a connection (and of the folder of bitstreams).
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..api import tolerance
from ..api.types import STREAMS, Bitstream
from ..plan import plan
from ..store.artifacts import bitstream_path
from ..util.errors import BitstreamError
from ..util.hashing import key, sha256_file
from .checks import Check

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection

_HASH = re.compile("[0-9a-f]{64}")
_STATUSES = "('ok', 'failed', 'timeout', 'oom', 'unavailable')"
_VARIANTS = """(
    SELECT encode_id AS id, clip_id FROM encodes WHERE status = 'ok' AND decode_status = 'ok'
    UNION ALL SELECT 'reference:' || clip_id, clip_id FROM clips WHERE status = 'ok'
)"""


def check(connection: Connection, root: Path, whole: bool = True) -> list[Check]:
    """All checks that need the tables and the bitstreams below `root` only, without the BD-rates.

    whole: no other bitstream may be there.
    """
    found = [identities(connection), statuses(connection), relations(connection), rates(connection)]
    return [*found, bitstreams(connection, root, whole), means(connection)]


def _rows(connection: Connection, sql: str) -> list[tuple[Any, ...]]:
    return connection.execute(sql).fetchall()


def identities(connection: Connection) -> Check:
    """Clips, codecs and encodes are named by the hash over what they are made of."""
    result = Check("names are hashes of what they name")
    hashes: dict[str, str] = {}
    for clip_id, dataset, name, sha256 in _rows(
        connection, "SELECT clip_id, dataset, name, sha256 FROM clips WHERE status = 'ok' ORDER BY clip_id"
    ):
        hashes[clip_id] = str(sha256)
        result.hold(
            clip_id == plan.clip_id(dataset, name, str(sha256)),
            f"clip {name!r}: its clip_id does not follow from dataset, name and sha256",
        )
    columns = "codec, fingerprint, version, weights, build, options"
    for codec, fingerprint, *identity, build, options in _rows(connection, f"SELECT {columns} FROM codecs"):
        made = key(codec, *identity, json.loads(build or "{}"), json.loads(options or "{}"))[:16]
        result.hold(
            fingerprint == made,
            f"codec {codec!r}: its fingerprint {fingerprint} does not follow from name, version, weights, "
            f"build and options (they give {made}): was it renamed?",
        )
    columns = "encode_id, codec, point, clip_id, fingerprint, params"
    for encode_id, codec, point, clip_id, fingerprint, params in _rows(
        connection, f"SELECT {columns} FROM encodes ORDER BY encode_id"
    ):
        result.hold(
            encode_id == key(hashes.get(clip_id, ""), fingerprint, json.loads(params)),
            f"encode {encode_id[:16]} ({codec} {point}): its encode_id does not follow from clip, codec "
            "fingerprint and params",
        )
    return result


_STATUS_RULES = {
    "clips": "status = 'ok' AND (sha256 IS NULL OR NOT isfinite(fps) OR frames < 0 OR samples < 0 OR "
    "greatest(frames / nullif(fps, 0), samples / nullif(sample_rate, 0)) IS NULL) "
    "OR status <> 'ok' AND (sha256 IS NOT NULL OR frames IS NOT NULL OR samples IS NOT NULL)",
    "encodes": "status = 'ok' AND (bits_video IS NULL OR bits_audio IS NULL OR bits_joint IS NULL OR "
    "least(bits_video, bits_audio, bits_joint) < 0 OR bits_video + bits_audio + bits_joint = 0 OR "
    "parts IS NULL OR bitstream_sha256 IS NULL OR NOT coalesce(duration_s > 0, false)) "
    "OR status <> 'ok' AND (bits_video IS NOT NULL OR bits_audio IS NOT NULL OR bits_joint IS NOT NULL OR "
    "bitstream_sha256 IS NOT NULL OR parts IS NOT NULL OR decode_status IS NOT NULL) "
    f"OR decode_status IS NOT NULL AND decode_status NOT IN {_STATUSES}",
    **{
        table: "status = 'ok' AND NOT coalesce(isfinite(value), false) OR "
        f"status <> 'ok' AND (value IS NOT NULL{more})"
        for table, more in (
            ("scores", " OR frame_values IS NOT NULL"),
            ("pair_scores", ""),
            ("set_scores", ""),
        )
    },
    "set_features": "status = 'ok' AND (sha256 IS NULL OR n IS NULL)",
    "codecs": "false",
    "metrics": "false",
}


def statuses(connection: Connection) -> Check:
    """Every status is a known one; what is ok has its numbers, and nothing else has any."""
    result = Check("only what is ok has numbers")
    for table, rule in _STATUS_RULES.items():
        ((total, unknown, broken),) = _rows(
            connection,
            f"SELECT count(*), count(*) FILTER (WHERE status NOT IN {_STATUSES}), "
            f"count(*) FILTER (WHERE {rule}) FROM {table}",
        )
        result.verified += total - max(unknown, broken)
        if unknown:
            result.wrong.append(f"{table}: {unknown} rows with a status that does not exist")
        if broken:
            result.wrong.append(f"{table}: {broken} rows with numbers that do not match their status")
    return result


_METRIC = "EXISTS (FROM metrics m WHERE m.metric = t.metric AND m.fingerprint = t.{})"
_RELATIONS = {
    "an encode of no clip, codec or run": (
        "encodes",
        "EXISTS (FROM clips c WHERE c.clip_id = t.clip_id AND c.status = 'ok') "
        "AND EXISTS (FROM codecs c WHERE c.codec = t.codec AND c.fingerprint = t.fingerprint) "
        "AND (t.run_id IS NULL OR EXISTS (FROM runs r WHERE r.run_id = t.run_id))",
    ),
    "a score of no decoded encode, or of no metric": (
        "scores",
        f"{_METRIC.format('fingerprint')} AND "
        f"(t.status <> 'ok' AND (t.encode_id IN (SELECT encode_id FROM encodes) OR "
        f"t.encode_id LIKE 'reference:%') OR t.encode_id IN (SELECT id FROM {_VARIANTS}))",
    ),
    "a score of a picture with a sound that are not of one decoded clip, or of no metric": (
        "pair_scores",
        f"{_METRIC.format('fingerprint')} AND "
        f"(t.status <> 'ok' OR EXISTS (FROM {_VARIANTS} v JOIN {_VARIANTS} a "
        "ON v.clip_id = a.clip_id WHERE v.id = t.video_encode_id AND a.id = t.audio_encode_id))",
    ),
    "features of no decoded encode, or of no metric": (
        "set_features",
        f"{_METRIC.format('fingerprint')} AND "
        f"(t.status <> 'ok' OR t.encode_id IN (SELECT id FROM {_VARIANTS}))",
    ),
    "a distribution score of no codec and point, or of no metric": (
        "set_scores",
        f"{_METRIC.format('metric_fingerprint')} AND EXISTS (FROM encodes e WHERE e.codec = t.codec "
        "AND e.fingerprint = t.fingerprint AND e.point = t.point)",
    ),
    "a system of no codec": (
        "systems",
        "(t.video_codec IS NULL OR t.video_codec IN (SELECT codec FROM codecs)) "
        "AND (t.audio_codec IS NULL OR t.audio_codec IN (SELECT codec FROM codecs)) "
        "AND t.kind IN ('pair', 'joint', 'video', 'audio')",
    ),
    "a second encode of one codec, point and clip": (
        "(SELECT codec, point, clip_id, count(*) AS n FROM encodes GROUP BY ALL)",
        "t.n = 1",
    ),
    "one point of a codec with several params": (
        "(SELECT codec, point, count(DISTINCT params::VARCHAR) AS n FROM encodes GROUP BY ALL)",
        "t.n = 1",
    ),
}


def relations(connection: Connection) -> Check:
    """Every row belongs to rows that are there."""
    result = Check("rows belong to rows that are there")
    for what, (table, rule) in _RELATIONS.items():
        ((total, broken),) = _rows(
            connection, f"SELECT count(*), count(*) FILTER (WHERE NOT ({rule})) FROM {table} t"
        )
        result.verified += total - broken
        if broken:
            result.wrong.append(f"{broken} times {what}")
    return result


def rates(connection: Connection) -> Check:
    """kbit/s are bits over the clip's duration; bits are checked with the bitstreams, durations here."""
    result = Check("durations (of kbit/s) are those of clips")
    for encode_id, codec, point, duration_s, expected in _rows(
        connection,
        """
        SELECT e.encode_id, e.codec, e.point, e.duration_s,
               CASE WHEN c.frames > 0 THEN c.frames / c.fps ELSE c.samples / c.sample_rate END
        FROM encodes e JOIN clips c USING (clip_id) WHERE e.status = 'ok' ORDER BY e.encode_id
        """,
    ):
        result.hold(
            tolerance.close(duration_s, expected),
            f"encode {encode_id[:16]} ({codec} {point}): duration_s is {duration_s}; "
            f"its clip lasts {expected} s",
        )
    return result


def bitstreams(connection: Connection, root: Path, whole: bool) -> Check:
    """Every finished encode has its file, with its hash, whose parts and bits are those of the row."""
    result = Check("bits and parts are those of the files")
    named = set()
    for row in _rows(
        connection,
        "SELECT encode_id, codec, point, bitstream_sha256, parts, bits_video, bits_audio, bits_joint "
        "FROM encodes WHERE status = 'ok' ORDER BY encode_id",
    ):
        encode_id, codec, point, sha256, *ledger = row
        named.add(encode_id)
        problem = bitstream_problem(root, encode_id, sha256)
        problem = problem or _ledger_problem(bitstream_path(root, encode_id), *ledger)
        result.hold(problem is None, f"encode {encode_id[:16]} ({codec} {point}): {problem}")
    for path in sorted(root.glob("artifacts/bitstreams/*/*.tkb")) if whole else ():
        if path.stem not in named:
            result.wrong.append(f"{path.name[:16]}…: no finished encode names this file")
    return result


def bitstream_problem(root: Path, encode_id: str, sha256: str) -> str | None:
    """Why a row has no file with its hash; None when it has."""
    if not _HASH.fullmatch(encode_id):  # what is not a hash is not a file name
        return "its encode_id is not a sha256"
    path = bitstream_path(root, encode_id)
    if not path.is_file():
        return "its bitstream is missing"
    found = sha256_file(path)
    if found != sha256:
        return f"its bitstream has the sha256 {found[:16]}…; the row says {str(sha256)[:16]}…"
    return None


def _ledger_problem(path: Path, parts: str, *bits: int) -> str | None:
    """Why a file's bits are not those of its row; None when they are."""
    try:
        stream = Bitstream.from_bytes(path.read_bytes())
    except BitstreamError as error:
        return str(error)
    if tuple(stream.bits(name) for name in STREAMS) != bits:
        return f"its bitstream has {[stream.bits(name) for name in STREAMS]} bits; the row says {list(bits)}"
    if {part.name: part.bits for part in stream.parts} != json.loads(parts):
        return "the parts of its bitstream are not those of the row"
    return None


def means(connection: Connection) -> Check:
    """The value of a metric of frames is the mean of its frame values."""
    result = Check("values are the means of their frames")
    for metric, total, broken in _rows(
        connection,
        f"""
        SELECT x.metric, count(*), count(*) FILTER (WHERE NOT coalesce(
            abs(x.value - list_avg(x.frame_values::DOUBLE[])) <= {tolerance.EXACT} * greatest(
                1, abs(x.value), list_max(x.frame_values), -list_min(x.frame_values)),
            false))
        FROM scores x JOIN metrics m ON m.metric = x.metric AND m.fingerprint = x.fingerprint
        WHERE m.kind = 'frame' AND x.status = 'ok' GROUP BY x.metric ORDER BY x.metric
        """,
    ):
        result.verified += total - broken
        if broken:
            result.wrong.append(
                f"{metric}: {broken} of {total} values are not the mean of their frame values"
            )
    return result
