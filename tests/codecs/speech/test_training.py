"""Training of the small speech codecs: codebooks, losses, batches, the loop, and what a recipe leaves."""

import json
import os
import signal
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from talkbench.benchmark.cli.main import app
from talkbench.benchmark.media.mel import mel_filters
from talkbench.benchmark.training import loop
from talkbench.codecs._tokens.training import evaluation
from talkbench.codecs._tokens.training import trainer as training
from talkbench.codecs._tokens.training import voices as training_voices
from talkbench.codecs._tokens.training.batches import batch
from talkbench.codecs._tokens.training.guide import COMPONENTS, Guide
from talkbench.codecs._tokens.training.losses import (
    ENVELOPE,
    FLOOR,
    LAST_FLOOR,
    SCALES,
    Spectra,
    _filters,
    convergence,
    envelope,
    mel_distance,
    spectral_distance,
)
from talkbench.codecs._tokens.training.quantiser import quantised
from talkbench.codecs._tokens.training.start import scale
from talkbench.codecs._tokens.training.trainer import Plan, Trainer
from talkbench.codecs.encodec import small, train_encodec
from typer.testing import CliRunner


def tiny():
    from transformers import EncodecConfig, EncodecModel

    shape = {"num_filters": 4, "hidden_size": 8, "codebook_size": 32, "num_lstm_layers": 1}
    return EncodecModel(EncodecConfig(**{**small.SETTINGS, **shape, "target_bandwidths": (0.75, 1.5)}))


@pytest.fixture
def voices():
    """Three whistles that glide, 1.2 s each."""
    time = np.arange(19200) / 16000
    return [(9000 * np.sin(2 * np.pi * (f * time + 90 * time**2))).astype(np.int16) for f in (200, 330, 470)]


@pytest.fixture
def plan(monkeypatch):
    monkeypatch.setattr(training, "SECONDS", 0.25)
    monkeypatch.setattr(training, "BATCH", 4)
    return lambda steps=4: Plan("encodec-synthetic", "Tiny", tiny, (1, 3), steps)


def random_quantiser(seed=0):
    quantiser: Any = tiny().quantizer
    draw = torch.Generator().manual_seed(seed)
    for layer in quantiser.layers:
        layer.codebook.embed.copy_(torch.randn(layer.codebook.embed.shape, generator=draw))
    return quantiser


def test_quantised_is_what_the_codec_decodes():
    quantiser = random_quantiser()
    found = torch.randn((3, 8, 11), generator=torch.Generator().manual_seed(1))
    seen, _ = quantised(quantiser, found, torch.tensor([3, 1, 2]), learn=False)
    for index, books in enumerate((3, 1, 2)):
        codes = quantiser.encode(found[[index]])[:books]
        assert torch.allclose(seen[[index]], quantiser.decode(codes), atol=1e-6)


def test_gradients_pass_straight_through_and_commitment_pulls_to_entries():
    quantiser = random_quantiser()
    found = torch.randn((2, 8, 5), requires_grad=True)
    seen, commitment = quantised(quantiser, found, torch.tensor([3, 3]), learn=False)
    (gradient,) = torch.autograd.grad(seen.sum(), found, retain_graph=True)
    assert torch.equal(gradient, torch.ones_like(found))
    (pull,) = torch.autograd.grad(commitment, found)
    nearer = quantised(quantiser, (found - 0.1 * pull).detach(), torch.tensor([3, 3]), learn=False)[1]
    assert float(nearer) < float(commitment.detach())


def test_codebooks_find_clusters():
    torch.manual_seed(0)
    quantiser: Any = tiny().quantizer
    centres = 5 * torch.randn(20, 8)

    def draw():
        vectors = centres[torch.randint(20, (8, 40))] + 0.01 * torch.randn(8, 40, 8)
        return vectors.transpose(1, 2)

    used = torch.full((8,), 1)
    for _ in range(600):
        quantised(quantiser, draw(), used, learn=True)
    fresh = draw()
    seen, _ = quantised(quantiser, fresh, used, learn=False)
    assert float((seen - fresh).square().mean()) < 1e-3 * float(fresh.square().mean())


