"""The values are those of the field's libraries, on the same weights. `make test` installs them."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest
import torch
from PIL import Image

INSTALL = "pip install -c constraints.txt --no-deps DISTS-pytorch lpips piq"
SHAPES = [(1, (256, 256)), (2, (256, 256)), (3, (97, 131)), (1, (31, 45))]


@pytest.fixture
def lpips(torchvision, parts, monkeypatch):
    """`lpips(net)`: the library's LPIPS with the weights under test."""
    library = pytest.importorskip("lpips", reason=INSTALL)
    monkeypatch.setattr("lpips.pretrained_networks.tv", torchvision)

    def made(net):
        model = library.LPIPS(net=net, pretrained=False, pnet_rand=True, verbose=False)
        features = parts["vgg16" if net == "vgg" else "alexnet"]
        names = model.net.state_dict()
        model.net.load_state_dict({name: features[f"features.{name.split('.', 1)[1]}"] for name in names})
        for index in range(5):
            name = f"lin{index}.model.1.weight"
            model.get_parameter(name).data = parts[f"lpips-{net}"][name]
        return model.requires_grad_(False)

    return made


@pytest.fixture(params=["piq", "DISTS_pytorch"])
def dists(request, torchvision, parts, monkeypatch):
    """DISTS of piq and of its authors, per frame."""
    name = request.param
    library = pytest.importorskip(name, reason=INSTALL)
    if name == "piq":
        total = sum(part.sum() for part in parts["dists"].values())  # piq takes them as adding up to 1
        normalised = {key: part / total for key, part in parts["dists"].items()}
        monkeypatch.setattr(torch.hub, "load_state_dict_from_url", lambda *_, **__: normalised)
        monkeypatch.setattr("piq.perceptual.vgg16", torchvision.vgg16)
        model = library.DISTS(reduction="none")
        model.model.load_state_dict(
            {key[9:]: value for key, value in parts["vgg16"].items() if key.startswith("features")}
        )
        return model
    monkeypatch.setattr("DISTS_pytorch.DISTS_pt.models", torchvision)
    model = library.DISTS(load_weights=False)
    model.alpha.data, model.beta.data = parts["dists"]["alpha"], parts["dists"]["beta"]
    for key, parameter in model.named_parameters():
        if key.startswith("stage"):
            parameter.data = parts["vgg16"][f"features.{key.split('.', 1)[1]}"]
    return lambda x, y: torch.atleast_1d(model(x, y))


@pytest.fixture
def pair(make_video, add_noise):
    def made(frames, height, width, sigma=10):
        video = make_video(frames, height, width)
        return video, add_noise(video, sigma)

    return made


@pytest.mark.parametrize(("frames", "size"), SHAPES)
@pytest.mark.parametrize("net", ["alex", "vgg"])
def test_lpips(lpips, values, pair, net, size, frames):
    x, y = pair(frames, *size)
    model = lpips(net)
    expected = model(x / 127.5 - 1, y / 127.5 - 1).flatten().tolist()
    assert values(x, y, f"lpips_{net}")[f"lpips_{net}"] == pytest.approx(expected, abs=1e-6)


def test_lpips_fed_with_the_wrong_range(lpips, values, pair):
    x, y = pair(2, 256, 256)
    expected = lpips("alex")(x / 255, y / 255).flatten().tolist()
    found = values(x, y, "lpips_alex_unnormalized")["lpips_alex_unnormalized"]
    assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("frames", "size"), SHAPES)
def test_dists(dists, values, pair, size, frames):
    x, y = pair(frames, *size)
    expected = dists(x / 255, y / 255).flatten().tolist()
    assert values(x, y, "dists")["dists"] == pytest.approx(expected, abs=1e-6)


def test_lpips_at_512(lpips, values, pair):
    x, y = pair(1, 512, 512)
    for net in ("alex", "vgg"):
        expected = lpips(net)(x / 127.5 - 1, y / 127.5 - 1).flatten().tolist()
        assert values(x, y, f"lpips_{net}")[f"lpips_{net}"] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("size", [(512, 512), (300, 391)])
def test_dists_of_large_pictures_is_that_of_the_authors_prepare_image(dists, values, pair, size):
    """`prepare_image` is Pillow's resize of the shorter side to 256, which torchvision's resize calls."""

    def prepared(video):
        shorter = min(video.shape[2:])
        size = (int(256 * video.shape[3] / shorter), int(256 * video.shape[2] / shorter))
        pictures = [Image.fromarray(frame.permute(1, 2, 0).numpy()) for frame in video]
        small = [np.asarray(picture.resize(size, Image.Resampling.BILINEAR)) for picture in pictures]
        return torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2) / 255

    x, y = pair(1, *size)
    expected = dists(prepared(x), prepared(y)).flatten().tolist()
    assert values(x, y, "dists")["dists"] == pytest.approx(expected, abs=1e-6)


@pytest.fixture
def recorded(shared):
    """A frame of a recording (1, 3, 288, 360) and its JPEG."""
    with av.open(str(shared / "clips" / "grid" / "bbaf2n.mpg")) as file:
        frame = next(file.decode(video=0)).to_image()
    packed = io.BytesIO()
    frame.save(packed, "JPEG", quality=30)
    pictures = [np.asarray(picture) for picture in (frame, Image.open(packed))]
    return [torch.from_numpy(picture.copy()).permute(2, 0, 1)[None] for picture in pictures]


def test_a_recorded_frame(lpips, dists, values, recorded):
    x, y = (video[..., :256, 60:316] for video in recorded)
    expected = {f"lpips_{net}": lpips(net)(x / 127.5 - 1, y / 127.5 - 1).item() for net in ("alex", "vgg")}
    expected["dists"] = dists(x / 255, y / 255).item()
    found = values(x, y, *expected)
    for name, value in expected.items():
        assert found[name] == pytest.approx([value], abs=1e-6), name
