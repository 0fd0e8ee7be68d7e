"""docs/metrics.md, generated from the metrics and the registry of weights.

python -m talkbench.benchmark.cli.metric_page > docs/metrics.md

Nothing of it depends on what is installed here: `talkbench metrics --explain NAME` shows that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .. import weights
from ..api import registry
from ..api.metric import MetricInfo
from ..weights.entry import Weight

COMMAND = "python -m talkbench.benchmark.cli.metric_page > docs/metrics.md"
_HEAD = f"""# Metrics

Written by `{COMMAND}`; do not edit.

`talkbench metrics` shows which of them can run here, and how to enable the others;
`talkbench metrics --explain NAME` describes one in full. Values *per frame*
are averaged over the frames of a clip, then over clips; *per word*, errors of all clips are divided by words
of all clips. A metric that does not apply to a clip has no value, but a reason. Codecs return sound aligned
with the reference; no metric resizes a picture or changes a level unless its definition says so.
"""
_SECTIONS = {
    "Video": "",
    "Audio": "",
    "Video with audio": "One value per clip, of video together with audio.",
    "Sets of clips": "One value over all clips of one codec, point and dataset, shown with the number of "
    "samples that it is computed from.",
}
_WEIGHTS = """## Weights

The weights of metrics and codecs, with source and licence: see [weights](weights.md). Where no
sha256 is given, that of the first complete file is recorded and enforced from then on."""


def page(infos: Sequence[MetricInfo], parts: Iterable[Weight]) -> str:
    """The page in Markdown: a table per section with a row per metric by name, then one of all weights."""
    blocks = [_HEAD.rstrip()]
    for title, words in _SECTIONS.items():
        rows = [
            _metric(info) for info in sorted(infos, key=lambda info: info.name) if _section(info) == title
        ]
        if rows:
            head = ("metric", "better", "range", "per", "definition", "weights", "source")
            blocks.append("\n\n".join(filter(None, [f"## {title}", words, _table(head, rows)])))
    rows = [_weight(part) for part in sorted(parts, key=lambda part: part.name)]
    head = ("weights", "what", "variant", "file", "bytes", "sha256", "licence")
    return "\n\n".join([*blocks, _WEIGHTS, _table(head, rows)]) + "\n"


def _section(info: MetricInfo) -> str:
    if info.kind == "set":
        return "Sets of clips"
    return {"video": "Video", "audio": "Audio", "pair": "Video with audio"}[info.modality]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [[cell.replace("|", "\\|") for cell in row] for row in (head, *rows)]
    top, *rest = (f"| {' | '.join(line)} |" for line in lines)
    return "\n".join([top, "|---" * len(head) + "|", *rest])


def _metric(info: MetricInfo) -> Sequence[str]:
    low, high = ("" if bound is None else f"{bound:g}" for bound in info.bounds)
    return (
        f"`{info.name}`",
        "higher" if info.higher_is_better else "lower",
        f"{low or '−∞'} … {high or '∞'} {info.unit if info.aggregate == 'mean' else ''}".rstrip(),
        "word" if info.aggregate == "weighted" else info.kind,
        info.definition,
        ", ".join(f"`{name}`" for name in info.weights),
        info.paper,
    )


def _weight(part: Weight) -> Sequence[str]:
    return (
        f"`{part.name}`",
        part.what,
        part.variant,
        _file(part),
        str(part.bytes or ""),
        f"`{part.sha256}`" if part.sha256 else "",
        f"**non-commercial**: {part.licence}" if part.non_commercial else part.licence,
    )


def _file(part: Weight) -> str:
    if part.shipped and not part.url:
        return f"`{part.shipped}`"
    page = f"by hand from [this page]({part.page})" if part.page else ""
    return f"[{part.file}]({part.url})" if part.url else f"`{part.file}`, {page}"


def main() -> None:
    """Print the page of all metrics and weights that come with the package."""
    print(page([info for _, info in registry.metrics().values()], weights.registry().values()), end="")


if __name__ == "__main__":
    main()
