"""The curve of a training as a figure: parts of the loss, and what is held out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib, so every machine sets the same text
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dcdfe2",
    "grid.linewidth": 0.4,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "talkbench",
    "text.parse_math": False,
}
# Colours that differ in lightness too, and dashes, so that neither print nor eyes need to tell hues.
_LINES = (
    ("#1f5fa8", "-"),
    ("#c2571a", "--"),
    ("#3f8f5b", "-."),
    ("#8a4b9b", ":"),
    ("#5d646c", (0, (6, 2, 1, 2))),
    ("#9c7a12", (0, (1, 1))),
)


def draw(card: Mapping[str, Any], path: Path, validation: Mapping[str, str], label: str) -> None:
    """Writes the curve of a card as SVG; a run too short for a validation has a figure that says so.

    validation: what to call those facts of the curve that are of held-out data; label: of their axis.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.ticker import FormatStrFormatter, LogLocator, NullLocator

    curve: Sequence[Mapping[str, float]] = card["curve"]
    # A part may begin late, and end early.
    parts = dict.fromkeys(name for fact in curve for name in fact if name not in ("step", *validation))
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        figure = Figure(figsize=(7.2, 2.7), layout="constrained")
        figure.suptitle(
            f"{card['weights']}: {card['steps']} steps, {card['seconds'] / 60:.0f} min", fontsize=9
        )
        losses, quality = figure.subplots(1, 2)
        for axes, names, y_label in (
            (losses, {name: name for name in parts}, "part of the loss"),
            (quality, validation, label),
        ):
            for (name, text), (colour, dashes) in zip(names.items(), _LINES, strict=False):
                seen = [(fact["step"], fact[name]) for fact in curve if name in fact]
                axes.plot(
                    *([*zip(*seen, strict=True)] or ([], [])),
                    label=text,
                    color=colour,
                    linestyle=dashes,
                    marker="o",
                    markersize=2.2,
                    linewidth=1.2,
                )
            axes.set_xlabel("step")
            axes.set_ylabel(y_label)
            axes.set_xlim(0, max(card["steps"], 1))
            if curve:
                axes.legend(fontsize=7)
            else:
                axes.text(0.5, 0.5, "no validation in so short a run", ha="center", transform=axes.transAxes)
                axes.set_yticks([])
        if curve:
            losses.set_yscale("log", nonpositive="mask")  # a part may end at 0
            losses.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            losses.yaxis.set_major_formatter(FormatStrFormatter("%g"))
            losses.yaxis.set_minor_locator(NullLocator())
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": "talkbench"})
