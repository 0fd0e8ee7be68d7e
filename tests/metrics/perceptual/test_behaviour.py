"""What any perceptual distance must do, on random weights and on official ones where they are."""

from __future__ import annotations

import pytest
import torch
from talkbench.benchmark.stages import scoring
from talkbench.benchmark.stages.score_rows import Variant
from talkbench.benchmark.store import artifacts
from talkbench.metrics import perceptual
from torch.nn.functional import avg_pool2d


@pytest.fixture
def video(make_video):
    """Frames that differ from each other, and whose channels do."""
    return make_video(3, 40, 48, seed=3)


def mean(found, name):
    return sum(found[name]) / len(found[name])


def test_identity_is_exactly_zero(values, video):
    assert values(video, video) == {
        name: [0.0, 0.0, 0.0] for name in ("lpips_alex", "lpips_alex_unnormalized", "lpips_vgg", "dists")
    }


def test_more_noise_and_more_blur_are_further_away(values, video, add_noise):
    blurred = {1: video}
    for size in (3, 7, 13):
        blurred[size] = avg_pool2d(video.float(), size, 1, size // 2, count_include_pad=False).byte()
    ladders = [
        [add_noise(video, sigma) for sigma in (2, 10, 40)],
        [blurred[size] for size in (3, 7, 13)],
    ]
    for ladder in ladders:
        steps = [values(video, decoded) for decoded in ladder]
        for name in steps[0]:
            distances = [mean(step, name) for step in steps]
            assert 0 < distances[0] < distances[1] < distances[2], name


def test_swapped_channels_a_shifted_clip_and_a_wrong_range_are_noticed(values, video, add_noise):
    slight = values(video, add_noise(video, 1))
    wrong = {
        "BGR": video.flip(1),
        "one frame late": video[[0, 0, 1]],
        "16 to 235": (16 + video.float() * 219 / 255).round().byte(),
    }
    for what, decoded in wrong.items():
        found = values(video, decoded)
        for name in found:
            assert mean(found, name) > 2 * mean(slight, name), (what, name)
    late = values(video, wrong["one frame late"])
    assert all(frames[0] == 0 and min(frames[1:]) > 0 for frames in late.values())


def test_frames_are_scored_one_by_one(load, values, make_clip, video, add_noise):
    """Their order, their neighbours and the size of a chunk change nothing."""
    noisy = add_noise(video, 12)
    whole = values(video, noisy)
    order = [2, 0, 1]
    permuted = values(video[order], noisy[order])
    metric = load()
    for name, frames in whole.items():
        assert permuted[name] == [frames[index] for index in order]
    for start, stop in ((0, 1), (1, 3)):
        state = metric.reference(make_clip(video[start:stop]))
        scores = metric.compare(state, make_clip(noisy[start:stop]))
        for name, frames in whole.items():
            assert scores[name].frame_values == frames[start:stop]


def test_variants_do_not_disturb_each_other(load, make_clip, video, add_noise):
    metric = load()
    state = metric.reference(make_clip(video))
    first = metric.compare(state, make_clip(add_noise(video, 5)))
    metric.compare(state, make_clip(add_noise(video, 60)))
    assert metric.compare(state, make_clip(add_noise(video, 5))) == first


def test_the_way_of_accelerators_gives_the_same_values(load, make_clip, video, add_noise):
    """`cpu:0` takes it without one: the library's convolutions, several frames at once."""
    clips = make_clip(video), make_clip(add_noise(video, 12))
    here, there = (load(device=device) for device in ("cpu", "cpu:0"))
    assert (here.frames_at_once, there.frames_at_once) == (1, 4)
    scores, others = (metric.compare(metric.reference(clips[0]), clips[1]) for metric in (here, there))
    for name, score in scores.items():
        assert score.frame_values == pytest.approx(others[name].frame_values, abs=1e-6)


def test_the_wrong_range_gives_smaller_values(values, video, add_noise):
    """lpips_alex_unnormalized is for reproduction, and never lpips_alex by mistake."""
    found = values(video, add_noise(video, 12))
    assert mean(found, "lpips_alex_unnormalized") < 0.5 * mean(found, "lpips_alex")


def test_quick_is_near_and_is_another_metric(load, make_clip, video, add_noise):
    clips = make_clip(video), make_clip(add_noise(video, 40))
    exact, quick = load(), load(quick=True)
    for one, other in zip(exact.infos, quick.infos, strict=True):
        assert one.fingerprint() != other.fingerprint()
    scores, approximate = (metric.compare(metric.reference(clips[0]), clips[1]) for metric in (exact, quick))
    for name, score in scores.items():
        found = approximate[name].frame_values
        assert found == pytest.approx(score.frame_values, rel=0.1)
        assert found != score.frame_values
    assert quick.compare(quick.reference(clips[0]), clips[0])["dists"].frame_values == [0.0] * len(video)


def test_gradients_are_off_and_settings_are_left_alone(load, make_clip, video):
    before = torch.backends.cudnn.allow_tf32, torch.is_grad_enabled()
    metric = load("lpips_alex")
    state = metric.reference(make_clip(video[:1]))
    assert not state.pieces[0][0].features[0].requires_grad
    assert (torch.backends.cudnn.allow_tf32, torch.is_grad_enabled()) == before


def test_the_benchmark_gives_the_same_values(parts, values, make_clip, video, add_noise, tmp_path):
    """It hands over as many frames at a time as the family says, read again from disk."""
    decoded = [add_noise(video, sigma) for sigma in (5, 20)]
    for name, pictures in zip(("reference", "5", "20"), (video, *decoded), strict=True):
        artifacts.save_clip(tmp_path / name, make_clip(pictures), {})
    chosen = [info for info in perceptual.describe() if info.name in ("lpips_alex", "dists")]
    names = tuple(info.name for info in chosen)
    variants = [Variant(name, tmp_path / name, names) for name in ("5", "20")]
    rows = scoring.score("perceptual", chosen, tmp_path / "reference", variants, "cpu")
    for variant, pictures in zip(variants, decoded, strict=True):
        expected = values(video, pictures, *names)
        found = {row.metric: row.frame_values for row in rows if row.of == variant.key}
        assert found == expected
