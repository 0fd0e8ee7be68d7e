"""docs/metrics.md, written from what the metrics say of themselves.

python -m talkbench.benchmark.metric_page > docs/metrics.md
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from . import registry
from .metric import MetricInfo
from .types import Modality

COMMAND = "python -m talkbench.benchmark.metric_page > docs/metrics.md"
_HEAD = f"""# Metrics

Written by `{COMMAND}`; do not edit.

`talkbench metrics` says which of them can run here, and what to do where one cannot. Values *per frame*
are averaged over the frames of a clip, then over clips; *per word*, errors of all clips are divided by words
of all clips. A metric that does not apply to a clip has no number, but a reason. Codecs return sound aligned
with the reference; no metric resizes a picture or changes a level unless its definition says so.
"""


def page(infos: Sequence[MetricInfo]) -> str:
    """The page in Markdown: one table per modality, one row per metric, in alphabetical order."""
    sections = []
    for modality in get_args(Modality):
        rows = [_row(info) for info in sorted(infos, key=lambda info: info.name) if info.modality == modality]
        head = ["| metric | better | range | per | definition | source |", "|---|---|---|---|---|---|"]
        sections.append("\n".join([f"## {modality.capitalize()}\n", *head, *rows]))
    return "\n\n".join([_HEAD.rstrip(), *sections]) + "\n"


def _row(info: MetricInfo) -> str:
    low, high = ("" if bound is None else f"{bound:g}" for bound in info.bounds)
    cells = (
        f"`{info.name}`",
        "higher" if info.higher_is_better else "lower",
        f"{low or '−∞'} … {high or '∞'} {info.unit if info.aggregate == 'mean' else ''}".rstrip(),
        "word" if info.aggregate == "weighted" else info.kind,
        info.definition,
        info.paper,
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def main() -> None:
    """Print the page of all metrics that come with the package."""
    print(page([info for _, info in registry.metrics().values()]), end="")


if __name__ == "__main__":
    main()
