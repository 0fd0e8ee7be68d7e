"""FOMM, DAC and CFTE at full size, read from checkpoints of the authors' layout.

`official_networks.json` holds what the authors' own code gave for the same checkpoints and pictures, on
PyTorch 2.13: AliaksandrSiarohin/first-order-model at c027484, source/GFVC/DAC and source/GFVC/CFTE of
Goluck-Konuko/GFVC at 18e1c8b.
"""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from talkbench.benchmark import weights
from talkbench.benchmark.util.errors import Unavailable
from talkbench.benchmark.util.hashing import sha256_file
from talkbench.codecs import _checkpoint as reader
from talkbench.codecs import cfte, dac, fomm
from talkbench.codecs._face.published_names import published
from talkbench.codecs.cfte import network as cfte_network
from talkbench.codecs.dac import network as dac_network
from talkbench.codecs.fomm import network as fomm_network

sys.path.insert(0, str(Path(__file__).parent))  # importlib mode puts no test folder on the path

import official_checkpoints as official

PINNED = json.loads(Path(__file__).with_name("official_networks.json").read_text())
CODECS = {"fomm": (fomm, fomm_network), "dac": (dac, dac_network), "cfte": (cfte, cfte_network)}
PLACES = {
    size: torch.from_numpy((official.uniform(f"places {size}", (count, 2)) + 1) / 2 * size).long().T
    for size, count in ((256, 200), (64, 50))
}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """`put(name, content)`: a checkpoint in the user's own folder, as the registered file of that name.

    legacy: as before PyTorch 1.6; share: what is left of it.
    """
    monkeypatch.setenv("TALKBENCH_WEIGHTS", str(tmp_path / "mine"))
    monkeypatch.setenv("TALKBENCH_CACHE", str(tmp_path / "cache"))
    known = dict(weights.registry())
    monkeypatch.setattr(weights, "registry", lambda: known)

    def write(name: str, content: object, legacy: bool = False, share: float = 1) -> Path:
        path = tmp_path / "mine" / known[name].file
        path.parent.mkdir(exist_ok=True)
        torch.save(content, path, _use_new_zipfile_serialization=not legacy)
        os.truncate(path, int(share * path.stat().st_size))
        known[name] = replace(known[name], sha256=sha256_file(path), bytes=0)
        return path

    return write


def skeleton(name: str) -> Any:
    """The network without memory for its weights."""
    codec = CODECS[name][1]
    with torch.device("meta"):
        if name == "cfte":
            return cfte_network.CompactModel()
        return codec.KeypointModel(codec.OFFICIAL)


def shapes(name: str) -> dict[str, tuple[int, ...]]:
    return official.layout(skeleton(name), nested=name == "dac")


@pytest.mark.parametrize("name", CODECS)
def test_tensors_have_the_authors_names_and_shapes(name: str) -> None:
    found, pinned = shapes(name), PINNED[name]
    for part, count in pinned["tensors"].items():
        assert sum(key.startswith(f"{part}.") for key in found) == count
    assert official.digest(found) == pinned["layout"]
    module = CODECS[name][0].CODEC
    network = skeleton(name)
    assert module.parameters == sum(value.numel() for value in network.parameters())
    assert module.motion == network.parameters_per_frame
    assert module.name == module.weights == name


def test_without_weights_codecs_say_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALKBENCH_CACHE", str(tmp_path))
    monkeypatch.delenv("TALKBENCH_WEIGHTS", raising=False)
    assert "run `talkbench weights fetch fomm`" in str(fomm.availability())
    for codec, file in ((dac, "DAC-10-checkpoint.pth.tar"), (cfte, "CFTE-checkpoint.pth.tar")):
        assert f"by hand: find {file} through https://" in str(codec.availability())
        assert codec.describe()[0].weights == "official"  # known without them
        with pytest.raises(Unavailable, match=file):
            codec.load("cpu")
    assert "opencv-python-headless" in cfte.describe()[0].build


@pytest.mark.parametrize(
    ("name", "saved"), [("fomm", {"module": True}), ("dac", {}), ("cfte", {"counters": False})], ids=CODECS
)
def test_equal_to_the_authors_code(name: str, saved: dict[str, bool], put: Callable[..., Path]) -> None:
    # FOMM's file is from before PyTorch 1.6.
    path = put(name, official.checkpoint(shapes(name), **saved), legacy=name == "fomm")
    codec = CODECS[name][0].load("cpu")
    network = codec.model
    path.unlink()
    assert not network.training
    pinned = {key: torch.tensor(value) for key, value in PINNED[name].items() if isinstance(value, list)}

    def near(found: torch.Tensor, key: str) -> None:
        expected = pinned[key].view(found.shape)
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5, msg=lambda text: f"{key}: {text}")

    with torch.inference_mode():
        keyframe, frame = official.picture("keyframe"), official.picture("frame")
        near(network.motion(keyframe)[0], "keyframe")
        near(motion := network.motion(frame), "frame")
        prepared = network.prepare(keyframe)
        dense = network.dense(prepared, motion)
        rows, columns = PLACES[64]
        near(dense.grid[0, rows, columns], "grid")
        near(dense.visible[0, 0, rows, columns], "visible")
        picture = network.animate(prepared, motion)
        rows, columns = PLACES[256]
        near(picture[0][:, rows, columns].T, "picture")
        near(picture[0].mean((1, 2)), "picture_mean")


