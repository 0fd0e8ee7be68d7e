"""Which clips and variants a sweep makes previews of, the job that makes them, and their rows."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

from ..plan import plan
from ..plan.suite import Suite
from ..plan.variants import reference_id
from ..stages.preview import PreviewRow, Source
from ..stages.preview_jobs import Preview
from ..store import artifacts
from ..store.database import Store
from ..util.hashing import sha256_file
from . import records

_MEGABYTE = 1_000_000


@dataclass(frozen=True)
class _Known:
    """What planning asks of an earlier preview."""

    encode_id: str
    status: str
    bytes: int | None
    source: str | None  # sha256 of what it shows
    cap: int | None  # bytes that it did not fit into
    files: str | None  # JSON: name -> sha256


@dataclass
class _Clip:
    """Previews of one clip: its variants in the order in which they are made, and what is known of them."""

    sha256: str
    variants: dict[str, plan.Cell | None]  # None: the clip itself
    missing: set[str] = field(default_factory=set)
    bytes: dict[str, int] = field(default_factory=dict)  # of those that are there


class PreviewPlan:
    """The previews that are missing: of the first clips of each dataset, uncoded and as decoded."""

    def __init__(
        self,
        store: Store,
        suite: Suite,
        cells: Sequence[plan.Cell],
        alive: set[str],
        encodes: Mapping[str, records.EncodeRow],
        ended: Sequence[str],
        root: Path,
    ) -> None:
        """alive: the encodes that are, or may yet be, decoded; ended: statuses that are not tried again."""
        self._root = root
        self._time_limit_s = suite.time_limit_s
        self._cap = round(suite.preview_megabytes * _MEGABYTE)
        self._clips = {
            clip_id: _Clip(
                own[0].clip.sha256,
                {reference_id(clip_id): None}
                | {c.encode_id: c for c in ordered(own) if c.encode_id in alive},
            )
            for clip_id, own in _selected(cells, suite.previews).items()
        }
        self._clip_of = {name: clip for clip in self._clips.values() for name in clip.variants}
        known = _known(store, list(self._clips))
        for clip in self._clips.values():
            self._plan(clip, known, encodes, (*ended, "unavailable"))
        for unfinished in (root / "artifacts" / "previews").glob(".*"):  # what a killed sweep left behind
            shutil.rmtree(unfinished, ignore_errors=True)

    def _plan(
        self,
        clip: _Clip,
        known: Mapping[str, _Known],
        encodes: Mapping[str, records.EncodeRow],
        ended: Sequence[str],
    ) -> None:
        left_out = []
        for name, cell in clip.variants.items():
            row = known.get(name)
            source = encodes[name].sha256 if cell and name in encodes else clip.sha256
            if row is None or row.status not in ended or row.source not in (None, source):
                clip.missing.add(name)
            elif row.status == "ok":
                if _is_there(artifacts.preview_folder(self._root, name), row):
                    clip.bytes[name] = row.bytes or 0
                else:
                    clip.missing.add(name)
            elif row.cap is not None:
                left_out.append(row.cap)
        # Another cap may leave out others: then all are recreated, in order.
        if sum(clip.bytes.values()) > self._cap or any(cap < self._cap for cap in left_out):
            clip.missing = set(clip.variants)
            clip.bytes.clear()

    # -- what the sweep asks ----------------------------------------------------------------------

    def lacks(self, encode_id: str) -> bool:
        """Whether the preview of this encode, or of this clip itself, is missing."""
        clip = self._clip_of.get(encode_id)
        return clip is not None and encode_id in clip.missing

    def forget(self, encode_id: str) -> None:
        """Its bits have changed: its preview must be recreated."""
        if encode_id in self._clip_of:
            self._clip_of[encode_id].missing.add(encode_id)
            self._clip_of[encode_id].bytes.pop(encode_id, None)

    def jobs(
        self, clip: plan.PlannedClip, decoded: Iterable[str], bitstreams: Mapping[str, str]
    ) -> list[Preview]:
        """The job, if there is anything to do, for a clip whose `decoded` encodes are on the disk.

        bitstreams: sha256 by encode id.
        """
        own = self._clips.get(clip.clip_id)
        if own is None:
            return []
        there, sources = set(decoded), []
        for name, cell in own.variants.items():
            if name not in own.missing:
                continue
            if cell is None:
                sources.append(Source(name, clip.folder, clip.sha256))
            elif name in there:
                folder = artifacts.decoded_folder(self._root, name)
                sources.append(Source(name, folder, bitstreams[name], cell.codec.name))
        if not sources:
            return []
        return [
            Preview(
                clip_id=clip.clip_id,
                sources=sources,
                root=self._root,
                cap=self._cap,
                used=sum(own.bytes.values()),
                time_limit_s=self._time_limit_s,
            )
        ]


def _selected(cells: Sequence[plan.Cell], count: int) -> dict[str, list[plan.Cell]]:
    """Cells by clip, for the first `count` clips of each dataset."""
    found: dict[str, list[plan.Cell]] = {}
    clips: defaultdict[str, int] = defaultdict(int)
    for cell in cells:
        clip_id = cell.clip.clip_id
        if clip_id not in found:
            if clips[cell.clip.dataset] == count:
                continue
            clips[cell.clip.dataset] += 1
            found[clip_id] = []
        found[clip_id].append(cell)
    return found


def ordered(cells: Sequence[plan.Cell]) -> list[plan.Cell]:
    """Cells of one clip, what is looked at most first: each codec's lowest point, then each one's highest
    (the report's contact sheet has these), then each one's middle one, then the others.
    """
    ladders: dict[str, list[plan.Cell]] = defaultdict(list)
    for cell in cells:
        ladders[cell.codec.name].append(cell)
    ranked = []
    for ladder in ladders.values():
        last = len(ladder) - 1
        ranked.append([ladder[at] for at in dict.fromkeys((0, last, last // 2, *range(last)))])
    return [cell for rank in zip_longest(*ranked) for cell in rank if cell]


def _known(store: Store, clips: Sequence[str]) -> dict[str, _Known]:
    """The previews of these clips, by encode id."""
    rows = store.records(
        _Known,
        """SELECT encode_id, status, bytes, detail->>'source_sha256' AS source,
                  CAST(detail->>'cap_bytes' AS BIGINT) AS cap, detail->>'preview_sha256' AS files
           FROM previews WHERE clip_id IN (SELECT unnest(?))""",
        [list(clips)],
    )
    return {row.encode_id: row for row in rows}


def _is_there(folder: Path, row: _Known) -> bool:
    """Whether all files of a preview are in its folder, as they were written."""
    try:
        return all(
            sha256_file(folder / name) == wanted for name, wanted in json.loads(row.files or "{}").items()
        )
    except FileNotFoundError:
        return False


def put(store: Store, run_id: str, rows: Sequence[PreviewRow]) -> None:
    """Write how the previews of one clip ended."""
    store.put("previews", [{**vars(row), "run_id": run_id} for row in rows])
