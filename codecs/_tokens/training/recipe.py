"""From nothing to shipped weights: voices that speak, a plan carried out, weights and their card written."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path

from ....benchmark.api import UsageError
from ....benchmark.training import card, loop
from ....benchmark.training import figure as training_figure
from ....benchmark.training.recipe import Request, Say
from ....benchmark.util.files import cache_folder
from . import trainer as training
from . import voices
from .trainer import Plan, Trainer

VOICES, HELD_OUT = 900, 8


def train(plan: Plan, request: Request, say: Say) -> Path:
    """Trains until the plan's steps or the request's minutes are over; returns the weights' file."""
    if request.perceptual is not None:
        raise UsageError("a codec of sound makes no pictures: leave --perceptual and --no-perceptual away")
    trainer = Trainer(plan, request.device)
    checkpoint = request.out / "checkpoint.pt"
    if request.resume:
        trainer.resume(checkpoint)
    trainer.progress.begin()
    folder = cache_folder() / "training" / "voices"
    trainer.voices = voices.fetch_all(folder, "train", VOICES, say)
    trainer.held_out = voices.fetch_all(folder, "validation", HELD_OUT, say)
    try:
        loop.steps(trainer, plan.steps, checkpoint, request.minutes, say)
    except KeyboardInterrupt:
        trainer.save(checkpoint)
        raise
    return export(trainer, request)


def export(trainer: Trainer, request: Request) -> Path:
    """Writes the weights, as float16, and their card; returns the weights' path."""
    plan = trainer.plan
    kept = copy.deepcopy(trainer.kept()).half()  # half the file; validated as it is written
    trainer.average.module.load_state_dict(kept.float().state_dict())
    minutes = "" if request.minutes is None else f" --minutes {request.minutes:g}"
    facts = {
        **card.identity(plan.method, "synthetic voices"),
        "recipe": f"talkbench train {card.recipe_name(plan.weights)}{minutes}",
        "data": {
            "dataset": "synthetic",
            "splits": "training and validation voices and sentences; none of the test split",
            "recordings": VOICES,
            "validation_recordings": HELD_OUT,
            "seconds_each": voices.SECONDS,
        },
        "batch": f"{training.BATCH} stretches of {training.SECONDS:g} s",
        "validation": trainer.validate(),
    }
    config = trainer.network.config
    shape = {
        "sample_rate": config.sampling_rate,
        "filters": config.num_filters,
        "hidden": config.hidden_size,
        "ratios": list(config.upsampling_ratios),
        "codebooks": f"{len(trainer.network.quantizer.layers)} of {config.codebook_size}",
    }
    path = card.write(
        plan.weights, kept.half(), request.out, request.device, trainer.progress, facts, **shape
    )
    figure = path.with_suffix(".svg")
    training_figure.draw(card.read(path), figure, _lines(plan), "MEL distance of held-out voices")
    return path


def _lines(plan: Plan) -> Mapping[str, str]:
    return {f"mel_{books}": f"{books} codebooks" for books in plan.books}
