"""SemantiCodec through its authors' package: tokens of AudioMAE's patches, and a diffusion model reads them.

Source: Liu et al., SemantiCodec: An Ultra Low Bitrate Semantic Audio Codec for General Sound, JSTSP 2024.

A column of the spectrogram's patches becomes pairs of tokens from the lowest band to the highest, one
semantic (of 32768, k-means) and one acoustic (of 8192): 8 pairs for 0.16 s, which is 1.40 kbit/s, or 4 for
0.32 s, which is 0.35 kbit/s.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ..benchmark import weights
from ..benchmark.api import Bitstream, Clip, ClipSpec, CodecError, CodecInfo, Point, Timeline, Unavailable
from . import _params
from ._tokens.speech_module import SpeechModule
from ._tokens.speech_stream import Setting

if TYPE_CHECKING:
    from torch import Tensor

    from ..benchmark.api import Codec

_SEMANTIC, _ACOUSTIC = 32768, 8192
_RATE = 16000
_SEGMENT = 163840  # samples, 10.24 s, that the networks see at a time
_STEPS, _GUIDANCE, _SEED = 50, 2.0, 0  # of the diffusion; steps and guidance are the package's defaults
# The package's requirements, and two that it imports without naming them.
_NEEDED = ("semanticodec", "torchaudio", "timm", "vector_quantize_pytorch", "soundfile", "einops", "requests")
_MEND = (
    "install its authors' package: pip install requests "
    "git+https://github.com/haoheliu/SemantiCodec-inference@7c05d426d2971505014b96fc151522f78ff2a265"
)


def _absent() -> str | None:
    absent = [name for name in _NEEDED if find_spec(name) is None]
    return f"not installed: {', '.join(absent)}; {_MEND}" if absent else None


def _variant(token_rate: int, pairs: int, hop: int, stack: str) -> SpeechModule:
    """One of the published models, of its own weights.

    token_rate: tokens of both kinds in a second, the package's name for it; pairs, hop: of a column of
    patches; stack: name of the folder of its k-means.
    """
    return SpeechModule(
        "semanticodec",
        weights=[f"semanticodec-{token_rate}-{part}" for part in ("encoder", "decoder", "codebook")],
        network=partial(_network, token_rate, hop, pairs, stack),
        rate=_RATE,
        hop=hop,
        sizes=(_SEMANTIC, _ACOUSTIC) * pairs,
        books=[2 * pairs],
        profile="raw",  # the published rates; so many entries are not learned from so few tokens
        parameters=None,
        licence="MIT; AudioMAE within it CC-BY-NC-4.0",
        paper="Liu et al., SemantiCodec: An Ultra Low Bitrate Semantic Audio Codec for General Sound, 2024",
        libraries=["semanticodec", "torchaudio", "timm", "vector-quantize-pytorch"],
        options={"ddim_steps": _STEPS, "guidance": _GUIDANCE, "seed": _SEED},
        missing=_absent,
    )


def _network(
    token_rate: int, hop: int, pairs: int, stack: str, names: Sequence[str], device: str
) -> _Package:
    """The package's model with the registered weights `names`. Raises Unavailable; nothing is downloaded."""
    import torch

    files = [weights.path(name) for name in names]
    inside = ["encoder.ckpt", "decoder.ckpt", f"codebook_idx/{stack}/codebook_16384_0.npy"]
    # The package fetches what its folder lacks: here, nothing. What it prints and draws is kept from others.
    with TemporaryDirectory() as folder, redirect_stdout(io.StringIO()), torch.random.fork_rng(devices=[]):
        for path, file in zip(files, inside, strict=True):
            link = Path(folder, file)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path.resolve())
        try:
            from semanticodec import (  # pyright: ignore[reportMissingImports]
                SemantiCodec,  # pyright: ignore[reportAttributeAccessIssue]
            )
        except (ImportError, OSError, RuntimeError) as error:  # compiled parts may be of another PyTorch
            raise Unavailable(f"semanticodec: its package cannot be imported: {error}; {_MEND}") from error
        try:
            model = SemantiCodec(
                token_rate=token_rate,
                semantic_vocab_size=_SEMANTIC,
                ddim_sample_step=_STEPS,
                cfg_scale=_GUIDANCE,
                checkpoint_path=folder,
                cache_path=folder,
            )
        except (pickle.UnpicklingError, RuntimeError, ValueError, KeyError, EOFError, OSError) as error:
            named = ", ".join(map(str, files))
            raise Unavailable(f"semanticodec: its package cannot read {named}: {error}") from error
    found = (len(model.encoder.centroid_npy), model.encoder.codebook_size)
    if found != (_SEMANTIC, _ACOUSTIC):
        raise Unavailable(f"{files[-1]}: tokens of {found} entries, not {(_SEMANTIC, _ACOUSTIC)}")
    return _Package(model, hop, pairs, device)