def test_distances_of_levels_and_of_equals():
    sound = torch.randn((2, 16000), generator=torch.Generator().manual_seed(2))
    loud, quiet, *unheard = (Spectra(level * sound) for level in (1, 0.1, 1e-5, 1e-6))
    for distance in (lambda a, b: mel_distance(a, b, 16000), spectral_distance):
        assert float(distance(loud, loud)) == 0
        assert float(distance(loud, quiet)) == pytest.approx(1, abs=0.02)  # a tenth is one in log10
        assert float(distance(*unheard)) == 0


def test_the_envelope_has_a_column_a_frame():
    sound = torch.cat((torch.zeros(1, 3200), 0.3 * torch.randn(1, 3200)), dim=1)
    found = envelope(sound, 16000, 320)
    assert found.shape == (1, ENVELOPE[1], 21)
    assert float(found[..., :8].max()) < -3.5 < -3 < float(found[..., 13:].min())


def test_components_are_told_apart_and_count_alike(voices):
    guide = Guide(8, ENVELOPE[1], 16000, 320)
    sounds = batch(voices, np.random.default_rng(0), 12, 8000)
    guide.settle(sounds)
    found = guide.components(sounds).transpose(1, 2).flatten(0, 1)
    assert found.shape == (12 * 26, COMPONENTS)
    assert float(found.mean(0).abs().max()) < 1e-3
    together = torch.cov(found.T)
    assert float((together - together.diag().diag()).abs().max()) < 1e-3
    assert together.diag().tolist()[:3] == pytest.approx([1, 1, 1], abs=0.01)
    assert float(together.diag().max()) < 1.01  # what hardly changes is not blown up
    sent = torch.zeros(12, 8, 25)
    with torch.no_grad():
        guide.told.weight.zero_()
        guide.told.bias.zero_()
    expected = guide.components(sounds)[..., :25].abs().mean()
    assert float(guide(sent, sounds).detach()) == pytest.approx(float(expected))


def test_the_share_of_magnitudes_that_is_wrong():
    sound = 0.3 * torch.randn((2, 16000), generator=torch.Generator().manual_seed(2))
    whole, less, silence = (Spectra(level * sound) for level in (1, 0.9, 0))
    assert float(convergence(whole, whole)) == 0
    assert float(convergence(less, whole)) == pytest.approx(0.1, abs=1e-5)
    assert float(convergence(silence, whole)) == pytest.approx(1, abs=1e-4)
    assert float(convergence(silence, silence)) < 1e-3
    assert float(convergence(Spectra(-sound), whole)) == 0  # where a period begins is not asked


def test_the_last_floor_is_below_a_hiss_that_the_first_one_hides():
    hiss = 2e-3 * torch.randn((1, 16000), generator=torch.Generator().manual_seed(3))
    for distance in (lambda a, b: mel_distance(a, b, 16000), spectral_distance):
        found = [
            float(distance(Spectra(hiss, floor), Spectra(0 * hiss, floor))) for floor in (FLOOR, LAST_FLOOR)
        ]
        assert found[0] < 0.01
        assert found[1] > 0.05


def test_rates_of_learning_fall_and_rise_again_with_each_part(plan):
    trainer = Trainer(plan(), "cpu")
    trainer.progress.step = 1000  # after the warm-up
    rate, alone, fixed = trainer.rate, training.ALONE, training.FIXED
    assert rate(0.0) == rate(alone - 1e-9) == training.RATE_ALONE
    assert rate(alone) == rate(fixed) == 0
    assert rate(alone + training.RISE) == pytest.approx(training.RATE, rel=0.01)
    assert rate(fixed + training.RISE) == pytest.approx(training.RATE_FIXED, rel=0.02)
    assert rate(fixed - 1e-9) == pytest.approx(training.LAST_RATE)
    assert rate(1.0) == pytest.approx(training.LAST_RATE)


