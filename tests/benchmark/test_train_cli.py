"""`talkbench train`: recipes are found by their file's name, and nothing is overwritten."""

import json
from types import SimpleNamespace

import pytest
from talkbench.benchmark import train_cli
from talkbench.benchmark.cli import app
from talkbench.benchmark.errors import UsageError
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
    monkeypatch.setitem(__import__("sys").modules, "talkbench_my_net", module)
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
    assert "there is no" in str(refused.exception)


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
