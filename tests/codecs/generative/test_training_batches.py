"""Pairs to learn from: two moments of one person, what they show where it is said to be."""

import numpy as np
import pytest
import torch
from talkbench.codecs._face.training import batches
from talkbench.codecs._face.training.batches import batch
from talkbench.codecs._face.training.faces import Person
from talkbench.codecs._face.training.guides import COUNT, MIRRORED


def test_a_batch_follows_from_its_seed(people):
    first, again, other = (batch(people, np.random.default_rng(seed), 8) for seed in ((2, 1), (2, 1), (2, 2)))
    for name, shape in (("keyframe", (8, 3, 64, 64)), ("target", (8, 3, 64, 64)), ("places", (8, COUNT, 2))):
        value = getattr(first, name)
        assert value.shape == shape
        assert value.dtype == torch.float32
        assert torch.equal(value, getattr(again, name))
        assert not torch.equal(value, getattr(other, name))
    assert 0 <= float(first.keyframe.min()) <= float(first.keyframe.max()) <= 1


@pytest.fixture
def uncoloured(monkeypatch):
    monkeypatch.setattr(batches, "_coloured", lambda frames, rng: frames)


def moments_of(frame: torch.Tensor, people) -> list[tuple[int, int, bool]]:
    """(person, moment, mirrored) of which this is exactly the picture."""
    levels = (255 * frame).round().byte().numpy()
    return [
        (who, moment, mirrored)
        for who, person in enumerate(people)
        for moment, picture in enumerate(person.pictures)
        for mirrored in (False, True)
        if np.array_equal(levels, picture[..., ::-1] if mirrored else picture)
    ]


def test_pairs_are_two_moments_of_one_person_and_the_target_is_clean(people, uncoloured):
    pairs = batch(people, np.random.default_rng(7), 40)
    seen, coded = set(), 0
    for keyframe, target in zip(pairs.keyframe, pairs.target, strict=True):
        ((who, moment, mirrored),) = moments_of(target, people)
        seen.add((who, moment, mirrored))
        exact = moments_of(keyframe, people)
        coded += not exact
        # A coded keyframe is still nearest to its own picture.
        levels = 255 * keyframe.numpy()
        misses = {
            (other, at, mirror): np.abs(
                levels - (picture[..., ::-1] if mirror else picture).astype(np.float32)
            ).mean()
            for other, person in enumerate(people)
            for at, picture in enumerate(person.pictures)
            for mirror in (False, True)
        }
        nearest = min(misses, key=lambda key: misses[key])
        assert (nearest[0], nearest[2]) == (who, mirrored)
        assert nearest[1] != moment
        assert exact in ([], [nearest])
    assert len(seen) > 12
    assert 12 <= coded <= 36  # six of ten


def test_both_frames_of_a_pair_have_one_colouring():
    """Of a grey ramp and its mirror, the colours are the mirror's again."""
    ramp = np.broadcast_to(np.arange(256, dtype=np.uint8), (3, 256, 256))
    a, b = batches._coloured(np.stack((ramp, ramp[..., ::-1])), np.random.default_rng(1))
    assert np.array_equal(a, b[..., ::-1])
    assert (np.diff(a.astype(int), axis=-1) >= 0).all()
    assert not np.array_equal(a, ramp)


def test_places_are_mirrored_as_the_picture_is(uncoloured):
    """Each place has a brightness of its own; it is there, or in a mirror where its counterpart was."""
    draw = np.random.default_rng(3)
    pixels = np.stack([draw.permutation(64)[:COUNT], draw.permutation(64)[:COUNT]], -1)
    picture = np.zeros((3, 64, 64), np.uint8)
    picture[:, pixels[:, 1], pixels[:, 0]] = 100 + 10 * np.arange(COUNT)
    places = (pixels * 2 / 63 - 1).astype(np.float32)
    person = Person(np.stack([picture] * 2), np.stack([places] * 2))
    pairs = batch([person], np.random.default_rng(1), 12)
    kinds = set()
    for target, place in zip(pairs.target, pairs.places, strict=True):
        columns, rows = ((place + 1) * 63 / 2).round().long().T
        shown = ((255 * target[0, rows, columns] - 100) / 10).round().int().tolist()
        kinds.add(tuple(shown))
    assert kinds == {tuple(range(COUNT)), MIRRORED}
