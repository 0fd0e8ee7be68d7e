"""Numbers printed in the papers, from `published/published.csv`: published, not reproduced here."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from .. import words as text

LABEL = "published, not reproduced here"
HARDLY_OVERLAPPING = -99.0
"""A printed BD-rate at or below this many percent comes from curves that hardly overlap."""

PAPERS = {
    "avcc": (
        "AVCC",
        "Youmin Xu, Mengxi Guo, Shijie Zhao, Weiqi Li, Junlin Li, Li Zhang, Jian Zhang: Audio-Visual "
        "Cross-Modal Compression for Generative Face Video Coding. arXiv:2512.15262, 2025",
    ),
    "av3d": (
        "AV3D",
        "Riku Takahashi, Ryugo Morita, Jinjia Zhou: Audio-Visual Driven Compression for Low-Bitrate Talking "
        "Head Videos. ICMR 2025, doi:10.1145/3731715.3734426, arXiv:2506.13419",
    ),
}
"""source → short name, citation."""

_AV3D_SETTING = "CelebV-HQ, 65 videos of 180 frames, 25 frames/s, 512×512; GOP 15 to 60, keyframes at QP 30"
TABLES = {
    ("avcc", "table1"): ("AVCC Table 1", "BD-rate of AVCC against each column, 256×256"),
    ("avcc", "table2"): ("AVCC Table 2", "audio; the test set is not stated"),
    ("avcc", "table3"): ("AVCC Table 3", "without and with audio-video cross-attention; test set not stated"),
    ("avcc", "table4"): ("AVCC Table 4", "complexity; hardware and test set are not stated"),
    ("avcc", "figure4"): ("AVCC Figure 4", "one example frame at a few kbit/s"),
    ("av3d", "table1"): ("AV3D Table 1", f"BD-rate of AV3D against each column. {_AV3D_SETTING}"),
    ("av3d", "table2"): ("AV3D Table 2", f"all at one rate, which is not printed. {_AV3D_SETTING}"),
}
"""(source, table) → its name, what it holds."""

METRICS = {
    "bd_rate_dists": ("DISTS", "percent", None),
    "bd_rate_psnr": ("PSNR", "percent", None),
    "bd_rate_lpips": ("LPIPS", "percent", None),
    "bd_rate_fid": ("FID", "percent", None),
    "mel": ("MEL", "distance", False),
    "stft": ("STFT", "distance", False),
    "vis": ("VIS", "score", True),
    "wer": ("WER, %", "percent", False),
    "fid": ("FID", "distance", False),
    "lipsync": ("LipSync", "score", True),
    "psnr": ("PSNR, dB", "dB", True),
    "fps": ("frames/s", "frames/s", True),
    "one_minus_lpips": ("1 − LPIPS", "score", True),
    "dists": ("DISTS", "distance", False),
    "lse_c": ("LSE-C", "score", True),
    "avs_u": ("AVS_u", "cosine", True),
}
"""metric → as it is written, its unit, whether higher is better (None: a BD-rate)."""

_RATE_UNITS = {"bps": 1000.0, "kbps": 1.0}
_NAMES = {
    "ground-truth": "Ground truth",
    "encodec": "EnCodec",
    "hifi-codec": "HiFi-Codec",
    "semanticodec": "SemantiCodec",
    "f2f-rho": "F2F-ρ",
    "bilfac": "BiLFAC",
    "mead": "MEAD",
    "facestar": "Facestar",
    "voxceleb": "VoxCeleb",
    "celebv-hq": "CelebV-HQ",
    "one example frame": "one example frame",
    "unstated": "unstated",
}


@dataclass(frozen=True)
class Printed:
    """A printed number. text: with the printed digits, a true minus; kbps: the rate that it belongs to."""

    source: str
    table: str
    method: str
    anchor: str
    dataset: str
    metric: str
    value: float
    text: str
    kbps: float | None
    kbps_text: str
    notes: tuple[str, ...]

    @property
    def hardly_overlapping(self) -> bool:
        """A BD-rate that only says that its curves have little in common."""
        return self.metric.startswith("bd_rate") and self.value <= HARDLY_OVERLAPPING


@dataclass(frozen=True)
class Marked:
    """A text with the marks of its notes; flag: what a reader must know beside it."""

    text: str
    marks: str = ""
    flag: str = ""


@dataclass(frozen=True)
class PrintedTable:
    """A paper's table in the paper's shape; notes: (mark, text), general: what holds for all of it."""

    source: str
    table: str
    name: str
    about: str
    heads: tuple[Marked, ...]
    rows: tuple[tuple[Marked, ...], ...]
    notes: tuple[tuple[str, str], ...]
    general: tuple[str, ...]


@cache
def printed() -> tuple[Printed, ...]:
    """All printed numbers, in the file's order."""
    found = resources.files("talkbench.reports") / "published" / "published.csv"
    return tuple(parse(found.read_text(encoding="utf-8")))


