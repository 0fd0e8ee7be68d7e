"""Lyra V2: Google's SoundStream for calls, its three official models run as they are, by LiteRT.

Encoder (320 samples to 64 features), residual quantizer and decoder (64 features to 320 samples) are files
of google/lyra 1.3.2. The first and the last keep what they have heard in variables of their own, that nothing
but a new interpreter sets back: so every clip gets one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..benchmark import weights
from ._tokens.speech_codec import SpeechModel
from ._tokens.speech_module import SpeechModule

if TYPE_CHECKING:
    from torch import Tensor

_HOP = 320  # samples at 16 kHz: 20 ms
_FEATURES = 64
_BOOKS = 46
_PACKAGE = "ai-edge-litert"
_FULL_SCALE = 32768  # the C++ codec takes and gives 16-bit samples


def _missing() -> str | None:
    found = find_spec("ai_edge_litert")
    return None if found else f"LiteRT is not installed; install it with: pip install {_PACKAGE}"


def _network(names: Sequence[str], device: str) -> SpeechModel:
    encoder, quantizer, decoder = map(weights.path, names)
    return LyraV2(encoder, quantizer, decoder)


@dataclass(frozen=True)
class LyraV2:
    """The three models by their files."""

    encoder: Path
    quantizer: Path
    decoder: Path
    rate: int = 16000
    hop: int = _HOP
    delay: int = 0
    sizes: Sequence[int] = (16,) * _BOOKS

    def tokens(self, samples: Tensor, books: int) -> Tensor:
        """Entries of the first `books` quantizers, (T, books), of the samples rounded to 16 bits."""
        import numpy as np
        import torch

        extract = _runner(self.encoder)
        quantize = _runner(self.quantizer, "encode", delegates=False)
        scaled = torch.round(samples * _FULL_SCALE).clamp(-_FULL_SCALE, _FULL_SCALE - 1) / _FULL_SCALE
        found = np.zeros((len(samples) // self.hop, books), np.int64)
        for row, hop in zip(found, scaled.numpy().reshape(-1, 1, self.hop), strict=True):
            features = extract(input_audio=hop)["output_0"]
            entries = quantize(input_frames=features, num_quantizers=np.int32(books))["output_0"]
            row[:] = entries[:books, 0, 0]
        return torch.from_numpy(found)

    def sound(self, tokens: Tensor) -> Tensor:
        """Samples (T · 320,), cut to 16 bits as the C++ decoder cuts them: towards zero."""
        import numpy as np
        import torch

        restore = _runner(self.quantizer, "decode", delegates=False)
        generate = _runner(self.decoder)
        entries = np.full((len(self.sizes), 1, 1), -1, np.int32)  # -1: this quantizer adds nothing
        sound = np.zeros((len(tokens), self.hop), np.float32)
        for hop, row in zip(sound, tokens.numpy(), strict=True):
            entries[: len(row), 0, 0] = row
            features = restore(encoding_indices=entries)["output_0"]
            hop[:] = generate(input_audio=features)["output_0"][0]
        scaled = torch.from_numpy(sound).flatten() * _FULL_SCALE
        return torch.trunc(scaled.clamp(-_FULL_SCALE, _FULL_SCALE - 1)) / _FULL_SCALE


def _runner(path: Path, signature: str = "serving_default", delegates: bool = True) -> Any:
    """A function of named arrays, with fresh state, on one thread.

    delegates: whether XNNPACK computes, as in the C++ codec for the encoder and the decoder.
    """
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    resolver = OpResolverType.AUTO if delegates else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(str(path), experimental_op_resolver_type=resolver, num_threads=1)
    return interpreter.get_signature_runner(signature)


CODEC = SpeechModule(
    "lyra-v2",
    weights=["lyra-v2-encoder", "lyra-v2-quantizer", "lyra-v2-decoder"],
    network=_network,
    rate=16000,
    hop=_HOP,
    sizes=(16,) * _BOOKS,
    books=(16, 30, 46),
    profile="raw",  # Lyra's own packets, byte for byte
    parameters=1_365_825,
    licence="Apache-2.0",
    paper="Zeghidour et al., SoundStream: An End-to-End Neural Audio Codec, IEEE/ACM TASLP 2022",
    libraries=[_PACKAGE],
    missing=_missing,
    accelerated=False,
)
availability, describe, load, timeline = CODEC.availability, CODEC.describe, CODEC.load, CODEC.timeline
