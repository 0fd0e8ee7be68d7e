import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio
from talkbench.benchmark.util.errors import InvalidClip, Unavailable
from talkbench.metrics import psnr


@pytest.mark.parametrize(("height", "width"), [(64, 64), (37, 51), (1, 1)])
def test_agrees_with_skimage(score, make_clip, make_video, add_noise, height, width):
    video = make_video(3, height, width)
    noisy = add_noise(video, 20)
    scores = score(psnr, make_clip(video), make_clip(noisy))
    weights = torch.tensor([0.2126, 0.7152, 0.0722], dtype=torch.float64).view(3, 1, 1)
    for index, (x, y) in enumerate(zip(video, noisy, strict=True)):
        rgb = [peak_signal_noise_ratio(a, b) for a, b in zip(x.numpy(), y.numpy(), strict=True)]
        luma = [(weights * frame).sum(dim=0).numpy() for frame in (x, y)]
        assert scores["psnr"].frame_values[index] == pytest.approx(sum(rgb) / 3, abs=1e-9)
        luma_db = peak_signal_noise_ratio(*luma, data_range=255)
        assert scores["psnr_y"].frame_values[index] == pytest.approx(luma_db, abs=1e-5)


def test_copies_are_capped(score, make_clip, make_video):
    video = make_video(2, 20, 20)
    other = video.clone()
    other[1, 0] ^= 1  # red is off by one: 48.13 dB; green and blue are exact copies
    scores = score(psnr, make_clip(video), make_clip(other))
    assert scores["psnr"].frame_values[0] == 100.0
    assert scores["psnr"].frame_values[1] == pytest.approx((48.1308 + 200) / 3, abs=1e-4)
    assert scores["psnr_y"].frame_values[0] == 100.0


def test_refuses_other_shapes_and_clips_without_picture(make_clip, make_video):
    metric = psnr.load("cpu", psnr.describe())
    state = metric.reference(make_clip(make_video(2, 20, 20)))
    with pytest.raises(InvalidClip, match=r"\(3, 3, 20, 20\)"):
        metric.compare(state, make_clip(make_video(3, 20, 20)))
    with pytest.raises(Unavailable, match="no picture"):
        metric.reference(make_clip())
