"""Figures for papers, as PDF and SVG with their captions: the pages' data, drawn with matplotlib."""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import words
from ..boards.columns import Column, all_columns, views
from ..boards.series import curve_part
from ..queries.ledger import KINDS, kind, ledger
from ..surfaces.grids import Key, Surfaces
from ..surfaces.view import SurfaceView
from .style import (
    HATCHES,
    QUIET,
    WIDTH,
    brief,
    curve_look,
    legend,
    palette,
    paper_style,
    plain,
    rate_axis,
    said_of,
    save,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..queries.facts import Row
    from ..source import Source

MOST_CURVES = 8
"""More systems than this make a column-wide figure unreadable: the best of the leaderboard are drawn."""
PAPER_VIEWS = {
    "dists": (1, "1−DISTS"),
    "lpips_alex": (1, "1−LPIPS (alex)"),
    "lpips_vgg": (1, "1−LPIPS (vgg)"),
    "fid": (200, "200−FID"),
}
"""AVCC's Figure 3: what is better when low, taken from a number, so that up is better."""


@dataclass
class _Album:
    """The folder that is written, the names taken, and the captions so far."""

    folder: Path
    captions: list[tuple[str, str]] = field(default_factory=list)

    def add(self, parts: Sequence[str], draw: Callable[[], tuple[Figure, str]]) -> None:
        """Draw a figure and write it; parts: of its name, of any characters, made into a file's."""
        slugs = [re.sub(r"[^A-Za-z0-9]+", "-", part).strip("-").lower()[:32].strip("-") for part in parts]
        stem = "-".join(slug or "x" for slug in slugs)
        taken = [other for other, _ in self.captions]
        unique = next(
            n for n in (stem, *(f"{stem}-{at}" for at in range(2, len(taken) + 3))) if n not in taken
        )
        figure, caption = draw()
        save(figure, self.folder, unique)
        self.captions.append((unique, caption))


def write(source: Source, folder: Path) -> list[Path]:
    """Write all figures of a store into `folder`, replacing it; returns its files, captions.txt last.

    Two runs over one store write the same bytes. Raises OSError where the folder cannot be written.
    """
    fresh = folder.parent / f".figures-{uuid.uuid4().hex}"
    fresh.mkdir(parents=True)
    try:
        with paper_style():
            album = _Album(fresh)
            _curves(source, album)
            _surfaces(source, album)
            _bits(source, album)
        (fresh / "captions.txt").write_text(_captions(source, album), encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    files = sorted(path for path in folder.iterdir() if path.name != "captions.txt")
    return [*files, folder / "captions.txt"]


def _captions(source: Source, album: _Album) -> str:
    run = source.runs[0] if source.runs else None
    lines = ["Captions of the figures in this folder. Each figure is a PDF and an SVG of the same name.", ""]
    if run:
        made = f"talkbench {run['talkbench_version']}, run of {run['started_at']:%Y-%m-%d}"
        lines += [plain(f"Results: suite {run['suite']}, {made}."), ""]
    for name, caption in album.captions:
        lines += [name, f"    {plain(caption)}", ""]
    if not album.captions:
        lines += ["No figure: nothing was scored or encoded.", ""]
    return "\n".join(lines)


def new_figure(height: float = 2.5, **axes: Any) -> tuple[Figure, Any]:
    """A figure one column wide (height in inches) with one pair of axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.add_subplot(**axes)


# ---------------------------------------------------------------------------------------- curves


def _curves(source: Source, album: _Album) -> None:
    columns = all_columns(source)
    groups: dict[tuple[str, ...], list[Any]] = {}
    for curve in source.curves:
        groups.setdefault((curve.dataset, curve.rate, curve.metric, curve.fingerprint), []).append(curve)

    def group(column: Column) -> list[Any]:
        board = column.board
        return groups[board.dataset, board.rate, board.metric, board.fingerprint]

    for view in views(columns):
        for column in view.columns:
            name = ("rd", view.dataset, view.rate, column.label)
            album.add(name, partial(curve_figure, source, column, group(column), None))
    for column in columns:
        if column.board.metric in PAPER_VIEWS:
            name = ("figure3", column.board.dataset, column.board.rate, column.label)
            album.add(
                name, partial(curve_figure, source, column, group(column), PAPER_VIEWS[column.board.metric])
            )


def curve_figure(
    source: Source, column: Column, group: Sequence[Any], turned: tuple[float, str] | None
) -> tuple[Figure, str]:
    """Rate and quality of a leaderboard's systems with their bands, as the page draws them.

    turned: (number, name): the value is taken from the number. Returns the figure and its caption.
    """
    board = column.board
    best = [row.system for row in board.rows][:MOST_CURVES]
    curves = [curve for curve in curve_part(group) if curve["system"] in best]

    def value(numbers: Sequence[float | None]) -> list[float]:
        return [float("nan") if v is None else turned[0] - v if turned else v for v in numbers]

    figure, axes = new_figure()
    handles, names = [], []
    for at, curve in enumerate(curves):
        order = curve["front"] if curve["grid"] else range(len(curve["kbps"]))
        rest = sorted(set(range(len(curve["kbps"]))) - set(order))
        look = curve_look(source.looks[curve["system"]])
        kbps, values, low, high = (
            [numbers[p] for p in order]
            for numbers in (curve["kbps"], value(curve["value"]), value(curve["low"]), value(curve["high"]))
        )
        axes.fill_between(kbps, low, high, color=look["color"], alpha=0.16, linewidth=0)
        (line,) = axes.plot(kbps, values, gid=f"curve-{at}", **look)
        if rest:
            faint = {**look, "linestyle": "none", "alpha": 0.3, "markersize": 2.2}
            axes.plot([curve["kbps"][p] for p in rest], [value(curve["value"])[p] for p in rest], **faint)
        handles.append(line)
        names.append(curve["system"])
    reference = source.references.get((board.dataset, board.metric, board.fingerprint))
    if reference:
        (level,) = value([reference["value"]])
        axes.axhline(level, color=QUIET, linewidth=0.7, linestyle=":", gid="uncoded")
        place = axes.get_yaxis_transform()  # across: from edge to edge; up: the value
        axes.text(0.01, level, "uncoded", transform=place, color=QUIET, fontsize=6, va="bottom")
    axes.set_xscale("log")
    rate_axis(axes)
    axes.set_xlabel(f"{RATE_LABELS[board.rate]} in kbit/s")
    unit = source.metric_facts[board.metric, board.fingerprint]["unit"]
    better = "↑" if turned or board.higher_is_better else "↓"
    name = turned[1] if turned else f"{column.label} ({unit})" if unit else column.label
    axes.set_ylabel(f"{brief(name, 28)} {better}")
    legend(figure, handles, names)
    return figure, _curve_caption(source, column, curves, turned, reference)


RATE_LABELS = {"video": "video rate", "audio": "audio rate", "total": "total rate"}


def _curve_caption(
    source: Source,
    column: Column,
    curves: list[dict[str, Any]],
    turned: tuple[float, str] | None,
    reference: Row | None,
) -> str:
    board = column.board
    clips = [n for curve in curves for n in curve["clips"]]
    of = max((row.expected for row in board.rows), default=0)
    counted = (
        f"{min(clips)} to {max(clips)}" if clips and min(clips) != max(clips) else f"{max(clips, default=0)}"
    )
    better = "higher" if turned or board.higher_is_better else "lower"
    what = f"{turned[1]}, that is {turned[0]} minus {column.label}," if turned else column.label
    parts = [
        f"{what} over the {RATE_LABELS[board.rate]} on {board.dataset}; {better} is better.",
        f"Each point is the mean over the clips that are scored there: {counted} of {of}.",
        "One value for all clips, so no band."
        if any(row.pooled for row in board.rows)
        else "Bands: 95 % bootstrap interval over clips of the value at each point.",
    ]
    if any(curve["grid"] for curve in curves):
        parts.append(
            "Points joined by a line are the Pareto front of a grid of settings; faint points are its other "
            "settings."
        )
    if reference:
        parts.append(f"Dotted: the uncoded clips ({words.number(reference['value'])}).")
    if len(board.rows) > MOST_CURVES:
        parts.append(f"The {len(curves)} best of {len(board.rows)} systems by BD-rate are shown.")
    return " ".join(
        [*parts, *said_of(source, [curve["system"] for curve in curves], [(board.metric, board.fingerprint)])]
    )


# ---------------------------------------------------------------------------------------- surfaces


def _surfaces(source: Source, album: _Album) -> None:
    from .surfaces import contour_figure, surface_figure

    surfaces = Surfaces(source)
    for row in source.datasets if surfaces.systems else ():
        view = SurfaceView(surfaces, row["dataset"])
        if not (view.video and view.audio) or not view.drawn(view.video[0], view.audio[0], view.first):
            continue
        keys: tuple[Key, Key] = view.video[0], view.audio[0]
        name = (row["dataset"], keys[0][0], keys[1][0])
        album.add(("surface", *name), partial(surface_figure, source, view, keys))
        album.add(("contour", *name), partial(contour_figure, source, view, keys))


# ---------------------------------------------------------------------------------------- bits


def _bits(source: Source, album: _Album) -> None:
    rows: dict[tuple[str, str], list[Row]] = {}
    for row in ledger(source.connection):
        rows.setdefault((row["dataset"], row["codec"]), []).append(row)
    for (dataset, codec), points in rows.items():
        album.add(("bits", dataset, codec), partial(bits_figure, source, dataset, codec, points))


def bits_figure(source: Source, dataset: str, codec: str, points: Sequence[Row]) -> tuple[Figure, str]:
    """Mean rate of a codec's points by part of the bitstream, stacked; colours say what a part is for."""
    modalities = next((tuple(r["modalities"] or ()) for r in source.codecs if r["codec"] == codec), ())
    order = list(KINDS)
    names = list(dict.fromkeys(name for row in points for name in row["parts"]))
    names.sort(key=lambda name: order.index(kind(name, modalities)))
    figure, axes = new_figure(2.2)
    bottom = [0.0] * len(points)
    seen: dict[str, int] = {}
    handles = []
    for name in names:
        what = kind(name, modalities)
        same = seen[what] = seen.get(what, -1) + 1
        heights = [row["parts"].get(name, 0.0) for row in points]
        handles.append(
            axes.bar(
                range(len(points)),
                heights,
                0.65,
                bottom=bottom,
                color=palette()[order.index(what) % len(palette())],
                hatch=HATCHES[same % len(HATCHES)],
                edgecolor="white",
                linewidth=0.4,
            )
        )
        bottom = [low + height for low, height in zip(bottom, heights, strict=True)]
    axes.set_xticks(
        range(len(points)), [brief(row["point"], 14) for row in points], rotation=45 if len(points) > 6 else 0
    )
    axes.grid(axis="x", visible=False)
    axes.set_xlabel(f"{brief(codec, 20)}: points, lowest rate first")
    axes.set_ylabel("kbit/s")
    legend(figure, handles, names)
    clips = sorted({row["clips"] for row in points})
    over = f"{clips[0]}" if len(clips) == 1 else f"{clips[0]} to {clips[-1]}"
    caption = (
        f"What {codec} sends by part of its bitstream, mean kbit/s over the {over} clips of {dataset} that "
        "were encoded at each point. Every part is billed, keyframes and headers included; framing and "
        "container are not. Parts: "
        + "; ".join(f"{name}, {KINDS[kind(name, modalities)]}" for name in names)
        + "."
    )
    return figure, " ".join([caption, *said_of(source, [codec])])
