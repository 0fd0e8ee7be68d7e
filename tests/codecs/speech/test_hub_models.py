"""Encodec, Mimi and DAC of transformers as codecs: equal to the authors' code, exact in length and place.

`encodec_reference.json` holds what the package encodec 0.1.1 gave for the same tensors and sound.
"""

import hashlib
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from talkbench.benchmark import weights
from talkbench.benchmark.api.precision import full_precision
from talkbench.benchmark.util.errors import Unavailable
from talkbench.benchmark.util.hashing import sha256_file
from talkbench.codecs import descript_dac, encodec, mimi
from talkbench.codecs._tokens import hub_model

sys.path.insert(0, str(Path(__file__).parent))  # importlib mode puts no test folder on the path

import tiny_codecs as tiny
from encodec_checkpoint import checkpoint, sound

PINNED = json.loads(Path(__file__).with_name("encodec_reference.json").read_text())
MODULES = {"encodec": encodec.CODEC, "mimi": mimi.CODEC, "descript-dac": descript_dac.CODEC}
MODELS = {"encodec": tiny.encodec, "mimi": tiny.mimi, "dac": tiny.dac}


def shapes() -> dict[str, list[int]]:
    """Names and shapes of the tensors in the authors' checkpoint."""
    found = dict(PINNED["shapes"])
    for name in [name for name in found if ".layers.0." in name and name.startswith("quantizer")]:
        for book in range(1, PINNED["codebooks"]):
            found[name.replace(".layers.0.", f".layers.{book}.")] = found[name]
    return found


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Any], Path]:
    """`put(name, tensors)`: a file in the user's own folder, as the registered file of that name."""
    monkeypatch.setenv("TALKBENCH_WEIGHTS", str(tmp_path / "mine"))
    monkeypatch.setenv("TALKBENCH_CACHE", str(tmp_path / "cache"))
    known = dict(weights.registry())
    monkeypatch.setattr(weights, "registry", lambda: known)

    def write(name: str, tensors: dict[str, torch.Tensor]) -> Path:
        from safetensors.torch import save_file

        path = tmp_path / "mine" / known[name].file
        path.parent.mkdir(exist_ok=True)
        if path.suffix == ".safetensors":
            save_file({key: value.contiguous() for key, value in tensors.items()}, path)
        else:
            torch.save(tensors, path)
        known[name] = replace(known[name], sha256=sha256_file(path), bytes=0)
        return path

    return write


def test_encodec_is_equal_to_the_authors_code(put: Callable[..., Path]) -> None:
    assert len(shapes()) == PINNED["tensors"]
    layout = json.dumps(sorted(shapes().items())).encode()
    assert hashlib.sha256(layout).hexdigest() == PINNED["layout"]
    put("encodec", checkpoint(shapes()))
    model: Any = encodec.load("cpu").model  # pyright: ignore[reportAttributeAccessIssue]
    samples = sound(320 * 20)
    codes = torch.tensor(PINNED["codes"]).T
    with full_precision():
        embedding = model.network.encoder(samples[None, None])[0, :8, ::5].flatten()
        torch.testing.assert_close(embedding, torch.tensor(PINNED["embedding"]), rtol=1e-5, atol=1e-5)
        for books in (2, 8, 32):
            assert torch.equal(model.tokens(samples, books), codes[:, :books])
        for books, key in ((8, "sound"), (32, "full")):
            found = model.sound(codes[:, :books])
            assert found.shape == samples.shape
            torch.testing.assert_close(found[::37], torch.tensor(PINNED[key]), rtol=1e-5, atol=1e-5)
    learned = [
        *model.network.parameters(),
        *(layer.codebook.embed for layer in model.network.quantizer.layers),
    ]
    assert sum(value.numel() for value in learned) == encodec.CODEC.parameters
    # The tensors alone are all but 0.1 % of the published file.
    assert 0.999 < 4 * sum(map(torch.Tensor.numel, model.network.state_dict().values())) / 93171529 < 1


