"""`talkbench train NAME`: the recipes of the small weights that this project ships.

A recipe is a module `train_NAME.py` in the folder of the codec or of the family of metrics that it serves.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Annotated, cast

import typer
from rich.control import Control
from rich.segment import ControlType
from rich.text import Text

from ..training import card
from ..training.recipe import Recipe, Request, Say
from ..util import environment
from ..util.errors import UsageError
from ..util.files import cache_folder
from ..util.suggestions import unknown
from ..util.terminal import Terminal, visible

_LINE_EVERY_S = 30.0
_REWRITE = Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2))
_ROOT = Path(__file__).parents[2]


def recipes() -> Mapping[str, str]:
    """Module path of each recipe by name."""
    found = {}
    for kind in ("codecs", "metrics"):
        for path in sorted((_ROOT / kind).glob("*/train_*.py")):
            name = path.stem.removeprefix("train_").replace("_", "-")
            found[name] = f"{__name__.partition('.')[0]}.{kind}.{path.parent.name}.{path.stem}"
    return found


def train(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A recipe: syncnet, dac, fomm, cfte, encodec")],
    minutes: Annotated[
        float | None, typer.Option(min=0, help="Time budget in minutes. Default: the recipe's steps.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda:0")] = "auto",
    out: Annotated[
        Path | None, typer.Option(help="Folder for checkpoint and weights. Default: in the cache")
    ] = None,
    resume: Annotated[bool, typer.Option(help="Resume from the checkpoint in that folder.")] = False,
    perceptual: Annotated[
        bool | None,
        typer.Option(help="Add a VGG-16 perceptual loss. Default: if its weights are available."),
    ] = None,
    evaluate: Annotated[
        bool, typer.Option(help="Do not train; evaluate the weights in --out, or else the shipped ones.")
    ] = False,
) -> None:
    """Train small weights on the embedded dataset, or evaluate them on its test split."""
    known = recipes()
    if name not in known:
        raise unknown("recipes", name, sorted(known))
    recipe = cast(Recipe, import_module(known[name]))
    place = environment.devices(device)[0]
    console = Terminal()
    say = _Line(console)
    if evaluate:
        _evaluate(recipe, out, place, say, console)
        return
    request = Request(place, out or cache_folder() / "training" / name, minutes, resume, perceptual)
    checkpoint = request.out / "checkpoint.pt"
    if resume and not checkpoint.is_file():
        raise UsageError(f"--resume: {checkpoint} does not exist")
    if not resume and checkpoint.is_file():
        raise UsageError(f"{checkpoint} exists: continue it with --resume, or choose another --out")
    request.out.mkdir(parents=True, exist_ok=True)
    try:
        weights = recipe.train(request, say)
    except KeyboardInterrupt:
        again = "with --resume to continue" if checkpoint.is_file() else "to start again"
        console.say(f"interrupted; run the same command {again}")
        raise typer.Exit(130) from None
    console.say(f"weights: {weights}")
    console.say(f"card: {weights.with_suffix('.json')}")


def _evaluate(recipe: Recipe, out: Path | None, device: str, say: Say, console: Terminal) -> None:
    weights = card.file_of(recipe.WEIGHTS, out) if out else None
    if weights and not weights.is_file():
        raise UsageError(f"--evaluate: {weights} does not exist; train first, or omit --out")
    measured = dict(recipe.evaluate(weights, device, say))
    if weights:
        card.save(weights, {**card.read(weights), "test": measured})
    console.print_json(json.dumps(measured))


class _Line:
    """A line that is written over on a terminal; elsewhere one every half minute."""

    def __init__(self, console: Terminal) -> None:
        self._console, self._printed = console, 0.0

    def __call__(self, text: str, *, lasting: bool = False) -> None:
        if self._console.is_terminal:
            self._console.control(_REWRITE)
            self._console.print(Text(visible(text)), end="\n" if lasting else "", soft_wrap=True)
        elif lasting or time.monotonic() - self._printed > _LINE_EVERY_S:
            self._printed = time.monotonic()
            self._console.say(text)
