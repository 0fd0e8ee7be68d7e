"""The encoder against features that the original gave for the same weights, and what it takes for weights.

The numbers come from AVHubertModel.extract_finetune (facebookresearch/av_hubert at its last commit, fairseq
at the commit it pins), built as small as `small` and loaded strictly with the fixture `state`.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch
from talkbench.benchmark import weights
from talkbench.benchmark.util.errors import Unavailable
from talkbench.metrics.avs import checkpoint, network
from talkbench.metrics.avs.network import Encoder, Shape

# Every fourth feature of the frames 0, 4 and 9 of ten.
# fmt: off
ORIGINAL = {
    "sound": [
        [0.304161, 0.273761, -1.743357, -0.074833, 0.771315, 2.001158, -0.937165, -0.924278],
        [0.276818, -0.572102, -1.409861, -0.126848, -0.080462, -0.437868, -0.678282, 0.023936],
        [0.231967, -0.027198, -1.919168, -0.110496, -0.889901, -0.709876, -1.469732, -1.080214],
    ],
    "lips": [
        [1.112915, 0.449672, 1.427323, -0.211574, 2.381187, -0.502239, -0.700384, -0.687501],
        [0.974773, 0.9079, 1.214573, -0.149803, 2.495259, -0.585725, -0.703601, -0.473313],
        [0.923601, 1.4108, 1.130678, -0.362632, 2.326348, -0.479745, -0.763536, -0.459745],
    ],
    "both": [
        [1.116753, 0.479403, 1.431285, -0.211465, 2.376972, -0.458707, -0.719416, -0.692555],
        [0.971312, 0.906158, 1.216196, -0.148514, 2.503109, -0.615522, -0.717201, -0.460944],
        [0.918372, 1.411806, 1.115926, -0.36304, 2.327932, -0.520689, -0.802854, -0.453141],
    ],
}
# fmt: on
SUMS_OF_MAGNITUDES = {"sound": 264.92930439836346, "lips": 233.37080625118688, "both": 233.61659526941366}


@pytest.mark.parametrize("modality", ["sound", "lips", "both"])
@torch.inference_mode()
def test_features_are_the_originals(encoder: Encoder, uniform: Callable, modality: str) -> None:
    heard = encoder.sound(4 * uniform("sound", (10, 104)) - 2) if modality != "lips" else None
    seen = encoder.lips((uniform("crops", (10, 88, 88)) - 0.421) / 0.165) if modality != "sound" else None
    found = encoder(heard, seen)
    assert found.shape == (10, 32)
    torch.testing.assert_close(found[[0, 4, 9]][:, ::4], torch.tensor(ORIGINAL[modality]), atol=1e-5, rtol=0)
    assert found.double().abs().sum().item() == pytest.approx(SUMS_OF_MAGNITUDES[modality], rel=1e-6)


@torch.inference_mode()
def test_pictures_pass_in_pieces_as_in_one(
    encoder: Encoder, uniform: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    crops = uniform("crops", (10, 88, 88))
    whole = encoder(None, encoder.lips(crops))
    monkeypatch.setattr(network, "_FRAMES_AT_ONCE", 3)
    torch.testing.assert_close(encoder(None, encoder.lips(crops)), whole, atol=1e-5, rtol=0)


def test_neither_sound_nor_lips(encoder: Encoder) -> None:
    with pytest.raises(ValueError, match="sound or lips"):
        encoder(None, None)


def test_half_precision_is_computed_in_single(state: dict[str, torch.Tensor], small: Shape) -> None:
    halved = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in state.items()}
    found = checkpoint.encoder(halved, small).state_dict()
    assert {tensor.dtype for tensor in found.values()} == {torch.float32, torch.int64}


def test_a_tensor_that_is_not_there(state: dict[str, torch.Tensor], small: Shape) -> None:
    del state["encoder.layers.1.fc2.weight"], state["encoder.pos_conv.0.weight_g"]
    with pytest.raises(Unavailable, match=r"2 missing \(layers\.1\.narrow\.weight, positions\.weight\)"):
        checkpoint.encoder(state, small)


@pytest.mark.parametrize("name", ["encoder.layers.2.fc1.weight", "encoder.w2v_proj.weight", "fc1.weight"])
def test_a_tensor_too_many(state: dict[str, torch.Tensor], small: Shape, name: str) -> None:
    state[name] = torch.zeros(3)
    with pytest.raises(Unavailable, match=rf"1 unexpected \({name}\)"):
        checkpoint.encoder(state, small)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_checkpoint_as_fairseq_writes_it(
    state: dict[str, torch.Tensor],
    small: Shape,
    zipped: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TALKBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TALKBENCH_WEIGHTS", str(tmp_path))
    dictionary = type("Dictionary", (), {"__module__": "fairseq.data.dictionary"})
    with monkeypatch.context() as installed:
        for name in ("fairseq", "fairseq.data", "fairseq.data.dictionary"):
            installed.setitem(sys.modules, name, ModuleType(name))
        installed.setattr(sys.modules["fairseq.data.dictionary"], "Dictionary", dictionary, raising=False)
        clusters = dictionary()
        clusters.symbols = [str(number) for number in range(10)]  # pyright: ignore[reportAttributeAccessIssue]
        content = {
            "args": None,
            "cfg": {"model": {"_name": "av_hubert", "encoder_layers": small.layers}},
            "model": state,
            "optimizer_history": [{"num_updates": 600000}],
            "task_state": {"dictionaries": [clusters]},
            "extra_state": {"metrics": OrderedDict(default=[(1, "loss", {"val": 2.5})])},
        }
        torch.save(content, tmp_path / "large_vox_iter5.pt", _use_new_zipfile_serialization=zipped)
    found = weights.state_dict("avhubert-large-vox")
    assert found.keys() == state.keys()
    first, second = (checkpoint.encoder(tensors, small).state_dict() for tensors in (found, state))
    assert all(torch.equal(first[name], second[name]) for name in second)
    assert "fairseq" not in sys.modules


def test_another_size(state: dict[str, torch.Tensor]) -> None:
    with pytest.raises(Unavailable, match=r"missing .*of another shape .*norm\.weight"):
        checkpoint.encoder(state, Shape(width=64, layers=3, position_kernel=16, position_groups=4))
