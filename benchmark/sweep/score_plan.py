"""What each clip of a sweep still lacks in scores, and the jobs that fill it once it is decoded."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from ..api.metric import MetricInfo
from ..plan import plan
from ..plan.variants import reference_id
from ..stages.score_jobs import ClipJob, Embed, Score, ScorePairs
from ..stages.score_rows import Pair, PairKey, Variant
from ..store import artifacts
from ..store.database import Store
from . import records

_T = TypeVar("_T")

# A job is a part of a clip's variants: so many frames of 256 × 256 for each second of its time limit. The
# slowest family (LPIPS with two networks, and DISTS) takes 0.38 s a frame on one thread of a processor, so a
# part takes less than half of its limit. At the default limit of 30 minutes a clip of 10 s has up to 7
# variants in a part; 25 of them in four parts analyse the reference four times: 11 % more work than once,
# where once per variant is 92 % more.
_FRAMES_PER_LIMIT_S = 1.0
_PIXELS = 256 * 256
_SOUND_FRAMES_PER_S = 25  # what a second of a clip without pictures counts


class ScorePlan:
    """The scores that are missing, by variant (an encode, or the reference of a clip) and by pair."""

    def __init__(
        self,
        store: Store,
        planned: plan.Plan,
        cells: Sequence[plan.Cell],
        alive: set[str],
        ended: Sequence[str],
        root: Path,
        time_limit_s: float,
    ) -> None:
        """alive: the encodes that are, or may yet be, decoded; ended: statuses that are not tried again."""
        self._root = root
        self._time_limit_s = time_limit_s
        self._families: dict[str, dict[str, MetricInfo]] = defaultdict(dict)  # family -> name -> info
        for metric in planned.metrics:
            if not metric.unavailable:
                self._families[metric.family][metric.info.name] = metric.info
        self._infos = {name: info for family in self._families.values() for name, info in family.items()}
        self._wanted: dict[str, tuple[str, ...]] = {}  # variant -> its metrics, without those of pairs
        self._missing: dict[str, tuple[str, ...]] = {}
        self._pairs: dict[str, dict[PairKey, tuple[str, ...]]] = {}  # clip_id -> pair -> its metrics
        self._pairs_missing: dict[str, dict[PairKey, tuple[str, ...]]] = {}
        self._clip_of = {cell.encode_id: cell.clip.clip_id for cell in cells}
        self._variants: dict[str, list[str]] = {}  # clip_id -> its reference and encodes
        for cell in cells:
            clip_id = cell.clip.clip_id
            self._variants.setdefault(clip_id, [reference_id(clip_id)]).append(cell.encode_id)
        self._plan_variants(store, cells, alive, ended)
        self._plan_pairs(store, planned.systems, cells, alive, ended)

    def _plan_variants(
        self, store: Store, cells: Sequence[plan.Cell], alive: set[str], ended: Sequence[str]
    ) -> None:
        single = [info for info in self._infos.values() if info.kind != "pair"]
        done = records.known_scores(store, (*ended, "unavailable"))
        features = records.known_features(store, (*ended, "unavailable"))
        variants = [(c.encode_id, c.codec.modalities, False) for c in cells if c.encode_id in alive]
        for clip in {cell.clip.clip_id: cell.clip for cell in cells}.values():
            variants.append((reference_id(clip.clip_id), clip.modalities, True))
        for variant, modalities, is_reference in variants:
            wanted = [
                info
                for info in single
                if info.modality in modalities
                and (not is_reference or info.of_reference or info.kind == "set")
            ]
            self._wanted[variant] = tuple(info.name for info in wanted)
            have = done.get(variant, frozenset()) | {
                name
                for name, status in features.get(variant, {}).items()
                if status != "ok" or self._has_features(variant, name)
            }
            self._missing[variant] = tuple(name for name in self._wanted[variant] if name not in have)

    def _has_features(self, variant: str, metric: str) -> bool:
        if metric not in self._infos:
            return False
        path = artifacts.features_path(self._root, variant, self._infos[metric].fingerprint())
        return path.is_file()

    def _plan_pairs(
        self,
        store: Store,
        systems: Sequence[plan.System],
        cells: Sequence[plan.Cell],
        alive: set[str],
        ended: Sequence[str],
    ) -> None:
        names = tuple(info.name for info in self._infos.values() if info.kind == "pair")
        if not names:
            return
        done = records.known_pairs(store, (*ended, "unavailable"))
        by_clip: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for cell in cells:
            if cell.encode_id in alive and cell.clip.has("video") and cell.clip.has("audio"):
                by_clip[cell.clip.clip_id][cell.codec.name].append(cell.encode_id)
        for clip_id, codecs in by_clip.items():
            pairs = dict.fromkeys(_pairs(systems, codecs, reference_id(clip_id)), names)
            self._pairs[clip_id] = pairs
            lacking = {}
            for pair in pairs:
                missing = tuple(name for name in names if name not in done.get(pair, ()))
                if missing:
                    lacking[pair] = missing
            self._pairs_missing[clip_id] = lacking

    # -- what the sweep asks ----------------------------------------------------------------------

    def lacks(self, encode_id: str) -> bool:
        """Whether anything that needs this encode decoded is missing."""
        if self._missing.get(encode_id):
            return True
        pairs = self._pairs_missing.get(self._clip_of[encode_id], {})
        return any(encode_id in pair for pair in pairs)

    def cells(self, clip_id: str) -> int:
        """How many cells of a clip are missing, whatever they need."""
        missing = [self._missing.get(variant, ()) for variant in self._variants[clip_id]]
        return sum(map(len, (*missing, *self._pairs_missing.get(clip_id, {}).values())))

    def forget(self, encode_id: str) -> None:
        """Its bits have changed: its scores must be recomputed."""
        self._missing[encode_id] = self._wanted.get(encode_id, ())
        clip_id = self._clip_of[encode_id]
        for pair, names in self._pairs.get(clip_id, {}).items():
            if encode_id in pair:
                self._pairs_missing[clip_id][pair] = names

    def partners(self, encode_id: str) -> set[str]:
        """The other encodes that the missing pair scores of this one need decoded."""
        missing = self._pairs_missing.get(self._clip_of[encode_id], {})
        found = {name for pair in missing if encode_id in pair for name in pair}
        return {name for name in found if name in self._clip_of} - {encode_id}

    def jobs(self, clip: plan.PlannedClip, decoded: Sequence[str]) -> list[ClipJob]:
        """The jobs that fill what is missing of a clip whose `decoded` encodes are on the disk."""
        folders = {reference_id(clip.clip_id): clip.folder}
        folders |= {name: artifacts.decoded_folder(self._root, name) for name in decoded}
        found: list[ClipJob] = []
        for family, infos in self._families.items():
            if next(iter(infos.values())).kind == "pair":
                found += self._pair_jobs(family, infos, clip, folders)
            else:
                found += self._variant_jobs(family, infos, clip, folders)
        return found

    def _at_once(self, clip: plan.PlannedClip) -> int:
        """How many variants of a clip one job scores, whose time limit is `_time_limit_s`."""
        spec = clip.spec
        frames = spec.frames * spec.height * spec.width / _PIXELS
        work = max(frames, float(spec.duration_s) * _SOUND_FRAMES_PER_S)
        return max(1, int(self._time_limit_s * _FRAMES_PER_LIMIT_S / work))

    def _variant_jobs(
        self,
        family: str,
        infos: Mapping[str, MetricInfo],
        clip: plan.PlannedClip,
        folders: Mapping[str, Path],
    ) -> Iterator[Score | Embed]:
        variants = []
        for variant, folder in folders.items():
            names = tuple(name for name in self._missing.get(variant, ()) if name in infos)
            if names:
                variants.append(Variant(variant, folder, names))
        for at, part in enumerate(parts(variants, self._at_once(clip))):
            chosen = _asked(infos, part)
            if chosen[0].kind == "set":
                yield Embed(
                    clip_id=clip.clip_id,
                    family=family,
                    infos=chosen,
                    variants=part,
                    both_ways=at == 0,
                    root=self._root,
                    time_limit_s=self._time_limit_s,
                )
            else:
                yield Score(
                    clip_id=clip.clip_id,
                    family=family,
                    infos=chosen,
                    variants=part,
                    both_ways=at == 0,
                    clip_folder=clip.folder,
                    time_limit_s=self._time_limit_s,
                )

    def _pair_jobs(
        self,
        family: str,
        infos: Mapping[str, MetricInfo],
        clip: plan.PlannedClip,
        folders: Mapping[str, Path],
    ) -> Iterator[ScorePairs]:
        # By picture: its features are the costly ones, and each job makes those of every sound that it meets.
        pictures: dict[str, list[Pair]] = defaultdict(list)
        for pair, missing in self._pairs_missing.get(clip.clip_id, {}).items():
            names = tuple(name for name in missing if name in infos)
            if names and all(variant in folders for variant in pair):
                pictures[pair.video_encode_id].append(Pair(pair, names))
        for part in parts(list(pictures), self._at_once(clip)):
            own = [pair for picture in part for pair in pictures[picture]]
            yield ScorePairs(
                clip_id=clip.clip_id,
                family=family,
                infos=_asked(infos, own),
                clip_folder=clip.folder,
                folders=folders,
                pairs=own,
                time_limit_s=self._time_limit_s,
            )


def _asked(infos: Mapping[str, MetricInfo], entries: Sequence[Variant | Pair]) -> list[MetricInfo]:
    """The metrics that some of `entries` lack."""
    return [info for info in infos.values() if any(info.name in entry.metrics for entry in entries)]


def parts(entries: Sequence[_T], most: int) -> list[Sequence[_T]]:
    """`entries` in order, in as few parts as hold `most` at most; sizes differ by one at most."""
    count = math.ceil(len(entries) / most)
    edges = [len(entries) * at // count for at in range(count + 1)] if count else []
    return [entries[start:stop] for start, stop in itertools.pairwise(edges)]


def _pairs(
    systems: Iterable[plan.System], codecs: Mapping[str, Sequence[str]], reference: str
) -> Iterable[PairKey]:
    """(picture, sound) of every system on one clip; a codec alone meets the clip's own other half.

    So does each half of a joint codec: over one modality's rate it stands beside codecs of that modality.
    """
    yield PairKey(reference, reference)
    for system in systems:
        pictures = codecs.get(system.video_codec or "", ())
        sounds = codecs.get(system.audio_codec or "", ())
        if system.kind == "joint":
            yield from (PairKey(own, own) for own in pictures)
            yield from (PairKey(own, reference) for own in pictures)
            yield from (PairKey(reference, own) for own in pictures)
        elif system.kind == "pair":
            yield from (PairKey(picture, sound) for picture in pictures for sound in sounds)
        else:
            yield from (PairKey(picture, reference) for picture in pictures)
            yield from (PairKey(reference, sound) for sound in sounds)
