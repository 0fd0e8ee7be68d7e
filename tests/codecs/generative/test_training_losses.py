"""The losses against other forms of them: libraries, plain numpy, finite differences, perfect detectors."""

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity
from talkbench.benchmark.weights.imagenet import VGG16
from talkbench.codecs._face.keypoints import Keypoints
from talkbench.codecs._face.layers import coordinates
from talkbench.codecs._face.training import perceptual
from talkbench.codecs._face.training.losses import Bend, dissimilarity, equivariance, guidance, pyramid


def pictures(seed: int, side: int = 64) -> torch.Tensor:
    return torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(seed))


def test_dissimilarity_is_ssim_with_flat_windows():
    """scikit-image's map, at the middles of every second window."""
    a = pictures(1)
    b = (0.7 * a + 0.3 * pictures(2)).clamp(0, 1)
    found = []
    for x, y in zip(a.double().numpy(), b.double().numpy(), strict=True):
        whole = structural_similarity(
            x, y, win_size=7, channel_axis=0, data_range=1, use_sample_covariance=False, full=True
        )
        found.append(whole[1][:, 3:-3:2, 3:-3:2].mean())
    assert float(dissimilarity(a, b)) == pytest.approx(1 - np.mean(found), abs=1e-5)
    assert float(dissimilarity(a, a)) == pytest.approx(0, abs=1e-6)


def test_the_pyramid_is_the_mean_of_four_sizes():
    a, b = pictures(1), pictures(2)
    levels = []
    difference = (a - b).numpy()
    for size in (64, 32, 16, 8):
        blocks = difference.reshape(2, 3, size, 64 // size, size, 64 // size).mean((3, 5))
        levels.append(np.abs(blocks).mean())
    assert float(pyramid(a, b)) == pytest.approx(np.mean(levels), rel=1e-5)


@pytest.fixture
def exact():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def test_the_bends_jacobian_is_its_derivative(exact):
    torch.manual_seed(3)
    bend = Bend(2, torch.device("cpu"))
    places = torch.rand(2, 7, 2) * 1.8 - 0.9
    found = bend.jacobian(places)
    step = 1e-6
    for axis in (0, 1):
        aside = torch.zeros(2).index_fill(0, torch.tensor(axis), step)
        slope = (bend(places + aside) - bend(places - aside)) / (2 * step)
        assert torch.allclose(found[..., axis], slope, atol=1e-5)


def test_a_bent_picture_shows_at_a_place_what_is_where_the_place_goes(exact):
    """A picture of coordinates says itself where each pixel came from."""
    torch.manual_seed(4)
    bend = Bend(1, torch.device("cpu"))
    at = coordinates(33, 33, torch.device("cpu"))
    seen = bend.picture(at.permute(2, 0, 1)[None])[0].permute(1, 2, 0)
    inside = (at.abs() < 0.6).all(-1)
    assert torch.allclose(seen[inside], bend(at.view(1, -1, 2)).view(33, 33, 2)[inside], atol=1e-9)
    assert (seen - at)[inside].abs().max() > 0.02


def where_it_shows(wanted: torch.Tensor, jacobians: bool):
    """A perfect detector for pictures of coordinates: finds where each of the wanted (K, 2) is shown."""

    def detect(picture: torch.Tensor) -> Keypoints:
        side = picture.shape[-1]
        places, slopes = [], []
        for x, y in wanted.tolist():
            distance = (picture[:, 0] - x) ** 2 + (picture[:, 1] - y) ** 2
            rows, columns = [], []
            for one in distance:
                row, column = divmod(int(one.argmin()), side)
                rows.append(row)
                columns.append(column)
            pixel = 2 / (side - 1)
            each, r, c = torch.arange(len(picture)), torch.tensor(rows), torch.tensor(columns)
            across = (picture[each, :2, r, c + 1] - picture[each, :2, r, c - 1]) / (2 * pixel)
            down = (picture[each, :2, r + 1, c] - picture[each, :2, r - 1, c]) / (2 * pixel)
            slope = torch.stack((across, down), -1)  # of what is shown, by the place
            miss = torch.tensor([x, y]) - picture[each, :2, r, c]
            nearest = torch.stack((c * pixel - 1, r * pixel - 1), -1)
            places.append(nearest + (torch.linalg.inv(slope) @ miss[..., None])[..., 0])
            slopes.append(torch.linalg.inv(slope))
        return Keypoints(torch.stack(places, 1), torch.stack(slopes, 1) if jacobians else None)

    return detect


@pytest.mark.parametrize("jacobians", [False, True])
def test_a_perfect_detector_has_no_equivariance_loss(exact, jacobians):
    wanted = torch.tensor([[0.1, 0.2], [-0.4, 0.3], [0.35, -0.45]])
    frames = coordinates(129, 129, torch.device("cpu")).permute(2, 0, 1)[None].repeat(4, 1, 1, 1)
    detect = where_it_shows(wanted, jacobians)
    found = detect(frames)
    assert torch.allclose(found.places, wanted.expand(4, -1, -1))
    torch.manual_seed(5)
    assert float(equivariance(detect, frames, found)) < 2e-3
    torch.manual_seed(5)
    asleep = float(equivariance(lambda _: found, frames, found))  # always says the same
    assert asleep > 0.05


def test_guidance_ends_halfway():
    weights = [guidance(share) for share in (0, 0.25, 0.49, 0.5, 1)]
    assert weights == sorted(weights, reverse=True)
    assert weights[2] > 0 == weights[3] == weights[4]


@pytest.fixture
def random_vgg(monkeypatch):
    """VGG-16 as torchvision builds it, with weights drawn at random, which the loss reads too."""
    torch.manual_seed(0)
    layers: list[torch.nn.Module] = []
    channels = 3
    for width, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(count):
            convolution = torch.nn.Conv2d(channels, width, 3, padding=1)
            torch.nn.init.kaiming_normal_(convolution.weight)
            layers += [convolution, torch.nn.ReLU()]
            channels = width
        layers.append(torch.nn.MaxPool2d(2))
    network = torch.nn.Sequential(*layers)

    def read(name, architecture):
        assert (name, architecture) == ("vgg16", VGG16)
        return {f"features.{name}": value.detach() for name, value in network.state_dict().items()}

    monkeypatch.setattr(perceptual, "read", read)
    return network


def test_the_perceptual_loss_compares_features_after_five_convolutions(random_vgg):
    loss = perceptual.Perceptual("cpu")
    made, target = pictures(1, 32).requires_grad_(), pictures(2, 32).requires_grad_()
    value = loss(made, target)
    terms = []
    for size in (32, 16):
        parts = []
        for frames in (made, target):
            small = torch.nn.functional.interpolate(frames, size=(size, size), mode="area")
            mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
            x, features = (small - mean.view(3, 1, 1)) / std.view(3, 1, 1), []
            for index, layer in enumerate(random_vgg[:26]):
                x = layer(x)
                if index in (1, 6, 11, 18, 25):
                    features.append(x)
            parts.append(features)
        terms += [(a - b).abs().mean() for a, b in zip(*parts, strict=True)]
    assert float(value.detach()) == pytest.approx(float(torch.stack(terms).mean().detach()), rel=1e-4)
    value.backward()
    assert made.grad.abs().sum() > 0
    assert target.grad is None
