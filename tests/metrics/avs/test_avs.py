"""AVS_u, AVS_m, AVS_v: how the numbers move, and what is not scored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from talkbench.benchmark import weights
from talkbench.benchmark.api.metric import Score
from talkbench.benchmark.api.types import Clip
from talkbench.benchmark.util.errors import Unavailable
from talkbench.datasets import folder
from talkbench.metrics import _filterbank, avs
from talkbench.metrics.avs import mouth, network, scorer
from talkbench.metrics.avs.network import Encoder, Shape
from talkbench.metrics.avs.scorer import Avs

FRAMES = 12


class SameFace:
    """A tracker that finds the moving face, whatever the picture."""

    def __init__(self, landmarks: Callable) -> None:
        self._landmarks = landmarks

    def track(self, pictures: Iterable[torch.Tensor]) -> np.ndarray:
        return self._landmarks(len(list(pictures)))


@pytest.fixture
def metric(light_encoder: Encoder, moving_face: Callable) -> Callable[..., Avs]:
    """`metric("avs_v")`, or all three; `quick=True` in bfloat16."""

    def make(*names: str, quick: bool = False) -> Avs:
        infos = [info for info in avs.describe() if not names or info.name in names]
        infos = [info.quickened() for info in infos] if quick else infos
        return Avs(infos, "cpu", light_encoder, SameFace(moving_face))  # pyright: ignore[reportArgumentType]

    return make


@pytest.fixture
def clip(make_clip: Callable, make_video: Callable, uniform: Callable) -> Clip:
    """Half a second: noise that changes its colour, pictures that change with every frame."""
    noise = uniform("noise", (1, FRAMES * 640)) - 0.5
    return make_clip(make_video(FRAMES, 200, 240), noise.cumsum(1).sin() * 0.3)


def decoded(clip: Clip, video: torch.Tensor) -> Clip:
    return replace(clip.only("video"), video=video)


def values(metric: Avs, reference: Clip, other: Clip) -> dict[str, float]:
    found = metric.compare(metric.reference(reference), other.only("video"))
    assert set(found) == {info.name for info in metric.infos}
    return numbers(found)


def numbers(found: Mapping[str, Score | Unavailable]) -> dict[str, float]:
    scores = {name: score.value for name, score in found.items() if isinstance(score, Score)}
    return {name: value for name, value in scores.items() if value is not None}


def test_what_is_equal_scores_1(metric: Callable, clip: Clip) -> None:
    found = values(metric(), clip, clip)
    assert found["avs_m"] == pytest.approx(1, abs=1e-9)
    assert found["avs_v"] == pytest.approx(1, abs=1e-9)
    assert -1 < found["avs_u"] < 0.9


def test_more_noise_scores_less(metric: Callable, clip: Clip, add_noise: Callable) -> None:
    noisy = [decoded(clip, add_noise(clip.video, sigma)) for sigma in (5, 20, 80)]
    scores = [values(metric(), clip, variant) for variant in noisy]
    for name in ("avs_m", "avs_v"):
        light, medium, heavy = (score[name] for score in scores)
        assert 1 > light > medium > heavy


def test_a_shift_in_time_is_noticed(metric: Callable, clip: Clip) -> None:
    found = values(metric(), clip, decoded(clip, clip.video.roll(2, dims=0)))
    assert found["avs_v"] < 0.999
    assert found["avs_m"] < 0.999
    assert found["avs_u"] != pytest.approx(values(metric("avs_u"), clip, clip)["avs_u"], abs=1e-4)


def test_the_sound_counts_in_u_and_m_only(metric: Callable, clip: Clip, add_noise: Callable) -> None:
    noisy = decoded(clip, add_noise(clip.video, 40))
    spoken = values(metric(), clip, noisy)
    reversed_ = values(metric(), replace(clip, audio=clip.audio.flip(1)), noisy)
    assert spoken["avs_v"] == reversed_["avs_v"]
    assert spoken["avs_u"] != pytest.approx(reversed_["avs_u"], abs=1e-5)
    assert spoken["avs_m"] != pytest.approx(reversed_["avs_m"], abs=1e-7)


@pytest.mark.parametrize("name", ["avs_u", "avs_m", "avs_v"])
def test_one_alone_is_as_in_company(metric: Callable, clip: Clip, add_noise: Callable, name: str) -> None:
    noisy = decoded(clip, add_noise(clip.video, 20))
    assert values(metric(name), clip, noisy) == {name: values(metric(), clip, noisy)[name]}


@pytest.mark.parametrize("sound", ["absent", "silent"])
def test_without_sound_pictures_are_still_compared(metric: Callable, clip: Clip, sound: str) -> None:
    mute = clip.only("video") if sound == "absent" else replace(clip, audio=torch.zeros_like(clip.audio))
    found = metric().compare(metric().reference(mute), clip.only("video"))
    assert isinstance(found["avs_u"], Unavailable)
    assert "avs_m needs a reference with sound that is not silent" in str(found["avs_m"])
    assert found["avs_v"].value == pytest.approx(1, abs=1e-9)


def test_without_pictures(metric: Callable, clip: Clip) -> None:
    with pytest.raises(Unavailable, match="no picture"):
        metric().reference(clip.only("audio"))


def test_pictures_at_another_rate_are_seen_at_25(metric: Callable, clip: Clip, add_noise: Callable) -> None:
    def doubled(clip: Clip) -> Clip:
        spec = replace(clip.spec, fps=Fraction(50), frames=2 * clip.spec.frames)
        return replace(clip, spec=spec, video=clip.video.repeat_interleave(2, dim=0))

    noisy = decoded(clip, add_noise(clip.video, 20))
    assert values(metric(), doubled(clip), doubled(noisy)) == pytest.approx(values(metric(), clip, noisy))


def test_long_clips_are_encoded_in_parts(
    metric: Callable, clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scorer, "_LONGEST", 5)
    family = metric()
    state = family.reference(clip)
    assert [len(part) for part in state.sound] == [4, 4, 4]
    alone = family._features(state.sound[1:2], None)
    torch.testing.assert_close(state.features["avs_u"][4:8], alone)
    assert values(family, clip, clip)["avs_v"] == pytest.approx(1, abs=1e-9)


def test_the_quick_form_is_near(metric: Callable, clip: Clip, add_noise: Callable) -> None:
    noisy = decoded(clip, add_noise(clip.video, 20))
    exact, quick = (values(metric(quick=quick), clip, noisy) for quick in (False, True))
    # Of random weights, which magnify rounding: 0.01 on one processor, 0.08 on another.
    assert quick == pytest.approx(exact, abs=0.12)
    assert quick != exact
    for info in avs.describe():
        assert info.has_quick
        assert info.quickened().fingerprint() != info.fingerprint()


def test_four_windows_of_the_filterbank_are_a_frame(clip: Clip) -> None:
    speech = clip.audio[0].double().numpy()
    found = scorer.log_mel(speech, FRAMES).numpy()
    windows = _filterbank.log_filterbank(_filterbank.int16_scale(speech))[20:24].ravel()
    np.testing.assert_allclose(found[5], (windows - windows.mean()) / windows.std(), atol=1e-4)
    assert found.shape == (FRAMES, 104)


def test_after_the_end_of_the_sound_there_is_nothing(clip: Clip) -> None:
    speech = clip.audio[0].double().numpy()
    longer = scorer.log_mel(speech, FRAMES + 8)
    torch.testing.assert_close(longer[: FRAMES - 1], scorer.log_mel(speech, FRAMES - 1))
    assert not longer[FRAMES + 1 :].any()


def test_definitions_name_checkpoint_and_sound() -> None:
    infos = {info.name: info for info in avs.describe()}
    assert list(infos) == ["avs_u", "avs_m", "avs_v"]
    assert "large_vox_iter5.pt" in infos["avs_u"].definition
    assert "non-commercial" in infos["avs_u"].definition
    assert weights.get(avs.ENCODER).file == "large_vox_iter5.pt"
    assert [info.of_reference for info in infos.values()] == [True, False, False]


def test_loading_takes_the_registered_weights(
    random_weights: Callable,
    state: dict[str, torch.Tensor],
    small: Shape,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if reason := weights.missing([avs.LANDMARKS]):
        pytest.skip(reason)
    random_weights(avs.ENCODER, state)
    with pytest.raises(Unavailable, match=r"missing .*of another shape"):
        avs.load("cpu", avs.describe())
    monkeypatch.setattr(network, "Shape", lambda: small)
    assert avs.load("cpu", avs.describe()).infos == avs.describe()


@pytest.fixture(params=["random", "official"])
def of_real_faces(request: pytest.FixtureRequest, light_encoder: Encoder) -> Avs:
    needed = [avs.LANDMARKS] if request.param == "random" else [avs.LANDMARKS, avs.ENCODER]
    if reason := weights.missing(needed):
        pytest.skip(reason)
    if request.param == "official":
        return avs.load("cpu", avs.describe())
    return Avs(avs.describe(), "cpu", light_encoder, mouth.Tracker(weights.path(avs.LANDMARKS)))


def test_a_real_face(shared: Path, of_real_faces: Avs, add_noise: Callable) -> None:
    dataset = folder.load(path=str(shared / "clips" / "grid"), max_seconds=1, limit=1)
    clip = dataset.prepare(dataset.items()[0]).clip
    state = of_real_faces.reference(clip)
    same, noisy = (
        numbers(of_real_faces.compare(state, decoded(clip, video)))
        for video in (clip.video, add_noise(clip.video, 40))
    )
    for name in ("avs_m", "avs_v"):
        assert same[name] == pytest.approx(1, abs=1e-9)
        assert noisy[name] < 0.999
    assert -1 < noisy["avs_u"] < 1
    assert noisy["avs_u"] != same["avs_u"]


def test_official_weights_tell_whose_speech_it_is(shared: Path) -> None:
    if reason := weights.missing([avs.ENCODER, avs.LANDMARKS]):
        pytest.skip(reason)
    family = avs.load("cpu", [info for info in avs.describe() if info.name == "avs_u"])
    dataset = folder.load(path=str(shared / "clips" / "grid"), limit=2)
    first, second = (dataset.prepare(item).clip for item in dataset.items())
    assert (
        values(family, first, first)["avs_u"]
        > values(family, replace(first, audio=second.audio), first)["avs_u"]
    )
