"""The embedded dataset as a suite sees it: options, determinism, shapes, ground truth."""

import json
from dataclasses import fields
from fractions import Fraction

import numpy as np
import pytest
import torch
from talkbench.benchmark.api.dataset import Item
from talkbench.benchmark.util.errors import DatasetError, UsageError
from talkbench.datasets import synthetic
from talkbench.datasets.synthetic.motion import talk


def make(**options):
    dataset = synthetic.load(**{"clips": 2, "seconds": 1.2, "size": 40, **options})
    return dataset, dataset.items()


@pytest.fixture(scope="module")
def prepared():
    dataset, items = make()
    return dataset.prepare(items[0])


def test_is_available():
    assert synthetic.availability() is None


def test_items_are_stable_and_keyed_by_what_changes_them():
    _, items = make()
    assert [item.name for item in items] == ["test-0000", "test-0001"]
    assert make()[1] == items
    keys = {item.key for item in items}
    for option, value in (
        ("seconds", 2.0),
        ("size", 64),
        ("split", "train"),
        ("seed", 1),
        ("view", "large_rotation"),
    ):
        keys |= {item.key for item in make(**{option: value})[1]}
    assert len(keys) == 12
    assert all(len(key) == 64 for key in keys)
    assert make(clips=5)[1][:2] == items  # the number of clips changes none of them


def test_the_first_items_can_be_listed_without_making_them():
    assert len(synthetic.load(clips=2000).items()) == 2000
    assert synthetic.load(clips=0).items() == []


def test_shapes_and_ranges(prepared):
    clip = prepared.clip
    assert clip.spec.fps == Fraction(25)
    assert clip.spec.frames == 30
    assert clip.spec.samples == 30 * 16000 / 25
    assert clip.video.shape == (30, 3, 40, 40)
    assert clip.audio.abs().max() <= 1
    assert clip.video.float().std() > 20  # a picture with contrast
    assert clip.transcript
    assert prepared.note


def test_everything_follows_from_the_seed(prepared):
    dataset, items = make()
    again = dataset.prepare(items[0])
    assert again.clip.sha256() == prepared.clip.sha256()
    assert again.truth == prepared.truth
    other, other_items = make(seed=1)
    assert other.prepare(other_items[0]).clip.sha256() != prepared.clip.sha256()


def test_size_changes_the_picture_only(prepared):
    dataset, items = make(size=33)
    odd = dataset.prepare(items[0]).clip
    assert odd.video.shape == (30, 3, 33, 33)
    assert torch.equal(odd.audio, prepared.clip.audio)
    # The same scene: a coarse view of both agrees.
    small, large = (torch.nn.functional.adaptive_avg_pool2d(c.video.float(), 6) for c in (odd, prepared.clip))
    assert (small - large).abs().mean() < 3


def test_truth_is_json_and_has_one_value_per_frame(prepared):
    truth = json.loads(json.dumps(prepared.truth))
    for name in ("mouth_open", "lips_pressed", "blink", "gaze", "pose"):
        assert len(truth[name]) == prepared.clip.spec.frames, name
    assert 0 <= min(truth["mouth_open"]) <= max(truth["mouth_open"]) <= 1
    assert max(truth["mouth_open"]) > 0.3
    assert set(truth["pose"][0]) == {"yaw", "pitch", "roll", "x", "y", "zoom"}
    starts = [phoneme["start_s"] for phoneme in truth["phonemes"]]
    assert starts == sorted(starts)
    assert all(0 <= p["start_s"] < p["end_s"] <= prepared.clip.spec.duration_s for p in truth["phonemes"])


def test_phonemes_lie_where_there_is_sound(prepared):
    audio = prepared.clip.audio[0].numpy()
    loud = np.abs(audio) > 0.02
    first, last = np.flatnonzero(loud)[[0, -1]] / 16000
    phonemes = prepared.truth["phonemes"]
    assert phonemes[0]["start_s"] == pytest.approx(first, abs=0.05)
    assert phonemes[-1]["end_s"] == pytest.approx(last, abs=0.05)


def yaw_of(view):
    return talk(np.random.default_rng(5), (), 75, 25, view, grain=0).yaw.numpy()


def test_large_rotation_goes_from_side_to_side():
    yaw = yaw_of("large_rotation")
    assert yaw.min() < -55
    assert yaw.max() > 55
    assert np.abs(yaw).max() <= 60


def test_fast_motion_is_faster_than_normal():
    assert np.abs(np.diff(yaw_of("fast_motion"))).mean() > 2 * np.abs(np.diff(yaw_of("normal"))).mean()


def test_glasses_view_puts_glasses_on_everybody():
    dataset, items = make(view="glasses", size=16)
    person = dataset.prepare(items[0]).truth["identity"]
    assert isinstance(person, dict)
    assert person["glasses"] > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"clip": 3}, "unknown option 'clip'; it has clips, seconds, size"),
        ({"split": "dev"}, "split = 'dev' is not one of train, validation, test"),
        ({"view": "back"}, "is not one of normal, large_rotation"),
        ({"size": 8}, "size = 8 is not in 16"),
        ({"seconds": 0.1}, "seconds = 0.1"),
        ({"device": "gpu"}, "device = 'gpu' is not cpu, cuda"),
        ({"clips": "four"}, "clips = 'four' should be of type int"),
        ({"seed": True}, "seed = True should be of type int"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(UsageError, match=message):
        synthetic.load(**options)


def test_an_unknown_item_is_refused():
    dataset, _ = make()
    with pytest.raises(DatasetError, match="no clip 'test-0009'"):
        dataset.prepare(Item("test-0009", "0" * 64))


def test_options_are_documented():
    for field in fields(synthetic.Options):
        assert field.name in synthetic.__doc__
