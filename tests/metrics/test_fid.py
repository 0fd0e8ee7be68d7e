"""FID: the network against pytorch-fid's, the distance against the formula, and both together."""

import importlib
import json
import zlib
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given
from hypothesis import strategies as st
from talkbench.benchmark import weights
from talkbench.benchmark.api.metric import SetScore
from talkbench.benchmark.util.errors import Unavailable
from talkbench.metrics import fid
from talkbench.metrics.fid import network
from talkbench.metrics.fid.frechet import FeatureSet, frechet_distance

# Features of pytorch-fid 0.3.0's own InceptionV3 (on torchvision 0.28.0's layers) in float64, of the pictures
# `noise` with the weights `checkpoint`: every 16th of the 2048.
EXPECTED = json.loads(Path(__file__).with_name("pytorch_fid_features.json").read_text())


def random_layer(name: str, shape: tuple[int, ...]) -> OrderedDict[str, torch.Tensor]:
    """A convolution and its normalisation as a checkpoint has them; the same numbers everywhere."""
    random = np.random.RandomState(zlib.crc32(name.encode()))
    size = (shape[0],)
    return OrderedDict(
        (f"{name}.{part}", torch.from_numpy(values.astype(np.float32)))
        for part, values in (
            ("conv.weight", random.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))),
            ("bn.weight", 1 + 0.3 * random.standard_normal(size)),
            ("bn.bias", 0.2 * random.standard_normal(size)),
            ("bn.running_mean", 0.2 * random.standard_normal(size)),
            ("bn.running_var", np.exp(0.5 * random.standard_normal(size))),
        )
    )


def random_checkpoint() -> dict[str, torch.Tensor]:
    layers = {}
    with torch.device("meta"):
        shapes = network.inception()
    for path, module in shapes.named_modules():
        if isinstance(module, network.ConvRelu):
            block, *inner = path.split(".")
            layers |= random_layer(".".join([block, *inner[-1:]]), tuple(module.weight.shape))
    return layers


