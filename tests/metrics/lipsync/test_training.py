"""The recipe of the small network: its data, its steps, and that it resumes."""

import json

import numpy as np
import pytest
import torch
from talkbench.benchmark import weights
from talkbench.benchmark.training.recipe import Request
from talkbench.benchmark.util.errors import UsageError
from talkbench.metrics.lipsync import train_syncnet
from talkbench.metrics.lipsync.network import SMALL, SyncNet
from talkbench.metrics.lipsync.tracks import HogFaces, follow
from talkbench.metrics.lipsync.training import data
from talkbench.metrics.lipsync.training.batches import batch, crop, spoilt_sound
from talkbench.metrics.lipsync.training.data import SIZE, CloseUp
from talkbench.metrics.lipsync.training.trainer import RATE, STEPS, Trainer, learning_rate


@pytest.fixture(scope="module")
def speaker(tmp_path_factory):
    """A rendered speaker of 1.6 s, made and kept."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "SECONDS", 1.6)
        folder = tmp_path_factory.mktemp("speakers")
        made = data.fetch(folder, "train", 0)
        patch.delattr(data, "make")  # the second time it comes from the folder
        kept = data.fetch(folder, "train", 0)
    assert np.array_equal(made.video, kept.video)
    return kept


def invented(seed: int) -> CloseUp:
    """Grey levels that follow the loudness of noise: sync without a face."""
    draw = np.random.default_rng(seed)
    loudness = draw.random(40)
    video = np.repeat(255 * loudness, 3 * SIZE * SIZE).reshape(40, 3, SIZE, SIZE).astype(np.uint8)
    audio = (np.repeat(loudness, 640) * draw.uniform(-0.5, 0.5, 40 * 640)).astype(np.float32)
    face = np.tile(np.array([[SIZE / 2, SIZE / 2, SIZE / 2]], np.float32), (40, 1))
    return CloseUp(video, audio, face)


def test_a_speaker_has_picture_sound_and_a_face_where_it_says(speaker):
    assert speaker.video.shape == (40, 3, SIZE, SIZE)
    assert speaker.video.dtype == np.uint8
    assert speaker.audio.shape == (40 * 640,)
    track = follow(HogFaces()(torch.from_numpy(speaker.video[::8])))
    x, y, side = speaker.face[::8].mean(0)
    assert abs(track.x.mean() - x) < 0.1 * side
    assert abs(track.y.mean() - y) < 0.1 * side
    assert 2 * track.half.mean() == pytest.approx(side, rel=0.2)


def test_batches_follow_from_their_seed(speaker):
    first, again, other = (batch([speaker], np.random.default_rng(seed), 3, 6) for seed in (1, 1, 2))
    assert first[0].shape == (3, 3, 10, SMALL.picture, SMALL.picture)
    assert first[1].shape == (3, 6, 13, 20)
    assert float(first[0].min()) >= 0
    assert float(first[0].max()) <= 255
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])


def test_a_crop_is_where_the_face_is(speaker):
    """A bright mark at the crop's middle, below the face's middle, lands in the middle of the picture."""
    x, y, side = speaker.face[0]
    row = round(float(y + side * (0.2 + 1.4 * 0.08)))
    video = np.zeros_like(speaker.video[:1])
    video[..., row - 2 : row + 2, round(float(x)) - 2 : round(float(x)) + 2] = 255
    seen = crop(CloseUp(video, speaker.audio, speaker.face[:1]), 0, 1, None)[0, 0]
    rows, columns = np.nonzero(seen.numpy() > 100)
    assert rows.mean() == pytest.approx(31.5, abs=2)
    assert columns.mean() == pytest.approx(31.5, abs=2)


def test_spoilt_sound_stays_in_range_and_in_time():
    tone = np.zeros(6400)
    tone[3000:3400] = np.sin(np.arange(400))
    for seed in range(5):
        spoilt = spoilt_sound(tone, np.random.default_rng(seed))
        assert np.abs(spoilt).max() <= 1
        energy = np.convolve(spoilt**2, np.ones(400), mode="same")
        assert abs(int(energy.argmax()) - 3200) < 250


def test_the_rate_rises_and_falls():
    rates = [learning_rate(step) for step in range(0, STEPS + 1, 20)]
    assert rates[0] < 0.05 * RATE
    assert max(rates) == pytest.approx(RATE, rel=0.05)
    assert rates[-1] < 0.1 * RATE


def test_it_learns_and_goes_on_from_a_checkpoint(tmp_path):
    speakers = [invented(seed) for seed in range(3)]
    batches = [batch(speakers, np.random.default_rng(step), 4, 6) for step in range(3)]
    trainer = Trainer("cpu")
    losses = [trainer.step(*batches[step % 2]) for step in range(10)]
    assert losses[-1] < losses[0] - 0.2
    trainer.save(tmp_path / "checkpoint.pt")
    resumed = Trainer("cpu")
    resumed.resume(tmp_path / "checkpoint.pt")
    assert resumed.progress.step == 10
    assert resumed.step(*batches[2]) == trainer.step(*batches[2])
    for name, value in trainer.kept().state_dict().items():
        assert torch.equal(value, resumed.kept().state_dict()[name]), name
    (tmp_path / "other.pt").write_bytes((tmp_path / "checkpoint.pt").read_bytes()[:100])
    with pytest.raises(UsageError, match=r"other\.pt is not a checkpoint of this recipe"):
        Trainer("cpu").resume(tmp_path / "other.pt")


def test_the_whole_recipe(tmp_path, monkeypatch, speaker):
    """A few steps from rendered speakers to weights that load strictly, with their card."""
    monkeypatch.setattr(train_syncnet, "EVERY", 2)
    monkeypatch.setattr(train_syncnet, "STRETCHES", 2)
    monkeypatch.setattr(train_syncnet, "WINDOWS", 4)
    monkeypatch.setattr("talkbench.metrics.lipsync.train_syncnet.STEPS", 4)

    class Ready:
        def __init__(self, folder):
            pass

        def train(self):
            return [speaker] * 16

        def validation(self):
            return []

    monkeypatch.setattr(train_syncnet, "Speakers", Ready)
    monkeypatch.setattr(train_syncnet, "SPEAKERS", 0)  # nothing is left to be rendered aside
    monkeypatch.setattr(train_syncnet, "VALIDATION", 0)
    said = []
    path = train_syncnet.train(Request("cpu", tmp_path), lambda text, lasting=False: said.append(text))
    from safetensors.torch import load_file

    SyncNet(SMALL).load_state_dict(load_file(path), strict=True)
    card = json.loads(path.with_suffix(".json").read_text())
    assert card["steps"] == 4
    assert [fact["step"] for fact in card["curve"]] == [2, 4]
    assert any("step 3 of 4" in text for text in said)


def test_the_shipped_weights_have_their_card():
    path = weights.path("syncnet-synthetic")
    card = json.loads(path.with_suffix(".json").read_text())
    assert card["weights"] == "syncnet-synthetic"
    assert card["network"]["parameters"] == sum(value.numel() for value in SyncNet(SMALL).parameters())
    assert card["test"]["within_one_frame"] >= 0.9
