"""The command line. Exit codes: 0 done, 1 some failed or interrupted, 2 wrong use or a fault of the machine,
130 stopped.
"""

from __future__ import annotations

import shlex
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from ... import __version__
from ..api import registry
from ..plan import suite
from ..store import parquet
from ..util import environment, place
from ..util.errors import TalkbenchError, UsageError
from ..util.terminal import Terminal, escape_what_cannot_be_encoded
from . import metrics as metrics_cli
from . import results as results_cli
from . import train, weights

MAX_WORKERS = 1024
MAX_LIMIT = 1_000_000_000

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Benchmark of talking-head audio-visual codecs: real bits, every metric, one report.",
)
_out = Terminal()
_err = Terminal(stderr=True)


def main() -> None:
    """Entry point: errors that a user can fix are one line, without a traceback."""
    escape_what_cannot_be_encoded()
    place.libraries_write_to_our_cache()
    try:
        app()
    except TalkbenchError as error:
        _err.say(f"talkbench: {error}")
        sys.exit(2)
    except Exception as error:
        fault = place.fault(error, every_path=True)
        if fault is None:
            raise
        _err.say(f"talkbench: {fault}")
        sys.exit(2)


def _show_version(wanted: bool) -> None:
    if wanted:
        _out.say(f"talkbench {__version__}")
        raise typer.Exit


