"""From nothing to shipped weights: people rendered, a plan carried out, weights and their card written."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from ....benchmark import weights
from ....benchmark.training import card as training_card
from ....benchmark.training import figure, loop, state
from ....benchmark.training.recipe import Request, Say
from ....benchmark.util import environment
from ....benchmark.util.files import cache_folder
from . import faces, perceptual
from . import trainer as training
from .faces import MOMENTS, Person
from .trainer import Plan, Trainer

PEOPLE, HELD_OUT = 480, 24
VALIDATION = {"psnr": "moved from the first moment", "psnr_still": "the first moment kept"}
_THINNED = 3  # of a held-out person's moments, every third is looked at while training


def train(plan: Plan, request: Request, say: Say) -> Path:
    """Trains until the plan's steps or the request's minutes are over; returns the weights' file."""
    trainer = Trainer(plan, request.device)
    checkpoint = request.out / "checkpoint.pt"
    if request.resume:
        trainer.resume(checkpoint)
    trainer.progress.begin()
    trainer.perceptual = perceptual.choose(trainer.progress, request.perceptual, request.device)
    say(f"the loss is {'with' if trainer.perceptual else 'without'} VGG-16's features", lasting=True)
    folder = cache_folder() / "training" / "faces"
    render(folder, say)
    trainer.people = [faces.fetch(folder, "train", index) for index in range(PEOPLE)]
    held_out = [faces.fetch(folder, "validation", index) for index in range(HELD_OUT)]
    try:
        trainer.held_out = [Person(one.pictures[::_THINNED], one.places[::_THINNED]) for one in held_out]
        loop.steps(trainer, plan.steps * plan.cycles, checkpoint, request.minutes, say)
    except KeyboardInterrupt:
        trainer.save(checkpoint)
        raise
    return export(trainer, training.validate(trainer.kept(), held_out, trainer), request)


def render(folder: Path, say: Say) -> None:
    """Makes every person of the recipe who is not in the folder yet, on all usable cores: minutes, once."""

    def here() -> int:
        counts = (("train", PEOPLE), ("validation", HELD_OUT))
        return sum(len(faces.ready(folder, split, range(count))) for split, count in counts)  # pyright: ignore

    total = PEOPLE + HELD_OUT
    if here() == total:
        return
    parts = environment.usable_cores()
    command = [sys.executable, "-m", faces.__name__, str(folder), str(PEOPLE), str(HELD_OUT)]
    with state.between_steps() as let_through:
        renderers = [subprocess.Popen([*command, str(part), str(parts)]) for part in range(parts)]
        try:
            while any(process.poll() is None for process in renderers):
                say(f"rendering people: {here()} of {total}")
                time.sleep(1)
                let_through()
        finally:
            for process in renderers:
                process.terminate()
                process.wait()
    if here() < total:
        raise RuntimeError(f"{total - here()} of {total} people were not rendered into {folder}")


def export(trainer: Trainer, validation: Mapping[str, float], request: Request) -> Path:
    """Writes the weights and their card; returns the weights' path."""
    plan = trainer.plan
    facts = {
        **training_card.identity(plan.method, "rendered heads"),
        "recipe": _command(training_card.recipe_name(plan.weights), trainer, request),
        "data": {
            "dataset": "synthetic",
            "splits": "training and validation people, voices and sentences; none of the test split",
            "people": PEOPLE,
            "validation_people": HELD_OUT,
            "moments_each": MOMENTS,
        },
        "perceptual": _vgg(trainer),
        "batch": training.BATCH,
        "validation": dict(validation),
    }
    kept = trainer.kept()
    shape = repr(trainer.network.shape)
    path = training_card.write(
        plan.weights, kept, request.out, request.device, trainer.progress, facts, shape=shape
    )
    card = training_card.read(path)
    figure.draw(card, path.with_suffix(".svg"), VALIDATION, "PSNR of held-out people, dB")
    return path


def _command(recipe: str, trainer: Trainer, request: Request) -> str:
    """What trains such weights again, whatever else is on a machine."""
    loss = "--perceptual" if trainer.perceptual else "--no-perceptual"
    minutes = "" if request.minutes is None else f" --minutes {request.minutes:g}"
    return f"talkbench train {recipe} {loss}{minutes}"


def _vgg(trainer: Trainer) -> str:
    if not trainer.perceptual:
        return "no loss from VGG-16's features"
    name = perceptual.WEIGHTS
    return f"a loss from the features of {name}, sha256 {weights.sha256(name)}"