class _Package:
    """The package's model as a `SpeechModel`, on a device; the same tokens give the same sound."""

    rate = _RATE
    delay = 0  # by construction: patches begin with the sound, and the vocoder is trained in place

    def __init__(self, model: Any, hop: int, pairs: int, device: str) -> None:
        import torch

        self.hop, self.device = hop, torch.device(device)
        self.sizes = (_SEMANTIC, _ACOUSTIC) * pairs
        # The package takes a GPU wherever it sees one, and moves the k-means only when it encodes.
        model.eval().to(self.device)
        model.device = model.decoder.device = model.encoder.device = self.device
        model.encoder.centroid_npy = model.encoder.centroid_npy.to(self.device)
        model.decoder.generate_sample = _cut(model.decoder.generate_sample)
        self.model = model

    def tokens(self, samples: Tensor, books: int) -> Tensor:
        """int64 (T, books) of float32 (T · hop,); silence follows to whole segments, as in the package."""
        import torch
        from semanticodec.utils import (  # pyright: ignore[reportMissingImports]
            extract_kaldi_fbank_feature,
        )

        columns = len(samples) // self.hop
        segments = -(-len(samples) // _SEGMENT)
        padded = torch.zeros(segments * _SEGMENT)
        padded[: len(samples)] = samples.cpu()
        bands = extract_kaldi_fbank_feature(padded[None], _RATE, target_length=1024 * segments)
        found = self.model.encoder(bands["ta_kaldi_fbank"][None].to(self.device))
        return found[0, : columns * books // 2].reshape(columns, books)

    def sound(self, tokens: Tensor) -> Tensor:
        """float32 (T · hop,) of int64 (T, books), by as many diffusions as there are windows of 9.6 s."""
        import torch

        if tokens.shape[1] != len(self.sizes):
            raise CodecError(f"semanticodec: {tokens.shape[1]} codebooks, not all {len(self.sizes)}")
        with _seeded(self.device), redirect_stderr(io.StringIO()):  # its progress bars
            made = torch.as_tensor(self.model.decode(tokens.reshape(1, -1, 2)), device="cpu")[0, 0]
        sound = torch.zeros(len(tokens) * self.hop)
        if not 0 <= len(sound) - len(made) <= 1:  # the package may round the last sample away
            raise CodecError(f"semanticodec: the package gave {len(made)} samples, not {len(sound)}")
        sound[: len(made)] = made
        return sound


def _cut(generate: Callable[..., Any]) -> Callable[..., Any]:
    """Without the 32 samples that the vocoder gives beyond a window: the next one would come late by them."""
    return lambda *args, **options: generate(*args, **options)[..., :_SEGMENT]


@contextmanager
def _seeded(device: Any) -> Iterator[None]:
    """Within: noise follows from the seed alone, drawn on the CPU whatever the device; then as before."""
    import torch
    from torch.overrides import TorchFunctionMode

    class FromCpu(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            if func is not torch.randn:
                return func(*args, **kwargs)
            return func(*args, **{**kwargs, "device": "cpu"}).to(kwargs.get("device"))

    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []), FromCpu():
        torch.manual_seed(_SEED)
        yield


# By codebooks sent, which the setting of a stream tells: the lowest rate first.
VARIANTS: Mapping[int, SpeechModule] = {
    8: _variant(25, pairs=4, hop=5120, stack="combine_128_audioset_dominate"),
    16: _variant(100, pairs=8, hop=2560, stack="combine_512_audioset_dominate"),
}


def availability() -> str | None:
    """Why the codec cannot run here and the fix, or None."""
    return VARIANTS[8].availability() or VARIANTS[16].availability()


def describe() -> tuple[CodecInfo, Sequence[Point]]:
    """Identity and ladder of both models."""
    described = [variant.describe() for variant in VARIANTS.values()]
    build = {name: value for info, _ in described for name, value in info.build.items()}
    return replace(described[0][0], build=build), [point for _, points in described for point in points]


def load(device: str) -> Codec:
    """The codec on `device`; a model is read when it is first needed. Raises Unavailable."""
    if missing := availability():
        raise Unavailable(f"semanticodec: {missing}")
    return _SemantiCodec(*describe(), device)


def timeline(stream: Bitstream, spec: ClipSpec) -> Mapping[str, Timeline]:
    """Bits of setting and tokens by column of patches. Raises CodecError."""
    return VARIANTS[_books(stream)].timeline(stream, spec)


@dataclass(frozen=True)
class _SemantiCodec:
    info: CodecInfo
    points: Sequence[Point]
    device: str
    _read: dict[int, Codec] = field(default_factory=dict)

    def encode(self, clip: Clip, point: Point) -> Bitstream:
        """Parts `setting` (one byte) and `tokens`."""
        books = _params.whole(point, "books", min(VARIANTS), max(VARIANTS))
        if books not in VARIANTS:
            raise CodecError(f"point {point.name!r}: books must be one of {', '.join(map(str, VARIANTS))}")
        return self._codec(books).encode(clip, point)

    def decode(self, stream: Bitstream, spec: ClipSpec) -> Clip:
        """The sound; every channel is the same."""
        return self._codec(_books(stream)).decode(stream, spec)

    def _codec(self, books: int) -> Codec:
        if books not in self._read:
            self._read[books] = VARIANTS[books].load(self.device)
        return self._read[books]


def _books(stream: Bitstream) -> int:
    books = Setting.read(stream["setting"], max(VARIANTS)).books
    if books not in VARIANTS:
        raise CodecError(f"part 'setting' is damaged: semanticodec sends no {books} codebooks")
    return books
