"""How figures for papers look: one column wide, small plain type, the page's colours, nothing that varies."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..boards.series import COLOURS
from ..queries.facts import metric_marks
from ..words import MARKS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..source import Source

WIDTH = 3.4
"""Inches: a column of the usual two-column styles."""
QUIET = "#5d646c"

DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1.2, 1.6)), (0, (6, 2, 1.2, 2)), (0, (9, 3)))
MARKERS = ("o", "s", "D", "^", "v", "x", "+")
"""In the order of DASHES and SYMBOLS of static/plots.js."""
HATCHES = ("", "////", "xxxx", "....", "\\\\\\\\", "++++")

STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib, so every machine sets the same text
    "font.size": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.linewidth": 0.4,
    "grid.color": "#dcdfe2",
    "axes.axisbelow": True,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.1,
    "lines.markersize": 3.4,
    "hatch.linewidth": 0.5,
    "path.simplify": False,
    "text.parse_math": False,  # names are text, whatever dollars are in them
    "axes.unicode_minus": True,
    "svg.fonttype": "none",
    "svg.hashsalt": "talkbench",
    "pdf.fonttype": 42,
}


@contextmanager
def paper_style() -> Iterator[None]:
    """Within it, figures are made for papers; matplotlib's own settings are as before after it."""
    import warnings

    import matplotlib as mpl

    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        # A name in a script that the font lacks: boxes in the PDF, text in the SVG.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support .* natively")
        yield


@cache
def palette() -> tuple[str, ...]:
    """The page's colours of systems on a light ground, as static/report.css has them."""
    style = (Path(__file__).parents[1] / "static" / "report.css").read_text(encoding="utf-8")
    light = style[style.index(":root {") : style.index("}")]
    return tuple(re.findall(rf"--c[0-{COLOURS - 1}]: (#[0-9a-f]{{6}})", light))


def plain(text: object) -> str:
    """A name as one line of printable text: what no font and no XML can hold becomes '\ufffd'."""
    return "".join(
        "\ufffd" if unicodedata.category(c) in ("Cc", "Cs", "Cn", "Zl", "Zp") else c for c in str(text)
    )


def brief(text: object, most: int = 34) -> str:
    """A name as `plain`, its middle left out where it is longer than a column-wide figure has room for."""
    name = plain(text)
    head = (most - 1) * 2 // 3
    return name if len(name) <= most else f"{name[:head]}…{name[head + 1 - most :]}"


def curve_look(look: dict[str, int], joint: bool = False) -> dict[str, Any]:
    """Colour, dash and marker of a system as keywords of `Axes.plot`; joint codecs are drawn stronger."""
    colour, marker = palette()[look["colour"]], MARKERS[look["symbol"]]
    return {
        "color": colour,
        "linestyle": DASHES[look["dash"]],
        "marker": marker,
        "linewidth": 1.8 if joint else 1.1,
        "markersize": 4.2 if joint else 3.4,
        "markeredgewidth": 1.0 if marker in "x+" else 0.4,
        "markeredgecolor": colour if marker in "x+" else "white",
    }


def rate_axis(axes: Axes, which: str = "x") -> None:
    """A logarithmic rate with plain numbers: at 1, 2, 5, 10 …, or closer where the axis is short."""
    from matplotlib.ticker import FixedLocator, NullLocator

    low, high = axes.get_xlim() if which == "x" else axes.get_ylim()
    axis = axes.xaxis if which == "x" else axes.yaxis
    for digits in ((1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7)):
        ticks = [digit * 10.0**power for power in range(-4, 6) for digit in digits]
        inside = [tick for tick in ticks if low <= tick <= high]
        if len(inside) > 2:
            break
    axis.set_major_locator(FixedLocator(inside))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(lambda value, _: f"{value:g}")


def legend(figure: Figure, handles: Sequence[Any], names: Sequence[str]) -> None:
    """Names under the figure, in as many columns as fit.

    A label that starts with an underscore means something to matplotlib: the names come in afterwards.
    """
    if not handles:
        return
    shown = [brief(name) for name in names]
    longest = max(map(len, shown))
    columns = max(1, min(len(names), 58 // (longest + 6)))
    made = figure.legend(
        handles,
        [str(at) for at in range(len(names))],
        loc="outside lower center",
        ncols=columns,
        handlelength=2.6,
        columnspacing=1.2,
        labelspacing=0.3,
    )
    for text, name in zip(made.get_texts(), shown, strict=True):
        text.set_text(name)


def said_of(source: Source, systems: Sequence[str], metrics: Sequence[tuple[str, str]] = ()) -> list[str]:
    """For a caption: what must be known of systems, and of metrics (name, fingerprint)."""
    found: dict[str, list[str]] = {}
    for key in metrics:
        for mark in metric_marks(source.metric_facts[key]):
            found.setdefault(mark, []).append(key[0])
    for system in systems:
        for mark in source.marks.get(system, ()):
            found.setdefault(mark, []).append(system)
    return [f"{', '.join(names)}: {MARKS[mark]}." for mark, names in found.items()]


def save(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write NAME.pdf and NAME.svg; nothing in them says when."""
    pdf, svg = folder / f"{name}.pdf", folder / f"{name}.svg"
    about = {"Creator": "talkbench", "Title": name}
    figure.savefig(pdf, metadata={**about, "Producer": None, "CreationDate": None})
    figure.savefig(svg, metadata={**about, "Date": None})
    return [pdf, svg]
