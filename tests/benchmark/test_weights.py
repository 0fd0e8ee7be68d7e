"""Weights: found locally, verified once, never trusted."""

import argparse
import hashlib
import os
import pickle
import sys
import time
import types
from pathlib import Path

import pytest
import torch
from part_factory import BODY, HASH, OTHER, put
from safetensors.torch import save_file
from talkbench.benchmark import weights
from talkbench.benchmark.api.metric import MetricInfo
from talkbench.benchmark.cli import weights as weights_cli
from talkbench.benchmark.util.errors import Unavailable
from talkbench.benchmark.weights import locate


@pytest.mark.parametrize(
    "where",
    [
        "mine/net.pth",
        "mine/net/net.pth",
        "mine/any/net.pth",
        "cache/weights/net/net.pth",
        "xdg/torch/hub/checkpoints/net.pth",
        "xdg/whisper/net.pth",
        "xdg/huggingface/hub/models--who--what/snapshots/1a2b/deep/model.bin",
    ],
)
def test_a_file_is_used_where_it_lies(register, places, where) -> None:
    register(hub=("torch", "whisper", "huggingface:who/what/deep/model.bin"))
    assert "talkbench weights fetch net" in weights.missing(["net"])
    path = put(places / where)
    assert weights.missing(["net"]) is None
    assert weights.path("net") == path


@pytest.mark.parametrize(
    ("variable", "where"),
    [
        ("TORCH_HOME", "hub/checkpoints/net.pth"),
        ("HF_HOME", "hub/models--who--what/snapshots/1/net.pth"),
        ("HF_HUB_CACHE", "models--who--what/snapshots/1/net.pth"),
    ],
)
def test_other_programs_caches_may_be_elsewhere(register, places, monkeypatch, variable, where) -> None:
    register(hub=("torch", "huggingface:who/what/net.pth"))
    monkeypatch.setenv(variable, str(places / "elsewhere"))
    path = put(places / "elsewhere" / where)
    assert weights.path("net") == path


def test_an_installed_package_is_not_imported(register, places, monkeypatch) -> None:
    register(package="net_of_others", package_file="data/net.bin")
    put(places / "site" / "net_of_others" / "__init__.py", b"raise SystemExit('imported')")
    path = put(places / "site" / "net_of_others" / "data" / "net.bin")
    monkeypatch.syspath_prepend(places / "site")
    locate._package_folder.cache_clear()
    assert weights.path("net") == path


def test_the_users_folder_comes_first_and_a_wrong_file_is_passed_over(register, places) -> None:
    cached = put(places / "cache/weights/net/net.pth")
    assert weights.path("net") == cached
    wrong = put(places / "mine/net.pth", OTHER)
    assert weights.path("net") == cached
    assert str(wrong) in weights.find("net").refused[0]
    mine = put(places / "mine/net.pth")
    assert weights.path("net") == mine


def test_a_wrong_file_is_refused_with_both_hashes_and_left(register, places) -> None:
    for body in (OTHER, BODY[:-1] + b"x"):
        path = put(places / "mine/net.pth", body)
        with pytest.raises(Unavailable, match="talkbench weights fetch net") as caught:
            weights.path("net")
        for words in (str(path), hashlib.sha256(body).hexdigest(), HASH):
            assert words in str(caught.value)
        assert path.read_bytes() == body


def test_a_file_is_read_once(register, places, monkeypatch) -> None:
    path = put(places / "mine/net.pth")
    read: list[Path] = []
    monkeypatch.setattr(locate, "sha256_file", lambda p: read.append(p) or HASH)
    for _ in range(3):
        weights.path("net")
    assert read == [path]
    os.utime(path, ns=(1, 1))
    weights.path("net")
    assert len(read) == 2
    locate._hashes.clear()  # as in another process
    weights.path("net")
    assert len(read) == 2
    monkeypatch.setenv("TALKBENCH_CACHE", str(path / "nowhere"))  # cannot be written
    for _ in range(3):
        weights.path("net")
    assert len(read) == 3


