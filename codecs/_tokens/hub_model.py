"""Encodec, Mimi and DAC as transformers has them, with weights of the registry: `SpeechModel`s.

Their configurations are in the codecs' own files. Every tensor of a weights' file is in its place or none.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.nn.functional import pad
from transformers import (
    DacConfig,
    DacModel,
    EncodecConfig,
    EncodecModel,
    MimiConfig,
    MimiModel,
    PreTrainedModel,
)
from transformers.initialization import no_init_weights

from ...benchmark.api import CodecError
from .. import _checkpoint


@dataclass(frozen=True)
class HubModel(ABC):
    """A network of transformers, on its device, as `SpeechModel`."""

    network: Any
    hop: int

    @property
    def rate(self) -> int:
        return self.network.config.sampling_rate

    @property
    def delay(self) -> int:
        """None: all three were trained to give each sample at its own place."""
        return 0

    @property
    @abstractmethod
    def sizes(self) -> Sequence[int]:
        """Entries of each codebook."""

    @abstractmethod
    def codes(self, samples: Tensor, books: int) -> Tensor:
        """Tokens (1, books, T) of samples (1, 1, T · hop)."""

    @abstractmethod
    def samples(self, codes: Tensor) -> Tensor:
        """Samples, in whatever shape, of tokens (1, books, T)."""

    def tokens(self, samples: Tensor, books: int) -> Tensor:
        """int64 (T, books)."""
        return self.codes(samples[None, None], books)[0].T

    def sound(self, tokens: Tensor) -> Tensor:
        """float32 (T · hop,): where a network gives few samples less, silence follows. Raises CodecError."""
        found = self.samples(tokens.T[None]).flatten()
        lacking = len(tokens) * self.hop - len(found)
        if not 0 <= lacking < self.hop:
            raise CodecError(f"{len(tokens)} frames of {self.hop} samples decode to {len(found)} samples")
        return pad(found, (0, lacking))


class Encodec(HubModel):
    """Causal convolutions and an LSTM over the whole sound."""

    @property
    def sizes(self) -> Sequence[int]:
        return (self.network.config.codebook_size,) * self.network.quantizer.num_quantizers

    def codes(self, samples: Tensor, books: int) -> Tensor:
        # `EncodecModel.encode` knows a few rates only. What a codebook finds does not depend on later ones.
        return self.network.quantizer.encode(self.network.encoder(samples))[:books].transpose(0, 1)

    def samples(self, codes: Tensor) -> Tensor:
        return self.network.decoder(self.network.quantizer.decode(codes.transpose(0, 1)))


class Mimi(HubModel):
    """Causal convolutions, and attention to the last 250 frames of 40 ms."""

    @property
    def sizes(self) -> Sequence[int]:
        return (self.network.config.codebook_size,) * self.network.config.num_quantizers

    def codes(self, samples: Tensor, books: int) -> Tensor:
        return self.network.encode(samples, num_quantizers=books).audio_codes

    def samples(self, codes: Tensor) -> Tensor:
        return self.network.decode(codes).audio_values


class Dac(HubModel):
    """Convolutions that look both ways."""

    @property
    def sizes(self) -> Sequence[int]:
        return (self.network.config.codebook_size,) * self.network.config.n_codebooks

    def codes(self, samples: Tensor, books: int) -> Tensor:
        return self.network.encode(samples, n_quantizers=books).audio_codes

    def samples(self, codes: Tensor) -> Tensor:
        return self.network.decode(audio_codes=codes).audio_values


def encodec(weights: str, device: str, *, published: bool = True, **config: Any) -> HubModel:
    """Encodec from a checkpoint of its authors, or else from weights of this project. Raises Unavailable."""
    settings = EncodecConfig(**config)
    ours = encodec_name if published else _checkpoint.same
    return Encodec(_loaded(EncodecModel, settings, weights, device, ours), settings.hop_length)


def mimi(weights: str, device: str, **config: Any) -> HubModel:
    """Mimi from the hub's file. Raises Unavailable."""
    settings = MimiConfig(**config)
    return Mimi(_loaded(MimiModel, settings, weights, device, mimi_name), settings.frame_size)


def dac(weights: str, device: str, **config: Any) -> HubModel:
    """Descript's DAC from the hub's file. Raises Unavailable."""
    settings = DacConfig(**config)
    return Dac(_loaded(DacModel, settings, weights, device, _checkpoint.same), settings.hop_length)


def encodec_name(name: str) -> str:
    """Name in transformers of a tensor of Encodec's authors.

    >>> encodec_name("decoder.model.3.convtr.convtr.weight_g")
    'decoder.layers.3.conv.parametrizations.weight.original0'
    >>> encodec_name("quantizer.vq.layers.0._codebook.embed")
    'quantizer.layers.0.codebook.embed'
    """
    return _renamed(
        name,
        {
            r"^(encoder|decoder)\.model\.": r"\1.layers.",
            r"^quantizer\.vq\.layers\.(\d+)\._codebook\.": r"quantizer.layers.\1.codebook.",
            r"\.(conv|convtr)\.\1\.": ".conv.",
            r"\.weight_g$": ".parametrizations.weight.original0",
            r"\.weight_v$": ".parametrizations.weight.original1",
        },
    )


def mimi_name(name: str) -> str:
    """Name in transformers 5 of a tensor of the hub's file, which is flat.

    >>> mimi_name("decoder.layers.2.conv.weight")
    'decoder.decoder_seanet.layers.2.conv.weight'
    """
    return _renamed(
        name,
        {
            r"^(encoder|decoder)\.layers\.": r"\1.\1_seanet.layers.",
            r"^(encoder|decoder)_transformer\.": r"\1.\1_transformer.",
            r"^downsample\.": "encoder.downsample.",
            r"^upsample\.": "decoder.upsample.",
        },
    )


def _renamed(name: str, patterns: Mapping[str, str]) -> str:
    for theirs, ours in patterns.items():
        name = re.sub(theirs, ours, name)
    return name


def _loaded(
    model: Callable[[Any], PreTrainedModel],
    config: Any,
    weights: str,
    device: str,
    ours: Callable[[str], str],
) -> PreTrainedModel:
    def build() -> PreTrainedModel:
        with no_init_weights():
            return model(config)

    return _checkpoint.load(build, weights, device, ours)
