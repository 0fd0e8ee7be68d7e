"""The adapter of SemantiCodec, around a stand-in with its package's interface (`fake_semanticodec`).

The real package and its weights (9 GB) are not used here: nothing below tells how SemantiCodec sounds.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from talkbench.benchmark.api.types import Bitstream, Clip, ClipSpec, Part, Point
from talkbench.benchmark.conformance.check import check
from talkbench.benchmark.util.errors import CodecError, Unavailable
from talkbench.codecs import semanticodec

NAMES = [f"semanticodec-{rate}-{part}" for rate in (25, 100) for part in ("encoder", "decoder", "codebook")]
COLUMNS = {"0.35kbps": (5120, 4), "1.4kbps": (2560, 8)}  # point -> samples of a column, pairs of tokens


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The stand-in, as good as installed with all that the real package needs, in child processes too."""
    site = tmp_path / "site"
    site.mkdir()
    for name in semanticodec._NEEDED[1:]:
        (site / f"{name}.py").touch()
    for folder in (site, Path(__file__).parent / "fake_semanticodec"):
        monkeypatch.syspath_prepend(folder)
        monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
    before = {name: sys.modules.pop(name) for name in list(sys.modules) if _is_package(name)}
    monkeypatch.setenv("TALKBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TALKBENCH_WEIGHTS", str(tmp_path / "mine"))
    (tmp_path / "mine").mkdir()
    yield
    for name in [name for name in sys.modules if _is_package(name)]:
        del sys.modules[name]
    sys.modules.update(before)


def _is_package(name: str) -> bool:
    return name.partition(".")[0] == "semanticodec"


@pytest.fixture
def put(package: None, tmp_path: Path) -> Callable[..., Path]:
    """`put(name, content)`: a file of weights in the user's own folder; an array as .npy."""

    def write(name: str, content: object) -> Path:
        path = tmp_path / "mine" / semanticodec.weights.get(name).file
        if isinstance(content, np.ndarray):
            with path.open("wb") as file:
                np.save(file, content)
        else:
            torch.save(content, path)
        return path

    return write


@pytest.fixture
def files(put: Callable[..., Path]) -> None:
    for rate in (25, 100):
        put(f"semanticodec-{rate}-encoder", {"scale": torch.tensor([0.8])})
        put(f"semanticodec-{rate}-decoder", {"loud": torch.tensor([0.7])})
        put(f"semanticodec-{rate}-codebook", np.zeros((32768, 1), np.float32))


def clip_of(samples: int) -> Clip:
    sound = torch.rand((1, samples), generator=torch.Generator().manual_seed(samples)) * 2 - 1
    spec = ClipSpec(0, 0, 0, Fraction(25), samples, 16000, 1)
    return Clip(spec, torch.zeros((0, 3, 0, 0), dtype=torch.uint8), sound)


def points() -> dict[str, Point]:
    return {point.name: point for point in semanticodec.describe()[1]}


def test_without_its_package_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = semanticodec.find_spec
    monkeypatch.setattr(
        semanticodec, "find_spec", lambda name: None if name == "semanticodec" else real(name)
    )
    text = str(semanticodec.availability())
    assert "not installed: semanticodec" in text
    assert "pip install requests git+https://github.com/haoheliu/SemantiCodec-inference@" in text
    with pytest.raises(Unavailable, match="not installed: semanticodec"):
        semanticodec.load("cpu")


@pytest.mark.usefixtures("package")
def test_without_weights_it_names_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    text = str(semanticodec.availability())
    assert f"run `talkbench weights fetch {' '.join(NAMES[:3])}`" in text
    with pytest.raises(Unavailable, match="missing weights"):
        semanticodec.load("cpu")