def test_twenty_metrics_without_weights_are_told_quickly(register) -> None:
    for number in range(20):
        register(name=f"net{number}", file=f"{number}.pth", hub=("torch", "huggingface:who/what/x"))
    weights.missing(["net"])
    start = time.process_time()
    for number in range(20):
        assert weights.missing(["net", f"net{number}"])
    assert time.process_time() - start < 0.1


def test_an_unknown_hash_is_recorded_and_enforced_from_then_on(register, places) -> None:
    register(sha256="", bytes=0)
    info = MetricInfo("m", "video", "frame", "", True, (0, 1), "D.", "", weights=("net",))
    assert weights.sha256("net") == ""
    absent = info.fingerprint()
    path = put(places / "mine/net.pth")
    assert weights.sha256("net") == HASH
    assert info.missing() is None
    assert info.fingerprint() != absent
    assert "recorded on first use" in weights_cli.where(weights.find("net"))
    put(path, OTHER)
    with pytest.raises(Unavailable, match="recorded on first use") as caught:
        weights.path("net")
    assert HASH in str(caught.value)
    record = places / "cache/weights/net/first-seen.sha256"
    assert str(record) in str(caught.value)
    record.unlink()
    assert weights.path("net") == path
    assert weights.sha256("net") == hashlib.sha256(OTHER).hexdigest()


def test_an_unknown_hash_but_a_known_size(register, places) -> None:
    register(sha256="")
    put(places / "mine/net.pth", OTHER)
    assert "is refused" in weights.missing(["net"])
    assert weights.sha256("net") == ""


def test_a_folder_that_is_not_there_and_a_file_that_cannot_be_read(register, places, monkeypatch) -> None:
    monkeypatch.setenv("TALKBENCH_WEIGHTS", str(places / "nowhere"))
    assert "TALKBENCH_WEIGHTS names" in weights.missing(["net"])
    put(places / "cache/weights/net/net.pth")

    def denied(path: Path) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(locate, "sha256_file", denied)
    assert "cannot be read: Permission denied" in weights.missing(["net"])


def test_a_cache_that_cannot_be_written_only_costs_time(register, places, monkeypatch) -> None:
    register(sha256="", bytes=0)
    put(places / "file")
    monkeypatch.setenv("TALKBENCH_CACHE", str(places / "file" / "cache"))
    torch.save({"w": torch.ones(2)}, places / "mine" / "net.pth")
    assert weights.missing(["net"]) is None
    assert weights.sha256("net")
    assert weights.state_dict("net")["w"].tolist() == [1, 1]


def checkpoint(register, places: Path, content: object, legacy: bool = False, **changes: object) -> Path:
    path = places / "mine" / "net.pth"
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    register(sha256=hashlib.sha256(path.read_bytes()).hexdigest(), bytes=0, **changes)
    return path


@pytest.mark.parametrize("legacy", [False, True])
def test_a_pickle_is_converted_once(register, places, monkeypatch, legacy) -> None:
    base = torch.arange(12.0).reshape(3, 4)
    tensors = {"a": base, "b": base.T, "c": torch.nn.Parameter(base.half()), "n": torch.tensor(3)}
    checkpoint(register, places, tensors, legacy)
    first = weights.state_dict("net")
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("read again"))
    second = weights.state_dict("net")
    for found in (first, second):
        assert {name: value.dtype for name, value in found.items()} == {
            name: value.dtype for name, value in tensors.items()
        }
        assert all(torch.equal(found[name], value) for name, value in tensors.items())
    (converted,) = (places / "cache/weights/net").glob("*.safetensors")
    assert weights.sha256("net") in converted.name


def test_the_state_dict_may_be_inside(register, places) -> None:
    content = {"model": {"a": torch.ones(1)}, "step": 3}
    checkpoint(register, places, content, inside="model")
    assert list(weights.state_dict("net")) == ["a"]
    checkpoint(register, places, content, inside="model_ema")
    with pytest.raises(Unavailable, match="no tensors by name under 'model_ema'"):
        weights.state_dict("net")


