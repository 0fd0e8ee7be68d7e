"""What an encoder must tell before a decoder can use it: the envelope of the spectrum, in training only."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .losses import envelope

COMPONENTS = 24
_LEAST = 0.1  # standard deviation, log10: components that hardly change are not blown up


class Guide(nn.Module):
    """Predicts, linearly, principal components of the envelope from what is sent, each at unit variance.

    Of the envelope itself three components are most, and an encoder that sends these gets no gradient:
    it kept sending three numbers a frame, however many bits it had. At unit variance the finer ones count
    as much.
    """

    mean: Tensor
    axes: Tensor

    def __init__(self, hidden: int, bands: int, rate: int, hop: int) -> None:
        super().__init__()
        self.rate, self.hop = rate, hop
        self.told = nn.Conv1d(hidden, COMPONENTS, 3, padding=1)
        self.register_buffer("mean", torch.zeros(bands))
        self.register_buffer("axes", torch.zeros(bands, COMPONENTS))

    @torch.no_grad()
    def settle(self, sounds: Tensor) -> None:
        """Finds the components of these sounds, float32 (B, N)."""
        found = envelope(sounds, self.rate, self.hop).transpose(1, 2).flatten(0, 1)
        self.mean.copy_(found.mean(0))
        _, singular, axes = torch.linalg.svd(found - self.mean, full_matrices=False)
        spread = (singular / len(found) ** 0.5).clamp_min(_LEAST)
        self.axes.copy_((axes / spread[:, None])[:COMPONENTS].T)

    def components(self, sounds: Tensor) -> Tensor:
        """Of sounds (B, N): (B, COMPONENTS, frames)."""
        return (envelope(sounds, self.rate, self.hop).transpose(1, 2) - self.mean).matmul(self.axes).mT

    def forward(self, sent: Tensor, sounds: Tensor) -> Tensor:
        """Mean absolute error of what is predicted from (B, hidden, T), in standard deviations."""
        told, wanted = self.told(sent), self.components(sounds)
        frames = min(told.shape[2], wanted.shape[2])
        return (told[..., :frames] - wanted[..., :frames]).abs().mean()
