"""`talkbench train`: recipes are found by their file's name, and nothing is overwritten."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file
from talkbench.benchmark.cli import train as train_cli
from talkbench.benchmark.cli.main import app
from talkbench.benchmark.training import card as training_card
from talkbench.benchmark.training.state import Progress, between_steps, running_average
from talkbench.benchmark.util.errors import UsageError
from typer.testing import CliRunner


@pytest.fixture
def recipe(monkeypatch):
    """A recipe that only writes its files."""
    asked = []

    def train(request, say):
        asked.append(request)
        say("step 1", lasting=True)
        path = request.out / "my_net.safetensors"
        path.write_bytes(b"weights")
        path.with_suffix(".json").write_text('{"steps": 1}')
        (request.out / "checkpoint.pt").write_bytes(b"state")
        return path

    def evaluate(weights, device, say):
        asked.append(weights)
        return {"accuracy": 0.5}

    module = SimpleNamespace(WEIGHTS="my-net", train=train, evaluate=evaluate)
    monkeypatch.setattr(train_cli, "recipes", lambda: {"my-net": "talkbench_my_net"})
    monkeypatch.setitem(sys.modules, "talkbench_my_net", module)
    return asked


def run(*arguments):
    return CliRunner().invoke(app, ["train", *map(str, arguments)])


def test_recipes_are_found_by_their_files():
    assert train_cli.recipes()["syncnet"] == "talkbench.metrics.lipsync.train_syncnet"


def test_training_writes_weights_and_card(recipe, tmp_path):
    done = run("my-net", "--out", tmp_path / "new", "--device", "cpu", "--minutes", "2")
    assert done.exit_code == 0, done.output
    assert "my_net.safetensors" in done.output
    (request,) = recipe
    assert (request.device, request.minutes, request.resume) == ("cpu", 2.0, False)


def test_a_checkpoint_is_not_overwritten(recipe, tmp_path):
    (tmp_path / "checkpoint.pt").write_bytes(b"state")
    refused = run("my-net", "--out", tmp_path)
    assert isinstance(refused.exception, UsageError)
    assert "--resume" in str(refused.exception)
    assert recipe == []
    assert run("my-net", "--out", tmp_path, "--resume").exit_code == 0
    assert recipe[0].resume


def test_there_must_be_something_to_resume(recipe, tmp_path):
    refused = run("my-net", "--out", tmp_path, "--resume")
    assert "does not exist" in str(refused.exception)


def test_evaluation_goes_into_the_card(recipe, tmp_path):
    refused = run("my-net", "--evaluate", "--out", tmp_path)
    assert isinstance(refused.exception, UsageError)
    assert run("my-net", "--out", tmp_path).exit_code == 0
    assert json.loads(run("my-net", "--evaluate", "--out", tmp_path).output) == {"accuracy": 0.5}
    card = json.loads((tmp_path / "my_net.json").read_text())
    assert card == {"steps": 1, "test": {"accuracy": 0.5}}
    run("my-net", "--evaluate")
    assert recipe[-1] is None  # the shipped ones


def test_an_unknown_recipe_is_named():
    refused = run("syncnett")
    assert "did you mean syncnet?" in str(refused.exception)


def test_an_interrupt_says_how_to_go_on(recipe, tmp_path, monkeypatch):
    """Before there is a checkpoint, as while people are rendered, the command starts again."""

    def interrupted(request, say):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["talkbench_my_net"], "train", interrupted)
    stopped = run("my-net", "--out", tmp_path)
    assert stopped.exit_code == 130
    assert "run the same command to start again" in stopped.output
    (tmp_path / "checkpoint.pt").write_bytes(b"state")
    stopped = run("my-net", "--out", tmp_path, "--resume")
    assert "run the same command with --resume to continue" in stopped.output


def test_the_perceptual_loss_is_asked_for_or_not(recipe, tmp_path):
    for number, (options, asked) in enumerate(
        (((), None), (("--perceptual",), True), (("--no-perceptual",), False))
    ):
        assert run("my-net", "--out", tmp_path / str(number), *options).exit_code == 0
        assert recipe[-1].perceptual is asked


def test_syncnet_has_no_perceptual_loss(tmp_path):
    refused = run("syncnet", "--out", tmp_path, "--no-perceptual", "--device", "cpu")
    assert isinstance(refused.exception, UsageError)
    assert "syncnet makes no pictures" in str(refused.exception)


def test_a_card_names_every_commit_that_trained(tmp_path, monkeypatch):
    network, progress = torch.nn.Linear(2, 3), Progress(step=7, seconds=3.6)
    now = ["a", False]
    monkeypatch.setattr("talkbench.benchmark.util.environment.commit", lambda: tuple(now))
    for commit, changed in (("a", False), ("a", False), ("a", True), ("b", False)):
        now[:] = commit, changed
        progress.begin()
    assert progress.commits == [["a", False], ["a", True], ["b", False]]
    reloaded = Progress()
    reloaded.load_state_dict(progress.state_dict())
    assert reloaded == progress
    path = training_card.write(
        "my-net", network, tmp_path, "cpu", progress, {"what": "a net"}, shape="2 to 3"
    )
    card = training_card.read(path)
    assert (card["commit"], card["resumed_at_commits"], card["uncommitted_changes"]) == ("a", ["b"], True)
    assert (card["steps"], card["seconds"], card["what"]) == (7, 4, "a net")
    assert card["network"] == {"shape": "2 to 3", "parameters": 9}
    assert torch.equal(load_file(path)["weight"], network.weight)
    assert path.stat().st_mode & 0o777 == 0o644


def test_an_average_forgets_the_beginning_and_then_keeps_its_share():
    average = running_average(0.9)
    zero, one = torch.tensor(0.0), torch.tensor(1.0)
    assert [round(float(average(zero, one, count)), 4) for count in (0, 8, 1000)] == [0.9, 0.5, 0.1]


def test_interrupts_wait_for_the_step_elsewhere_than_on_the_main_thread_too():
    """There, no signal can be caught: the loop runs as without."""
    with ThreadPoolExecutor(1) as aside, between_steps() as here:
        here()

        def loop():
            with between_steps() as let_through:
                let_through()
                return "whole"

        assert aside.submit(loop).result() == "whole"