def test_the_ladder_has_the_published_rates() -> None:
    info, ladder = semanticodec.describe()
    assert [(point.name, point.params) for point in ladder] == [
        ("0.35kbps", {"books": 8, "profile": "raw"}),
        ("1.4kbps", {"books": 16, "profile": "raw"}),
    ]
    assert set(NAMES) <= set(info.build)
    assert info.options["seed"] == 0


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("samples", [1, 2560, 2561, 5121, 163840, 163841])
def test_bits_are_those_of_whole_columns(name: str, samples: int) -> None:
    codec, clip = semanticodec.load("cpu"), clip_of(samples)
    stream = codec.encode(clip, points()[name])
    hop, pairs = COLUMNS[name]
    columns = -(-samples // hop)
    assert {part.name: part.bits for part in stream.parts} == {
        "setting": 8,
        "tokens": columns * pairs * (15 + 13),
    }
    if samples == 163840:  # a whole segment: exactly the published rate
        assert stream.parts[1].bits / 10.24 == pytest.approx(1000 * float(name.removesuffix("kbps")))
    decoded = codec.decode(stream, clip.spec)
    assert decoded.audio.shape == clip.audio.shape
    timeline = semanticodec.timeline(stream, clip.spec)
    assert sum(timeline["tokens"].bits) == stream.parts[1].bits
    assert timeline["tokens"].step_s == hop / 16000


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("name", COLUMNS)
def test_tokens_are_the_package_s_in_its_order(name: str) -> None:
    """15 bits of meaning and 13 of sound in turn, bands within columns, as its encoder gives them."""
    codec, clip = semanticodec.load("cpu"), clip_of(20000)
    stream = codec.encode(clip, points()[name])
    hop, pairs = COLUMNS[name]
    from semanticodec import SemantiCodec  # pyright: ignore[reportMissingImports]
    from semanticodec.utils import (  # pyright: ignore[reportMissingImports]
        extract_kaldi_fbank_feature,
    )

    model = codec._codec(2 * pairs).model.model  # pyright: ignore[reportAttributeAccessIssue]
    assert isinstance(model, SemantiCodec)
    padded = torch.zeros((1, 163840))
    padded[:, :20000] = clip.audio
    tokens = model.encoder(extract_kaldi_fbank_feature(padded, 16000)["ta_kaldi_fbank"][None])[0]
    tokens = tokens[: -(-20000 // hop) * pairs]
    assert len(tokens.unique(dim=0)) > pairs
    bits = "".join(f"{semantic:015b}{acoustic:013b}" for semantic, acoustic in tokens.tolist())
    assert stream["tokens"] == int(bits, 2).to_bytes(len(bits) // 8)
    assert len(bits) % 8 == 0


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("name", COLUMNS)
def test_noise_follows_from_the_seed_alone(name: str) -> None:
    codec, clip = semanticodec.load("cpu"), clip_of(8000)
    stream = codec.encode(clip, points()[name])
    torch.manual_seed(5)
    expected = torch.randn(3)
    torch.manual_seed(5)
    first = codec.decode(stream, clip.spec).audio
    assert torch.equal(torch.randn(3), expected)  # draws of others are as without it
    assert torch.equal(codec.decode(stream, clip.spec).audio, first)
    assert torch.equal(semanticodec.load("cpu").decode(stream, clip.spec).audio, first)
    quiet = 0.01 * torch.randn(163840, generator=torch.Generator().manual_seed(0))[:8000]
    level = (first[0] - quiet).abs().max()
    assert 0.05 < level < 1  # tones, once the seed's noise is taken away
    pure = first[0] - quiet
    time = torch.arange(2560) / 16000
    basis = torch.stack(
        [wave(2 * torch.pi * 125 * k * time) for k in range(1, 9) for wave in (torch.cos, torch.sin)]
    )
    rest = pure[:2560] - basis.T @ torch.linalg.lstsq(basis.T, pure[:2560, None]).solution[:, 0]
    assert rest.abs().max() < 1e-4


@pytest.mark.usefixtures("files")
def test_draws_for_another_device_are_made_on_the_cpu() -> None:
    with semanticodec._seeded(torch.device("cpu")):
        there = torch.randn((4,), device="meta")
        after = torch.randn(2)
    assert there.device.type == "meta"
    expected = torch.randn(6, generator=torch.Generator().manual_seed(0))
    assert torch.equal(after, expected[4:])


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("name", COLUMNS)
def test_later_windows_are_in_place(name: str) -> None:
    """Columns with one changed token: the sound changes where that column is, also in a third window."""
    hop, pairs = COLUMNS[name]
    codec, spec = semanticodec.load("cpu"), clip_of(25 * 16000).spec
    model = codec._codec(2 * pairs).model  # pyright: ignore[reportAttributeAccessIssue]
    tokens = torch.full((-(-spec.samples // hop), 2 * pairs), 100)
    plain = model.sound(tokens)
    assert plain.abs().max() < 2  # none of the samples beyond a window
    for column in (0, 1, len(tokens) // 2, len(tokens) - 1):
        other = tokens.clone()
        other[column, 0] = 9000
        changed = (model.sound(other) - plain).nonzero().flatten()
        assert changed[0] == column * hop
        assert changed[-1] >= (column + 1) * hop - 40
        assert changed[-1] < (column + 1) * hop


@pytest.mark.usefixtures("files")
def test_only_its_two_models_are_asked_for() -> None:
    codec, clip = semanticodec.load("cpu"), clip_of(100)
    with pytest.raises(CodecError, match="books must be one of 8, 16"):
        codec.encode(clip, Point("odd", {"books": 12, "profile": "raw"}))
    stream = codec.encode(clip, points()["1.4kbps"])
    damaged = Bitstream((Part("setting", "audio", bytes([stream["setting"][0] - 1])), stream.parts[1]))
    for read in (codec.decode, semanticodec.timeline):
        with pytest.raises(CodecError, match="part 'setting' is damaged"):
            read(damaged, clip.spec)


def test_weights_of_another_model_are_refused(put: Callable[..., Path], files: None) -> None:
    wrong = put("semanticodec-25-encoder", {"weight": torch.ones(1)})
    small = put("semanticodec-100-codebook", np.zeros((16384, 1), np.float32))
    codec = semanticodec.load("cpu")
    with pytest.raises(Unavailable, match="its package cannot read") as caught:
        codec.encode(clip_of(100), points()["0.35kbps"])
    assert str(wrong) in str(caught.value)
    with pytest.raises(Unavailable, match=r"tokens of \(16384, 8192\) entries") as caught:
        codec.encode(clip_of(100), points()["1.4kbps"])
    assert str(small) in str(caught.value)


class Evil:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.write_text, (self.path, "done"))


def test_weights_that_would_run_code_are_not_read(
    put: Callable[..., Path], files: None, tmp_path: Path
) -> None:
    put("semanticodec-25-decoder", {"loud": Evil(tmp_path / "trace")})
    with pytest.raises(Unavailable, match="its package cannot read"):
        semanticodec.load("cpu").encode(clip_of(100), points()["0.35kbps"])
    assert not (tmp_path / "trace").exists()


@pytest.mark.usefixtures("files")
def test_the_adapter_keeps_the_contract_of_codecs() -> None:
    """With the stand-in: bytes, fresh processes, damage, odd clips; nothing of SemantiCodec's own sound."""
    results = check("semanticodec")
    assert {result.name: result.message for result in results if result.ok is False} == {}
    assert sum(result.ok is True for result in results) > 15


def test_planning_imports_neither_torch_nor_the_package() -> None:
    code = (
        "import sys; from talkbench.codecs import semanticodec, hifi_codec; semanticodec.describe();"
        "semanticodec.availability(); hifi_codec.describe(); hifi_codec.availability();"
        "print([name for name in ('torch', 'semanticodec', 'torchaudio') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
