"""The search for the offset, against the published algorithm written out, and on rows with a known shift."""

import numpy as np
import pytest
import torch
from talkbench.metrics.lipsync import offsets
from talkbench.metrics.lipsync.offsets import best, curve


def embeddings(frames: int, size: int, seed: int) -> torch.Tensor:
    return torch.from_numpy(np.random.RandomState(seed).standard_normal((frames, size)).astype(np.float32))


def published(lips: np.ndarray, sounds: np.ndarray, reach: int = 15) -> tuple[float, float, int]:
    """LSE-D, LSE-C and offset: each window against 31 sounds of a row that goes on with zeros."""
    silence = np.zeros((reach, sounds.shape[1]))
    row = np.concatenate((silence, sounds, silence))
    distances = [
        [np.sqrt(np.sum((lips[t] - row[t + k] + 1e-6) ** 2)) for k in range(2 * reach + 1)]
        for t in range(len(lips))
    ]
    means = np.mean(distances, axis=0)
    return means.min(), np.median(means) - means.min(), reach - int(means.argmin())


@pytest.mark.parametrize("frames", [1, 7, 70, 150])
def test_the_search_is_the_published_one(frames):
    lips, sounds = embeddings(frames, 32, 1), embeddings(frames, 32, 2)
    distance, confidence, offset = published(lips.double().numpy(), sounds.double().numpy())
    found = best(curve(lips, sounds, zero_padded=True))
    assert found.distance == pytest.approx(distance, abs=1e-5)
    assert found.confidence == pytest.approx(confidence, abs=1e-5)
    assert found.offset == offset


@pytest.mark.parametrize("zero_padded", [True, False])
@pytest.mark.parametrize("shift", range(-10, 11))
def test_a_shift_is_found(shift, zero_padded):
    row = embeddings(100, 16, 3)
    row = row / row.norm(dim=1, keepdim=True)
    lips, sounds = row[15:85], row[15 + shift : 85 + shift]
    assert best(curve(lips, sounds, zero_padded)).offset == shift


def test_without_padding_only_pairs_that_exist_count():
    lips, sounds = embeddings(4, 8, 4), embeddings(4, 8, 5)
    means = curve(lips, sounds, zero_padded=False)
    assert means.isnan().tolist() == [not 12 <= k <= 18 for k in range(31)]
    # The greatest shift that leaves a pair: the first lips with the last sound.
    assert float(means[18]) == pytest.approx(float((lips[0] - sounds[3] + 1e-6).norm()), rel=1e-6)
    assert best(means).offset in range(-3, 4)


@pytest.mark.parametrize("rows", [1, 5, 1000])
def test_the_size_of_a_piece_changes_nothing(monkeypatch, rows):
    lips, sounds = embeddings(90, 8, 6), embeddings(90, 8, 7)
    whole = curve(lips, sounds, zero_padded=True)
    monkeypatch.setattr(offsets, "_ROWS", rows)
    torch.testing.assert_close(curve(lips, sounds, zero_padded=True), whole, rtol=1e-6, atol=0)


def test_perfect_agreement_has_no_distance():
    row = embeddings(60, 8, 8)
    found = best(curve(row, row, zero_padded=True))
    assert found.offset == 0
    assert found.distance < 1e-5 < found.confidence


@pytest.mark.parametrize("frames", [16, 70])
def test_distances_are_torchs_pairwise_distance(frames):
    """The published evaluation calls `pairwise_distance` on each window and its 31 sounds."""
    lips, sounds = embeddings(frames, 32, 9), embeddings(frames, 32, 10)
    padded = torch.nn.functional.pad(sounds, (0, 0, 15, 15))
    rows = [torch.nn.functional.pairwise_distance(lips[[t]], padded[t : t + 31]) for t in range(frames)]
    means = torch.stack(rows, 1).mean(1)
    assert curve(lips, sounds, zero_padded=True).float().numpy() == pytest.approx(means.numpy(), rel=1e-5)
