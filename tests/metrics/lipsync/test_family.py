"""The family on rendered and recorded speakers: what shifts do, what is shared, and what cannot be scored."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soxr
import torch
from talkbench.benchmark import weights
from talkbench.benchmark.api.metric import MetricInfo
from talkbench.benchmark.api.types import Clip
from talkbench.benchmark.util.errors import InvalidClip, Unavailable
from talkbench.datasets import folder, synthetic
from talkbench.metrics import lipsync
from talkbench.metrics.lipsync import family
from talkbench.metrics.lipsync.network import PUBLISHED, SMALL, SyncNet
from talkbench.metrics.lipsync.tracks import HogFaces

SYNTHETIC = ["lse_c_synthetic", "lse_d_synthetic", "lse_offset_synthetic"]


def rendered(index: int, frames: int = 75) -> Clip:
    options = synthetic.Options(clips=2, seconds=frames / 25, size=112, split="test")
    return synthetic.make_clip(options, index, f"test-{index}").clip


@pytest.fixture(scope="module")
def clip() -> Clip:
    return rendered(0)


def infos(*names: str) -> list[MetricInfo]:
    found = {info.name: info for info in lipsync.describe()}
    return [found[name] for name in names or found]


def with_sound(clip: Clip, audio: torch.Tensor) -> Clip:
    spec = replace(clip.spec, samples=audio.shape[1], channels=audio.shape[0])
    return Clip(spec, clip.video, audio, clip.clip_id)


def shifted(clip: Clip, frames: int) -> Clip:
    """The sound `frames` frames too early; what falls off the one end comes in at the other."""
    return with_sound(clip, clip.audio.roll(-frames * 640, 1))


class Seen:
    """A clip analysed by the family, and its picture seen."""

    def __init__(self, clip: Clip, *names: str) -> None:
        self.metric = lipsync.load("cpu", infos(*names))
        self.state = self.metric.reference(clip)
        self.picture = self.metric.picture(self.state, clip.only("video"))

    def with_sound_of(self, clip: Clip, picture: Any = None) -> dict[str, Any]:
        sound = self.metric.sound(self.state, clip.only("audio"))
        return dict(self.metric.compare(self.state, picture or self.picture, sound))


@pytest.fixture(scope="module")
def small(clip: Clip) -> Seen:
    return Seen(clip, *SYNTHETIC)


@pytest.fixture(scope="module")
def in_sync(small: Seen, clip: Clip) -> dict[str, Any]:
    return small.with_sound_of(clip)


def test_a_clip_in_sync_is_in_sync(in_sync):
    assert in_sync["lse_offset_synthetic"].value <= 1
    assert in_sync["lse_c_synthetic"].value > 0.2
    # A rendered head is found in most of its 75 frames.
    assert in_sync["lse_d_synthetic"].detail["frames_with_face"] > 60
    assert in_sync["lse_d_synthetic"].detail["windows"] == 70


@pytest.mark.parametrize("frames", [-9, -3, 3, 6])
def test_a_shift_of_the_sound_is_the_offset(small, clip, frames):
    offset = small.with_sound_of(shifted(clip, frames))["lse_offset_synthetic"]
    assert abs(offset.detail["offset"] - frames) <= 1
    assert offset.value == abs(offset.detail["offset"])


def test_another_sound_is_worse(small, clip, in_sync):
    other = small.with_sound_of(with_sound(clip, clip.audio.flip(1)))
    assert other["lse_c_synthetic"].value < 0.6 * in_sync["lse_c_synthetic"].value
    assert other["lse_d_synthetic"].value > in_sync["lse_d_synthetic"].value + 0.05


def test_a_frozen_picture_has_no_confidence(small, clip, in_sync):
    still = Clip(clip.spec, clip.video[:1].expand_as(clip.video), clip.audio)
    frozen = small.with_sound_of(clip, small.metric.picture(small.state, still.only("video")))
    assert frozen["lse_c_synthetic"].value < 0.5 * in_sync["lse_c_synthetic"].value


def test_a_coarser_picture_and_a_noisier_sound_are_less_certain(small, clip, in_sync, add_hiss):
    def coarse(pixels):
        few = torch.nn.functional.interpolate(clip.video.float(), (pixels, pixels), mode="area")
        back = torch.nn.functional.interpolate(few, clip.video.shape[2:], mode="bilinear")
        seen = Clip(clip.spec, back.round().byte(), clip.audio).only("video")
        return small.with_sound_of(clip, small.metric.picture(small.state, seen))["lse_c_synthetic"].value

    own = in_sync["lse_c_synthetic"].value
    assert own > coarse(24) > coarse(10)
    noisy = small.with_sound_of(with_sound(clip, add_hiss(clip.audio, -5.0)))
    assert noisy["lse_c_synthetic"].value < 0.7 * own


def test_pieces_and_other_variants_change_nothing(small, clip, monkeypatch):
    mirrored = Clip(clip.spec, clip.video.flip(3), clip.audio)
    other = small.metric.picture(small.state, mirrored.only("video"))
    before = small.metric.sound(small.state, clip.only("audio"))
    monkeypatch.setattr(family, "_LIPS_AT_ONCE", 7)
    monkeypatch.setattr(family, "_SOUNDS_AT_ONCE", 5)
    after = small.metric.sound(small.state, clip.only("audio"))
    again = small.metric.picture(small.state, clip.only("video"))
    for first, second in ((before, after), (small.picture, again)):
        (features,), (same,) = first.values(), second.values()
        torch.testing.assert_close(features, same, rtol=0, atol=1e-5)
    (features,), (flipped,) = small.picture.values(), other.values()
    assert not torch.equal(features, flipped)


def test_other_rates_are_resampled(clip, in_sync):
    # 30 pictures a second of the same 3 s, each the nearest in time, and stereo at 44.1 kHz.
    nearest = [min(74, round(index * 25 / 30)) for index in range(90)]
    loud = soxr.resample(clip.audio[0].numpy(), 16000, 44100)
    audio = torch.from_numpy(np.stack((loud, loud)).astype(np.float32))
    spec = replace(
        clip.spec, frames=90, fps=Fraction(30), samples=audio.shape[1], sample_rate=44100, channels=2
    )
    other = Clip(spec, clip.video[nearest], audio)
    seen = Seen(other, *SYNTHETIC)
    assert seen.state.windows == 70
    found = seen.with_sound_of(other)
    assert found["lse_offset_synthetic"].value <= 1
    assert found["lse_c_synthetic"].value == pytest.approx(in_sync["lse_c_synthetic"].value, rel=0.25)


def test_what_cannot_be_scored(small, clip, make_clip):
    metric, state = small.metric, small.state
    with pytest.raises(Unavailable, match="no picture"):
        metric.reference(clip.only("audio"))
    with pytest.raises(Unavailable, match="no sound"):
        metric.reference(clip.only("video"))
    for frames in (5, 7, 20):
        with pytest.raises(Unavailable, match="shorter than 21 frames"):
            metric.reference(make_clip(clip.video[:frames], clip.audio[:, : frames * 640]))
    with pytest.raises(Unavailable, match="shorter than 21 frames"):
        metric.reference(make_clip(clip.video[:30], clip.audio[:, : 20 * 640]))
    assert metric.reference(make_clip(clip.video[:21], clip.audio[:, : 21 * 640])).windows == 16
    with pytest.raises(InvalidClip, match="decoded pictures are"):
        metric.picture(state, clip.frames(0, 70))
    with pytest.raises(InvalidClip, match="decoded sound"):
        metric.sound(state, with_sound(clip, clip.audio[:, :-1]).only("audio"))
    with pytest.raises(InvalidClip, match="finite"):
        metric.sound(state, with_sound(clip, clip.audio / 0).only("audio"))


@pytest.fixture
def drawn_syncnet(random_weights, draw_weights):
    random_weights("syncnet", draw_weights(SyncNet(PUBLISHED)))
    random_weights("syncnet-synthetic", draw_weights(SyncNet(SMALL)))


def test_where_there_is_no_face_only_whole_frames_are_scored(drawn_syncnet, make_clip):
    clip = make_clip(torch.full((22, 3, 96, 96), 128, dtype=torch.uint8), 0.1 * torch.randn(1, 22 * 640))
    for name, found in Seen(clip).with_sound_of(clip).items():
        if name.endswith("_full"):
            assert found.value >= 0
        else:
            assert "no face" in str(found)


def test_only_what_is_asked_for_is_loaded(random_weights, draw_weights):
    random_weights("syncnet-synthetic", draw_weights(SyncNet(SMALL)))
    metric = lipsync.load("cpu", infos("lse_c_synthetic"))  # with the published weights it would fail
    assert [info.name for info in metric.infos] == ["lse_c_synthetic"]
    random_weights("syncnet", {})
    with pytest.raises(RuntimeError, match="Missing key"):
        lipsync.load("cpu", infos("lse_c"))


def test_the_detector_is_part_of_the_fingerprint(random_weights):
    before = {info.name: info.fingerprint() for info in infos()}
    random_weights("s3fd", {})
    after = {info.name: info for info in infos()}
    assert after["lse_c"].options["faces"] == "s3fd"
    assert after["lse_c"].build["s3fd"] == "random"
    assert after["lse_c"].definition == next(i for i in infos() if i.name == "lse_c").definition
    changed = {name for name, info in after.items() if info.fingerprint() != before[name]}
    assert changed == {"lse_c", "lse_d", "lse_offset"}


@pytest.mark.parametrize("name", ["sbwe5n.mpg"])
def test_recorded_speakers(shared, name):
    """Real faces are followed; the published network, where it is here, finds them in sync."""
    clip = recorded(shared / "clips" / "grid", name)
    assert np.mean([len(faces) for faces in HogFaces()(clip.video[::8])]) > 0.85
    if reason := weights.missing(["syncnet"]):
        pytest.skip(reason)
    seen = Seen(clip, "lse_c", "lse_d", "lse_offset")
    own, late = seen.with_sound_of(clip), seen.with_sound_of(shifted(clip, 5))
    assert own["lse_offset"].value <= 2
    assert own["lse_c"].value > 2
    assert abs(late["lse_offset"].detail["offset"] - own["lse_offset"].detail["offset"] - 5) <= 1


def recorded(place: Path, name: str) -> Clip:
    dataset = folder.load(path=str(place))
    items = {item.name: item for item in dataset.items()}
    match = next(item for key, item in items.items() if name.split(".")[0] in key)
    return dataset.prepare(match).clip
