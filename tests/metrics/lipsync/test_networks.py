"""SyncNet and S3FD: numbers that the published networks' own code gave for the same weights and inputs."""

import numpy as np
import pytest
import torch
from talkbench.metrics.lipsync import s3fd as detector
from talkbench.metrics.lipsync.network import PUBLISHED, SMALL, SyncNet
from talkbench.metrics.lipsync.s3fd import S3FD, S3fdFaces, select, without_overlaps

# joonson/syncnet_python (SyncNetModel.S): window 2 of the lips, window 1 of the sounds, and sums over all.
LIPS = [-0.148434, 0.012172, 0.243904, 0.015097, -0.188229, 0.002641]
LIPS_SUM = -10.950246218591928
SOUND = [0.098963, -0.163855, 0.057695, 0.320909, 0.079094, -0.061456]
SOUND_SUM = 11.733285133261234
# The same repository's detectors/s3fd: the first two of 7 boxes, in pixels, and the sum of all coordinates.
BOXES, BOXES_SUM = 7, 1675.2698850631714
FIRST_BOXES = [
    [113.0393, -232.6596, 262.4221, 281.6189],
    [-1423.4613, 16.6583, 1218.2584, 154.1996],
]


def load(network, weights):
    network.load_state_dict(weights, strict=True)
    return network.eval()


@pytest.fixture(scope="module")
def syncnet(draw_weights):
    return load(SyncNet(PUBLISHED), draw_weights(SyncNet(PUBLISHED)))


@pytest.fixture(scope="module")
def pictures_and_cepstra():
    draw = np.random.RandomState(1)
    pictures = draw.randint(0, 256, (1, 3, 8, 224, 224)).astype(np.float32)
    cepstra = draw.standard_normal((2, 1, 13, 20)).astype(np.float32) * 10
    return torch.from_numpy(pictures), torch.from_numpy(cepstra)


def test_syncnet_is_the_published_network(syncnet, pictures_and_cepstra):
    pictures, cepstra = pictures_and_cepstra
    with torch.inference_mode():
        lips, sounds = syncnet.lips(pictures)[0], syncnet.sound(cepstra)
    assert lips.shape == (4, 1024)
    np.testing.assert_allclose(lips[2, :6], LIPS, atol=2e-6)
    assert float(lips.double().sum()) == pytest.approx(LIPS_SUM, abs=1e-3)
    np.testing.assert_allclose(sounds[1, :6], SOUND, atol=2e-6)
    assert float(sounds.double().sum()) == pytest.approx(SOUND_SUM, abs=1e-3)


def test_the_lip_tower_slides_exactly(syncnet, pictures_and_cepstra):
    pictures, _ = pictures_and_cepstra
    with torch.inference_mode():
        slid = syncnet.lips(pictures)
        windows = torch.cat([syncnet.lips(pictures[:, :, start : start + 5]) for start in range(4)], 1)
    torch.testing.assert_close(slid, windows, rtol=1e-6, atol=1e-6)


def test_the_small_network_slides_exactly_and_has_embeddings_of_length_one(draw_weights):
    network = load(SyncNet(SMALL), draw_weights(SyncNet(SMALL)))
    pictures = torch.rand(2, 3, 9, 64, 64, generator=torch.Generator().manual_seed(0)) * 255
    cepstra = torch.randn(6, 1, 13, 20, generator=torch.Generator().manual_seed(1)) * 10
    with torch.inference_mode():
        slid, sounds = network.lips(pictures), network.sound(cepstra)
        windows = torch.cat([network.lips(pictures[:, :, start : start + 5]) for start in range(5)], 1)
        backwards = network.sound(cepstra.flip(0)).flip(0)
    torch.testing.assert_close(slid, windows, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(sounds, backwards, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(slid.norm(dim=-1), torch.ones(2, 5))
    torch.testing.assert_close(sounds.norm(dim=-1), torch.ones(6))


def test_weights_of_another_network_are_refused(draw_weights):
    weights = draw_weights(SyncNet(SMALL))
    with pytest.raises(RuntimeError, match="size mismatch"):
        SyncNet(PUBLISHED).load_state_dict(weights, strict=True)
    weights.pop("netfclip.3.bias")
    with pytest.raises(RuntimeError, match="Missing key"):
        SyncNet(SMALL).load_state_dict(weights, strict=True)


@pytest.fixture(scope="module")
def s3fd(draw_weights):
    return draw_weights(S3FD())


def test_s3fd_is_the_published_network(s3fd):
    picture = np.random.RandomState(3).randint(0, 256, (96, 144, 3)).astype(np.float32)
    with torch.inference_mode():
        confidences, boxes = load(S3FD(), s3fd)(torch.from_numpy(picture.transpose(2, 0, 1).copy())[None])
    found = select(confidences[0], boxes[0]).numpy()
    assert len(found) == BOXES
    assert found.astype(float).sum() == pytest.approx(BOXES_SUM, abs=0.05)
    np.testing.assert_allclose(found[:2], FIRST_BOXES, atol=1e-3)


def test_boxes_are_in_the_pixels_of_the_picture_given(s3fd, monkeypatch):
    monkeypatch.setattr(detector, "SHORT_SIDE", 64)
    small = torch.from_numpy(np.random.RandomState(4).randint(0, 256, (1, 3, 64, 80), np.uint8))
    large = small.repeat_interleave(2, 2).repeat_interleave(2, 3)
    find = S3fdFaces(s3fd, "cpu")
    (near,), (far,) = find(small), find(large)
    assert near
    assert np.array(far) == pytest.approx(2 * np.array(near), rel=1e-4, abs=1e-2)


def test_of_boxes_that_overlap_the_most_confident_stays():
    boxes = torch.tensor([[0.0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10], [9, 0, 19, 10]])
    confidences = torch.tensor([0.8, 0.9, 0.5, 0.7])
    assert without_overlaps(boxes, confidences, 0.3).tolist() == [1, 3, 2]
    assert without_overlaps(boxes, confidences, 0.05).tolist() == [1, 2]
    assert without_overlaps(boxes[:0], confidences[:0], 0.3).tolist() == []