@app.callback()
def _top(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
def sweep(
    suite_name: Annotated[
        str, typer.Argument(metavar="SUITE", help="A shipped suite (`talkbench suites`) or a TOML file.")
    ] = "demo",
    clips: Annotated[Path | None, typer.Option(help="Folder of videos to use as dataset.")] = None,
    codecs: Annotated[str, typer.Option(help="Systems: vvc+opus,hevc+opus,…")] = "",
    points: Annotated[
        list[str] | None, typer.Option(help="Points of one codec: vvc=qp37,qp47. May be repeated.")
    ] = None,
    metrics: Annotated[str, typer.Option(help="Metrics: psnr,vmaf,… (default: the suite's)")] = "",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:0,1")] = "auto",
    executor: Annotated[str, typer.Option(help="local (worker processes) or serial (this one)")] = "local",
    workers: Annotated[
        int, typer.Option(min=0, max=MAX_WORKERS, help="Number of worker processes; 0: one per core.")
    ] = 0,
    limit: Annotated[
        int | None, typer.Option(min=1, max=MAX_LIMIT, help="Only the first N clips of each dataset.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Output folder. Default: results/SUITE")] = None,
    rescore: Annotated[str, typer.Option(help="Metrics to recompute: pesq,stoi")] = "",
    quick: Annotated[
        bool,
        typer.Option(help="Learned metrics in bfloat16: faster, not official; reports the deviation."),
    ] = False,
    retry_failed: Annotated[bool, typer.Option(help="Retry what failed before.")] = False,
    previews: Annotated[
        int | None, typer.Option(min=0, help="Clips per dataset to make report previews of.")
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Print what would be done; run nothing.")] = False,
) -> None:
    """Run a suite and write its report. Run it again to resume; finished work is kept."""
    from ...reports import site
    from ..sweep import run

    chosen = suite.load(suite_name).override(
        clips, _names("codecs", codecs), _points(points or []), _names("metrics", metrics), quick, previews
    )
    request = run.Request(
        suite=chosen,
        out=out or Path("results") / chosen.name,
        devices=environment.devices(device),
        executor=executor,
        workers=workers or environment.usable_cores(),
        limit=limit,
        rescore=_names("rescore", rescore),
        retry_failed=retry_failed,
        command=shlex.join(["talkbench", *sys.argv[1:]]),
    )
    if dry_run:
        run.show_plan(request, _out)
        return
    try:
        failed = run.run(request, _out, partial(site.write_report, record=True))
    except (KeyboardInterrupt, RuntimeError) as error:
        # Ctrl-C in the middle of a query comes out of DuckDB as RuntimeError("Query interrupted").
        if isinstance(error, RuntimeError) and "interrupted" not in str(error).lower():
            raise
        _err.say("interrupted; run the same command again to resume")
        raise typer.Exit(130) from None
    raise typer.Exit(1 if failed else 0)


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _names(option: str, text: str) -> list[str]:
    """The names of an option, none where it was not given. Raises UsageError for one that holds no name."""
    found = _split(text)
    if text and not found:
        raise UsageError(f"--{option} {text!r} contains no name; give one or more, or omit the option")
    return found


def _points(entries: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for entry in entries:
        codec, equals, names = entry.partition("=")
        codec = codec.strip()
        if not codec or not equals or not _split(names):
            raise UsageError(f"--points {entry}: expected CODEC=POINT[,POINT]")
        if codec in found:
            raise UsageError(
                f"--points names {codec!r} twice; give all its points in one option: {codec}=POINT,POINT"
            )
        found[codec] = _split(names)
    return found


@app.command()
def report(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A folder of results.")] = Path(
        "results/demo"
    ),
    single_file: Annotated[
        bool, typer.Option("--single-file", help="Also all pages as one file: DIR/report.html.")
    ] = False,
    figures: Annotated[
        bool, typer.Option("--figures", help="Also figures for papers: DIR/figures/*.pdf and *.svg.")
    ] = False,
) -> None:
    """Write the static report of a sweep: DIR/report/index.html."""
    from ...reports import site
    from ..store.database import Store

    if (directory / parquet.STORE).is_file():
        with Store(directory / parquet.STORE) as store:
            page = site.write_report(directory, store.connection, single_file, record=True)
    else:
        with parquet.open_results(directory) as connection:
            page = site.write_report(directory, connection, single_file)
    size = f" ({page.stat().st_size / 1e6:.1f} MB)" if single_file else ""
    _out.say(f"{page}{size}")
    if figures:
        from ...reports.publication import figures as paper_figures
        from ...reports.source import Source

        with parquet.open_results(directory) as connection:
            files = paper_figures.write(Source(connection, directory), directory / "figures")
        _out.say(str(files[-1]))


@app.command("codecs")
def list_codecs() -> None:
    """List the codecs and whether they can run here."""
    table = Table("codec", "codes", "family", "points", "licence", "runs here", box=None, pad_edge=False)
    reasons = []
    for name in registry.names("codecs"):
        module = registry.codec(name)
        reason = module.availability()
        if reason:
            table.add_row(name, "", "", "", "", "no")
            reasons.append(f"{name}: {reason}")
            continue
        info, points = module.describe()
        ladder = f"{points[0].name} … {points[-1].name} ({len(points)})"
        table.add_row(name, "+".join(info.modalities), info.family, ladder, info.licence, "yes")
    _out.print(table)
    for reason in reasons:  # below, where a command stays whole
        _out.say(reason)


app.command()(metrics_cli.metrics)
app.add_typer(weights.app, name="weights")
app.command()(train.train)
app.command()(results_cli.submit)
app.command()(results_cli.verify)
app.command()(results_cli.merge)


@app.command("datasets")
def list_datasets() -> None:
    """List the datasets and whether they can run here."""
    table = Table("dataset", "runs here", "what it is", box=None, pad_edge=False)
    for name in registry.names("datasets"):
        module = registry.dataset(name)
        reason = module.availability()
        what = (getattr(module, "__doc__", "") or "").strip().split("\n")[0]
        table.add_row(name, f"no: {reason}" if reason else "yes", what)
    _out.print(table)


@app.command("suites")
def list_suites() -> None:
    """List the suites that ship with talkbench."""
    table = Table("suite", "datasets", "systems", "what it is", box=None, pad_edge=False)
    for name in suite.names():
        loaded = suite.load(name)
        chosen = [registry.dataset(choice.use).load(**choice.options) for choice in loaded.datasets]
        datasets = ", ".join(dataset.info.name for dataset in chosen)
        table.add_row(name, datasets, ", ".join(loaded.systems), loaded.title)
    _out.print(table)


@app.command()
def check(
    codec: Annotated[str, typer.Argument(help="A codec (`talkbench codecs`).")],
    device: Annotated[str, typer.Option(help="cpu or cuda:0")] = "cpu",
) -> None:
    """Check that a codec fulfils the codec contract: no unused bits, no hidden state, correct shapes."""
    from ..conformance import check as conformance

    def show(result: conformance.CheckResult) -> None:
        word = {True: ("pass", "green"), False: ("FAIL", "red"), None: ("skip", "dim")}[result.ok]
        _out.print(Text(*word), end=" ")
        _out.say(f"{result.name}: {result.message}")

    results = conformance.check(codec, device, progress=show)
    held = sum(result.ok is True for result in results)
    failed = sum(result.ok is False for result in results)
    skipped = len(results) - held - failed
    _out.say(f"{codec}: {held} of {len(results)} checks hold, {failed} fail, {skipped} skipped")
    # A codec of which nothing could be judged (it is unavailable) has not passed.
    raise typer.Exit(1 if failed or not held else 0)


@app.command("new-codec")
def new_codec(
    name: Annotated[str, typer.Argument(help="The codec's name: lower case, digits and '-'.")],
    into: Annotated[
        Path | None, typer.Option(help="Create a separate package in this folder, outside talkbench.")
    ] = None,
) -> None:
    """Create a working codec to start from."""
    from . import scaffold

    path = scaffold.new_codec(name, into)
    install = f"pip install -e {into} && " if into else ""
    _out.say(str(path))
    _out.say(f"now: {install}talkbench check {name}")


@app.command("bd-rate")
def show_bd_rate(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A folder of results.")],
    anchor: Annotated[str, typer.Option(help="The system that the others are measured against.")],
    metric: Annotated[str, typer.Option(help="Metrics: psnr,vmaf,… (default: all)")] = "",
) -> None:
    """Print BD-rates against an anchor, with interval, overlap and status.

    A codec (vvc) is an anchor over its own rate, a pair (vvc+opus) over the total rate.
    """
    from ...reports.boards.leaderboards import bd_rate_text

    with parquet.open_results(directory) as connection:
        text = bd_rate_text(connection, anchor, _split(metric))
        _out.say_lines(text)


@app.command()
def export(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A folder of results.")],
    format_name: Annotated[str, typer.Option("--format", help="parquet, csv, latex or tables")] = "parquet",
    out: Annotated[Path | None, typer.Option(help="Output folder. Default: DIR/export or DIR/tables")] = None,
) -> None:
    """Export every table as Parquet, CSV or LaTeX, or as a portable folder of Parquet tables.

    The folder (`--format tables`) is accepted in place of the database.
    """
    from ...reports.publication import export as exporting

    target = out or directory / (parquet.FOLDER if format_name == parquet.FOLDER else "export")
    for path in exporting.export(directory, format_name, target):
        _out.say(str(path))