def test_several_state_dicts_may_be_inside(register, places, monkeypatch) -> None:
    content = {
        "generator": {"a": torch.ones(1)},
        "kp_detector": {"a": torch.zeros(1)},
        "optimizer_generator": {"state": {0: {"exp_avg": torch.ones(9)}}, "param_groups": [{"lr": 0.1}]},
        "epoch": 3,
    }
    checkpoint(register, places, content, inside=("generator", "kp_detector"))
    first = weights.state_dict("net")
    assert {name: value.item() for name, value in first.items()} == {"generator.a": 1, "kp_detector.a": 0}
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("read again"))
    assert weights.state_dict("net") == first
    monkeypatch.undo()


@pytest.mark.parametrize("broken", [{}, {"kp_detector": 3}, {"kp_detector": {"a": {"b": torch.ones(1)}}}])
def test_of_several_state_dicts_none_may_be_missing(register, places, broken) -> None:
    content = {"generator": {"a": torch.ones(1)}, **broken}
    checkpoint(register, places, content, inside=("generator", "kp_detector"))
    with pytest.raises(Unavailable, match=r"net\.pth: .* no tensors by name under 'kp_detector'"):
        weights.state_dict("net")


def test_safetensors_are_read_as_they_are(register, places) -> None:
    path = places / "mine" / "net.safetensors"
    save_file({"a": torch.ones(1)}, path)
    register(file=path.name, sha256=hashlib.sha256(path.read_bytes()).hexdigest(), bytes=0)
    assert list(weights.state_dict("net")) == ["a"]
    assert not list((places / "cache").rglob("*.safetensors"))
    put(path, b"no tensors")
    register(file=path.name, sha256="", bytes=0)
    with pytest.raises(Unavailable, match=r"net\.safetensors: not a file of safetensors"):
        weights.state_dict("net")


def test_classes_named_inert_are_read_as_stand_ins_and_others_are_not(register, places, monkeypatch) -> None:
    module = types.ModuleType("fairseq_dictionary")
    exec("class Dictionary:\n    def __setstate__(self, state): raise SystemExit('ran')", module.__dict__)
    module.Dictionary.__module__ = module.__name__  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    words = module.Dictionary()  # pyright: ignore[reportAttributeAccessIssue]
    words.symbols = ["a"]
    content = {"model": {"a": torch.ones(1)}, "args": argparse.Namespace(x=1), "task": [words]}
    named = ("argparse.Namespace", "fairseq_dictionary.Dictionary")
    checkpoint(register, places, content, inside="model", inert=named)
    assert weights.state_dict("net")["a"] == 1
    for left_out in named:
        checkpoint(register, places, content, inert=tuple(name for name in named if name != left_out))
        with pytest.raises(Unavailable, match=f"holds more than tensors .{left_out}"):
            weights.state_dict("net")


class Evil:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.write_text, (self.path, "done"))


@pytest.mark.parametrize("legacy", [False, True])
def test_a_pickle_that_would_run_code_is_refused(register, places, legacy) -> None:
    trace = places / "trace"
    path = places / "mine" / "net.pth"
    torch.save({"a": Evil(trace)}, path, _use_new_zipfile_serialization=not legacy)
    register(sha256=hashlib.sha256(path.read_bytes()).hexdigest(), bytes=0)
    with pytest.raises(Unavailable, match=r"holds more than tensors .* and was not read"):
        weights.state_dict("net")
    assert not trace.exists()
    assert not list((places / "cache").rglob("*.safetensors"))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no checkpoint",
        b"<!DOCTYPE html><title>404</title>",
        b"version https://git-lfs.github.com/spec/v1\n",
        b"\x80\x02a",  # appends to nothing: IndexError
        b"\x80\x02h\x01",  # takes what was never kept: KeyError
        b"\x80\x02J\x01",  # a number that is cut off: struct.error
        pickle.dumps([1, 2], 2),
        b"PK\x03\x04" + bytes(99),
    ],
)
def test_what_is_no_checkpoint_is_named(register, places, body) -> None:
    path = put(places / "mine/net.pth", body)
    register(sha256=hashlib.sha256(body).hexdigest(), bytes=0)
    with pytest.raises(Unavailable, match="net") as caught:
        weights.state_dict("net")
    assert str(path) in str(caught.value)
