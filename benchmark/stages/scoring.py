"""The score stage: rows from decoded clips. Functions of files and names, run in any process.

The reference is analysed once per family of metrics: frame chunk outer, variant inner.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..api import registry
from ..api.metric import Metric, MetricInfo, PairMetric, Score, SetMetric, SetScore
from ..api.types import Clip, Modality
from ..store import artifacts
from ..util.errors import DatasetError, Unavailable, describe_error
from ..util.files import save_array
from ..util.hashing import sha256_file
from .score_rows import (
    FeatureFile,
    FeatureRow,
    Pair,
    ScoreRow,
    SetRow,
    Variant,
    failure,
    finding,
    mean,
    score_row,
)

if TYPE_CHECKING:
    import numpy as np


Outcomes = dict[str, Score | Exception]
"""By metric: what it said of one variant so far."""

_FRAMES_BOTH_WAYS = 16  # of one variant of each clip, where a quick form is asked for

_loaded: dict[tuple[str, str, bool], tuple[tuple[str, ...], Any]] = {}
"""By family, device and whether it is a quick form: fingerprints, and what computes them."""


def _load(family: str, infos: Sequence[MetricInfo], device: str) -> Any:
    """The family, ready to compute `infos`; a process keeps the last one, in both its forms."""
    form = family, device, any(info.quick for info in infos)
    wanted = tuple(info.fingerprint() for info in infos)
    if form not in _loaded or _loaded[form][0] != wanted:
        # Let go of what is not needed any more before the next is loaded.
        for other in [other for other in _loaded if other[:2] != form[:2] or other == form]:
            del _loaded[other]
        _loaded[form] = wanted, registry.metric_family(family).load(device, infos)
    return _loaded[form][1]


def score(
    family: str,
    infos: Sequence[MetricInfo],
    clip_folder: Path,
    variants: Sequence[Variant],
    device: str,
    both_ways: bool = True,
) -> list[ScoreRow]:
    """Score all `variants` of one clip by the metrics `infos` of one family.

    A metric that fails on one variant is a row; the others go on. both_ways: of a quick form, the first
    variant's rows say how far it is from the exact one.
    """
    modality = infos[0].modality
    outcomes: dict[str, Outcomes] = {variant.encode_id: {} for variant in variants}
    deviations = _deviations(family, infos, clip_folder, variants[0], device) if both_ways else {}
    metric: Metric = _load(family, infos, device)
    whole = artifacts.load_clip(clip_folder)
    reference = _only(whole, modality)
    for start, stop in _chunks(reference, metric.frames_at_once):
        try:
            state = metric.reference(reference.frames(start, stop) if metric.frames_at_once else whole)
        except Exception as error:  # a metric's failure is a row, whatever it raised
            return [score_row(v.key, name, error, infos) for v in variants for name in v.metrics]
        for variant in variants:
            # Reopened for each chunk: pages of many long clips would otherwise stay mapped.
            clip = _only(artifacts.load_clip(variant.folder), modality)
            clip = clip.frames(start, stop) if metric.frames_at_once else clip
            _gather(outcomes[variant.encode_id], metric, state, clip)
    rows = []
    for variant in variants:
        found = outcomes[variant.encode_id]
        for name in variant.metrics:
            row = score_row(variant.key, name, found.get(name), infos)
            if variant is variants[0] and name in deviations and row.status == "ok":
                row = replace(row, detail={**(row.detail or {}), "quick": deviations[name]})
            rows.append(row)
    return rows


def _only(clip: Clip, modality: str) -> Clip:
    return clip if modality == "pair" else clip.only("video" if modality == "video" else "audio")


def _chunks(clip: Clip, frames_at_once: int | None) -> Iterator[tuple[int, int]]:
    frames = clip.spec.frames
    for start in range(0, frames if frames_at_once else 1, frames_at_once or 1):
        yield start, min(start + frames_at_once, frames) if frames_at_once else frames


def _gather(scores: Outcomes, metric: Metric, state: object, decoded: Clip) -> None:
    """Add one comparison to what is known of a variant; the first failure of a metric stands."""
    try:
        found: Mapping[str, Score | Exception] = metric.compare(state, decoded)
    except Exception as error:
        found = dict.fromkeys([info.name for info in metric.infos], finding(error))
    for name, now in found.items():
        before = scores.get(name)
        if isinstance(before, Score) and isinstance(now, Score) and metric.frames_at_once:
            joined = [*(before.frame_values or ()), *(now.frame_values or ())]
            scores[name] = replace(before, frame_values=joined)
        elif not isinstance(before, Exception):
            scores[name] = now


def _deviations(
    family: str, infos: Sequence[MetricInfo], clip_folder: Path, variant: Variant, device: str
) -> dict[str, dict[str, float]]:
    """What the quick forms among `infos` are worth: both forms of the same frames of one variant.

    By metric, `quick` and `exact` mean values over the first frames, and how many `frames`.
    """
    quick = [info for info in infos if info.quick and info.name in variant.metrics]
    if not quick:
        return {}
    clip, values = artifacts.load_clip(clip_folder), []
    decoded = _only(artifacts.load_clip(variant.folder), quick[0].modality)
    for chosen in (infos, [info.exact() for info in quick]):  # `infos`: as the scores themselves load them
        metric: Metric = _load(family, chosen, device)
        found: Outcomes = {}
        frames = min(_FRAMES_BOTH_WAYS, clip.spec.frames) if metric.frames_at_once else clip.spec.frames
        for start, stop in _chunks(clip.frames(0, frames), metric.frames_at_once):
            pair = clip, decoded
            if metric.frames_at_once:
                pair = clip.frames(start, stop), decoded.frames(start, stop)
            try:
                state = metric.reference(pair[0])
            except Exception as error:
                finding(error)
                return {}  # the row of the score itself will say why
            _gather(found, metric, state, pair[1])
        values.append(
            {
                name: (mean(s.frame_values) if s.frame_values else s.value, len(s.frame_values or ()))
                for name, s in found.items()
                if isinstance(s, Score) and name in {info.name for info in quick}
            }
        )
    return {
        name: {"quick": value, "exact": values[1][name][0], "frames": frames}
        for name, (value, frames) in values[0].items()
        if name in values[1]
    }


def score_pairs(
    family: str,
    infos: Sequence[MetricInfo],
    clip_folder: Path,
    folders: Mapping[str, Path],
    pairs: Sequence[Pair],
    device: str,
) -> list[ScoreRow]:
    """Score pictures with sounds of one clip; each one's features are made once. folders: by encode id."""
    metric: PairMetric = _load(family, infos, device)
    clip = artifacts.load_clip(clip_folder)
    features: dict[tuple[Modality, str], Any] = {}
    state: Any = None
    broken_clip: Exception | None = None
    try:
        state = metric.reference(clip)
    except Exception as error:  # as in `score`
        broken_clip = finding(error)

    def embedded(modality: Modality, encode_id: str) -> Any:
        key = modality, encode_id
        if key not in features:
            try:
                decoded = artifacts.load_clip(folders[encode_id]).only(modality)
                features[key] = (metric.picture if modality == "video" else metric.sound)(state, decoded)
            except Exception as error:
                features[key] = finding(error)
        return features[key]

    rows = []
    for pair in pairs:
        found: Mapping[str, Score | Exception] = {}
        parts = [broken_clip] if broken_clip else []
        if not broken_clip:
            picture, sound = pair.key
            parts = [embedded("video", picture), embedded("audio", sound)]
        broken = next((part for part in parts if isinstance(part, Exception)), None)
        if broken is not None:
            found = dict.fromkeys(pair.metrics, broken)
        else:
            try:
                found = metric.compare(state, *parts)
            except Exception as error:
                found = dict.fromkeys(pair.metrics, finding(error))
        rows += [score_row(pair.key, name, found.get(name), infos) for name in pair.metrics]
    return rows


