"""AVCC Table 4 from a store: speed, size and memory of each codec beside what it reaches at a rate."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .. import words
from .bd_and_sync import CLIPS, clips_cell, mean_cell, metric_head
from .cells import Cell, Head, Line, PaperTable, absent, missing, number
from .choices import Book

if TYPE_CHECKING:
    from ..queries.facts import Row
    from ..source import Source
    from .curves import Board

CAPTION = (
    "Each codec at its own measured point nearest to {kbps} kbit/s of {rate} rate, on {dataset}. Speed:"
    " median over the clips of that point, after a warm-up, without loading models or files; working "
    "memory: the most that encoding or decoding one of these clips took beyond the loaded codec, in the "
    "process and its children; rate and {metric}: means over clips, nothing interpolated. "
    "{hardware}"
)


def points(source: Source) -> list[Row]:
    """Per dataset, codec and point: rates, median speeds, devices and memory of its decoded clips."""
    return source.query(
        """
        SELECT c.dataset, e.codec, e.point, count(*) AS clips,
               avg((e.bits_video + e.bits_joint) / 1000.0 / e.duration_s) AS kbps_video,
               avg((e.bits_audio + e.bits_joint) / 1000.0 / e.duration_s) AS kbps_audio,
               median(c.frames / nullif(e.encode_s, 0)) AS encode_fps,
               median(c.frames / nullif(e.decode_s, 0)) AS decode_fps,
               median(e.duration_s / nullif(e.encode_s, 0)) AS encode_realtime,
               median(e.duration_s / nullif(e.decode_s, 0)) AS decode_realtime,
               list_sort(list(DISTINCT e.encode_device) FILTER (e.encode_device <> '')) AS encode_devices,
               list_sort(list(DISTINCT e.decode_device) FILTER (e.decode_device <> '')) AS decode_devices,
               max(e.peak_rss_bytes) FILTER (e.decode_peak_rss_bytes IS NOT NULL) AS encode_rss_bytes,
               max(e.decode_peak_rss_bytes) AS decode_rss_bytes,
               max(e.peak_gpu_bytes) FILTER (e.decode_peak_rss_bytes IS NOT NULL) AS encode_gpu_bytes,
               max(e.decode_peak_gpu_bytes) AS decode_gpu_bytes
        FROM encodes e JOIN clips c USING (clip_id)
        WHERE e.selected AND c.selected AND e.status = 'ok' AND e.decode_status = 'ok' AND e.duration_s > 0
        GROUP BY c.dataset, e.codec, e.point ORDER BY c.dataset, e.codec, kbps_video + kbps_audio, e.point
        """
    )


def hardware(source: Source) -> str:
    """The machines on which the encodes of the plan were made, in a sentence."""
    rows = source.query(
        """
        SELECT DISTINCT environment, workers FROM runs
        WHERE run_id IN (SELECT run_id FROM encodes WHERE selected AND status = 'ok')
        """
    )
    machines = list(dict.fromkeys(_machine(row) for row in rows))
    if not machines:
        return "Hardware: not recorded."
    return f"Hardware: {'; and '.join(sorted(machines))}."


def _machine(row: Row) -> str:
    facts: dict[str, Any] = row["environment"] or {}
    cores = [f"{facts['cores']} cores"] if facts.get("cores") else []
    memory = [words.sized(facts["memory_bytes"])] if facts.get("memory_bytes") else []
    workers = [f"{row['workers']} worker{'s' if row['workers'] != 1 else ''}"] if row["workers"] else []
    named = [
        facts.get("cpu") or "a CPU that was not recorded",
        *cores,
        *memory,
        *map(str, facts.get("gpus", ())),
    ]
    return ", ".join([*named, *workers])


def cost_table(book: Book, dataset: str, board: Board, kbps: float | None, rows: list[Row]) -> PaperTable:
    """AVCC Table 4. rows: of `points`."""
    rate = board.of.rate
    picture = rate == "video"
    unit = "frames/s" if picture else "× realtime"
    lines = []
    for codec in book.source.codecs:
        if rate not in codec["modalities"]:
            continue
        mine = [row for row in rows if (row["dataset"], row["codec"]) == (dataset, codec["codec"])]
        mine = [row for row in mine if row[f"kbps_{rate}"] > 0]
        if codec["status"] != "ok":
            reason = f"{codec['status']}: {codec['error'] or 'no message was recorded'}"
            lines.append(missing(codec["codec"], reason, "system"))
        elif not mine or kbps is None:
            lines.append(missing(codec["codec"], "no clip was encoded and decoded", "system"))
        else:
            row = min(mine, key=lambda row: (abs(math.log(row[f"kbps_{rate}"] / kbps)), row[f"kbps_{rate}"]))
            lines.append(_line(board, codec, row, picture))
    if not lines:
        lines.append(missing("codec", "no codec of this rate is in the plan", "text"))
    return PaperTable(
        heads=(
            Head("codec", "text"),
            Head("point", "text"),
            Head("kbit/s", "number"),
            metric_head(board),
            Head(f"encode, {unit} ↑"),
            Head(f"decode, {unit} ↑"),
            Head("device", "text"),
            Head("parameters"),
            Head("working memory ↓"),
            CLIPS,
        ),
        lines=tuple(lines),
        caption=CAPTION,
        said={
            "kbps": words.DASH if kbps is None else words.number(kbps),
            "rate": rate,
            "dataset": dataset,
            "metric": board.label,
            "hardware": hardware(book.source),
        },
    )


def _line(board: Board, codec: Row, row: Row, picture: bool) -> Line:
    found = board.curves.get(codec["codec"])
    mean = next((mean for mean in found.means if mean.point == row["point"]), None) if found else None
    return Line(
        (
            Cell(codec["codec"], "system", sort=codec["codec"]),
            Cell(row["point"], "text", sort=row["point"]),
            number(row[f"kbps_{board.of.rate}"], 3),
            mean_cell(mean),
            *speeds(row, picture),
            Cell(devices(row) or words.missing("not recorded"), "text"),
            parameters(codec),
            memory(row),
            clips_cell([row["clips"]] if mean is None else [mean.clips], board.expected),
        )
    )


def speeds(row: Row, picture: bool) -> list[Cell]:
    """Encode and decode: pictures a second, or seconds of sound a second."""
    kind = "fps" if picture else "realtime"
    return [number(row[f"{stage}_{kind}"], 3, "not timed") for stage in ("encode", "decode")]


def devices(row: Row) -> str:
    """Where a point was encoded, and where decoded if that is another device."""
    encode, decode = ", ".join(row["encode_devices"] or ()), ", ".join(row["decode_devices"] or ())
    return encode if decode in ("", encode) else f"{encode} / {decode}"


def parameters(codec: Row) -> Cell:
    """Learned parameters of a codec."""
    count = codec.get("parameters")
    if count is not None:
        return Cell(counted(count), sort=count)
    return Cell("none", sort=0) if codec["weights"] == "none" else absent("not recorded")


def counted(count: int) -> str:
    """'7.2 M', '310 k' or '96'."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if count >= size:
            return f"{words.number(count / size, 3)} {unit}"
    return str(count)


def memory(row: Row) -> Cell:
    """The most that either stage takes beyond a loaded codec, and of the GPU where one was used."""
    peaks = [row[f"{stage}_rss_bytes"] for stage in ("encode", "decode")]
    if None in peaks:
        return absent("not measured")
    gpu = max(row[f"{stage}_gpu_bytes"] or 0 for stage in ("encode", "decode"))
    return Cell(words.sized(max(peaks)), notes=(f"GPU {words.sized(gpu)}",) if gpu else (), sort=max(peaks))
