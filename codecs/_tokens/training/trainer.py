"""What a step of a small speech codec's training is: its loss, its rate, its validation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ....benchmark.training import loop, state
from .batches import batch
from .guide import Guide
from .losses import ENVELOPE, FLOOR, LAST_FLOOR, Spectra, convergence, mel_distance, spectral_distance
from .quantiser import quantised
from .start import scale

BATCH, SECONDS = 8, 0.5
WARM_UP = 200
# Of learning: the first while the encoder learns alone; then, with the decoder, a cosine from the second to
# the last; and another one from the third to the last while the decoder learns alone.
RATE_ALONE, RATE, RATE_FIXED, LAST_RATE = 1e-3, 5e-4, 3e-4, 2e-5
RISE = 0.02  # share of the training in which the rate rises again, when another part begins to learn
AVERAGE = 0.997  # what the running average keeps of itself at each step, after as many as make one
SETTLED = 32  # batches that tell the guide its components
# Shares of the training. At first only the encoder and the codebooks learn, from the guide: a decoder that
# gets nothing of use learns to do without, and then no gradient asks for anything better. The guide stays
# when the decoder joins them: without it, bits go over from the envelope to the waveform of the lowest
# harmonics. In the end tokens stay what they are, and only the decoder learns, down to LAST_FLOOR.
ALONE, FIXED = 0.17, 0.72


@dataclass(frozen=True)
class Plan:
    """How one small codec is trained.

    weights: their name in the registry; method: as its authors write it;
    network: makes it, an `EncodecModel` of transformers;
    books: how many codebooks the points of the ladder send, of which each stretch draws one; steps: of the
    optimiser.
    """

    weights: str
    method: str
    network: Callable[[], Any]
    books: Sequence[int]
    steps: int


class Trainer(loop.Trainer):
    """Of a plan. voices: those to learn from; held_out: those to validate with; int16 recordings."""

    def __init__(
        self,
        plan: Plan,
        device: str,
        voices: Sequence[np.ndarray] = (),
        held_out: Sequence[np.ndarray] = (),
    ) -> None:
        super().__init__(
            device,
            plan.network,
            self._guide,
            rate=RATE,
            average=AVERAGE,
            buffers=False,  # codebooks, whose entries are re-initialised: their means would be meaningless
            momentum=0.9,
            precision="32-true",  # bfloat16 would round strong bands by more than the weak ones are
        )
        self.plan, self.voices, self.held_out = plan, voices, held_out
        self.sample_rate: int = self.network.config.sampling_rate

    def batch(self, step: int) -> Tensor:
        """Stretches of speech, (BATCH, samples)."""
        return self._stretches(3, step)

    def rate(self, share: float) -> float:
        """Steady for the encoder alone, then a cosine and another one; each after a warm-up."""
        if share < ALONE:
            return state.learning_rate(self.progress.step, 0.0, WARM_UP, RATE_ALONE, LAST_RATE)
        first, begun, ended = (RATE, ALONE, FIXED) if share < FIXED else (RATE_FIXED, FIXED, 1.0)
        risen, rest = min(1.0, (share - begun) / RISE), (share - begun) / (ended - begun)
        return risen * state.learning_rate(self.progress.step, rest, WARM_UP, first, LAST_RATE)

    def clipped(self) -> Sequence[nn.Module]:
        """The decoder for itself: its gradients are larger than the encoder's, and vary more."""
        return self.network.encoder, self.network.decoder

    def losses(self, batch: Tensor, share: float) -> dict[str, Tensor]:
        """The parts of the loss."""
        sound = batch.to(self.device)
        if not self.progress.step:
            scale(self.network, sound)
            self.extra.settle(torch.cat([self._stretches(4, index) for index in range(SETTLED)]).to(sound))
        learn = share < FIXED
        with torch.set_grad_enabled(learn):
            seen, commitment = self._sent(sound, learn)
        losses = {"commitment": 0.25 * commitment, "guide": 5 * self.extra(seen, sound)} if learn else {}
        if share < ALONE:
            return losses
        floor = FLOOR if learn else LAST_FLOOR
        made = Spectra(self.network.decoder(seen)[:, 0, : sound.shape[1]], floor)
        target = Spectra(sound, floor)
        losses["mel"] = 10 * mel_distance(made, target, self.sample_rate)
        losses["spectrum"] = 4 * spectral_distance(made, target)
        losses["convergence"] = 2 * convergence(made, target)
        return losses

    def _guide(self) -> Guide:
        config = self.network.config
        return Guide(config.hidden_size, ENVELOPE[1], config.sampling_rate, config.hop_length)

    def _stretches(self, *seed: int) -> Tensor:
        samples = round(SECONDS * self.sample_rate)
        return batch(self.voices, np.random.default_rng(seed), BATCH, samples)

    def _sent(self, sound: Tensor, learn: bool) -> tuple[Tensor, Tensor]:
        """What the decoder sees of sounds (B, N), each with codebooks of one of the points; commitment."""
        found = self.network.encoder(sound[:, None])
        ladder = torch.tensor(self.plan.books, device=self.device)
        used = ladder[torch.randint(len(ladder), (len(sound),), device=self.device)]
        return quantised(self.network.quantizer, found, used, learn)

    def validate(self) -> dict[str, float]:
        """`mel_distance` of held-out voices at each point of the ladder, as `mel_BOOKS`."""
        return validate(self.kept(), self.held_out, self)


@torch.inference_mode()
def validate(network: Any, voices: Sequence[np.ndarray], trainer: Trainer) -> dict[str, float]:
    """`mel_distance` of voices at each point of the ladder, as `mel_BOOKS`."""
    found: dict[str, list[float]] = {f"mel_{books}": [] for books in trainer.plan.books}
    for voice in voices:
        sound = torch.from_numpy(voice.astype(np.float32) / 32768)[None].to(trainer.device)
        coded, target = network.encoder(sound[:, None]), Spectra(sound)
        for books in trainer.plan.books:
            used = torch.tensor([books], device=trainer.device)
            seen, _ = quantised(network.quantizer, coded, used, learn=False)
            made = Spectra(network.decoder(seen)[:, 0, : sound.shape[1]])
            found[f"mel_{books}"].append(float(mel_distance(made, target, trainer.sample_rate)))
    return {name: round(float(np.mean(values)), 4) for name, values in found.items() if values}
