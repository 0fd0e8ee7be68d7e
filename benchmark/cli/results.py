"""`talkbench submit`, `verify` and `merge`: share results between machines and verify them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Column, Table
from rich.text import Text

from ..util import environment
from ..util.errors import UsageError
from ..util.terminal import Terminal

if TYPE_CHECKING:
    from ..sharing.verify import Verification

_out = Terminal()


def submit(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A sweep's folder.")],
    out: Annotated[Path | None, typer.Option(help="Output archive. Default: DIR/DIR.talkbench.zip")] = None,
    name: Annotated[str, typer.Option(help="Name of the submitter, shown with the results.")] = "",
    unfinished: Annotated[bool, typer.Option(help="Allow a store whose latest run did not finish.")] = False,
) -> None:
    """Pack a sweep's tables and bitstreams into one archive, with a hash of every file."""
    from ..sharing import submit as submitting

    made = submitting.submit(directory, out, name, unfinished)
    counts = made.manifest.counts
    scores = sum(counts.get(table, 0) for table in ("scores", "pair_scores", "set_scores"))
    _say(
        f"suite {made.manifest.suite}: {counts['clips']} clips, {counts['encodes']} encodes, "
        f"{scores} scores, {counts['runs']} runs"
    )
    _say(
        f"tables: {_size(made.table_bytes)}; {counts['bitstreams']} bitstreams: {_size(made.bitstream_bytes)}"
    )
    _say(f"{made.path}: {_size(made.bytes)}")


def verify(
    archive: Annotated[Path, typer.Argument(metavar="ARCHIVE", help="An archive of `talkbench submit`.")],
    sample: Annotated[int, typer.Option(min=1, help="Number of bitstreams to decode and score again.")] = 12,
    everything: Annotated[bool, typer.Option("--all", help="Decode and score all bitstreams.")] = False,
    clips: Annotated[
        list[Path] | None, typer.Option(help="Folder with your copy of the recordings. May be repeated.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the random sample (default: random).")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:0,1")] = "auto",
    workers: Annotated[int, typer.Option(min=0, help="Number of worker processes; 0: one per core.")] = 0,
) -> None:
    """Check an archive: hashes, tables, reference clips, and a sample decoded and scored again."""
    from ..execution import executors
    from ..sharing import verify as verifying
    from ..util.progress import open_progress

    for folder in clips or ():
        if not folder.is_dir():
            raise UsageError(f"--clips {folder}: no such directory")
    request = verifying.Request(
        archive, None if everything else sample, verifying.new_seed() if seed is None else seed, clips or ()
    )
    executor = executors.LocalExecutor(workers or environment.usable_cores(), environment.devices(device))
    try:
        with open_progress(_out) as progress:
            found = verifying.verify(request, executor, progress)
    finally:
        executor.close()
    _tell(archive, found)
    raise typer.Exit(0 if found.verdict == "verified" else 1)


def merge(
    parts: Annotated[list[Path], typer.Argument(metavar="A B …", help="Folders of results, or archives.")],
    out: Annotated[Path, typer.Option(help="Output folder (new or empty).")],
    keep_fingerprints: Annotated[
        bool, typer.Option(help="Keep metrics of different builds side by side, each over its own clips.")
    ] = False,
    unfinished: Annotated[bool, typer.Option(help="Allow folders whose latest run did not finish.")] = False,
) -> None:
    """Merge the results of several machines or teams, or report why they cannot be merged."""
    from ..sharing import merge as merging
    from ..sharing.checks import plain

    made = merging.merge(parts, out, keep_fingerprints, unfinished)
    counts = made.counts
    scores = sum(counts.get(table, 0) for table in ("scores", "pair_scores", "set_scores"))
    _say(
        f"{len(parts)} results: {counts['clips']} clips, {counts['encodes']} encodes, {scores} scores, "
        f"{counts['runs']} runs, {made.bitstreams} bitstreams; {made.repeated} duplicate rows"
    )
    _say(f"systems: {plain(', '.join(made.systems))}")
    if made.void_set_scores:
        _say(
            f"{made.void_set_scores} scores of distribution metrics are unavailable: they were computed over "
            "the clips of one part; sweep all clips together to compute them"
        )
    _say(f"{out}: now `talkbench report {out}`")


def _tell(archive: Path, found: Verification) -> None:
    from ..sharing import checks
    from ..sharing.checks import listed, plain

    manifest = found.manifest
    by = f" by {manifest.name}" if manifest.name else ""
    ended = f"ended {manifest.finished_at} UTC" if manifest.finished_at else "did not end"
    _say(plain(f"suite {manifest.suite}{by}: latest run {ended}, talkbench {manifest.talkbench_version}"))
    table = Table(Column("check", no_wrap=True), "verified", "wrong", "not checked", box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for check in found.checks:
        wrong = Text(str(len(check.wrong)), "red" if check.wrong else "")
        table.add_row(check.name, str(check.verified), wrong, str(check.not_checked.total()))
    _out.print(table)
    for check in found.checks:
        for line in listed(check.wrong):
            _say(f"wrong: {plain(line)}")
        for reason, count in sorted(check.not_checked.items()):
            _say(f"not checked: {check.name}: {count}: {plain(reason)}")
    if found.largest:
        metric, difference = max(found.largest.items(), key=lambda entry: entry[1])
        by = f"differ by {difference:.2g} at most ({metric})" if difference else "are equal to the last bit"
        _say(f"recomputed scores {by}")
    if found.unseen:
        _say(f"not decoded: {plain(', '.join(found.unseen))}")
    extent = (
        f"{found.decoded} of {found.bitstreams} bitstreams were decoded again "
        f"and {found.scored} scores recomputed (--seed {found.seed})"
    )
    failed = checks.wrong(found.checks)
    checked = failed + sum(check.verified for check in found.checks)
    say = {
        "verified": f"verified: nothing is wrong; {extent}",
        "wrong": f"VERIFICATION FAILED: {failed} of {checked} checked items are wrong; {extent}",
        "nothing checked": f"not verified: nothing is wrong, but no score could be recomputed; {extent}",
    }
    _say(f"{archive}: {say[found.verdict]}")


def _say(line: str) -> None:
    _out.say(line)


def _size(size: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} bytes" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
