"""The values are those of the papers' formulas in float64; networks have exactly the expected layers."""

from __future__ import annotations

import pytest
import torch
from talkbench.benchmark.util.errors import InvalidClip, Unavailable
from talkbench.metrics import perceptual
from talkbench.metrics.perceptual.convolution import Winograd


@pytest.mark.parametrize("size", [(64, 64), (51, 70), (31, 33)])
@pytest.mark.parametrize("sigma", [1, 40])
def test_formulas(plain, values, make_video, add_noise, size, sigma):
    video = make_video(2, *size)
    noisy = add_noise(video, sigma)
    x, y = video / 255, noisy / 255
    expected = {
        "lpips_alex": plain.lpips(x, y, "alex"),
        "lpips_alex_unnormalized": plain.lpips(x, y, "alex", normalised=False),
        "lpips_vgg": plain.lpips(x, y, "vgg"),
        "dists": plain.dists(x, y),
    }
    found = values(video, noisy)
    assert found.keys() == expected.keys()
    for name, wanted in expected.items():
        assert found[name] == pytest.approx(wanted.tolist(), abs=2e-7, rel=2e-5), name


@pytest.mark.parametrize(("grey", "other"), [(201, 241), (128, 129), (0, 255)])
def test_flat_pictures(plain, values, grey, other):
    """Where every variance is one of rounding errors: DISTS in the libraries' float32 is off by 0.03."""
    x, y = (torch.full((1, 3, 64, 64), value, dtype=torch.uint8) for value in (grey, other))
    found = values(x, y)
    assert found["dists"] == pytest.approx(plain.dists(x / 255, y / 255).tolist(), abs=1e-6)
    for net in ("alex", "vgg"):
        expected = plain.lpips(x / 255, y / 255, net).tolist()
        assert found[f"lpips_{net}"] == pytest.approx(expected, abs=1e-6)


def test_only_what_is_asked_for_is_loaded_and_computed(random_weights, random_parts, make_clip, make_video):
    """The other networks' weights are not even read: here they are absent."""
    infos = [info for info in perceptual.describe() if info.name == "dists"]
    for name in ("vgg16", "dists"):
        random_weights(name, random_parts[name])
    clip = make_clip(make_video(1, 32, 32))
    metric = perceptual.load("cpu", infos)
    assert list(metric.compare(metric.reference(clip), clip)) == ["dists"]
    assert metric.infos == infos


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("vgg16", {"features.14.weight": None}, r"vgg16.*features\.14\.weight is missing"),
        ("vgg16", {"features.0.weight": torch.zeros(64, 3, 5, 5)}, r"features\.0\.weight is \(64, 3, 5, 5\)"),
        ("alexnet", {"features.12.bias": torch.zeros(3)}, r"features\.12\.bias .*nothing of this name"),
        ("lpips-vgg", {"lin0.model.1.weight": torch.zeros(1, 32, 1, 1)}, r"expected \(1, 64, 1, 1\)"),
        ("dists", {"beta": None}, r"beta is missing, expected \(1, 1475, 1, 1\)"),
    ],
)
def test_weights_of_another_network_are_refused(random_weights, random_parts, name, change, message):
    for other, part in random_parts.items():
        random_weights(other, part)
    changed = {k: v for k, v in {**random_parts[name], **change}.items() if v is not None}
    random_weights(name, changed)
    with pytest.raises(Unavailable, match=message):
        perceptual.load("cpu", perceptual.describe())


def test_small_pictures(load, make_clip, make_video):
    clip = make_clip(make_video(1, 40, 30))
    metric = load()
    scores = metric.compare(metric.reference(clip), clip)
    assert isinstance(scores["lpips_alex"], Unavailable)
    assert "at least 31 pixels, the clip has 30" in str(scores["lpips_alex"])
    assert isinstance(scores["lpips_alex_unnormalized"], Unavailable)
    assert scores["lpips_vgg"].frame_values == scores["dists"].frame_values == [0.0]
    with pytest.raises(Unavailable, match="lpips_vgg needs a shorter side of at least 16 pixels"):
        load("lpips_alex", "lpips_vgg").reference(make_clip(make_video(1, 15, 40)))
    tiny = make_clip(make_video(1, 15, 3))
    scores = load().compare(load().reference(tiny), tiny)
    assert scores["dists"].frame_values == [0.0]


def test_wrong_shapes_and_no_picture(load, make_clip, make_video):
    metric = load("lpips_alex")
    state = metric.reference(make_clip(make_video(2, 40, 40)))
    with pytest.raises(InvalidClip):
        metric.compare(state, make_clip(make_video(2, 40, 41)))
    with pytest.raises(Unavailable, match="no picture"):
        metric.reference(make_clip())


@pytest.mark.parametrize(("height", "width"), [(1, 1), (4, 4), (16, 16), (33, 18), (7, 301)])
@pytest.mark.parametrize(("channels", "out_channels"), [(64, 64), (70, 130)])
def test_winograd_convolution(height, width, channels, out_channels):
    """Against the library in float64; its rounding error is a few times that of the library in float32."""
    random = torch.Generator().manual_seed(height)
    x = torch.randn(2, channels, height, width, generator=random).relu()
    weight = torch.randn(out_channels, channels, 3, 3, generator=random) * (2 / 9 / channels) ** 0.5
    bias = torch.randn(out_channels, generator=random)
    expected = torch.nn.functional.conv2d(x.double(), weight.double(), bias.double(), padding=1).relu()
    found = Winograd(weight, bias)(x.contiguous(memory_format=torch.channels_last))
    assert found.shape == expected.shape
    torch.testing.assert_close(found.double(), expected, atol=2e-5, rtol=0)


def test_winograd_of_a_frame_does_not_depend_on_its_batch():
    random = torch.Generator().manual_seed(0)
    x = torch.randn(3, 64, 20, 24, generator=random).contiguous(memory_format=torch.channels_last)
    layer = Winograd(torch.randn(64, 64, 3, 3, generator=random), torch.zeros(64))
    assert torch.equal(layer(x)[1:2], layer(x[1:2]))