@pytest.mark.parametrize("name", ["mimi", "descript-dac"])
def test_other_models_have_the_published_size(name: str) -> None:
    from transformers import DacConfig, DacModel, MimiConfig, MimiModel

    with torch.device("meta"):
        if name == "mimi":
            network: Any = MimiModel(MimiConfig(num_quantizers=32))
        else:
            network = DacModel(DacConfig(downsampling_ratios=(2, 4, 5, 8), n_codebooks=12))
    codebooks = [value for key, value in network.named_buffers() if key.endswith("embed_sum")]
    learned = sum(value.numel() for value in [*network.parameters(), *codebooks])
    assert learned == MODULES[name].parameters
    if name == "mimi":  # the file's size to the byte, its header naming each tensor as we expect
        assert safetensors_size(hub_names(network)) == weights.get("mimi").bytes == 384649828


def safetensors_size(tensors: dict[str, torch.Tensor]) -> int:
    """Bytes of a file of float32 tensors as the hub writes them: length of the header, header, numbers."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, value in sorted(tensors.items()):
        end = at + 4 * value.numel()
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [at, end]}
        at = end
    return 8 + -(-len(json.dumps(header, separators=(",", ":"))) // 8) * 8 + at


@pytest.mark.parametrize("name", MODULES)
def test_without_weights_codecs_say_how_to_get_them(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("TALKBENCH_CACHE", "TORCH_HOME", "HF_HOME", "HF_HUB_CACHE"):
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.delenv("TALKBENCH_WEIGHTS", raising=False)
    module = MODULES[name]
    assert f"run `talkbench weights fetch {name}`" in str(module.availability())
    info, points = module.describe()
    assert (info.name, info.family, info.weights) == (name, "neural", "official")
    assert "transformers" in info.build
    assert len({point.name for point in points}) == len(points) == 5
    with pytest.raises(Unavailable, match="missing weights"):
        module.load("cpu")


def test_rates_are_the_nominal_ones() -> None:
    names = {name: [point.name for point in module.describe()[1]] for name, module in MODULES.items()}
    assert names == {
        "encodec": ["1.5kbps", "3kbps", "6kbps", "12kbps", "24kbps"],
        "mimi": ["0.275kbps", "0.55kbps", "1.1kbps", "2.2kbps", "4.4kbps"],
        "descript-dac": ["0.5kbps", "1kbps", "2kbps", "4kbps", "6kbps"],
    }


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("frames", [1, 2, 3, 17])
def test_lengths_are_exact_and_codebooks_independent_of_later_ones(kind: str, frames: int) -> None:
    model = MODELS[kind]()
    samples = sound(frames * model.hop, model.rate).clamp(-1, 1)
    with full_precision():
        tokens = model.tokens(samples, 4)
        assert tokens.shape == (frames, 4)
        assert tokens.dtype == torch.int64
        assert tokens.min() >= 0
        assert tokens.max() < 16
        for books in (1, 2, 3):
            assert torch.equal(model.tokens(samples, books), tokens[:, :books])
            made = model.sound(tokens[:, :books])
            assert made.shape == samples.shape
            assert made.isfinite().all()


def changed(first: torch.Tensor, second: torch.Tensor) -> list[int]:
    """Places that differ by more than rounding."""
    return torch.nonzero((first - second).abs() > 1e-6).flatten().tolist()


@pytest.mark.parametrize(("kind", "causal"), [("encodec", True), ("mimi", True), ("dac", False)])
def test_a_frame_s_tokens_stand_for_its_own_samples(kind: str, causal: bool) -> None:
    """No delay: causal networks hear and say nothing before its time, the other one as much on both sides."""
    model = MODELS[kind]()
    frames, at = 30, 15
    samples = 0.1 * sound(frames * model.hop, model.rate)
    louder = samples.clone()
    louder[at * model.hop : (at + 1) * model.hop] += 0.5
    dice = torch.Generator().manual_seed(1)
    tokens = torch.randint(0, 16, (frames, 4), generator=dice)
    other = tokens.clone()
    other[at] = (other[at] + 5) % 16
    with full_precision():
        heard = torch.nonzero((model.tokens(samples, 4) != model.tokens(louder, 4)).any(dim=1)).flatten()
        said = changed(model.sound(tokens), model.sound(other))
    begin, end = at * model.hop, (at + 1) * model.hop
    if causal:
        assert heard.min() >= at
        assert begin <= said[0] < begin + model.hop
    else:
        before, after = begin - said[0], said[-1] + 1 - end
        assert before > 0
        assert abs(before - after) < model.hop // 8
        assert abs(heard.min() + heard.max() - 2 * at) <= 2


def test_dac_lacks_a_few_samples_at_its_end_which_are_silent() -> None:
    model: Any = MODELS["dac"]()
    tokens = torch.randint(0, 16, (20, 4), generator=torch.Generator().manual_seed(2))
    with full_precision():
        made = model.sound(tokens)
        assert model.samples(tokens.T[None]).shape[-1] == 20 * model.hop - 4  # one of a stride of 5, times 4
    assert not made[-4:].any()
    assert made[:-4].all()


@pytest.mark.parametrize("kind", MODELS)
def test_the_same_again_and_nothing_kept(kind: str) -> None:
    model = MODELS[kind]()
    samples = sound(8 * model.hop, model.rate).clamp(-1, 1)
    with full_precision():
        tokens = model.tokens(samples, 4)
        made = model.sound(tokens)
        model.sound(model.tokens(samples.flip(0), 4))
        assert torch.equal(model.tokens(samples, 4), tokens)
        assert torch.equal(model.sound(tokens), made)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA")
@pytest.mark.parametrize("kind", MODELS)
def test_a_gpu_gives_the_same_sound(kind: str) -> None:
    here, there = MODELS[kind](), MODELS[kind]((), "cuda")
    samples = sound(20 * here.hop, here.rate).clamp(-1, 1)
    with full_precision():
        tokens = here.tokens(samples, 4)
        assert (there.tokens(samples.cuda(), 4).cpu() == tokens).float().mean() > 0.95
        torch.testing.assert_close(there.sound(tokens.cuda()).cpu(), here.sound(tokens), rtol=1e-4, atol=1e-4)


def hub_names(network: Any) -> dict[str, torch.Tensor]:
    """Tensors under the names of the published file, in which Mimi's halves are flat."""
    found = {}
    for name, value in network.state_dict().items():
        for half, module in (("encoder", "downsample"), ("decoder", "upsample")):
            name = name.replace(f"{half}.{half}_seanet.", f"{half}.")
            name = name.replace(f"{half}.{half}_transformer.", f"{half}_transformer.")
            name = name.replace(f"{half}.{module}.", f"{module}.")
        found[name] = value.clone()
    return found


