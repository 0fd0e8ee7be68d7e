"""The shipped small Encodec, on voices and sentences of the test split, which it has not learned from."""

import json
from collections.abc import Sequence
from statistics import fmean

import pytest
from safetensors.torch import load_file
from talkbench.benchmark import weights
from talkbench.benchmark.api import registry
from talkbench.benchmark.api.codec import Codec
from talkbench.benchmark.api.metric import Score
from talkbench.benchmark.api.types import Clip, Point
from talkbench.codecs._tokens.training import evaluation, voices
from talkbench.codecs.encodec import small
from talkbench.metrics import spectral


@pytest.fixture(scope="module")
def codec() -> Codec:
    return registry.codec("encodec-synthetic").load("cpu")


@pytest.fixture(scope="module")
def clips() -> Sequence[Clip]:
    return [evaluation._clip(index) for index in range(evaluation.CLIPS)]


def coded(codec: Codec, point: Point, clips: Sequence[Clip]) -> tuple[float, float]:
    """Measured rate in kbit/s, and MEL, means over the clips."""
    metric = spectral.load("cpu", [info for info in spectral.describe() if info.name == "mel_dac_eval"])
    bits, distances = 0, []
    for clip in clips:
        stream = codec.encode(clip, point)
        bits += stream.bits()
        score = metric.compare(metric.reference(clip), codec.decode(stream, clip.spec))["mel_dac_eval"]
        assert isinstance(score, Score)
        distances.append(score.value)
    return bits / 1000 / (len(clips) * voices.SECONDS), fmean(distances)


def test_the_card_is_of_these_weights() -> None:
    path = weights.path("encodec-synthetic")
    card = json.loads(path.with_suffix(".json").read_text())
    info, _ = registry.codec("encodec-synthetic").describe()
    assert info.weights == "synthetic"
    learned = sum(value.numel() for value in small.network().parameters())
    assert info.parameters == card["network"]["parameters"] == learned <= 4_000_000
    assert {name for name, _ in small.network().named_parameters()} <= load_file(path).keys()
    assert card["weights"] == "encodec-synthetic"
    assert card["uncommitted_changes"] is False
    assert card["steps"] == card["curve"][-1]["step"]


def test_at_less_than_half_of_the_rate_of_amr_nb_it_is_nearer_to_what_was_said(
    codec: Codec, clips: Sequence[Clip]
) -> None:
    amr_nb = registry.codec("amr-nb").load("cpu")
    baseline_rate, baseline = coded(amr_nb, amr_nb.points[0], clips)
    rows = [coded(codec, point, clips) for point in codec.points]
    rates, distances = zip(*rows, strict=True)
    assert list(rates) == sorted(rates)
    assert list(distances) == sorted(distances, reverse=True)
    cheap = [distance for rate, distance in rows if rate < baseline_rate / 2]
    assert len(cheap) >= 3
    assert max(cheap) < baseline