def embed(
    family: str,
    infos: Sequence[MetricInfo],
    root: Path,
    variants: Sequence[Variant],
    device: str,
    both_ways: bool = True,
) -> list[FeatureRow]:
    """Write the features of each variant for a distribution metric, as files under a sweep's folder `root`.

    both_ways: as for `score`.
    """
    import numpy as np

    rows = []
    for variant in variants:
        try:
            compared = both_ways and variant is variants[0]
            detail = _feature_deviation(family, infos, variant, device) if compared else None
            metric: SetMetric = _load(family, infos, device)
            clip = artifacts.load_clip(variant.folder).only("video")
            if not clip.spec.frames:
                raise Unavailable("the clip has no picture")
            pieces = [
                metric.embed(artifacts.load_clip(variant.folder).frames(start, stop))
                for start, stop in _chunks(clip, metric.frames_at_once)
            ]
            found = np.concatenate(pieces)
            if not np.isfinite(found).all():
                raise ValueError("the features hold values that are not finite")
            for info in infos:
                path = artifacts.features_path(root, variant.encode_id, info.fingerprint())
                save_array(path, found)
                rows.append(
                    FeatureRow(variant.encode_id, info.name, "ok", len(found), sha256_file(path), detail)
                )
        except Exception as error:  # as in `score`
            status, message = failure(error)
            rows += [FeatureRow(variant.encode_id, info.name, status, error=message) for info in infos]
    return rows


