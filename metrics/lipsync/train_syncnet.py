"""The recipe of `syncnet-synthetic`: speakers rendered aside, steps, validation, weights and card."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from ...benchmark.api import UsageError
from ...benchmark.training import card, state
from ...benchmark.training.recipe import Request, Say
from ...benchmark.util.files import cache_folder
from . import SMALL_NETWORK
from .network import SMALL, WINDOW, SyncNet
from .offsets import best, curve
from .training import data, evaluation
from .training.batches import batch, crop
from .training.data import CloseUp
from .training.trainer import STEPS, Trainer
from .views import windows_of_sound

WEIGHTS, METHOD = SMALL_NETWORK, "SyncNet"
SPEAKERS, VALIDATION = 60, 24
FIRST = 16  # speakers that must be there before the first step
STRETCHES, WINDOWS = 16, 12  # a batch: stretches of speech, and consecutive windows of each
EVERY = 100  # steps between validations, checkpoints and looks at which speakers are there
_SHIFTS = (-5, -3, 0, 3, 5)  # frames


def train(request: Request, say: Say) -> Path:
    """Trains until the recipe's steps or the request's minutes are over; returns the weights' file."""
    if request.perceptual is not None:
        raise UsageError("syncnet makes no pictures: leave --perceptual and --no-perceptual away")
    trainer = Trainer(request.device)
    checkpoint = request.out / "checkpoint.pt"
    if request.resume:
        trainer.resume(checkpoint)
    trainer.progress.begin()
    folder = cache_folder() / "training" / "speakers"
    with rendering(folder):
        try:
            _steps(trainer, Speakers(folder), checkpoint, request.minutes, say)
        except KeyboardInterrupt:
            trainer.save(checkpoint)
            raise
    return export(trainer, request)


def evaluate(weights: Path | None, device: str, say: Say) -> dict[str, Any]:
    """What the weights (default: the shipped ones) do on people of the test split; see `evaluation`."""
    return evaluation.measure(weights, device, cache_folder() / "training" / "test-clips", say)


def _steps(trainer: Trainer, speakers: Speakers, checkpoint: Path, minutes: float | None, say: Say) -> None:
    progress, began, before = trainer.progress, time.monotonic(), trainer.progress.seconds
    limit = float("inf") if minutes is None else 60 * minutes
    while len(people := speakers.train()) < FIRST:
        say(f"rendering speakers: {len(people)} of the first {FIRST}")
        time.sleep(2)
    losses: list[float] = []
    with state.between_steps() as let_through, ThreadPoolExecutor(1) as aside:

        def prepare(step: int) -> Future[tuple[Tensor, Tensor]]:
            rng = np.random.default_rng((1, step))
            return aside.submit(batch, people, rng, STRETCHES, WINDOWS)

        following = prepare(progress.step)
        while progress.step < STEPS and time.monotonic() - began < limit:
            ready, following = following, prepare(progress.step + 1)
            losses.append(trainer.step(*ready.result()))
            progress.seconds = before + time.monotonic() - began
            spent = time.monotonic() - began
            left = min(limit - spent, (STEPS - progress.step) * spent / len(losses))
            pace = state.pace(spent, len(losses), left)
            say(
                f"step {progress.step} of {STEPS}: loss {np.mean(losses[-50:]):.3f}, {pace}, "
                f"{len(people)} speakers"
            )
            if progress.step % EVERY == 0:
                fact = {"step": progress.step, "loss": round(float(np.mean(losses[-EVERY:])), 4)}
                fact |= validate(trainer.kept(), speakers.validation(), trainer)
                progress.curve.append({**fact, "speakers": len(people)})
                say(f"validation: {progress.curve[-1]}", lasting=True)
                trainer.save(checkpoint)
                people = speakers.train()
            let_through()
    trainer.save(checkpoint)


def validate(network: SyncNet, speakers: Sequence[CloseUp], trainer: Trainer) -> dict[str, float]:
    """`within_one`: share of 3-second clips, in sync and shifted, whose offset is found within one frame.

    Also their mean confidence. A clip is shifted by taking the sound of another moment of the recording.
    """
    import torch

    found, confidences = [], []
    length = 3 * data.FPS - WINDOW
    for speaker in speakers:
        windows = len(speaker.video) - WINDOW
        with torch.inference_mode():
            pictures = crop(speaker, 0, windows + WINDOW - 1, None)[None]
            lips = network.lips(pictures.to(trainer.device))[0].cpu()
            sounds = network.sound(windows_of_sound(speaker.audio, windows)[:, None].to(trainer.device)).cpu()
        start = (windows - length) // 2
        for shift in _SHIFTS:
            part = slice(start + shift, start + shift + length)
            sync = best(curve(lips[start : start + length], sounds[part], zero_padded=False))
            found.append(abs(sync.offset - shift) <= 1)
            confidences.append(sync.confidence)
    if not found:
        return {}
    return {"within_one": round(float(np.mean(found)), 4), "lse_c": round(float(np.mean(confidences)), 4)}


@contextlib.contextmanager
def rendering(folder: Path) -> Iterator[None]:
    """Within: a process of low priority renders the speakers that are not there yet."""
    command = [sys.executable, "-m", data.__name__, str(folder), str(SPEAKERS), str(VALIDATION)]
    process = subprocess.Popen(["nice", "-n", "10", *command])
    try:
        yield
    finally:
        process.terminate()
        process.wait()


class Speakers:
    """The speakers rendered so far."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._train: dict[int, CloseUp] = {}
        self._validation: list[CloseUp] = []

    def train(self) -> list[CloseUp]:
        """Those to learn from that are there, in order."""
        for index in data.ready(self._folder, "train", range(SPEAKERS)):
            if index not in self._train:
                self._train[index] = data.fetch(self._folder, "train", index)
        return [self._train[index] for index in sorted(self._train)]

    def validation(self) -> list[CloseUp]:
        """All of those to validate with; none before all are there."""
        there = data.ready(self._folder, "validation", range(VALIDATION))
        if not self._validation and len(there) == VALIDATION:
            self._validation = [data.fetch(self._folder, "validation", index) for index in there]
        return self._validation


def export(trainer: Trainer, request: Request) -> Path:
    """Writes the weights and their card; returns the weights' path."""
    facts = {
        **card.identity(METHOD, "rendered heads"),
        "recipe": f"talkbench train {card.recipe_name(WEIGHTS)}",
        "data": {
            "dataset": "synthetic",
            "splits": "training and validation people, voices and sentences; none of the test split",
            "speakers": trainer.progress.curve[-1]["speakers"] if trainer.progress.curve else None,
            "validation_speakers": VALIDATION,
            "seconds_each": data.SECONDS,
        },
        "batch": f"{STRETCHES} stretches of {WINDOWS} windows",
    }
    return card.write(
        WEIGHTS, trainer.kept(), request.out, request.device, trainer.progress, facts, shape=repr(SMALL)
    )
