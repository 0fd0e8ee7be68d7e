"""Mouth crops against scikit-image, and on real faces."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image
from skimage import transform
from talkbench.benchmark import weights
from talkbench.benchmark.util.errors import Unavailable
from talkbench.metrics.avs import mouth
from talkbench.metrics.avs.mouth import Crops, Tracker

STABLE = [33, 36, 39, 42, 45]
CLIPS = ["grid/bbaf2n.mpg", "vidtimit/fadg0_sa1.mkv", "wild/videoretalking_face5.mp4"]


def pictures(path: Path, every: int, count: int) -> torch.Tensor:
    """Some pictures of a recording: uint8 (count, 3, H, W)."""
    with av.open(path) as container:
        shown = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return torch.from_numpy(np.stack(shown[: every * count : every])).permute(0, 3, 1, 2)


@pytest.fixture(scope="module")
def tracker() -> Tracker:
    if reason := weights.missing(["dlib-shape-68"]):
        pytest.skip(reason)
    return Tracker(weights.path("dlib-shape-68"))


def aligned(video: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """AV-HuBERT's steps in scikit-image: grey (T, H, W), landmarks (T, 68, 2) to 96×96 mouths."""
    mean_face = np.stack([np.real(mouth._MEAN_FACE) + 128, np.imag(mouth._MEAN_FACE) + 103], axis=1)
    crops, similarity = [], None
    for number, picture in enumerate(video):
        if similarity is None or number + 12 <= len(video):
            smooth = landmarks[number : number + 12].mean(axis=0)
            similarity = transform.SimilarityTransform.from_estimate(smooth[STABLE], mean_face)
        turned = transform.warp(picture, similarity.inverse, output_shape=(256, 256), order=1)
        x, y = np.rint(similarity(landmarks[number])[48:68].mean(axis=0)).astype(int)
        crops.append(turned[y - 48 : y + 48, x - 48 : x + 48])
    return np.stack(crops)


def test_crops_are_those_of_scikit_image(make_video: Callable, moving_face: Callable) -> None:
    video, landmarks = make_video(20, 200, 240), moving_face(20)
    grey = (video.double() * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(1).numpy() / 255
    expected = aligned(grey, landmarks)[:, 4:92, 4:92]
    found = Crops(landmarks, range(20)).cut(video, 0, 20).numpy()
    assert expected.std() > 0.05
    np.testing.assert_allclose(found, expected, atol=2e-4)


def test_outside_of_the_picture_is_black(make_video: Callable, moving_face: Callable) -> None:
    low = moving_face(3) + np.array([0, 60])
    crops = Crops(low, range(3)).cut(make_video(3, 200, 240).clamp(min=30), 0, 3)
    assert (crops[:, 0] > 0.1).all()
    assert (crops[:, -1] == 0).all()


@pytest.mark.parametrize("name", CLIPS)
def test_a_turned_and_scaled_recording_gives_the_same_crops(
    shared: Path, tracker: Tracker, name: str
) -> None:
    video = pictures(shared / "clips" / name, every=4, count=4)
    moved = [
        np.asarray(
            Image.fromarray(picture.permute(1, 2, 0).numpy())
            .resize((video.shape[3] * 5 // 4, video.shape[2] * 5 // 4), Image.Resampling.BICUBIC)
            .rotate(12, Image.Resampling.BICUBIC)
        )
        for picture in video
    ]
    both = [video, torch.from_numpy(np.stack(moved)).permute(0, 3, 1, 2)]
    first, second = (Crops(tracker.track(clip), range(4)).cut(clip, 0, 4) for clip in both)
    # Landmarks are whole pixels, so that a crop may be shifted by a pixel or two.
    assert (first - second).abs().mean() < 0.03 < (first - first.mean()).abs().mean()


def test_a_picture_without_a_face_is_between_its_neighbours(shared: Path, tracker: Tracker) -> None:
    video = pictures(shared / "clips" / CLIPS[0], every=2, count=4)
    video[[0, 2]] = 128
    track = tracker.track(video)
    whole = tracker.track(video[[1, 3]])
    np.testing.assert_allclose(track, np.stack([whole[0], whole[0], whole.mean(axis=0), whole[1]]))


def test_no_face_at_all(tracker: Tracker, make_video: Callable) -> None:
    with pytest.raises(Unavailable, match="no face was found in the reference"):
        tracker.track(make_video(3, 128, 128))