def _feature_deviation(
    family: str, infos: Sequence[MetricInfo], variant: Variant, device: str
) -> dict[str, object] | None:
    """For a quick form, how far its features are from the exact ones, as a share of their length."""
    import numpy as np

    if not any(info.quick for info in infos):
        return None
    both = []
    clip = artifacts.load_clip(variant.folder)
    clip = clip.frames(0, min(_FRAMES_BOTH_WAYS, clip.spec.frames))
    for chosen in (infos, [info.exact() for info in infos]):
        metric: SetMetric = _load(family, chosen, device)
        both.append(
            np.concatenate(
                [metric.embed(clip.frames(*part)) for part in _chunks(clip, metric.frames_at_once)]
            )
        )
    quick, exact = both
    share = float(np.linalg.norm(quick - exact) / np.linalg.norm(exact))
    return {"quick": {"features": share, "frames": len(exact)}}


def distance(
    family: str,
    infos: Sequence[MetricInfo],
    reference: Sequence[FeatureFile],
    decoded: Sequence[FeatureFile],
    device: str,
) -> list[SetRow]:
    """The distribution metrics between the features of clips and of their decoded variants.

    Files are read one at a time. Raises DatasetError for one that is not what was written.
    """
    metric: SetMetric = _load(family, infos, device)
    found = metric.distance(_arrays(reference), _arrays(decoded))
    rows = []
    for info in infos:
        score: SetScore | Unavailable | None = found.get(info.name)
        if score is None:
            rows.append(SetRow(info.name, "failed", error="the metric returned no value for this set"))
        elif isinstance(score, Unavailable):
            rows.append(SetRow(info.name, "unavailable", error=describe_error(score)))
        elif not math.isfinite(score.value):
            rows.append(SetRow(info.name, "failed", error=f"the metric returned {score.value}"))
        else:
            rows.append(SetRow(info.name, "ok", score.value, score.n, score.note))
    return rows


def _arrays(files: Sequence[FeatureFile]) -> Iterator[np.ndarray]:
    import numpy as np

    for path, sha256 in files:
        if not path.is_file() or sha256_file(path) != sha256:
            raise DatasetError(f"{path}: missing or changed since it was written; run again with --rescore")
        yield np.load(path, allow_pickle=False)
