import json
import subprocess
from itertools import pairwise

import pytest
import torch
from talkbench.benchmark.media import ffmpeg
from talkbench.benchmark.util.errors import InvalidClip, Unavailable
from talkbench.metrics import vmaf

pytestmark = pytest.mark.skipif(vmaf.availability() is not None, reason=str(vmaf.availability()))


@pytest.fixture(scope="module")
def moving(make_video):
    """Five frames of a picture that pans, so that VMAF's motion feature is not zero."""
    wide = make_video(1, 96, 160, seed=3)
    return torch.cat([wide[..., 4 * i : 4 * i + 128] for i in range(5)])


def grey(video):
    """Frames whose three channels are equal: their luma is known without any conversion matrix."""
    return video.float().mean(dim=1, keepdim=True).round().byte().expand(-1, 3, -1, -1)


def test_agrees_with_one_model_at_a_time_on_grey_pictures(score, make_clip, moving, add_noise, tmp_path):
    """Independent path: full-range grey files, converted by ffmpeg's own scaler, one model per run."""
    reference, decoded = grey(moving), grey(add_noise(moving, 12))
    scores = score(vmaf, make_clip(reference), make_clip(decoded))
    layout = ["-f", "rawvideo", "-pixel_format", "gray", "-video_size", "128x96", "-framerate", "25"]
    for name, video in (("r", reference), ("d", decoded)):
        (tmp_path / name).write_bytes(video[:, 0].contiguous().numpy().tobytes())
    limited = "scale=in_range=full:out_range=limited,format=yuv420p"
    for name, model in vmaf.MODELS.items():
        graph = (
            f"[0]{limited}[a];[1]{limited}[b];[a][b]libvmaf=model=version={model}:log_fmt=json:log_path=log"
        )
        command = [ffmpeg.executable(), "-v", "error", *layout, "-i", "d", *layout, "-i", "r"]
        subprocess.run([*command, "-lavfi", graph, "-f", "null", "-"], cwd=tmp_path, check=True)
        frames = json.loads((tmp_path / "log").read_text())["frames"]
        expected = [frame["metrics"]["vmaf"] for frame in frames]
        assert scores[name].frame_values == pytest.approx(expected, abs=0.15)  # two roundings to 8 bits


def test_more_noise_is_worse_and_sharpening_fools_only_vmaf(score, make_clip, moving, add_noise):
    clip = make_clip(moving)
    means = [
        torch.tensor(score(vmaf, clip, make_clip(add_noise(moving, sigma)))["vmaf"].frame_values).mean()
        for sigma in (0, 4, 12, 40)
    ]
    assert all(better > worse for better, worse in pairwise(means))
    noisy_reference = add_noise(moving, 6)
    contrast = ((noisy_reference.float() - 128) * 1.3 + 128).clamp(0, 255).round().byte()
    scores = score(vmaf, make_clip(noisy_reference), make_clip(contrast))
    assert min(scores["vmaf"].frame_values) > max(scores["vmaf_neg"].frame_values)


def test_one_frame_odd_sizes_and_several_variants(score, make_clip, make_video, add_noise):
    video = make_video(1, 33, 47)
    clips = [make_clip(add_noise(video, sigma)) for sigma in (5, 0, 9)]
    metric = vmaf.load("cpu", vmaf.describe())
    state = metric.reference(make_clip(video))
    for clip in clips:
        assert metric.compare(state, clip) == score(vmaf, make_clip(video), clip)
    with pytest.raises(InvalidClip):
        metric.compare(state, make_clip(make_video(1, 33, 48)))


def test_temporary_files_are_removed(make_clip, make_video):
    state = vmaf.load("cpu", vmaf.describe()).reference(make_clip(make_video(1, 32, 32)))
    folder = state.folder
    assert (folder / "reference.yuv").stat().st_size == 32 * 32 * 3 // 2
    del state
    assert not folder.exists()


def test_works_in_folders_with_awkward_names(score, make_clip, make_video, tmp_path, monkeypatch):
    awkward = tmp_path / "it's [a], b;c:d\\e"
    awkward.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(awkward))
    clip = make_clip(make_video(1, 32, 32))
    assert score(vmaf, clip, clip)["vmaf"].frame_values[0] > 90


def test_needs_a_picture_of_32_pixels(make_clip, make_video):
    with pytest.raises(Unavailable, match="at least 32 pixels, the clip has 31"):
        vmaf.load("cpu", vmaf.describe()).reference(make_clip(make_video(1, 31, 64)))
