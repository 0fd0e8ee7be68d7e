"""What SyncNet is shown: the very bytes that its published pipeline makes, by OpenCV."""

import cv2
import numpy as np
import pytest
import torch
from talkbench.metrics import lipsync
from talkbench.metrics.lipsync import views


@pytest.mark.parametrize(
    ("height", "width"), [(256, 256), (224, 224), (143, 151), (97, 96), (512, 480), (3, 5)]
)
def test_pictures_are_resized_by_opencv(height: int, width: int) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    seen = views.face(torch.from_numpy(rgb).permute(2, 0, 1), 224)
    assert (seen.shape, seen.dtype) == ((3, 224, 224), torch.float32)
    assert np.array_equal(seen.permute(1, 2, 0).numpy(), cv2.resize(bgr, (224, 224)).astype(np.float32))


def test_opencv_is_part_of_the_published_protocols_alone() -> None:
    found = {info.name: (info.version, "opencv-python-headless" in info.build) for info in lipsync.describe()}
    assert {found[name] for name in found if name.endswith("_synthetic")} == {("1", False)}
    assert {found[name] for name in found if not name.endswith("_synthetic")} == {("2", True)}
