"""`talkbench weights`: list, fetch and verify the weights of metrics and codecs."""

from __future__ import annotations

import os
import sys
import time
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.progress import Progress as Bar
from rich.table import Table

from .. import weights
from ..api import registry
from ..util import suggestions
from ..util.errors import DownloadError, UsageError
from ..util.terminal import Terminal
from ..weights import locate
from ..weights.entry import Weight
from ..weights.locate import Found

app = typer.Typer(no_args_is_help=True, help="Weights of metrics and codecs: list, fetch, verify.")
_out = Terminal()
_err = Terminal(stderr=True)
_LINE_EVERY_S = 15.0


@app.command("list")
def list_weights() -> None:
    """List weights with origin and local path."""
    table = Table("weights", "variant", "size", "here", "licence", box=None, pad_edge=False)
    here, refused = [], []
    for name in sorted(weights.registry()):
        found = weights.find(name)
        weight = found.weight
        table.add_row(name, weight.variant, size(weight), (found.place or "no").split()[0], licence(weight))
        refused += [f"{name}: {problem}" for problem in found.refused]
        if found.path is not None:
            here.append(f"{name}: {where(found)}")
    _out.print(table)
    for line in (*here, *refused):
        _out.say(line)
    if len(here) < len(weights.registry()):
        _out.say("to fetch: talkbench weights fetch NAME; all that a metric needs: --metric METRIC")


def size(weight: Weight) -> str:
    """Its size for people: 553 MB."""
    return _people(weight.bytes) if weight.bytes else "?"


def _people(size: int) -> str:
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size} B"


def licence(weight: Weight) -> str:
    """Its licence, saying first whether it is a non-commercial one."""
    return f"NON-COMMERCIAL: {weight.licence}" if weight.non_commercial else weight.licence


def where(found: Found) -> str:
    """Where the file is and how it is known to be right, or the command that gets it."""
    wrong = "".join(f"\n{problem}" for problem in found.refused)
    if found.path is None:
        return f"no: talkbench weights fetch {found.weight.name}{wrong}"
    trust = "" if found.weight.sha256 else "; sha256 recorded on first use, not in the registry"
    return f"{found.path} ({found.place}{trust}){wrong}"


@app.command()
def fetch(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME…", help="Names (see `list`).")] = None,
    metric: Annotated[str, typer.Option(help="All weights that these metrics need: fid,lse_c")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Fetch all.")] = False,
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="Accept non-commercial licences without being asked.")
    ] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Only check; fetch nothing.")] = False,
) -> None:
    """Download and verify weights. Resumes interrupted downloads."""
    chosen = [*(names or []), *_of_metrics(metric), *(weights.registry() if everything else ())]
    if not chosen:
        raise UsageError("nothing selected; give NAME…, or --metric METRIC, or --all")
    parts = [weights.get(name) for name in dict.fromkeys(chosen)]
    if offline:
        os.environ[weights.OFFLINE] = "1"
    absent = [weight for weight in parts if weights.find(weight.name).path is None]
    if len(absent) > 1:
        _out.say(f"{len(absent)} files to fetch, {_people(sum(weight.bytes for weight in absent))} in all")
    failed = 0
    for weight in parts:
        try:
            _fetch(weight, accept_licence)
        except (DownloadError, UsageError) as error:
            failed += 1
            _err.say(f"talkbench: {error}")
        except KeyboardInterrupt:
            _err.say("interrupted; run the same command again to resume")
            raise typer.Exit(130) from None
    if failed:
        raise typer.Exit(2 if failed == len(parts) else 1)


def _of_metrics(names: str) -> list[str]:
    known = registry.metrics() if names else {}
    found: list[str] = []
    for name in filter(None, (part.strip() for part in names.split(","))):
        if name not in known:
            raise suggestions.unknown("metrics", name, sorted(known))
        if not known[name][1].weights:
            _out.say(f"{name} needs no weights")
        found += known[name][1].weights
    return found


def _fetch(weight: Weight, accept_licence: bool) -> None:
    found = weights.find(weight.name)
    if found.path is None and not weights.offline():
        _out.say(
            f"{weight.name}: {size(weight)} from {weight.url or weight.page or 'talkbench'}, "
            f"licence {licence(weight)}"
        )
        if weight.non_commercial and not accept_licence:
            _ask(weight)
    with _Shown(weight.name) as shown:
        path = weights.fetch(weight.name, shown.progress, shown.say)
    _out.say(f"{weight.name}: {path}")


def _ask(weight: Weight) -> None:
    if not _on_a_terminal():
        raise UsageError(
            f"{weight.name}: its licence allows non-commercial use only; to accept it, add --accept-licence"
        )
    if not typer.confirm(f"{weight.name}: for non-commercial use only. Do you accept its licence?"):
        raise UsageError(f"{weight.name}: not fetched, as its licence was not accepted")


def _on_a_terminal() -> bool:
    return sys.stdin.isatty()


class _Shown:
    """Progress of one download: a bar on a terminal, a line every 15 seconds elsewhere."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._printed = time.monotonic()
        columns = (DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        self._bar = Bar(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            *columns,
            console=_out,
            transient=True,
        )
        self._task = None

    def __enter__(self) -> _Shown:
        return self

    def __exit__(self, *_: object) -> None:
        if self._task is not None:
            self._bar.stop()

    def say(self, text: str) -> None:
        _out.say(text)

    def progress(self, here: int, total: int) -> None:
        if _out.is_terminal:
            if self._task is None:
                self._task = self._bar.add_task(self._name, total=total)
                self._bar.start()
            self._bar.update(self._task, completed=here, total=total)
        elif time.monotonic() - self._printed > _LINE_EVERY_S:
            self._printed = time.monotonic()
            self.say(f"{self._name}: {here / 1e6:.0f} of {total / 1e6:.0f} MB")


@app.command()
def verify(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME…", help="Default: all that are available locally.")
    ] = None,
) -> None:
    """Read the files again and compare their sha256; exit code 1 if one does not match."""
    failed = 0
    for name in names or sorted(weights.registry()):
        weight = weights.get(name)
        here = [path for _, path in locate.places(weight) if path.is_file()]
        for path in dict.fromkeys(here):
            locate.file_sha256(path, afresh=True)
            problem = locate.wrong(weight, path)
            failed += problem is not None
            _out.say(f"{name}: {problem or f'{path} is right'}")
        if names and not here:
            failed += 1
            _out.say(f"{name}: {weights.missing([name])}")
    raise typer.Exit(1 if failed else 0)
