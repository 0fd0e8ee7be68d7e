import pytest
import torch
from pytorch_msssim import ms_ssim
from pytorch_msssim import ssim as other_ssim
from skimage.metrics import structural_similarity
from talkbench.benchmark.util.errors import Unavailable
from talkbench.metrics import ssim


@pytest.fixture
def score_ssim(score, make_clip):
    return lambda video, decoded: score(ssim, make_clip(video), make_clip(decoded))


def skimage_ssim(x, y):
    """skimage pads, this metric does not: the border it made up is cropped."""
    x, y = (frame.permute(1, 2, 0).double().numpy() for frame in (x, y))
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
    return structural_similarity(x, y, channel_axis=2, full=True, **options)[1][5:-5, 5:-5].mean()


@pytest.mark.parametrize(("height", "width"), [(11, 11), (64, 48), (161, 173)])
@pytest.mark.parametrize("sigma", [1, 12, 80])
def test_ssim_agrees_with_skimage_and_pytorch_msssim(score_ssim, make_video, add_noise, height, width, sigma):
    video = make_video(2, height, width)
    noisy = add_noise(video, sigma)
    values = score_ssim(video, noisy)["ssim"].frame_values
    for x, y, value in zip(video, noisy, values, strict=True):
        assert value == pytest.approx(skimage_ssim(x, y), abs=2e-6)
    other = other_ssim(video.double(), noisy.double(), data_range=255, size_average=False)
    assert values == pytest.approx(other.tolist(), abs=5e-6)  # its window is rounded to float32


@pytest.mark.parametrize(("height", "width"), [(161, 161), (176, 256), (203, 187)])
@pytest.mark.parametrize("sigma", [1, 12, 80])
def test_ms_ssim_agrees_with_pytorch_msssim(score_ssim, make_video, add_noise, height, width, sigma):
    video = make_video(2, height, width)
    noisy = add_noise(video, sigma)
    values = score_ssim(video, noisy)["ms_ssim"].frame_values
    other = ms_ssim(video.double(), noisy.double(), data_range=255, size_average=False)
    assert values == pytest.approx(other.tolist(), abs=5e-6)  # its window is rounded to float32


def test_flat_and_inverted_pictures_stay_finite_and_exact(score_ssim, make_video):
    """Flat pictures are where float32 moments cancel; negatives are where MS-SSIM's powers would be NaN."""
    flat = torch.full((1, 3, 180, 180), 201, dtype=torch.uint8)
    brighter = flat + 40
    values = score_ssim(flat, brighter)
    assert values["ssim"].frame_values[0] == pytest.approx(skimage_ssim(flat[0], brighter[0]), abs=2e-6)
    video = make_video(1, 180, 180)
    inverted = score_ssim(video, 255 - video)
    assert inverted["ssim"].frame_values[0] == pytest.approx(skimage_ssim(video[0], 255 - video[0]), abs=2e-6)
    assert 0 <= inverted["ms_ssim"].frame_values[0] < 1


def test_identity_is_exactly_one(score_ssim, make_video):
    video = make_video(2, 170, 165)
    values = score_ssim(video, video)
    assert values["ssim"].frame_values == [1.0, 1.0]
    assert values["ms_ssim"].frame_values == [1.0, 1.0]


def test_small_pictures(score_ssim, make_clip, make_video):
    video = make_video(1, 160, 300)
    scores = score_ssim(video, video)
    assert isinstance(scores["ms_ssim"], Unavailable)
    assert "at least 161 pixels, the clip has 160" in str(scores["ms_ssim"])
    assert scores["ssim"].frame_values == [1.0]
    with pytest.raises(Unavailable, match="at least 11 pixels"):
        ssim.load("cpu", ssim.describe()).reference(make_clip(make_video(1, 10, 64)))


def test_frames_at_once_give_the_values_of_frames_one_by_one(make_clip, make_video, add_noise):
    """A GPU takes a chunk at once; the name `cpu:0` takes that path without one."""
    video = make_video(3, 170, 165)
    clips = make_clip(video), make_clip(add_noise(video, 10))
    results = []
    for device in ("cpu", "cpu:0"):
        metric = ssim.load(device, ssim.describe())
        state = metric.reference(clips[0])
        assert len(state.pieces) == (3 if device == "cpu" else 1)
        results.append(metric.compare(state, clips[1]))
    for name in ("ssim", "ms_ssim"):
        one, other = (result[name] for result in results)
        assert not isinstance(one, Unavailable)
        assert not isinstance(other, Unavailable)
        assert one.frame_values == pytest.approx(other.frame_values, abs=1e-6)