@pytest.mark.parametrize("kind", ["mimi", "dac"])
def test_hub_files_load_whole_or_not_at_all(kind: str, put: Callable[..., Path]) -> None:
    reference: Any = MODELS[kind]()
    name = {"mimi": "mimi", "dac": "descript-dac"}[kind]
    config = {"mimi": tiny.MIMI_CONFIG, "dac": tiny.DAC_CONFIG}[kind]
    read = {"mimi": hub_model.mimi, "dac": hub_model.dac}[kind]
    tensors = hub_names(reference.network)
    put(name, tensors)
    before = torch.get_rng_state()
    model = read(name, "cpu", **config)
    assert torch.equal(torch.get_rng_state(), before)
    assert (model.rate, model.hop, model.sizes) == (reference.rate, reference.hop, reference.sizes)
    samples = sound(9 * model.hop, model.rate).clamp(-1, 1)
    with full_precision():
        tokens = model.tokens(samples, 4)
        assert torch.equal(tokens, reference.tokens(samples, 4))
        assert torch.equal(model.sound(tokens), reference.sound(tokens))
    first = next(key for key in tensors if key.endswith("conv.weight" if kind == "mimi" else "conv1.weight"))
    put(name, {key: value for key, value in tensors.items() if key != first})
    with pytest.raises(Unavailable, match="1 missing"):
        read(name, "cpu", **config)
    put(name, {**tensors, "extra": torch.zeros(1)})
    with pytest.raises(Unavailable, match=r"1 unexpected \(extra\)"):
        read(name, "cpu", **config)
    put(name, {**tensors, first: tensors[first][:1]})
    with pytest.raises(Unavailable, match="1 of another shape"):
        read(name, "cpu", **config)