@cache
def tables() -> Mapping[tuple[str, str], PrintedTable]:
    """(source, table) → the printed table."""
    groups: dict[tuple[str, str], list[Printed]] = {}
    for row in printed():
        groups.setdefault((row.source, row.table), []).append(row)
    return {key: _table(key, rows) for key, rows in groups.items()}


def written(name: str) -> str:
    """A method's or dataset's name as papers write it."""
    if name in _NAMES:
        return _NAMES[name]
    if name.startswith("avcc-"):
        words = name.removeprefix("avcc-").replace("3dmm", "3DMM").replace("tok/s", " tokens/s")
        if "crossattn" in words:  # Table 3 has nothing but variants of AVCC
            return words.replace("-av-crossattn-", " AV-CrossAttn, ")
        return f"AVCC {words}"
    return name.upper()


COLUMNS = (
    "source",
    "table",
    "method",
    "anchor",
    "dataset",
    "metric",
    "value",
    "unit",
    "rate",
    "rate_unit",
    "note",
)


def parse(content: str) -> Iterator[Printed]:
    """Rows of a CSV text. Raises ValueError that names the line and the column of what is not understood."""
    reader = csv.DictReader(io.StringIO(content))
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise ValueError(f"published.csv: the columns are not {', '.join(COLUMNS)}")
    seen: set[tuple[str | None, ...]] = set()
    for row in reader:
        where = f"published.csv line {reader.line_num}"
        if None in row or None in row.values():
            raise ValueError(f"{where}: not {len(COLUMNS)} columns")
        if (row["source"], row["table"]) not in TABLES:
            raise ValueError(f"{where}: source, table: {row['source']} {row['table']} is not known")
        if row["metric"] not in METRICS:
            raise ValueError(f"{where}: metric: {row['metric']!r} is not known")
        if row["unit"] != METRICS[row["metric"]][1]:
            raise ValueError(
                f"{where}: unit: {row['metric']} is in {METRICS[row['metric']][1]}, not {row['unit']!r}"
            )
        if not row["method"] or not row["dataset"]:
            raise ValueError(f"{where}: method, dataset: neither may be empty")
        if row["metric"].startswith("bd_rate") != bool(row["anchor"]):
            raise ValueError(f"{where}: anchor: a BD-rate has one, and nothing else has")
        if bool(row["rate"]) != bool(row["rate_unit"]) or row["rate_unit"] not in ("", *_RATE_UNITS):
            raise ValueError(f"{where}: rate_unit: a rate is in one of {', '.join(_RATE_UNITS)}")
        key = tuple(row[name] for name in ("source", "table", "method", "anchor", "dataset", "metric"))
        if key in seen:
            raise ValueError(f"{where}: {' '.join(filter(None, key))} is there twice")
        seen.add(key)
        rate = _number(row["rate"], where, "rate") if row["rate"] else None
        yield Printed(
            **{name: row[name] for name in ("source", "table", "method", "anchor", "dataset", "metric")},
            value=_number(row["value"], where, "value"),
            text=row["value"].replace("-", "−"),
            kbps=None if rate is None else rate / _RATE_UNITS[row["rate_unit"]],
            kbps_text=row["rate"] if rate is None or row["rate_unit"] == "kbps" else f"{rate / 1000:g}",
            notes=tuple(note for note in row["note"].split("; ") if note),
        )


