"""HiFi-Codec's network: the authors' at full size, a tiny one where size does not matter.

`hifi_codec.json` holds what the authors' own code (yangdongchao/AcademiCodec at b6ac134, its configuration
config_16k_320d) gave on PyTorch 2.13 for the same made-up checkpoint and sound. The published weights
themselves were never seen by these tests.
"""

import copy
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
from talkbench.benchmark import weights
from talkbench.benchmark.api import registry
from talkbench.benchmark.api.types import Clip, ClipSpec, Point
from talkbench.benchmark.conformance.check import check
from talkbench.benchmark.util.errors import Unavailable
from talkbench.benchmark.util.hashing import sha256_file
from talkbench.codecs import _checkpoint, hifi_codec
from talkbench.codecs._tokens.speech_codec import SpeechCodec
from talkbench.codecs.hifi_codec import network

sys.path.insert(0, str(Path(__file__).parent))  # importlib mode puts no test folder on the path

import hifi_checkpoints as official

PINNED = json.loads(Path(__file__).with_name("hifi_codec.json").read_text())
TINY = network.Shape(steps=((4, 8), (5, 11), (8, 16)), channels=16, entries=64)
HOP = 160


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """`put(content)`: a checkpoint in the user's own folder, as the registered file; share: what is left."""
    monkeypatch.setenv("TALKBENCH_WEIGHTS", str(tmp_path / "mine"))
    monkeypatch.setenv("TALKBENCH_CACHE", str(tmp_path / "cache"))
    known = dict(weights.registry())
    monkeypatch.setattr(weights, "registry", lambda: known)

    def write(content: object, share: float = 1) -> Path:
        path = tmp_path / "mine" / known["hifi-codec"].file
        path.parent.mkdir(exist_ok=True)
        torch.save(content, path)
        os.truncate(path, int(share * path.stat().st_size))
        known["hifi-codec"] = replace(known["hifi-codec"], sha256=sha256_file(path), bytes=0)
        return path

    return write


def theirs(name: str) -> str:
    """The authors' name of a tensor of ours."""
    part, _, inner = name.partition(".")
    part = part.replace("decoder", "generator")
    words = inner.split(".")
    if part == "quantizer":
        level, group = divmod(int(words[1]), 2)
        return f"quantizer.quantizer_modules{'2' * level}.{group}.embedding.weight"
    ends = {"original0": "weight_g", "original1": "weight_v"}
    end = ends.get(words[-1], words[-1])
    if words[0] != "stages":
        return f"{part}.{ {'first': 'conv_pre', 'last': 'conv_post'}[words[0]] }.{end}"
    stage, place = int(words[1]), words[2]
    if place == "resample":
        return f"{part}.ups.{stage}.{end}"
    block = 3 * stage + int(words[3])
    if place == "norms":
        return f"{part}.normalize.{block}.{end}"
    return f"{part}.resblocks.{block}.{ {'dilated': 'convs1', 'plain': 'convs2'}[words[4]] }.{words[5]}.{end}"


def shapes(shape: network.Shape = network.OFFICIAL) -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        made = network.HifiCodec(shape)
    return {theirs(name): tuple(value.shape) for name, value in made.state_dict().items()}


def read(shape: network.Shape = TINY) -> network.HifiCodec:
    return _checkpoint.load(lambda: network.HifiCodec(shape), "hifi-codec", "cpu", network.published)


@pytest.fixture(scope="module")
def tiny() -> network.HifiCodec:
    made = network.HifiCodec(TINY).eval().requires_grad_(False)
    state = {
        network.published(f"{part}.{name}"): value
        for part, tensors in official.checkpoint(shapes(TINY)).items()
        for name, value in tensors.items()
    }
    made.load_state_dict(state, strict=True)
    return made


def test_tensors_have_the_authors_names_and_shapes() -> None:
    found = shapes()
    for part, count in PINNED["tensors"].items():
        assert sum(name.startswith(f"{part}.") for name in found) == count
    assert official.digest(found) == PINNED["layout"]
    assert sum(torch.Size(shape).numel() for shape in found.values()) == PINNED["numbers"]
    assert hifi_codec.CODEC.parameters == PINNED["numbers"]
    # The published file, whose size its host tells, has room for these numbers, and for little more.
    assert 0 < weights.get("hifi-codec").bytes - 4 * PINNED["numbers"] < 400 * len(found)


