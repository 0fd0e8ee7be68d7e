"""A card names the method that its weights stand for, as its authors write it."""

import json
from importlib import import_module

import pytest
from talkbench.benchmark import weights
from talkbench.benchmark.cli.train import recipes
from talkbench.benchmark.training import card as training_card

METHODS = {"cfte": "CFTE", "dac": "DAC", "encodec": "Encodec", "fomm": "FOMM", "syncnet": "SyncNet"}


def test_every_recipe_has_a_method_here() -> None:
    assert set(recipes()) == set(METHODS)


@pytest.mark.parametrize("recipe", METHODS)
def test_a_shipped_card_says_what_its_recipe_would_write(recipe: str) -> None:
    module = import_module(recipes()[recipe])
    card = json.loads(weights.path(module.WEIGHTS).with_suffix(".json").read_text(encoding="utf-8"))
    method = module.METHOD if recipe == "syncnet" else module.PLAN.method
    assert method == METHODS[recipe] == card["method"]
    assert f"A small {method}, trained on this project's" in card["what"]
    assert card["what"].endswith(f"It stands for the method; it is not the published {method}.")
    learned_from = card["what"].partition("project's ")[2].partition(".")[0]
    assert card.items() >= training_card.identity(method, learned_from).items()
    assert card["recipe"].split()[:3] == ["talkbench", "train", training_card.recipe_name(module.WEIGHTS)]
    assert training_card.recipe_name(module.WEIGHTS) == recipe


def test_a_method_is_written_as_given_and_a_recipe_may_have_two_words() -> None:
    found = training_card.identity("LivePortrait", "rendered heads")
    assert found["method"] == "LivePortrait"
    assert found["what"].count("LivePortrait") == 2
    assert training_card.recipe_name("live-portrait-synthetic") == "live-portrait"