def test_training_starts_from_layers_that_hand_the_sound_on():
    torch.manual_seed(0)
    network = tiny()
    sound = 0.1 * torch.randn(4, 8000)
    with torch.no_grad():
        before = network.encoder(sound[:, None])
        scale(network, sound)
        after = network.encoder(sound[:, None])
        made = network.decoder(after)
    assert float(after.std()) == pytest.approx(1, abs=0.01)
    moves_before, moves = (float(found.var(dim=(0, 2)).mean()) for found in (before, after))
    assert moves > 0.3  # with the sound, and not from one channel to the next only
    assert moves_before < 0.03
    assert float(made.std()) == pytest.approx(0.1, rel=0.05)


def test_learning_may_follow_validation():
    _filters.cache_clear()
    sound = torch.randn(1, 8000)
    with torch.inference_mode():
        mel_distance(Spectra(sound), Spectra(sound / 2), 16000)
    made = sound.clone().requires_grad_()
    mel_distance(Spectra(made), Spectra(sound / 2), 16000).backward()
    assert made.grad is not None


def test_mel_bands_are_slaneys():
    """As the metrics' own, which are written otherwise; here each band has a sum of 1."""
    for window, bands in SCALES:
        ours, theirs = _filters(16000, window, bands).numpy().T, mel_filters(16000, window, bands)
        theirs = theirs[theirs.sum(1) > 0]
        assert np.abs(ours - theirs / theirs.sum(1, keepdims=True)).max() < 1e-5


def test_a_batch_follows_from_its_seed_and_stays_in_range(voices):
    one, again, other = (batch(voices, np.random.default_rng(seed), 6, 8000) for seed in (1, 1, 2))
    assert one.shape == (6, 8000)
    assert one.dtype == torch.float32
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert float(one.abs().max()) <= 1
    assert float(one.abs().amax(1).min()) > 0.02


def losses_of(trainer, steps, folder, stop=None):
    seen, whole = {}, trainer.step

    def step(stretches, share):
        seen[trainer.progress.step] = whole(stretches, share)
        if trainer.progress.step == stop:
            os.kill(os.getpid(), signal.SIGTERM)
        return seen[trainer.progress.step]

    trainer.step = step
    try:
        loop.steps(trainer, steps, folder / "checkpoint.pt", None, lambda text, lasting=False: None)
    except KeyboardInterrupt:
        trainer.save(folder / "checkpoint.pt")
    return seen


def test_a_resumed_run_is_the_uninterrupted_one(plan, voices, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "EVERY", 3)
    whole = Trainer(plan(), "cpu", voices, voices[:1])
    losses = losses_of(whole, 6, tmp_path / "whole")
    first = losses_of(Trainer(plan(), "cpu", voices, voices[:1]), 6, tmp_path / "cut", stop=4)
    assert sorted(first) == [1, 2, 3, 4]
    resumed = Trainer(plan(), "cpu", voices, voices[:1])
    resumed.resume(tmp_path / "cut" / "checkpoint.pt")
    assert {**first, **losses_of(resumed, 6, tmp_path / "cut")} == losses
    assert resumed.progress.curve == whole.progress.curve
    ours, theirs = (trainer.kept().state_dict() for trainer in (resumed, whole))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.parametrize("share", [0.0, 0.6])
def test_it_learns(plan, voices, monkeypatch, share):
    """The encoder and codebooks alone, and with the decoder."""
    monkeypatch.setattr(training, "WARM_UP", 5)
    trainer = Trainer(plan(), "cpu", voices, voices[:1])
    stretches = trainer.batch(0)
    totals = [sum(trainer.step(stretches, share).values()) for _ in range(60)]
    assert totals[-1] < 0.8 * totals[0]


