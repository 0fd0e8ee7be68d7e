import numpy as np
import pytest
import torch
from talkbench.benchmark.media import colour
from talkbench.benchmark.util.errors import InvalidClip, Unavailable
from talkbench.metrics import vmaf, xpsnr

pytestmark = pytest.mark.skipif(xpsnr.availability() is not None, reason=str(xpsnr.availability()))


@pytest.fixture(scope="module")
def moving(make_video):
    """Four frames of a picture that pans."""
    wide = make_video(1, 96, 160, seed=3)
    return torch.cat([wide[..., 3 * i : 3 * i + 128] for i in range(4)])


def smoothed(weights: np.ndarray) -> np.ndarray:
    """No weight above all of its left, right and upper neighbours, in raster order (up to 640×480 pixels)."""
    columns = weights.shape[1]
    flat = weights.ravel().copy()
    for i in range(len(flat)):
        at_start, at_end = i % columns == 0, (i + 1) % columns == 0
        near = [] if at_start else [flat[i - 1]]
        near += [] if at_end else [flat[i + 1]]
        near += [flat[i - columns]] if i >= columns else []
        flat[i] = min(flat[i], max(near))
    return flat.reshape(weights.shape)


def by_definition(reference: torch.Tensor, decoded: torch.Tensor) -> np.ndarray:
    """XPSNR per frame and plane, written down from the paper: below 32 frames/s, at most 640×480 pixels."""
    planes = [[p.numpy().astype(float) for p in colour.rgb_to_yuv420(v, 8)] for v in (reference, decoded)]
    height, width = planes[0][0].shape[1:]
    ratio = np.sqrt(height * width / (3840 * 2160))
    side = 4 * int(32 * ratio + 0.5)
    strength = np.sqrt(16 * 2**7 / ratio)
    before = np.zeros((height, width))
    values = []
    for t, luma in enumerate(planes[0][0]):
        high = np.zeros_like(luma)
        near = sum(
            luma[1 + y : height - 1 + y, 1 + x : width - 1 + x] for y in (-1, 0, 1) for x in (-1, 0, 1)
        )
        cross = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]
        high[1:-1, 1:-1] = np.abs(13 * luma[1:-1, 1:-1] - near - cross)
        inside = np.zeros_like(luma)
        inside[1:-1, 1:-1] = 1
        motion = 2 * np.abs(luma - before)
        before = luma
        blocks = [
            (slice(y, y + side), slice(x, x + side))
            for y in range(0, height, side)
            for x in range(0, width, side)
        ]
        busy = [max(high[b].sum() / inside[b].sum() + motion[b].mean(), 4.0) for b in blocks]
        weights = smoothed(1 / np.array(busy).reshape(-(-height // side), -(-width // side)))
        frame = []
        for plane, (x, y) in enumerate(zip(*planes, strict=True)):
            step = side if plane == 0 else side // 2
            error = (x[t] - y[t]) ** 2
            spread = weights.repeat(step, axis=0).repeat(step, axis=1)[: error.shape[0], : error.shape[1]]
            weighted = round((error * spread).sum() * strength)
            frame.append(10 * np.log10(255**2 * error.size / weighted))
        values.append(frame)
    return np.array(values)


@pytest.mark.parametrize(("height", "width"), [(96, 128), (90, 118), (256, 256)])
def test_agrees_with_the_paper(score, make_clip, make_video, add_noise, height, width):
    """Blocks of 4 and 12 pixels, whole and cut off at the borders."""
    wide = make_video(1, height, width + 12, seed=3)
    reference = add_noise(torch.cat([wide[..., 3 * i : 3 * i + width] for i in range(3)]), 3)
    decoded = add_noise(reference, 9)
    decoded[..., : width // 2] = add_noise(reference, 2)[..., : width // 2]
    scores = score(xpsnr, make_clip(reference), make_clip(decoded))
    y, u, v = by_definition(reference, decoded).T
    assert scores["xpsnr_y"].frame_values == pytest.approx(y, abs=2e-4)
    assert scores["xpsnr"].frame_values == pytest.approx((6 * y + u + v) / 8, abs=2e-4)


def test_a_copy_has_the_cap_and_a_nearly_exact_plane_too(score, make_clip, moving):
    clip = make_clip(moving)
    for result in score(xpsnr, clip, clip).values():
        assert result.frame_values == [100.0] * 4
    decoded = moving.clone()
    decoded[1, :, 40:44, 60:64] ^= 1
    scores = score(xpsnr, clip, make_clip(decoded))
    assert scores["xpsnr"].frame_values[0] == 100
    assert 50 < scores["xpsnr"].frame_values[1] < 100


def test_errors_are_seen_less_where_the_picture_is_busy(score, make_clip, add_noise):
    """What distinguishes it from PSNR: the same error costs less in a busy half than in a flat one."""
    reference = torch.full((2, 3, 96, 128), 128, dtype=torch.uint8)
    reference[..., 64:] = add_noise(reference, 30)[..., 64:]
    values = []
    for half in (slice(0, 64), slice(64, 128)):
        decoded = reference.clone()
        decoded[:, :, ::2, half] += 6
        values.append(score(xpsnr, make_clip(reference), make_clip(decoded))["xpsnr_y"].frame_values[1])
    assert values[1] > values[0] + 6


def test_odd_sizes_several_variants_and_small_pictures(score, make_clip, make_video, add_noise):
    video = make_video(2, 47, 63)
    metric = xpsnr.load("cpu", xpsnr.describe())
    state = metric.reference(make_clip(video))
    for sigma in (5, 0, 9):
        clip = make_clip(add_noise(video, sigma))
        assert metric.compare(state, clip) == score(xpsnr, make_clip(video), clip)
    with pytest.raises(InvalidClip):
        metric.compare(state, make_clip(make_video(2, 47, 64)))
    score(xpsnr, make_clip(make_video(1, 45, 45)), make_clip(make_video(1, 45, 45, seed=1)))
    with pytest.raises(Unavailable, match="at least 2025 pixels, the clip has 1980"):
        metric.reference(make_clip(make_video(1, 44, 45)))


def test_the_order_of_the_two_clips_matters(make_clip, moving, add_noise, score):
    clips = make_clip(moving), make_clip(add_noise(moving, 8))
    one, other = (score(xpsnr, *pair)["xpsnr_y"].frame_values for pair in (clips, clips[::-1]))
    assert min(np.subtract(other, one)[1:]) > 1  # noise in the reference hides errors


def test_vmaf_computes_only_what_is_asked_for(make_clip, moving):
    (_, neg) = vmaf.describe()
    metric = vmaf.load("cpu", [neg])
    assert set(metric.compare(metric.reference(make_clip(moving)), make_clip(moving))) == {"vmaf_neg"}
