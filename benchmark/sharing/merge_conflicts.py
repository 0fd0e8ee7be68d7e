"""Contradictions between results that prevent merging them into one store, with the fix for each case.

Queries over `all_TABLE` (see merge_rows.py) give a row per contradiction: a label, and the parts that say so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..api import tolerance
from .checks import listed, plain

if TYPE_CHECKING:
    from ..store.database import Store


class Conflict(NamedTuple):
    """`table`, and what of its rows must not differ (`values`) among those of equal `keys`.

    label: SQL of what a reader sees; where: rows that count (one that is unavailable says nothing).
    """

    what: str
    table: str
    keys: str
    values: str
    label: str
    fix: str
    where: str = "true"

    def query(self) -> str:
        return (
            f"SELECT {self.label}, list(DISTINCT part) FROM all_{self.table} WHERE {self.where} "
            f"GROUP BY {self.keys} HAVING count(DISTINCT {self.values}) > 1"
        )


_OK = "status = 'ok'"


def _all(value: str) -> str:
    return f"string_agg(DISTINCT {value}, ' and ' ORDER BY {value})"


_CONFLICTS = (
    Conflict(
        "clips of one name with different contents",
        "clips",
        "dataset, name",
        "sha256",
        f"dataset || ' / ' || name || ': sha256 ' || {_all('sha256[:16]')}",
        "they are different recordings, or were prepared differently: rename the dataset and sweep again",
        _OK,
    ),
    Conflict(
        "one clip under several names",
        "clips",
        "sha256",
        "clip_id",
        _all("dataset || ' / ' || name"),
        "it would be counted twice: name the folder and the file alike and sweep one of them again",
        _OK,
    ),
    Conflict(
        "datasets of one name that are rendered in one part and recorded in another",
        "datasets",
        "dataset",
        "synthetic",
        "dataset",
        "rename one of them and sweep again",
    ),
    Conflict(
        "codecs of one name with different fingerprints",
        "codecs",
        "codec",
        "fingerprint",
        f"codec || ': ' || {_all('fingerprint')}",
        "another version, build or set of weights is another codec, and one curve would mix both: "
        "sweep one of them again with the build of the other",
        _OK,
    ),
    Conflict(
        "codecs of one fingerprint that are described differently",
        "codecs",
        "codec, fingerprint",
        "(version, family, modalities, weights, build::VARCHAR, options::VARCHAR)",
        "codec",
        "verify both",
    ),
    Conflict(
        "metrics of one fingerprint that are described differently",
        "metrics",
        "metric, fingerprint",
        "(family, kind, modality, unit, higher_is_better, aggregate)",
        "metric",
        "verify both",
    ),
    Conflict(
        "systems of one name that are made of different codecs",
        "systems",
        "system",
        "(kind, video_codec, audio_codec)",
        "system",
        "rename one of the codecs and sweep again",
    ),
    Conflict(
        "runs of one name that are not the same run",
        "runs",
        "run_id",
        "(started_at, command, suite_sha256)",
        "run_id",
        "verify both",
    ),
    Conflict(
        "points of one name with different parameters",
        "encodes",
        "codec, point",
        "params::VARCHAR",
        f"codec || ' ' || point || ': ' || {_all('params::VARCHAR')}",
        "rename one of the points in its suite and sweep again",
    ),
    Conflict(
        "one point under several names",
        "encodes",
        "encode_id",
        "point",
        f"any_value(codec) || ': ' || {_all('point')}",
        "give it one name in both suites and sweep again",
    ),
    Conflict(
        "encodes of one clip, codec and point with different bits",
        "encodes",
        "encode_id",
        "(bitstream_sha256, bits_video, bits_audio, bits_joint, parts::VARCHAR)",
        f"any_value(codec || ' ' || point || ' ' || encode_id[:16]) || ': ' || {_all('bitstream_sha256')}",
        "the codec does not give the same bytes on both machines: see `talkbench check`, or leave one out",
        _OK,
    ),
)
_OTHER_METRICS = Conflict(
    "metrics of one name with different fingerprints",
    "metrics",
    "metric",
    "fingerprint",
    f"metric || ': ' || {_all('fingerprint')}",
    "they are different measures, never averaged together: score one again with the build of the other "
    "(`talkbench sweep --rescore METRIC`), or use --keep-fingerprints to keep both, each over its own clips",
    _OK,
)

# How far apart two machines' scores may be depends on what the metric is made of: see tolerance.py.
_ALLOWED = f"""CASE WHEN m.options->>'precision' = 'bf16' THEN {tolerance.BFLOAT16}
                    WHEN m.weights IN ('official', 'synthetic') THEN {tolerance.LEARNED}
                    ELSE {tolerance.EXACT} END"""
_OTHER_SCORES = f"""
    WITH m AS (
        SELECT metric, fingerprint, options, weights FROM all_metrics
        QUALIFY row_number() OVER (PARTITION BY metric, fingerprint ORDER BY part) = 1
    ), x AS (
        SELECT part, metric, fingerprint, encode_id AS of, value FROM all_scores WHERE {_OK}
        UNION ALL
        SELECT part, metric, fingerprint, video_encode_id || ' with ' || audio_encode_id, value
        FROM all_pair_scores WHERE {_OK}
    )
    SELECT metric || ' of ' || of || ': ' || min(value) || ' and ' || max(value), list(DISTINCT part)
    FROM x JOIN m USING (metric, fingerprint) GROUP BY metric, fingerprint, of
    HAVING max(value) - min(value)
         > any_value({_ALLOWED}) * greatest(1, abs(min(value)), abs(max(value)))
"""


def found(store: Store, names: Sequence[str], keep_fingerprints: bool) -> list[str]:
    """Everything in which the parts contradict each other, as text; `names` are those of the parts."""
    return list(_found(store, names, keep_fingerprints))


def _found(store: Store, names: Sequence[str], keep_fingerprints: bool) -> Iterator[str]:
    label_of = dict(enumerate(names))
    cases = [*_CONFLICTS, *([] if keep_fingerprints else [_OTHER_METRICS])]
    queries = [(case.what, case.fix, case.query()) for case in cases]
    queries.append(("scores that differ", "verify both", _OTHER_SCORES))
    for what, fix, query in queries:
        lines = [
            f"  {plain(str(label))} ({', '.join(label_of[part] for part in sorted(parts))})"
            for label, parts in store.connection.execute(f"{query} ORDER BY ALL").fetchall()
        ]
        if lines:
            yield "\n".join([f"{what} ({len(lines)}); {fix}:", *listed(lines)])
