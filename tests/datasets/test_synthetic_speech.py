"""Sentences, voices and mouths of the embedded dataset: disjoint splits, known phonemes, sound in step."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from talkbench.benchmark.util.errors import DatasetError
from talkbench.datasets.synthetic import grammar, identity, script, visemes, voice
from talkbench.datasets.synthetic.voice import Phoneme

TEMPLATES = (grammar.LONG, grammar.SHORT, grammar.TINY)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**63), st.sampled_from(grammar.SPLITS), st.sampled_from(TEMPLATES))
def test_a_sentence_belongs_to_the_split_it_was_drawn_for_and_to_no_other(seed, split, templates):
    text = grammar.sentence(np.random.default_rng(seed), split, templates)
    assert [name for name in grammar.SPLITS if grammar.split_of(text) == name] == [split]
    assert grammar.split_of(text.upper()) == split  # however a transcript is normalised
    assert "{" not in text


def test_every_split_has_sentences_of_every_length():
    drawn = {}
    for split in grammar.SPLITS:
        rng = np.random.default_rng(0)
        drawn[split] = {grammar.sentence(rng, split, kind) for kind in TEMPLATES for _ in range(200)}
        assert len(drawn[split]) > 350
    assert not drawn["train"] & drawn["test"]
    assert not drawn["train"] & drawn["validation"]
    assert not drawn["test"] & drawn["validation"]
    assert grammar.count() > 10**7


@pytest.mark.parametrize("feminine", [False, True])
def test_no_voice_belongs_to_two_splits(feminine):
    sets = [{timbre for _, timbre in voice.voice_names(split, feminine)} for split in grammar.SPLITS]
    assert all(sets)
    assert len(set.union(*sets)) == sum(map(len, sets))


def test_no_identity_belongs_to_two_splits():
    people = [identity.identity_of(split, 0, index) for split in grammar.SPLITS for index in range(60)]
    assert len({person.pattern for person in people}) == len(people)
    assert len({person.backdrop_seed for person in people}) == len(people)
    seeds = {identity.seed_of("identity", split, seed, 0) for split in grammar.SPLITS for seed in range(50)}
    assert len(seeds) == 150


def speech(index, seconds=4):
    split = "train"
    rng = np.random.default_rng(identity.seed_of("clip", split, 7, index))
    return script.recite(rng, split, voice.random_voice(rng, split, index % 2 == 0), seconds * 16000)


def test_speaking_again_in_another_order_gives_the_same_samples():
    voices = [voice.Voice("en-us", "m3", 150, 40, 50), voice.Voice("en-gb-scotland", "f2", 170, 60, 50)]
    first = [voice.speak("The bridge was open.", one) for one in voices]
    again = [voice.speak("The bridge was open.", one) for one in reversed(voices)][::-1]
    for one, other in zip(first, again, strict=True):
        assert np.array_equal(one.samples, other.samples)
        assert one.phonemes == other.phonemes


def test_every_voice_speaks():
    for split in grammar.SPLITS:
        for feminine in (False, True):
            for accent, variant in voice.voice_names(split, feminine)[:: 3 if split == "train" else 1]:
                said = voice.speak("Hello.", voice.Voice(accent, variant, 160, 50, 50))
                assert 0.15 < said.seconds < 1.2, (accent, variant)


def test_an_unknown_voice_is_named():
    with pytest.raises(DatasetError, match="no voice 'xx-none"):
        voice.speak("Hello.", voice.Voice("xx-none", "m1", 160, 50, 50))


def test_too_short_a_clip_says_what_to_do():
    rng = np.random.default_rng(0)
    with pytest.raises(DatasetError, match="set the synthetic dataset's option 'seconds'"):
        script.recite(rng, "test", voice.Voice("en-us", "m1", 135, 50, 50), 4000)


def test_the_phonemes_are_those_of_the_transcript():
    """Consonants that English spelling gives away, in the order in which they are written."""
    said = voice.speak("We need fifty bottles.", voice.Voice("en-us", "m1", 150, 50, 50))
    heard = "".join(letter for p in said.phonemes for letter in visemes.sounds(p.symbol))
    assert re.fullmatch(r"w.*n.*d.*f.*f.*t.*b.*t.*l.*z", heard.replace("t#", "t"))


def test_every_phoneme_moves_the_mouth():
    symbols = {p.symbol for index in range(12) for p in speech(index).phonemes}
    assert len(symbols) > 40
    assert not [symbol for symbol in symbols if not visemes.sounds(symbol)]


@pytest.mark.parametrize(
    ("symbol", "letters"),
    [
        ("'aI", "aI"),
        ("tS", "tS"),
        ("@L", "@l"),
        ("i@3", "i@"),
        ("3:", "3"),
        ("'0", "0"),
        ("I2", "I"),
        ("@5", "@"),
    ],
)
def test_mnemonics_are_taken_apart(symbol, letters):
    assert "".join(visemes.sounds(symbol)) == letters


def test_lips_are_shut_in_every_bilabial_and_the_frames_show_it():
    shut = 0
    for index in range(8):
        said = speech(index)
        times = (np.arange(100) + 0.5) / 25
        shapes = visemes.mouth_shapes(said.phonemes, times)
        for phoneme in said.phonemes:
            if visemes.sounds(phoneme.symbol)[0] in visemes.BILABIALS:
                frame = int((phoneme.start_s + phoneme.end_s) / 2 * 25)
                around = shapes["open"][max(0, frame - 1) : frame + 2]
                assert around.min() < 0.02
                shut += 1
    assert shut > 20


def test_vowels_open_and_round_the_mouth():
    def at(symbol):
        phonemes = [Phoneme(symbol, 0.2, 0.4)]
        return {
            name: float(value[0]) for name, value in visemes.mouth_shapes(phonemes, np.array([0.28])).items()
        }

    assert at("A:")["open"] > 0.8 > 0.5 > at("u:")["open"]
    assert at("u:")["wide"] < -0.8
    assert at("i:")["wide"] > 0.6
    assert at("f")["tuck"] > 0.8
    assert at("m")["press"] == 1
    assert at("m")["open"] == 0


def test_the_mouth_is_shut_in_silence():
    shapes = visemes.mouth_shapes([Phoneme("a", 1.0, 1.2)], np.array([0.0, 0.3, 2.0]))
    assert np.abs(shapes["open"]).max() < 0.01


def test_mouth_and_voice_are_in_step():
    lags = np.arange(-4, 5)
    curves = []
    for index in range(12):
        said = speech(index)
        energy = np.sqrt(np.sqrt((said.audio.reshape(100, 640) ** 2).mean(1)))
        opening = visemes.mouth_shapes(said.phonemes, (np.arange(100) + 0.5) / 25)["open"]
        assert np.corrcoef(opening, energy)[0, 1] > 0.15
        curves.append([np.corrcoef(opening[4 - lag : 96 - lag], energy[4:96])[0, 1] for lag in lags])
    mean = np.mean(curves, axis=0)
    assert mean.max() > 0.45
    assert abs(lags[mean.argmax()]) <= 1
    # The peak is at zero: both of its neighbours are equally far down.
    assert abs(mean[lags == -1] - mean[lags == 1]) < 0.25
