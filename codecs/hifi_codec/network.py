"""HiFi-Codec's network: HiFi-GAN's convolutions on both sides of a quantizer of two groups and two levels.

Source: Yang et al., HiFi-Codec: Group-residual Vector Quantization for High Fidelity Audio Codec,
arXiv 2305.02765, sections 2.1 to 2.3; what the paper leaves open is as in the authors' configuration
`config_16k_320d` (AcademiCodec).

No convolution looks back only: each is padded on both sides alike, so nothing comes late. The encoder's group
norms take their statistics over the whole sound.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations, parametrize

from .. import _checkpoint

_SLOPE = 0.1  # of leaky ReLUs, all but the last one on each side
_LAST_SLOPE = 0.01
_GROUP = 16  # channels that are normalised together
_DILATIONS = (1, 3, 5)
_WIDTHS = (3, 7, 11)  # of the kernels of the three branches of a stage
_ENDS = 7  # width of the kernel next to samples and of the decoder's first


@dataclass(frozen=True)
class Shape:
    """Sizes of the network.

    steps: (stride, width of kernel) of the encoder's stages, first to last; the decoder mirrors them.
    channels: of the encoder's first stage; they double with every stage, up to the quantizer's.
    """

    steps: Sequence[tuple[int, int]] = ((2, 4), (4, 8), (5, 11), (8, 16))
    channels: int = 32
    groups: int = 2
    levels: int = 2
    entries: int = 1024

    @property
    def hop(self) -> int:
        """Samples for each frame of tokens."""
        hop = 1
        for stride, _ in self.steps:
            hop *= stride
        return hop

    @property
    def widths(self) -> Sequence[int]:
        """Channels before, between and after the encoder's stages."""
        return [self.channels << stage for stage in range(len(self.steps) + 1)]


OFFICIAL = Shape()