def test_equal_to_the_authors_code(put: Callable[..., Path]) -> None:
    path = put(official.checkpoint(shapes()))
    codec = hifi_codec.load("cpu")
    assert isinstance(codec, SpeechCodec)
    path.unlink()
    expected = torch.tensor(PINNED["tokens"])
    samples = official.sound(len(expected) * codec.model.hop)
    with torch.inference_mode():
        tokens = codec.model.tokens(samples, 4)
        assert torch.equal(tokens, expected)
        sound = codec.model.sound(tokens)
        assert torch.equal(codec.model.tokens(samples, 4), tokens)
    assert sound.shape == samples.shape
    torch.testing.assert_close(sound[::8], torch.tensor(PINNED["sound"]), rtol=1e-5, atol=1e-5)
    # The whole path of the codec, with exactly the bits that its tokens take.
    clip = clip_of(samples)
    stream = codec.encode(clip, Point("raw", {"books": 4, "profile": "raw"}))
    assert {part.name: part.bits for part in stream.parts} == {"setting": 8, "tokens": 40 * len(expected)}
    assert torch.equal(codec.decode(stream, clip.spec).audio[0], sound)


def test_the_ladder_has_one_point_of_two_kilobits() -> None:
    info, (point,) = hifi_codec.describe()
    assert point.name == "2kbps"
    assert point.params["books"] == 4
    assert info.weights == "official"
    assert info.modalities == ("audio",)


def test_without_weights_it_says_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("TALKBENCH_CACHE", "HF_HUB_CACHE"):
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.delenv("TALKBENCH_WEIGHTS", raising=False)
    assert "run `talkbench weights fetch hifi-codec`" in str(hifi_codec.availability())
    with pytest.raises(Unavailable, match="run `talkbench weights fetch hifi-codec`"):
        hifi_codec.load("cpu")


def clip_of(samples: torch.Tensor) -> Clip:
    spec = ClipSpec(0, 0, 0, Fraction(25), len(samples), 16000, 1)
    return Clip(spec, torch.zeros((0, 3, 0, 0), dtype=torch.uint8), samples[None])


def test_tokens_are_of_groups_within_levels(tiny: network.HifiCodec) -> None:
    """Each half of the channels is near its first entry, and what is left near its second one."""
    samples = official.sound(20 * HOP)
    tokens = tiny.tokens(samples, 4)
    assert len(tokens.unique(dim=0)) > 10
    frames = tiny.encoder(samples[None, None])[0].T
    books = [book.get_parameter("weight") for book in tiny.quantizer.books]
    for group in range(2):
        part = frames[:, 64 * group : 64 * (group + 1)]
        first = torch.cdist(part, books[group]).argmin(dim=1)
        second = torch.cdist(part - books[group][first], books[2 + group]).argmin(dim=1)
        assert torch.equal(tokens[:, group], first)
        assert torch.equal(tokens[:, 2 + group], second)
    assert torch.equal(tiny.tokens(samples, 2), tokens[:, :2])
    for column in range(4):  # every token reaches the sound
        other = tokens.clone()
        other[:, column] = (other[:, column] + 1) % 64
        assert not torch.equal(tiny.sound(other), tiny.sound(tokens))


@torch.no_grad()
def test_sound_is_in_place(tiny: network.HifiCodec) -> None:
    """No delay: one frame reaches the sound around its own middle, as far back as ahead.

    A layer whose padding is not the same on both sides would move that reach, here by 4 samples or more. The
    frame is not a number, and so is all that it reaches, where a number fades below what rounding keeps;
    float64, as convolutions of float32 may work by tiles, which spread it.
    """
    frames, middle = 41, 20
    exact = copy.deepcopy(tiny).double()
    for book in exact.quantizer.books:
        book.get_parameter("weight")[9] = torch.nan
    tokens = torch.full((frames, 4), 7)
    tokens[middle] = 9
    reached = exact.sound(tokens).isnan().nonzero().flatten()
    first, last = int(reached[0]), int(reached[-1])
    assert first > 0
    assert last < frames * HOP - 1
    assert len(reached) == last - first + 1
    assert abs((first + last) / 2 - (middle + 0.5) * HOP + 0.5) < 4


@pytest.mark.parametrize("frames", [1, 2, 7])
def test_frames_are_whole_hops(tiny: network.HifiCodec, frames: int) -> None:
    tokens = tiny.tokens(official.sound(frames * HOP), 4)
    assert tokens.shape == (frames, 4)
    assert tiny.sound(tokens).shape == (frames * HOP,)


