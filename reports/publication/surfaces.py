"""Figures for papers of rate, video and audio quality: surfaces of systems, and their iso-rate curves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .style import QUIET, WIDTH, brief, curve_look, legend, said_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..source import Source
    from ..surfaces.grids import Key
    from ..surfaces.view import SurfaceView


def surface_figure(source: Source, view: SurfaceView, keys: tuple[Key, Key]) -> tuple[Figure, str]:
    """The page's first systems over log total rate, a picture and a sound metric; with a caption."""
    import numpy as np
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(WIDTH, 2.9), layout="constrained")
    axes: Any = figure.add_subplot(projection="3d")
    handles, names, counts = [], [], []
    for grid, sheet, mesh in view.drawn(*keys, view.first):
        joint = grid.kind == "joint"
        look = curve_look(source.looks[grid.system], joint)
        rate, video, audio = np.log10(sheet.kbps), grid.means(sheet, keys[0]), grid.means(sheet, keys[1])
        if mesh.triangles:
            axes.plot_trisurf(
                rate,
                video,
                audio,
                triangles=mesh.triangles,
                color=look["color"],
                alpha=0.45 if joint else 0.16,
                linewidth=0,
                shade=False,
                antialiased=True,
            )
        for line in map(list, (*mesh.rows, *mesh.columns)):
            wire = {
                "color": look["color"],
                "linestyle": look["linestyle"],
                "linewidth": 1.2 if joint else 0.6,
            }
            axes.plot(rate[line], video[line], audio[line], **wire)
        (dots,) = axes.plot(
            rate, video, audio, **{**look, "linestyle": "none", "markersize": 3 if joint else 2}
        )
        handles.append((axes.plot([], [], [], **{**look, "marker": ""})[0], dots))
        names.append(grid.system)
        counts.append(sheet.count)
    low, high = axes.get_xlim()
    ticks = [v for power in range(-3, 5) for v in (10.0**power, 2 * 10.0**power, 5 * 10.0**power)]
    ticks = [tick for tick in ticks if low <= np.log10(tick) <= high]
    axes.set_xticks(np.log10(ticks), [f"{tick:g}" for tick in ticks])
    axes.set_xlabel("total kbit/s", labelpad=-6)
    for key, name in zip(keys, "yz", strict=True):
        getattr(axes, f"set_{name}label")(_title(source, key), labelpad=-5)
        if not source.metric_facts[key]["higher_is_better"]:
            getattr(axes, f"invert_{name}axis")()
    axes.tick_params(labelsize=6, pad=-2)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.zaxis.set_major_locator(MaxNLocator(5))
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.set_pane_color((1, 1, 1, 0))
        axis._axinfo["grid"].update(linewidth=0.3, color="#dcdfe2")
    axes.view_init(elev=16, azim=-57)
    axes.set_box_aspect((1.15, 1, 0.85), zoom=1.04)
    legend(figure, handles, names)
    return figure, " ".join(
        [
            f"{keys[0][0]} and {keys[1][0]} over the total rate (logarithmic) on {view.dataset}; axes run so "
            "that better is up and to the back.",
            "Each point is one setting of a system; its values are means over the same clips at every "
            f"setting of the system ({_counted(counts)}). Lines join settings that differ in one parameter; "
            "between points a surface is only interpolation.",
            *_left_out(view, names),
            *said_of(source, names, keys),
        ]
    )


def contour_figure(source: Source, view: SurfaceView, keys: tuple[Key, Key]) -> tuple[Figure, str]:
    """Iso-rate curves of the page's first systems over the two qualities; with a caption."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, 3.0), layout="constrained")
    axes: Any = figure.add_subplot()
    handles, names, counts = [], [], []
    for grid, sheet, mesh in view.drawn(*keys, view.first):
        joint = grid.kind == "joint"
        look = curve_look(source.looks[grid.system], joint)
        video, audio = grid.means(sheet, keys[0]), grid.means(sheet, keys[1])
        higher = source.metric_facts[keys[1]]["higher_is_better"]
        for rate in view.contours:
            for line in sheet.equal_rate(mesh, rate):
                x, y = (
                    [values[p] + t * (values[q] - values[p]) for p, q, t in line] for values in (video, audio)
                )
                axes.plot(x, y, **look, markevery=[0, len(x) - 1], gid=f"line-{len(names)}-{rate:g}")
                end = 0 if (y[0] > y[-1]) == higher else -1
                axes.annotate(
                    f"{rate:g}",
                    (x[end], y[end]),
                    (0, 3),
                    textcoords="offset points",
                    ha="center",
                    fontsize=6,
                    color=look["color"],
                )
        handles.append(axes.plot([], [], **look)[0])
        names.append(grid.system)
        counts.append(sheet.count)
    for key, name in zip(keys, "xy", strict=True):
        getattr(axes, f"set_{name}label")(_title(source, key))
        if not source.metric_facts[key]["higher_is_better"]:
            getattr(axes, f"invert_{name}axis")()
    if not view.contours:
        axes.text(
            0.5, 0.5, "no rate between two settings", transform=axes.transAxes, ha="center", color=QUIET
        )
    legend(figure, handles, names)
    rates = ", ".join(f"{rate:g}" for rate in view.contours) or "none between two settings:"
    return figure, " ".join(
        [
            f"Iso-rate curves ({rates} kbit/s, the number at a line's end) over {keys[0][0]} and "
            f"{keys[1][0]} on {view.dataset}; better is up and to the right.",
            "Linear over log rate along the edges between measured settings, never beyond them. Settings are "
            f"means over the same clips at every setting of a system ({_counted(counts)}).",
            *_left_out(view, names),
            *said_of(source, names, keys),
        ]
    )


def _title(source: Source, key: Key) -> str:
    fact = source.metric_facts[key]
    name = f"{key[0]} ({fact['unit']})" if fact["unit"] else key[0]
    return f"{brief(name, 24)} {'↑' if fact['higher_is_better'] else '↓'}"


def _counted(counts: list[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{high} clip{'' if high == 1 else 's'}" if low == high else f"{low} to {high} clips"


def _left_out(view: SurfaceView, names: list[str]) -> list[str]:
    count = len(view.grids) + len(view.missing)
    return [f"{len(names)} of {count} systems are shown."] if len(names) < count else []