def _number(written: str, where: str, column: str) -> float:
    try:
        value = float(written)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{where}: {column}: {written!r} is not a number")
    return value


def _table(key: tuple[str, str], rows: list[Printed]) -> PrintedTable:
    """BD-rates as (dataset, metric) × anchor; other numbers as method × metric, beside their rate."""
    bd = rows[0].metric.startswith("bd_rate")
    if key == ("avcc", "table3"):  # the two variants of one rate stand together
        rows = sorted(rows, key=lambda row: -(row.kbps or 0))

    def line(row: Printed) -> tuple[str, ...]:
        return (row.dataset, row.metric) if bd else (row.method,)

    def column(row: Printed) -> str:
        return row.anchor if bd else row.metric

    lines, columns = list(dict.fromkeys(map(line, rows))), list(dict.fromkeys(map(column, rows)))
    rated = not bd and any(row.kbps is not None for row in rows)
    marks, head_marks, notes, general = _notes(rows, column)
    cells = {(line(row), column(row)): row for row in rows}

    def cell(row: Printed | None) -> Marked:
        if row is None:
            return Marked(text.missing("not printed"))
        unit = " %" if bd else ""
        flag = "curves hardly overlap" if row.hardly_overlapping else ""
        return Marked(row.text + unit, marks.get(row, ""), flag)

    def start(at: tuple[str, ...]) -> list[Marked]:
        if bd:
            return [Marked(written(at[0])), Marked(METRICS[at[1]][0])]
        kbps = next(row.kbps_text for row in rows if line(row) == at)
        rate = [Marked(kbps or text.missing("uncoded"))] if rated else []
        return [Marked(written(at[0])), *rate]

    return PrintedTable(
        *key,
        *TABLES[key],
        heads=(
            *((Marked("dataset"), Marked("at equal")) if bd else (Marked("method"),)),
            *((Marked("kbit/s"),) if rated else ()),
            *(Marked(_head(name, bd), head_marks.get(name, "")) for name in columns),
        ),
        rows=tuple((*start(at), *(cell(cells.get((at, name))) for name in columns)) for at in lines),
        notes=notes,
        general=general,
    )


def _head(name: str, bd: bool) -> str:
    if bd:
        return written(name)
    label, _, higher = METRICS[name]
    return f"{label} {'↑' if higher else '↓'}"


def _notes(
    rows: list[Printed], column: Callable[[Printed], str]
) -> tuple[dict[Printed, str], dict[str, str], tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Where notes belong: on cells, on whole columns, their texts by mark, and those that hold for all cells.

    Parts of notes that cover the same cells are one note.
    """
    covers: dict[str, frozenset[Printed]] = {
        part: frozenset(row for row in rows if part in row.notes) for row in rows for part in row.notes
    }
    merged: dict[frozenset[Printed], list[str]] = {}
    for part, where in covers.items():
        merged.setdefault(where, []).append(part)
    of_column = {frozenset(row for row in rows if column(row) == name): name for name in map(column, rows)}
    cells: dict[Printed, str] = {}
    heads: dict[str, str] = {}
    notes, general = [], []
    for where, parts in merged.items():
        note = "; ".join(parts)
        if len(where) == len(rows):
            general.append(note)
            continue
        mark = "abcdefgh"[len(notes)]
        notes.append((mark, note))
        if where in of_column:
            heads[of_column[where]] = heads.get(of_column[where], "") + mark
        else:
            cells |= {row: cells.get(row, "") + mark for row in where}
    return cells, heads, tuple(notes), tuple(general)