class _Branch(nn.Module):
    """Three residual steps: a dilated convolution, then one that is not. (B, C, T) -> (B, C, T)."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.dilated = nn.ModuleList(_convolution(channels, channels, width, each) for each in _DILATIONS)
        self.plain = nn.ModuleList(_convolution(channels, channels, width) for _ in _DILATIONS)

    def forward(self, x: Tensor) -> Tensor:
        for dilated, plain in zip(self.dilated, self.plain, strict=True):
            x = x + plain(_active(dilated(_active(x))))
        return x


class _Down(nn.Module):
    """Fewer frames, more channels; branches, their sum normalised after each. (B, C, T) -> (B, 2C, T/s)."""

    def __init__(self, channels: int, stride: int, width: int) -> None:
        super().__init__()
        made = 2 * channels
        self.resample = _normed(
            nn.Conv1d(channels, made, width, stride, padding=(width - stride) // 2),
        )
        self.branches = nn.ModuleList(_Branch(made, each) for each in reversed(_WIDTHS))
        self.norms = nn.ModuleList(nn.GroupNorm(made // _GROUP, made, eps=1e-6) for _ in _WIDTHS)

    def forward(self, x: Tensor) -> Tensor:
        x = self.resample(_active(x))
        total = torch.zeros((), device=x.device)
        for branch, norm in zip(self.branches, self.norms, strict=True):
            total = norm(total + branch(x))
        return total / len(self.branches)


class _Up(nn.Module):
    """More frames, half the channels, and the mean of the branches: (B, C, T) -> (B, C / 2, T · s)."""

    def __init__(self, channels: int, stride: int, width: int) -> None:
        super().__init__()
        made = channels // 2
        self.resample = _normed(
            nn.ConvTranspose1d(channels, made, width, stride, padding=(width - stride) // 2),
        )
        self.branches = nn.ModuleList(_Branch(made, each) for each in _WIDTHS)

    def forward(self, x: Tensor) -> Tensor:
        x = self.resample(_active(x))
        total = torch.zeros((), device=x.device)
        for branch in self.branches:
            total = total + branch(x)
        return total / len(self.branches)


class _Encoder(nn.Module):
    """(B, 1, T · hop) -> (B, C, T)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        widths = shape.widths
        self.first = _convolution(1, widths[0], _ENDS)
        self.stages = nn.ModuleList(
            _Down(channels, *step) for channels, step in zip(widths, shape.steps, strict=False)
        )
        self.last = nn.Conv1d(widths[-1], widths[-1], 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        for stage in self.stages:
            x = stage(x)
        return self.last(functional.leaky_relu(x, _LAST_SLOPE))


class _Decoder(nn.Module):
    """(B, C, T) -> (B, 1, T · hop), -1 to 1."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        widths = shape.widths[::-1]
        self.first = _convolution(widths[0], widths[0], _ENDS)
        self.stages = nn.ModuleList(
            _Up(channels, *step) for channels, step in zip(widths, reversed(shape.steps), strict=False)
        )
        self.last = _convolution(widths[-1], 1, _ENDS)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        for stage in self.stages:
            x = stage(x)
        return torch.tanh(self.last(_active(x)))


class _Quantizer(nn.Module):
    """One vector quantizer for each half (group) of a frame's channels, and again for what is left (levels).

    Books are level by level and group by group within: token k is of level k // groups, group k % groups.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.groups = shape.groups
        size = shape.widths[-1] // shape.groups
        self.books = nn.ModuleList(
            nn.Embedding(shape.entries, size) for _ in range(shape.levels * shape.groups)
        )

    def tokens(self, frames: Tensor, books: int) -> Tensor:
        """int64 (T, books) of float (T, C)."""
        found = []
        left = list(frames.chunk(self.groups, dim=1))
        for at, book in enumerate(self.books[:books]):
            group = at % self.groups
            found.append(_nearest(left[group], book.get_parameter("weight")))
            left[group] = left[group] - book(found[-1])
        return torch.stack(found, dim=1)

    def frames(self, tokens: Tensor) -> Tensor:
        """float (T, C) of int64 (T, books)."""
        vectors = [book(column) for book, column in zip(self.books, tokens.T, strict=False)]
        levels = [
            torch.cat(vectors[at : at + self.groups], dim=1) for at in range(0, len(vectors), self.groups)
        ]
        return torch.stack(levels).sum(dim=0)


class HifiCodec(nn.Module):
    """Sound at 16 kHz to four tokens of ten bits in 20 ms, and back: a `SpeechModel`."""

    rate = 16000
    delay = 0  # by construction: paddings are the same on both sides, and every stride divides the hop

    def __init__(self, shape: Shape = OFFICIAL) -> None:
        super().__init__()
        self.hop = shape.hop
        self.sizes = (shape.entries,) * (shape.levels * shape.groups)
        self.encoder = _Encoder(shape)
        self.quantizer = _Quantizer(shape)
        self.decoder = _Decoder(shape)

    def tokens(self, samples: Tensor, books: int) -> Tensor:
        """int64 (T, books) of float32 (T · hop,) in [-1, 1]; books: 2, the first level alone, or 4."""
        return self.quantizer.tokens(self.encoder(samples[None, None])[0].T, books)

    def sound(self, tokens: Tensor) -> Tensor:
        """float32 (T · hop,) in [-1, 1] of int64 (T, books)."""
        return self.decoder(self.quantizer.frames(tokens).T[None])[0, 0]


def official(weights: str, device: str) -> HifiCodec:
    """The network for a checkpoint of the authors' own layout. Raises Unavailable."""
    return folded(_checkpoint.load(HifiCodec, weights, device, published))


def folded(network: HifiCodec) -> HifiCodec:
    """The network with each convolution's weight computed once from its direction and length."""
    for module in list(network.modules()):
        if parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight")
    return network


def published(name: str) -> str:
    """Our name of a tensor of the authors' checkpoint: `encoder.*`, `quantizer.*` and `generator.*`.

    >>> published("generator.resblocks.4.convs1.2.weight_g")
    'decoder.stages.1.branches.1.dilated.2.parametrizations.weight.original0'
    >>> published("quantizer.quantizer_modules2.0.embedding.weight")
    'quantizer.books.2.weight'
    """
    for theirs, ours in _NAMES:
        name = re.sub(theirs, ours, name)
    return name


def _inner(match: re.Match[str], place: str) -> str:
    """Blocks and norms are numbered through all stages, three to each."""
    stage, branch = divmod(int(match[1]), len(_WIDTHS))
    return f".stages.{stage}.{place}.{branch}."


def _book(match: re.Match[str]) -> str:
    level = int(match[1] or 1) - 1
    return f".books.{level * OFFICIAL.groups + int(match[2])}."


_NAMES = (
    (r"^generator\.", "decoder."),
    (r"\.conv_pre\.", ".first."),
    (r"\.conv_post\.", ".last."),
    (r"\.ups\.(\d+)\.", r".stages.\1.resample."),
    (r"\.resblocks\.(\d+)\.", partial(_inner, place="branches")),
    (r"\.normalize\.(\d+)\.", partial(_inner, place="norms")),
    (r"\.convs1\.", ".dilated."),
    (r"\.convs2\.", ".plain."),
    (r"\.quantizer_modules(\d?)\.(\d+)\.embedding\.", _book),
    (r"\.weight_g$", ".parametrizations.weight.original0"),
    (r"\.weight_v$", ".parametrizations.weight.original1"),
)


def _active(x: Tensor) -> Tensor:
    return functional.leaky_relu(x, _SLOPE)


def _convolution(channels: int, made: int, width: int, dilation: int = 1) -> nn.Module:
    """Of stride one; as many frames out as in."""
    padding = dilation * (width - 1) // 2
    return _normed(nn.Conv1d(channels, made, width, padding=padding, dilation=dilation))


def _normed(convolution: nn.Module) -> nn.Module:
    """Weight norm: a direction and a length for each channel of the weight's first dimension."""
    return parametrizations.weight_norm(convolution)


def _nearest(vectors: Tensor, book: Tensor) -> Tensor:
    """int64 (T,): which of (N, C) is nearest to each of (T, C)."""
    distance = vectors.square().sum(dim=1, keepdim=True) + book.square().sum(dim=1) - 2 * vectors @ book.T
    return distance.argmin(dim=1)
