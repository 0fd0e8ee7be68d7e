"""Codebooks that learn: running means of what falls to each entry, as van den Oord et al. (2017) have it."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor

KEEP = 0.98  # what the running means keep of themselves at each step
# Of the mean share of a step's vectors: an entry that meets fewer than the first is re-initialised with a
# vector of the batch, as if it had met the second.
_DEAD, _NEW = 0.1, 0.25


def quantised(quantiser: Any, found: Tensor, used: Tensor, learn: bool) -> tuple[Tensor, Tensor]:
    """Residual quantisation of vectors float32 (B, D, T), with gradients straight through.

    quantiser: transformers' residual quantizer; used: int64 (B,), how many codebooks each sound has sent;
    learn: move the codebooks. Gives what the decoder sees, and the commitment loss.
    """
    residual, total, losses = found, torch.zeros_like(found), []
    for place, layer in enumerate(quantiser.layers):
        book = layer.codebook
        vectors = residual.detach().transpose(1, 2).flatten(0, 1)
        with torch.no_grad():
            if learn and not book.cluster_size.any():
                _place(book, torch.ones_like(book.cluster_size, dtype=torch.bool), vectors)
            tokens = book.quantize(vectors)
        nearest = functional.embedding(tokens, book.embed).view(len(found), -1, found.shape[1])
        nearest = nearest.transpose(1, 2)
        counts = (used > place).view(-1, 1, 1)
        losses.append(
            ((residual - nearest).square() * counts).sum() / (counts.sum() * found[0].numel()).clamp_min(1)
        )
        total = total + nearest * counts
        residual = residual - nearest
        if learn:
            with torch.no_grad():
                _learn(book, vectors, tokens)
    return found + (total - found).detach(), torch.stack(losses).sum()


def _learn(book: Any, vectors: Tensor, tokens: Tensor) -> None:
    counts = torch.bincount(tokens, minlength=len(book.embed)).to(vectors.dtype)
    sums = torch.zeros_like(book.embed_avg).index_add_(0, tokens, vectors)
    book.cluster_size.mul_(KEEP).add_(counts, alpha=1 - KEEP)
    book.embed_avg.mul_(KEEP).add_(sums, alpha=1 - KEEP)
    book.embed.copy_(book.embed_avg / book.cluster_size.clamp_min(1e-6)[:, None])
    dead = book.cluster_size < _DEAD * len(vectors) / len(book.embed)
    if dead.any():
        _place(book, dead, vectors)


def _place(book: Any, which: Tensor, vectors: Tensor) -> None:
    """Puts entries onto vectors drawn from the batch."""
    drawn = vectors[torch.randint(len(vectors), (int(which.sum()),), device=vectors.device)]
    # Two entries on one vector would stay together.
    drawn = drawn + 0.01 * vectors.std() * torch.randn_like(drawn)
    share = _NEW * len(vectors) / len(book.embed)
    book.embed[which], book.cluster_size[which] = drawn, share
    book.embed_avg[which] = share * drawn