def test_in_the_end_tokens_stay_and_the_decoder_learns(plan, voices):
    trainer = Trainer(plan(), "cpu", voices, voices[:1])
    before = {}
    for share in (0.2, 0.6, 0.9):
        before = {name: value.clone() for name, value in trainer.network.state_dict().items()}
        parts = trainer.step(trainer.batch(trainer.progress.step), share)
    assert set(parts) == {"mel", "spectrum", "convergence"}
    moved = {name for name, value in trainer.network.state_dict().items() if not value.equal(before[name])}
    assert moved
    assert all(name.startswith("decoder.") for name in moved)


def test_the_average_keeps_codebooks_as_they_are(plan, voices):
    trainer = Trainer(plan(), "cpu", voices, voices[:1])
    for step in range(3):
        trainer.step(trainer.batch(step), 0.6)
    kept, network = trainer.kept(), trainer.network
    assert all(value.equal(dict(kept.named_buffers())[name]) for name, value in network.named_buffers())
    assert not all(
        value.equal(dict(kept.named_parameters())[name]) for name, value in network.named_parameters()
    )


def test_voices_of_splits_differ_and_are_kept(tmp_path):
    made = training_voices.fetch(tmp_path, "train", 0)
    assert made.dtype == np.int16
    assert made.shape == (80000,)
    assert np.array_equal(made, training_voices.fetch(tmp_path, "train", 0))
    assert not np.array_equal(made, training_voices.fetch(tmp_path, "test", 0))


def test_means_of_voices_that_nothing_is_learned_from():
    clips = [evaluation._clip(index) for index in range(2)]
    found = evaluation._means([(clip, clip) for clip in clips])
    assert found["mel_dac_eval"] == 0
    assert 0 < found["wer_sphinx"] < 1  # the recogniser understands most of what nothing was done to
    quiet = [replace(clip, audio=0 * clip.audio) for clip in clips]
    lost = evaluation._means(list(zip(clips, quiet, strict=True)))
    assert lost["wer_sphinx"] == 1
    assert lost["mel_dac_eval"] > 0.5


def test_the_recipe_leaves_weights_card_and_curve(plan, voices, tmp_path, monkeypatch):
    monkeypatch.setenv("TALKBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(train_encodec, "PLAN", plan())
    monkeypatch.setattr(loop, "EVERY", 2)
    monkeypatch.setattr(training, "ALONE", 0.5)
    monkeypatch.setattr(training, "FIXED", 0.9)
    monkeypatch.setattr(training_voices, "fetch_all", lambda folder, split, count, say: voices)

    def run(*arguments):
        return CliRunner().invoke(app, ["train", "encodec", "--device", "cpu", *arguments])

    done = run("--out", str(tmp_path / "new"))
    assert done.exit_code == 0, done.output
    weights = tmp_path / "new" / "encodec_synthetic.safetensors"
    card = json.loads(weights.with_suffix(".json").read_text())
    assert card["recipe"] == "talkbench train encodec"
    assert card["steps"] == 4
    assert [fact["step"] for fact in card["curve"]] == [2, 4]
    alone, together = (set(fact) for fact in card["curve"])
    assert alone == {"step", "commitment", "guide", "mel_1", "mel_3"}
    assert together == alone | {"mel", "spectrum", "convergence"}
    assert set(card["validation"]) == {"mel_1", "mel_3"}
    assert weights.with_suffix(".svg").read_text().startswith("<?xml")
    tensors = load_file(weights)
    assert {value.dtype for value in tensors.values()} == {torch.float16}
    network = tiny()
    network.load_state_dict({name: value.float() for name, value in tensors.items()}, strict=True)
    trainer = Trainer(plan(), "cpu", held_out=voices)
    assert training.validate(network.eval(), voices, trainer) == card["validation"]
    assert run("--perceptual", "--out", str(tmp_path / "other")).exit_code != 0
