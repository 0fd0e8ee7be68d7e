"""`talkbench train` for the face codecs, from people to weights, card and curve; rendering is left out."""

import json
import os
import signal
import subprocess
from fractions import Fraction
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from talkbench.benchmark.api.metric import MetricInfo
from talkbench.benchmark.api.types import Clip, ClipSpec
from talkbench.benchmark.cli.main import app
from talkbench.benchmark.training import figure as training_figure
from talkbench.benchmark.training import loop
from talkbench.benchmark.training.state import Progress
from talkbench.benchmark.util import environment
from talkbench.benchmark.util.errors import Unavailable, UsageError
from talkbench.codecs._face import keyframes
from talkbench.codecs._face.training import evaluation, faces, perceptual, trainer
from talkbench.codecs._face.training import recipe as training_recipe
from talkbench.codecs.cfte import train_cfte
from talkbench.codecs.dac import train_dac
from talkbench.codecs.fomm import train_fomm
from talkbench.metrics import psnr
from typer.testing import CliRunner


@pytest.fixture
def recipe(tiny_plan, people, monkeypatch, tmp_path):
    """`dac` with a tiny network and invented people."""
    monkeypatch.setenv("TALKBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(train_dac, "PLAN", tiny_plan(steps=4))
    monkeypatch.setattr(training_recipe, "render", lambda folder, say: None)
    monkeypatch.setattr(training_recipe, "PEOPLE", 3)
    monkeypatch.setattr(training_recipe, "HELD_OUT", 1)
    monkeypatch.setattr(faces, "fetch", lambda folder, split, index: people[index])
    monkeypatch.setattr(loop, "EVERY", 2)


def run(*arguments: object):
    return CliRunner().invoke(app, ["train", "dac", "--device", "cpu", *map(str, arguments)])


def interrupt_after(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole_step = trainer.Trainer.step

    def step(self, pair, share):
        losses = whole_step(self, pair, share)
        if self.progress.step == steps:
            os.kill(os.getpid(), signal.SIGINT)
        return losses

    monkeypatch.setattr(trainer.Trainer, "step", step)


def test_interrupted_and_resumed_it_writes_the_same_weights(recipe, tmp_path, monkeypatch):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    done = run("--out", whole, "--no-perceptual")
    assert done.exit_code == 0, done.output
    with monkeypatch.context() as patch:
        interrupt_after(3, patch)
        stopped = run("--out", cut, "--no-perceptual")
    assert stopped.exit_code == 130
    assert "run the same command with --resume to continue" in stopped.output
    assert not (cut / "dac_synthetic.safetensors").exists()
    assert isinstance(run("--out", cut).exception, UsageError)  # nothing is overwritten
    assert run("--out", cut, "--resume").exit_code == 0
    name = "dac_synthetic.safetensors"
    assert (cut / name).read_bytes() == (whole / name).read_bytes()
    one, other = (json.loads((folder / "dac_synthetic.json").read_text()) for folder in (cut, whole))
    assert one["curve"] == other["curve"]
    assert one["validation"] == other["validation"]

    network = train_dac.PLAN.network()
    network.load_state_dict(load_file(whole / name), strict=True)
    card = other
    assert card["weights"] == "dac-synthetic"
    assert card["recipe"] == "talkbench train dac --no-perceptual"
    assert card["perceptual"].startswith("no loss")
    assert card["steps"] == 4
    assert [fact["step"] for fact in card["curve"]] == [2, 4]
    assert {"pixels", "structure", "motion", "psnr", "psnr_still"} <= set(card["curve"][0])
    assert card["network"]["parameters"] == sum(value.numel() for value in network.parameters())
    assert card["data"]["people"] == 3
    assert card["hardware"]["cores"] == environment.usable_cores()
    assert "commit" in card
    assert "resumed_at_commits" not in card

    figure = (whole / "dac_synthetic.svg").read_bytes()
    assert len(figure) < 40_000
    words = {text.text for text in ElementTree.fromstring(figure).iter("{http://www.w3.org/2000/svg}text")}
    assert {"pixels", "structure", "motion", "moved from the first moment", "the first moment kept"} <= words
    training_figure.draw(
        card, tmp_path / "again.svg", training_recipe.VALIDATION, "PSNR of held-out people, dB"
    )
    assert (tmp_path / "again.svg").read_bytes() == figure


def test_a_budget_of_time_ends_with_all_files(recipe, tmp_path, monkeypatch, tiny_plan):
    monkeypatch.setattr(train_dac, "PLAN", tiny_plan(steps=10**6))
    done = run("--out", tmp_path / "new", "--minutes", "0.05", "--no-perceptual")
    assert done.exit_code == 0, done.output
    card = json.loads((tmp_path / "new" / "dac_synthetic.json").read_text())
    assert card["recipe"].endswith("--minutes 0.05")
    assert card["seconds"] >= 3
    assert 0 < card["steps"] < 1000
    assert (tmp_path / "new" / "dac_synthetic.svg").is_file()
    load_file(tmp_path / "new" / "dac_synthetic.safetensors")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_while_people_are_rendered_it_leaves_no_renderer(number, tmp_path, monkeypatch):
    begun, start = [], subprocess.Popen

    def sleeper(command):
        begun.append(start(["sleep", "60"]))
        return begun[-1]

    monkeypatch.setattr(training_recipe.subprocess, "Popen", sleeper)
    monkeypatch.setattr(training_recipe.time, "sleep", lambda seconds: os.kill(os.getpid(), number))
    with pytest.raises(KeyboardInterrupt):
        training_recipe.render(tmp_path, lambda text, lasting=False: None)
    assert len(begun) == environment.usable_cores()
    assert all(process.poll() == -signal.SIGTERM for process in begun)


def test_a_wrong_checkpoint_is_refused(recipe, tmp_path):
    (tmp_path / "checkpoint.pt").write_bytes(b"something else")
    refused = run("--out", tmp_path, "--resume")
    assert isinstance(refused.exception, UsageError)
    assert "is not a checkpoint of this recipe" in str(refused.exception)


def test_vgg_is_used_where_it_is_and_a_run_goes_on_as_it_began(monkeypatch):
    here = {"vgg16": True}

    class Loss:
        def __init__(self, device):
            if not here["vgg16"]:
                raise Unavailable("run `talkbench weights fetch vgg16`")

    monkeypatch.setattr(perceptual, "Perceptual", Loss)
    monkeypatch.setattr(perceptual.weights, "missing", lambda names: None if here["vgg16"] else "not here")

    def chosen(asked, **progress):
        state = Progress(**progress)
        used = perceptual.choose(state, asked, "cpu") is not None
        assert state.losses == (["perceptual"] if used else [])
        return used

    assert chosen(None) is True
    assert chosen(True) is True
    assert chosen(False) is False
    begun_with, begun_without = {"step": 3, "losses": ["perceptual"]}, {"step": 3}
    assert chosen(None, **begun_with) is True
    assert chosen(None, **begun_without) is False
    for asked, begun in ((False, begun_with), (True, begun_without)):
        with pytest.raises(UsageError, match="continue like that"):
            chosen(asked, **begun)
    here["vgg16"] = False
    assert chosen(None) is False
    for asked, begun in ((True, {}), (None, begun_with)):
        with pytest.raises(Unavailable, match="weights fetch vgg16"):
            chosen(asked, **begun)


def test_the_card_and_the_line_tell_of_vgg(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(perceptual, "Perceptual", lambda device: lambda a, b: (a - b).abs().mean())
    monkeypatch.setattr(training_recipe.weights, "sha256", lambda name: f"hash of {name}")
    done = run("--out", tmp_path, "--perceptual")
    assert done.exit_code == 0, done.output
    assert "the loss is with VGG-16's features" in done.output
    card = json.loads((tmp_path / "dac_synthetic.json").read_text())
    assert card["recipe"] == "talkbench train dac --perceptual"
    assert "hash of vgg16" in card["perceptual"]
    assert card["curve"][0]["perceptual"] > 0


def wandering(frames: int) -> Clip:
    draw = np.random.default_rng(0)
    picture = torch.from_numpy(draw.integers(0, 256, (3, 4, 4), dtype=np.uint8))
    picture = torch.nn.functional.interpolate(picture[None].float(), (64, 64), mode="bicubic")[0]
    video = torch.stack([picture.roll(2 * t, 2) for t in range(frames)]).clamp(0, 255).byte()
    return Clip(ClipSpec(frames, 64, 64, Fraction(25), 0, 16000, 1), video, torch.zeros((1, 0)), "test-0000")


@pytest.mark.skipif(keyframes.availability() is not None, reason="keyframes cannot be coded here")
def test_evaluation_codes_test_clips_and_goes_into_the_card(recipe, tmp_path, monkeypatch):
    clip = wandering(4)
    asked = []
    monkeypatch.setattr(
        evaluation.kept_clips, "fetch", lambda folder, options, index: asked.append(options) or clip
    )
    monkeypatch.setattr(evaluation, "CLIPS", 1)
    monkeypatch.setattr(keyframes, "QPS", (52, 22))
    network = train_dac.PLAN.network()
    from safetensors.torch import save_file

    save_file(network.state_dict(), tmp_path / "dac_synthetic.safetensors")
    (tmp_path / "dac_synthetic.json").write_text('{"steps": 4}')
    done = run("--evaluate", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    card = json.loads((tmp_path / "dac_synthetic.json").read_text())
    found = card["test"]
    assert card["steps"] == 4
    assert json.loads(done.output[done.output.index("{") :]) == found
    assert asked[0].split == "test"
    low, high = found["points"]
    assert (low["qp"], high["qp"], found["clips"], found["step"]) == (52, 22, 1, 128)
    assert low["kbps_total"] < high["kbps_total"]
    assert low["kbps_still"] < low["kbps_total"]
    assert 0 < low["kbps_motion"] < low["kbps_total"]
    # The baseline is what the codec `still` makes, measured by the metric.
    from talkbench.benchmark.api.types import Point
    from talkbench.codecs import still

    baseline = still.load("cpu")
    kept = baseline.encode(clip, Point("qp22", {"qp": 22, "gop": 0}))
    assert high["kbps_still"] == pytest.approx(kept.bits() / clip.spec.duration_s / 1000, abs=1e-3)
    infos: list[MetricInfo] = [info for info in psnr.describe() if info.name == "psnr"]
    metric = psnr.load("cpu", infos)
    score: Any = metric.compare(metric.reference(clip), baseline.decode(kept, clip.spec))["psnr"]
    assert high["psnr_still"] == pytest.approx(np.mean(score.frame_values), abs=2e-3)


def test_an_exact_copy_has_a_bounded_psnr():
    video = wandering(2).video
    assert evaluation.psnr(video, video) == 100.0


@pytest.mark.parametrize("module", [train_dac, train_fomm, train_cfte])
def test_recipes_are_whole(module):
    """Small networks within the limits, whose further losses take a batch."""
    network = module.PLAN.network()
    assert module.PLAN.weights == module.WEIGHTS
    assert sum(value.numel() for value in network.parameters()) <= 8_000_000
    assert module.PLAN.step > 0
    assert callable(module.train)
    assert callable(module.evaluate)
