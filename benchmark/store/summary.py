"""The outcome of the latest plan, as rows: what failed, what cannot run here, how many cells there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .database import Store

# Every score cell of the latest plan, whatever its kind: metric, of what, status, error.
_CELLS = """
    WITH selected AS (SELECT metric, fingerprint FROM metrics WHERE selected),
    variants AS (
        SELECT encode_id, codec FROM encodes WHERE selected
        UNION ALL SELECT 'reference:' || clip_id, 'the reference' FROM clips WHERE selected
    ),
    cells AS (
        SELECT x.metric, v.codec AS of, x.status, x.error
        FROM scores x JOIN variants v USING (encode_id) JOIN selected USING (metric, fingerprint)
        UNION ALL
        SELECT x.metric, v.codec || ' with ' || a.codec, x.status, x.error
        FROM pair_scores x JOIN variants v ON v.encode_id = x.video_encode_id
        JOIN variants a ON a.encode_id = x.audio_encode_id JOIN selected USING (metric, fingerprint)
        UNION ALL
        SELECT x.metric, v.codec, x.status, x.error
        FROM set_features x JOIN variants v USING (encode_id) JOIN selected USING (metric, fingerprint)
        WHERE x.status <> 'ok'
        UNION ALL
        SELECT x.metric, x.codec, x.status, x.error
        FROM set_scores x JOIN selected s ON s.metric = x.metric AND s.fingerprint = x.metric_fingerprint
        JOIN codecs c ON c.codec = x.codec AND c.fingerprint = x.fingerprint
        WHERE c.selected
    )
"""


@dataclass(frozen=True)
class Failure:
    """`n` cells of one stage that failed, by what they are of; `error` is one of their messages."""

    what: str
    stage: str
    status: str
    n: int
    error: str | None


@dataclass(frozen=True)
class UnavailableMetrics:
    """Metrics that cannot run here, and the reason with its fix."""

    metrics: Sequence[str]
    error: str


@dataclass(frozen=True)
class Deviation:
    """How far a quick metric was from its exact form where both were computed.

    clips and frames it rests on, and mean and largest |quick - exact| / |exact| (for a set metric, of its
    features).
    """

    metric: str
    clips: int
    frames: int
    mean: float
    largest: float


@dataclass(frozen=True)
class FailedPreviews:
    """How many previews failed, and one message."""

    n: int
    error: str | None


@dataclass(frozen=True)
class Counts:
    """Clips, finished encodes and scores, and cells that do not apply."""

    clips: int
    encodes: int
    scores: int
    unavailable: int


def failures(store: Store) -> list[Failure]:
    """Every cell of the latest plan that failed."""
    return store.records(
        Failure,
        f"""
        {_CELLS}
        SELECT 'clip ' || name AS what, 'prepare' AS stage, status, 1 AS n, error FROM clips
        WHERE selected AND status = 'failed'
        UNION ALL
        SELECT codec || ' ' || point, 'encode', status, count(*), any_value(error) FROM encodes
        WHERE selected AND status IN ('failed', 'timeout', 'oom') GROUP BY ALL
        UNION ALL
        SELECT codec || ' ' || point, 'decode', decode_status, count(*), any_value(decode_error) FROM encodes
        WHERE selected AND decode_status IN ('failed', 'timeout', 'oom') GROUP BY ALL
        UNION ALL
        SELECT metric || ' of ' || of, 'score', status, count(*), any_value(error) FROM cells
        WHERE status IN ('failed', 'timeout', 'oom') GROUP BY ALL
        UNION ALL
        SELECT 'codec ' || codec, 'load', status, 1, error FROM codecs
        WHERE selected AND status = 'unavailable'
        ORDER BY stage, what
    """,
    )


def unavailable_metrics(store: Store) -> list[UnavailableMetrics]:
    """The metrics of the latest plan that cannot run here, by reason."""
    return store.records(
        UnavailableMetrics,
        """
        SELECT list(metric ORDER BY metric) AS metrics, error FROM metrics
        WHERE selected AND status = 'unavailable' GROUP BY error ORDER BY metrics
    """,
    )


def deviations(store: Store) -> list[Deviation]:
    """The deviation of each quick metric of the latest plan."""
    return store.records(
        Deviation,
        """
        WITH found AS (
            SELECT x.metric, x.fingerprint, x.detail->'quick' AS d,
                   abs(CAST(d->>'quick' AS DOUBLE) - CAST(d->>'exact' AS DOUBLE))
                   / nullif(abs(CAST(d->>'exact' AS DOUBLE)), 0) AS share
            FROM scores x WHERE d IS NOT NULL
            UNION ALL
            SELECT x.metric, x.fingerprint, x.detail->'quick' AS d, CAST(d->>'features' AS DOUBLE)
            FROM set_features x WHERE d IS NOT NULL
        )
        SELECT metric, count(*) AS clips, sum(CAST(d->>'frames' AS BIGINT)) AS frames,
               avg(share) AS mean, max(share) AS largest
        FROM found JOIN metrics m USING (metric, fingerprint) WHERE m.selected
        GROUP BY metric ORDER BY metric
    """,
    )


def failed_previews(store: Store) -> FailedPreviews:
    """The previews of the latest plan that failed."""
    (found,) = store.records(
        FailedPreviews,
        f"""
        {_CELLS}
        SELECT count(*) AS n, min(error) AS error FROM previews JOIN variants USING (encode_id)
        WHERE status = 'failed'
    """,
    )
    return found


def counts(store: Store) -> Counts:
    """How many cells the latest plan has."""
    (found,) = store.records(
        Counts,
        f"""
        {_CELLS}
        SELECT (SELECT count(*) FROM clips WHERE selected AND status = 'ok') AS clips,
               (SELECT count(*) FROM encodes WHERE selected AND status = 'ok') AS encodes,
               (SELECT count(*) FROM cells WHERE status = 'ok') AS scores,
               (SELECT count(*) FROM encodes WHERE selected AND status = 'unavailable')
               + (SELECT count(*) FROM cells WHERE status = 'unavailable') AS unavailable
    """,
    )
    return found
