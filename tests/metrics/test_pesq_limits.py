"""What PESQ's C code has room for: 50 utterances, and 96 s."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from talkbench.benchmark.util.errors import Unavailable
from talkbench.metrics import _utterances, pesq

pytestmark = pytest.mark.skipif(pesq.availability() is not None, reason=str(pesq.availability()))
RATE = 16000


def bursts(count: int, sound_s: float = 0.5, pause_s: float = 0.45) -> NDArray[np.float32]:
    """Tones that fall and rise, with pauses of silence."""
    t = np.arange(round(sound_s * RATE)) / RATE
    one = 0.3 * np.sin(2 * np.pi * 500 * t + 40 * np.sin(2 * np.pi * 3 * t))
    return np.tile(np.concatenate([one, np.zeros(round(pause_s * RATE))]), count).astype(np.float32)


def scored(score: Callable, make_clip: Callable, sound: NDArray[np.float32]) -> Any:
    clip = make_clip(audio=torch.from_numpy(sound)[None])
    return score(pesq, clip, clip)["pesq"]


def test_fifty_utterances_are_scored_and_more_are_not(score: Callable, make_clip: Callable) -> None:
    assert scored(score, make_clip, bursts(50)).value == pytest.approx(4.644, abs=1e-3)
    for count in (51, 60):
        found = scored(score, make_clip, bursts(count))
        assert isinstance(found, Unavailable)
        assert "more than 50 utterances" in str(found)


def test_bursts_that_are_too_short_need_a_place_too(score: Callable, make_clip: Callable) -> None:
    """PESQ writes a burst down before it sees that it is shorter than an utterance, 0.2 s."""
    short = bursts(1, sound_s=0.08)
    assert isinstance(scored(score, make_clip, np.concatenate([bursts(50), short])), Unavailable)
    fits = np.concatenate([bursts(49), short, bursts(1)])
    assert scored(score, make_clip, fits).value == pytest.approx(4.644, abs=1e-3)


@pytest.mark.parametrize(
    ("lengths", "places"),
    [([60] * 50, 50), ([60] * 51, 51), ([60] * 50 + [49], 51), ([49] * 80, 1), ([50, 49, 50], 2), ([], 0)],
)
def test_places(lengths: Sequence[int], places: int) -> None:
    speech = np.concatenate([[0], *([*np.ones(length), 0] for length in lengths)]) > 0
    assert _utterances._needs(speech) == places


def test_a_pause_within_a_long_sound_is_counted_as_pesq_hears_it() -> None:
    for count in (21, 33):
        sound = bursts(count).astype(float)
        assert _utterances._needs(_utterances.speech_windows(sound, 0.5 * sound)) == count
    joined = bursts(40, pause_s=0.15).astype(float)  # pauses below 0.2 s do not part utterances
    assert _utterances._needs(_utterances.speech_windows(joined, joined)) == 1


def test_speech_of_a_minute_is_scored(score: Callable, make_clip: Callable, read_speech: Callable) -> None:
    speech = read_speech("sense_and_sensibility_01_austen_64kb-0870.wav").audio[0].numpy()
    assert scored(score, make_clip, np.resize(speech, 60 * RATE)).value == pytest.approx(4.644, abs=1e-3)


def test_sound_beyond_the_room_for_bad_frames() -> None:
    sound = np.ones(round(_utterances.LONGEST_S * RATE) + 1)
    assert "has room for 96 s" in str(_utterances.no_room(sound, sound))


def test_where_utterances_cannot_be_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_utterances, "_library", lambda: None)
    assert _utterances.no_room(np.ones(18 * RATE), np.ones(18 * RATE)) is None
    assert "pip install pesq==0.0.4" in str(_utterances.no_room(np.ones(20 * RATE), np.ones(20 * RATE)))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_reference_that_is_not_finite(make_clip: Callable, value: float) -> None:
    sound = bursts(3)
    sound[1000] = value
    metric = pesq.load("cpu", pesq.describe())
    with pytest.raises(Unavailable, match="reference's sound holds values that are not finite"):
        metric.reference(make_clip(audio=torch.from_numpy(sound)[None]))