def noise(side: int, frames: int) -> torch.Tensor:
    """Random uint8 frames (frames, 3, side, side): noise of 8 pixels with noise of 1 pixel on it."""
    random = np.random.RandomState(side)
    coarse = random.randint(0, 200, (frames, 3, side // 8, side // 8)).repeat(8, axis=2).repeat(8, axis=3)
    return torch.from_numpy((coarse + random.randint(0, 56, (frames, 3, side, side))).astype(np.uint8))


def relative(found: torch.Tensor, expected: torch.Tensor) -> float:
    return ((found - expected).norm() / expected.norm()).item()


@pytest.fixture(scope="module")
def checkpoint():
    return random_checkpoint()


@pytest.fixture
def metric(random_weights, checkpoint):
    random_weights("pt-inception", checkpoint)
    return fid.load("cpu", fid.describe())


@pytest.mark.parametrize(("side", "frames"), [(256, 2), (512, 1)])
def test_the_network_is_pytorch_fids(side, frames, checkpoint, metric, make_clip):
    expected = torch.tensor(EXPECTED[str(side)], dtype=torch.float64)
    pictures = noise(side, frames)
    with torch.inference_mode():
        resized = torch.nn.functional.interpolate(
            pictures.double() / 255, size=(299, 299), mode="bilinear", align_corners=False
        )
        exact = network.load(checkpoint, torch.float64)(2 * resized - 1)[:, ::16]
    assert relative(exact, expected) < 1e-10
    features = metric.embed(make_clip(pictures))
    assert features.shape == (frames, fid.DIMENSIONS)
    assert features.dtype == np.float32
    assert relative(torch.from_numpy(features[:, ::16]).double(), expected) < 1e-6


def test_the_network_is_pytorch_fids_where_that_is_installed(checkpoint, monkeypatch):
    try:
        inception = importlib.import_module("pytorch_fid.inception")
    except Exception as error:  # torchvision's compiled part may not fit the torch that is here
        pytest.skip(f"pytorch_fid cannot be imported: {error}")
    state = {**checkpoint, "fc.weight": torch.zeros(1008, 2048), "fc.bias": torch.zeros(1008)}
    monkeypatch.setattr(inception, "load_state_dict_from_url", lambda *_, **__: state)
    pictures = noise(264, 2)
    with torch.inference_mode():
        expected = inception.InceptionV3().eval()(pictures.float() / 255)[0].flatten(1)
        assert relative(network.load(state)(network.prepared(pictures)), expected) < 1e-6


def test_a_checkpoint_must_hold_this_network_and_classifiers_are_left_out(checkpoint):
    extra = {name: torch.zeros(2) for name in ("fc.weight", "AuxLogits.conv0.conv.weight")}
    counted = {"Conv2d_1a_3x3.bn.num_batches_tracked": torch.tensor(0)}
    pictures = network.prepared(noise(64, 1))
    with torch.inference_mode():
        same = network.load(checkpoint | extra | counted)(pictures)
        assert torch.equal(same, network.load(checkpoint)(pictures))
    with pytest.raises(ValueError, match=r"layers \['Mixed_7c.branch_pool'\] are missing"):
        network.load({key: value for key, value in checkpoint.items() if "Mixed_7c.branch_pool" not in key})
    with pytest.raises(ValueError, match=r"\['Mixed_8.branch1x1'\] are unknown"):
        network.load(checkpoint | random_layer("Mixed_8.branch1x1", (4, 4, 1, 1)))
    with pytest.raises(KeyError, match=r"Mixed_5b.branch1x1.bn.running_var"):
        network.load({k: v for k, v in checkpoint.items() if k != "Mixed_5b.branch1x1.bn.running_var"})
    with pytest.raises(RuntimeError, match=r"size mismatch for Mixed_5b.0.branch1x1.weight"):
        network.load(checkpoint | random_layer("Mixed_5b.branch1x1", (64, 100, 1, 1)))


def test_frames_are_embedded_one_by_one(metric, make_clip):
    clip = make_clip(noise(72, 3))
    whole = metric.embed(clip)
    pieces = np.concatenate([metric.embed(clip.frames(0, 1)), metric.embed(clip.frames(1, 3))])
    np.testing.assert_allclose(pieces, whole, rtol=1e-5, atol=1e-5 * whole.max())
    with pytest.raises(Unavailable, match="no picture"):
        metric.embed(clip.only("audio"))


def test_the_quick_form_is_near_and_known_by_its_fingerprint(metric, make_clip):
    (info,) = fid.describe()
    quick = fid.load("cpu", [info.quickened()])
    clip = make_clip(noise(96, 2))
    exact, found = (torch.from_numpy(form.embed(clip)) for form in (metric, quick))
    assert 1e-4 < relative(found, exact) < 3e-2
    assert found.dtype == torch.float32
    assert info.quickened().fingerprint() != info.fingerprint()


@pytest.mark.parametrize("kind", ["random", "official"])
def test_like_a_viewer_it_sees_noise_and_colour_and_not_the_order_of_frames(
    kind, request, make_clip, make_video, add_noise
):
    """Through network and distance, on a picture that pans."""
    if kind == "official" and weights.missing(["pt-inception"]):
        pytest.skip(str(weights.missing(["pt-inception"])))
    metric = request.getfixturevalue("metric") if kind == "random" else fid.load("cpu", fid.describe())
    wide = make_video(1, 96, 160, seed=3)
    video = torch.cat([wide[..., 3 * i : 3 * i + 96] for i in range(5)])
    reference = [metric.embed(make_clip(video[:4]))]

    def score(decoded):
        result = metric.distance(reference, [metric.embed(make_clip(decoded))])["fid"]
        assert isinstance(result, SetScore)
        assert result.n == 4
        return result.value

    same, later = video[:4], video[1:]
    little, more, much = (score(add_noise(same, sigma)) for sigma in (4, 12, 40))
    assert 0 < little < more < much
    assert score(later) < more
    assert score(same.flip(1)) > max(little, score(later))
    assert score(same[torch.randperm(4)]) == 0


def test_few_frames_are_told_and_one_is_not_enough(metric):
    random = np.random.RandomState(0)
    first, second = (random.standard_normal((n, fid.DIMENSIONS)).astype(np.float32) for n in (5, 7))
    result = metric.distance(iter([first[:2], first[2:]]), iter([second]))["fid"]
    assert result.n == 5
    assert result.note == "5 frames, fewer than the 2048 dimensions of a feature: biased upward"
    for few in ([], [first[:1]], [first[:0], first[:1]]):
        result = metric.distance(iter([second]), iter(few))["fid"]
        assert isinstance(result, Unavailable)
        assert "at least 2 frames" in str(result)


def test_enough_frames_need_no_note(metric, monkeypatch):
    monkeypatch.setattr(fid, "DIMENSIONS", 8)
    features = np.random.RandomState(0).standard_normal((8, 8))
    assert metric.distance([features], [features]) == {"fid": SetScore(0.0, 8)}


# The distance, on features of any dimension. rows_kept=1 forces the form for large sets.


def distance(x, y, rows_kept=2048, pieces=1):
    sets = (FeatureSet(np.array_split(rows, pieces), rows_kept) for rows in (x, y))
    return frechet_distance(*sets)


def normal(n, d, seed, decay=0.0):
    return np.random.RandomState(seed).standard_normal((n, d)) * np.arange(1.0, d + 1) ** -decay


def by_matrix_root(x, y):
    """pytorch-fid's formula, written down again: scipy's root of the product of covariances."""
    covariances = [np.cov(rows, rowvar=False) for rows in (x, y)]
    root = np.real(scipy.linalg.sqrtm(covariances[0] @ covariances[1]))  # rounding may leave it complex
    offset = x.mean(axis=0) - y.mean(axis=0)
    return offset @ offset + np.trace(covariances[0] + covariances[1] - 2 * root)


@pytest.mark.parametrize("rows_kept", [1, 2048])
@pytest.mark.parametrize("decay", [0, 0.5, 1])
def test_distance_is_that_of_the_matrix_root(rows_kept, decay):
    x, y = normal(400, 96, 1, decay), 1.2 * normal(300, 96, 2, decay) + 0.1
    assert distance(x, y, rows_kept) == pytest.approx(by_matrix_root(x, y), rel=1e-6)


@pytest.mark.parametrize("decay", [0, 1, 2])
@pytest.mark.parametrize(("n", "m"), [(500, 400), (40, 30), (96, 97), (2, 500)])
def test_both_forms_agree(n, m, decay):
    x, y = normal(n, 96, 1, decay), 1.05 * normal(m, 96, 2, decay)
    few = distance(x, y)
    assert distance(x, y, rows_kept=1) == pytest.approx(few, rel=1e-6)
    assert distance(x, y, rows_kept=(n + m) // 2) == pytest.approx(few, rel=1e-6)


@pytest.mark.parametrize("rows_kept", [1, 2048])
def test_gaussians_with_diagonal_covariances(rows_kept):
    """Known by heart: |m₁ - m₂|² + Σ (σ₁ - σ₂)²."""
    d = 24
    centred = normal(200, d, 3) - normal(200, d, 3).mean(axis=0)
    white = np.linalg.qr(centred)[0] * np.sqrt(len(centred) - 1)
    sigma_1, sigma_2, offset = np.linspace(0, 2, d), np.linspace(3, 1, d), np.linspace(-1, 1, d)
    expected = np.sum(offset**2) + np.sum((sigma_1 - sigma_2) ** 2)
    turn = np.linalg.qr(normal(d, d, 4))[0]
    assert distance(white * sigma_1, white * sigma_2 + offset, rows_kept) == pytest.approx(expected, rel=1e-9)
    turned = distance((white * sigma_1) @ turn, (white * sigma_2 + offset) @ turn, rows_kept)
    assert turned == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("rows_kept", [1, 2048])
@pytest.mark.parametrize("decay", [0, 1, 3])
def test_equal_sets_are_exactly_0_apart(rows_kept, decay):
    """Also where some dimensions never vary, in any order and however they are cut."""
    for n in (10, 300):
        x = np.abs(normal(n, 64, n, decay)).astype(np.float32)
        x[:, 5:20] = 0.25
        shuffled = np.random.RandomState(1).permutation(x)
        assert distance(x, x, rows_kept) == 0
        assert distance(x, shuffled, rows_kept, pieces=7) == 0


sets = st.tuples(
    st.integers(2, 40), st.integers(2, 40), st.integers(1, 24), st.integers(0, 99), st.sampled_from([1, 2048])
)


@given(sets)
def test_it_is_symmetric_and_knows_no_order(shape):
    n, m, d, seed, rows_kept = shape
    x, y = normal(n, d, seed), 1.5 * normal(m, d, seed + 1) + 0.2
    value = distance(x, y, rows_kept)
    assert value > 0
    assert distance(y, x, rows_kept) == pytest.approx(value, rel=1e-9)
    permuted = np.random.RandomState(seed).permutation(x)
    assert distance(permuted, y, rows_kept) == pytest.approx(value, rel=1e-9)
    assert distance(x, y, rows_kept, pieces=3) == pytest.approx(value, rel=1e-9)


@given(sets, st.floats(0.01, 1000), st.floats(-300, 300))
def test_it_scales_with_the_square_and_a_shift_counts_as_its_length(shape, scale, shift):
    n, m, d, seed, rows_kept = shape
    x, y = normal(n, d, seed), 1.5 * normal(m, d, seed + 1)
    value = distance(x, y, rows_kept)
    assert distance(scale * x, scale * y, rows_kept) == pytest.approx(scale**2 * value, rel=1e-9)
    assert distance(x + shift, y + shift, rows_kept) == pytest.approx(value, rel=1e-7)
    moved = distance(x, x + shift, rows_kept)
    assert moved == pytest.approx(d * shift**2, rel=1e-7, abs=1e-9)


def test_few_samples_of_one_distribution_seem_farther_apart():
    x, y = normal(500, 32, 5), normal(500, 32, 6)
    values = [distance(x[:n], y[:n]) for n in (10, 20, 100, 500)]
    assert values == sorted(values, reverse=True)
    assert values[0] > 20 * values[-1]


def test_memory_does_not_grow_with_the_set():
    import tracemalloc

    def pieces(count):
        for seed in range(count):
            yield normal(256, 64, seed).astype(np.float32)

    peaks = []
    for count in (20, 80):
        tracemalloc.start()
        FeatureSet(pieces(count), rows_kept=1024)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]