def test_folding_changes_nothing(tiny: network.HifiCodec) -> None:
    samples = official.sound(5 * HOP)
    tokens, state = tiny.tokens(samples, 4), tiny.state_dict()
    again = network.HifiCodec(TINY).eval()
    again.load_state_dict(state)
    again = network.folded(again)
    assert not any("parametrizations" in name for name in again.state_dict())
    assert torch.equal(again.tokens(samples, 4), tokens)
    assert torch.equal(again.sound(tokens), tiny.sound(tokens))


def test_every_tensor_of_another_network_is_told(put: Callable[..., Path]) -> None:
    wrong = official.checkpoint(shapes(TINY))
    del wrong["generator"]["conv_pre.bias"]
    wrong["quantizer"]["quantizer_modules.0.embedding.weight"] = torch.ones(64, 65)
    wrong["encoder"]["lstm.weight"] = torch.ones(1)
    path = put(wrong)
    with pytest.raises(Unavailable) as caught:
        read()
    text = str(caught.value)
    assert text.startswith(f"{path}: of another network than hifi-codec: tensors ")
    assert "1 missing (decoder.first.bias)" in text
    assert "1 unexpected (encoder.lstm.weight)" in text
    assert "quantizer.books.0.weight is 64×65, not 64×64" in text


def test_a_checkpoint_of_another_size_is_none_of_this(put: Callable[..., Path]) -> None:
    path = put(official.checkpoint(shapes(TINY)))
    with pytest.raises(Unavailable, match=r"of another network than hifi-codec: .*missing") as caught:
        hifi_codec.load("cpu")
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("part", ["encoder", "quantizer", "generator"])
def test_a_part_may_not_be_absent(put: Callable[..., Path], part: str) -> None:
    wrong = official.checkpoint(shapes(TINY))
    del wrong[part]
    path = put(wrong)
    with pytest.raises(Unavailable, match=f"no tensors by name under '{part}'") as caught:
        read()
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
def test_a_checkpoint_that_was_cut_is_told(put: Callable[..., Path], share: float) -> None:
    path = put(official.checkpoint(shapes(TINY)), share)
    with pytest.raises(Unavailable, match=r"was not read|not a checkpoint") as caught:
        read()
    assert str(path) in str(caught.value)


class Evil:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.write_text, (self.path, "done"))


@pytest.mark.parametrize("where", ["encoder", "steps"])
def test_a_checkpoint_that_would_run_code_is_not_read(
    put: Callable[..., Path], tmp_path: Path, where: str
) -> None:
    trace = tmp_path / "trace"
    wrong: dict[str, Any] = official.checkpoint(shapes(TINY))
    wrong.setdefault(where, {})["evil"] = Evil(trace)
    path = put(wrong)
    with pytest.raises(Unavailable, match=r"holds more than tensors .* was not read") as caught:
        read()
    assert str(path) in str(caught.value)
    assert not trace.exists()
    torch.load(path, weights_only=False)  # the same file, read carelessly
    assert trace.read_text() == "done"


_MODULE = """
from talkbench.codecs._tokens.speech_module import SpeechModule

def _network(weights, device):
    import torch
    from talkbench.codecs.hifi_codec import network
    shape = network.Shape(steps=((4, 8), (5, 11), (8, 16)), channels=16, entries=64)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        made = network.HifiCodec(shape)
        for value in made.state_dict().values():
            if value.ndim > 1:  # left as they begin, all sounds would give one and the same token
                value.normal_(0, (2 / value[0].numel()) ** 0.5)
        return network.folded(made).eval().requires_grad_(False).to(device)

CODEC = SpeechModule("tiny-hifi", weights=[], network=_network, rate=16000, hop=160, sizes=(64,) * 4,
                     books=[4], parameters=None, licence="MIT", paper="", accelerated=False)
availability, describe, load, timeline = CODEC.availability, CODEC.describe, CODEC.load, CODEC.timeline
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A tiny HiFi-Codec of random weights, found by entry point as if installed, in child processes too."""
    facts = tmp_path / "tiny_hifi-1.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny-hifi\nVersion: 1\n")
    (facts / "entry_points.txt").write_text("[talkbench.codecs]\ntiny-hifi = tiny_hifi\n")
    (tmp_path / "tiny_hifi.py").write_text(_MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    registry.forget()
    yield
    monkeypatch.undo()
    registry.forget()


@pytest.mark.usefixtures("installed")
def test_a_tiny_configuration_keeps_the_contract_of_codecs() -> None:
    results = check("tiny-hifi")
    assert {result.name: result.message for result in results if result.ok is False} == {}
    assert sum(result.ok is True for result in results) > 15
