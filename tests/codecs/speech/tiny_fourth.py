"""A neural speech codec of one's own, whole: a random basis for 20 ms, and what its codebooks leave."""

from __future__ import annotations

from talkbench.codecs._tokens.speech_module import SpeechModule

RATE, HOP, SIZES = 16000, 320, (64, 64, 64)


def _network(weights, device):
    import torch

    class Basis:
        rate, hop, delay, sizes = RATE, HOP, 0, SIZES

        def __init__(self) -> None:
            dice = torch.Generator().manual_seed(1)
            entries = torch.randn((len(SIZES), SIZES[0], HOP), generator=dice) * 0.1
            self.books = (entries / torch.arange(1, 4).view(3, 1, 1)).to(device)

        def tokens(self, samples, books):
            left, found = samples.view(-1, HOP), []
            for entries in self.books[:books]:
                found.append(torch.cdist(left, entries).argmin(dim=1))
                left = left - entries[found[-1]]
            return torch.stack(found, dim=1)

        def sound(self, tokens):
            books = zip(self.books, tokens.T, strict=False)
            return torch.stack([entries[found] for entries, found in books]).sum(dim=0).flatten()

    return Basis()


CODEC = SpeechModule("tiny-fourth", [], _network, RATE, HOP, SIZES, (1, 2, 3), None, "none", "")
availability, describe, load, timeline = CODEC.availability, CODEC.describe, CODEC.load, CODEC.timeline