def test_cfte_s_flow_is_the_authors() -> None:
    frame, keyframe = (torch.tensor(PINNED["cfte"][key]).view(1, 1, 4, 4) for key in ("frame", "keyframe"))
    expected = torch.tensor(PINNED["cfte"]["flow"]).view(1, 4, 4, 2).permute(0, 3, 1, 2)
    found = cfte_network.farneback(frame, keyframe)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-9)
    assert (cfte_network.farneback(keyframe, frame) - expected).abs().max() > 1e-5  # the order matters
    assert not cfte_network.farneback(frame * 0, keyframe * 0 + 3).any()  # nothing to stretch


SMALL_FOMM = fomm_network.SMALL


def small() -> fomm_network.KeypointModel:
    return fomm_network.KeypointModel(SMALL_FOMM)


def read(name: str = "fomm") -> torch.nn.Module:
    return reader.load(small, name, "cpu", published)


def content(**saved: bool) -> dict[str, Any]:
    return official.checkpoint(official.layout(small(), nested=False), **saved)


@pytest.mark.parametrize(
    "saved", [{"module": True}, {"counters": False}, {"module": True, "counters": False}]
)
def test_names_may_be_of_several_gpus_and_of_old_torch(
    put: Callable[..., Path], saved: dict[str, bool]
) -> None:
    put("fomm", content())
    first = read().state_dict()
    put("fomm", content(**saved), legacy=True)
    second = read().state_dict()
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_every_tensor_of_another_network_is_told(put: Callable[..., Path]) -> None:
    wrong = content()
    del wrong["generator"]["first.conv.bias"]
    wrong["kp_detector"]["kp.weight"] = torch.ones(10, 19, 5, 5)
    wrong["kp_detector"]["extra.weight"] = torch.ones(1)
    path = put("fomm", wrong)
    with pytest.raises(Unavailable) as caught:
        read()
    text = str(caught.value)
    assert text.startswith(f"{path}: of another network than fomm: tensors ")
    assert "1 missing (generator.first.conv.bias)" in text
    assert "1 unexpected (kp_detector.extra.weight)" in text
    assert "kp_detector.kp.weight is 10×19×5×5, not 10×19×7×7" in text


def test_a_checkpoint_of_dac_is_none_of_fomm(put: Callable[..., Path]) -> None:
    network = dac_network.KeypointModel(dac_network.SMALL)
    put("fomm", official.checkpoint(official.layout(network, nested=True)))
    with pytest.raises(
        Unavailable, match=r"2 missing \(kp_detector\.jacobian\.bias, kp_detector\.jacobian\.w"
    ):
        read()


def test_a_tensor_may_not_come_twice(put: Callable[..., Path]) -> None:
    wrong = content()
    wrong["generator"]["module.first.conv.bias"] = wrong["generator"]["first.conv.bias"] + 1
    put("fomm", wrong)
    with pytest.raises(Unavailable, match="1 twice"):
        read()


def test_a_checkpoint_without_a_network_is_told(put: Callable[..., Path]) -> None:
    wrong = content()
    del wrong["kp_detector"]
    path = put("fomm", wrong)
    with pytest.raises(Unavailable, match="no tensors by name under 'kp_detector'") as caught:
        read()
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.999])
def test_a_checkpoint_that_was_cut_is_told(put: Callable[..., Path], share: float, legacy: bool) -> None:
    path = put("fomm", content(), legacy, share)
    with pytest.raises(Unavailable, match=r"was not read|not a checkpoint") as caught:
        read()
    assert str(path) in str(caught.value)


class Evil:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.write_text, (self.path, "done"))


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("where", ["generator", "optimizer_generator"])
def test_a_checkpoint_that_would_run_code_is_not_read(
    put: Callable[..., Path], tmp_path: Path, where: str, legacy: bool
) -> None:
    trace = tmp_path / "trace"
    wrong = content()
    wrong[where]["evil"] = Evil(trace)
    path = put("fomm", wrong, legacy)
    with pytest.raises(Unavailable, match=r"holds more than tensors .* was not read") as caught:
        read()
    assert str(path) in str(caught.value)
    assert not trace.exists()
    torch.load(path, weights_only=False)  # the same file, read carelessly
    assert trace.read_text() == "done"


def test_small_weights_are_read_by_their_own_names(put: Callable[..., Path]) -> None:
    network = small()
    state = {key: value for key, value in network.state_dict().items() if not key.endswith("tracked")}
    part = replace(weights.get("fomm"), inside="")
    weights.registry()["fomm"] = part  # pyright: ignore[reportIndexIssue]
    put("fomm", state)
    found = fomm_network.synthetic("fomm", "cpu").state_dict()
    assert found.keys() == network.state_dict().keys()
    assert all(torch.equal(found[key], value) for key, value in state.items())
    with pytest.raises(Unavailable, match=r"of another network than fomm: .*missing"):
        fomm_network.official("fomm", "cpu")
