"""The Fréchet distance between two sets of features, in one pass over each and in bounded memory.

    d = |m₁ - m₂|² + tr S₁ + tr S₂ - 2 tr √(S₁S₂)           (Dowson and Landau 1982)

With any factors F such that S = FᵀF, tr √(S₁S₂) = ‖F₁F₂ᵀ‖*, the sum of singular values, because S₁S₂ has,
zeros apart, the eigenvalues of (F₁F₂ᵀ)ᵀ(F₁F₂ᵀ). So no root of a matrix is taken, nor of its eigenvalues: the
root of an eigenvalue 0 that rounding made 1e-16 would be 1e-8, once per dimension without variance.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

# Up to as many rows as Inception has dimensions, the centred rows are the factor: no matrix is larger than
# 32 MiB, the cost is that of the singular values (2.3 s at 2048 rows on one core), and nothing is rounded
# away. More rows would cost time and memory with their number; then a covariance is kept instead and split
# once, by eigenvectors (3.1 s a side).
ROWS_KEPT = 2048

# A distance below this part of tr S₁ + tr S₂ is 0: it is the difference of these traces and a sum of singular
# values, and for equal sets rounding leaves that a little (some 1e-15) above or below 0.
ROUNDING = 1e-12


class FeatureSet:
    """A set of features: its rows up to `rows_kept`, beyond that only their sum and products."""

    def __init__(self, pieces: Iterable[np.ndarray], rows_kept: int = ROWS_KEPT) -> None:
        """All rows of `pieces`, arrays (n, d), in one pass."""
        self.n = 0
        self._kept: list[np.ndarray] = []
        self._summed = 0
        for piece in pieces:
            if len(piece):
                self._kept.append(piece)
                self.n += len(piece)
            if self.n > rows_kept:
                self._sum_up()

    def _sum_up(self) -> None:
        """Turn the rows that are kept into sums."""
        for piece in self._kept:
            rows = piece.astype(np.float64)
            if not self._summed:
                # About a point of the set, not about 0: a large common offset would cost digits.
                self._origin = rows[0].copy()
                self._sum = np.zeros(rows.shape[1])
                self._products = np.zeros((rows.shape[1], rows.shape[1]))
            rows -= self._origin
            self._sum += rows.sum(axis=0)
            self._products += rows.T @ rows
            self._summed += len(rows)
        self._kept = []

    def factored(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean (d,) and a factor F (n or d, d) of the sample covariance FᵀF, float64; of two rows or more."""
        if not self._summed:
            rows = np.concatenate(self._kept).astype(np.float64)
            mean = rows.mean(axis=0)
            return mean, (rows - mean) / np.sqrt(self.n - 1)
        mean = self._sum / self.n
        covariance = (self._products - self.n * np.outer(mean, mean)) / (self.n - 1)
        values, vectors = np.linalg.eigh(covariance)
        # What rounding made of zeros is not variance.
        values[values < len(values) * np.finfo(np.float64).eps * np.abs(values).max()] = 0
        return self._origin + mean, np.sqrt(values)[:, None] * vectors.T


def frechet_distance(first: FeatureSet, second: FeatureSet) -> float:
    """The distance, 0 or more, of two sets of at least two rows each."""
    mean_1, factor_1 = first.factored()
    mean_2, factor_2 = second.factored()
    traces = np.sum(factor_1**2) + np.sum(factor_2**2)
    root = np.linalg.svd(factor_1 @ factor_2.T, compute_uv=False).sum()
    distance = np.sum((mean_1 - mean_2) ** 2) + traces - 2 * root
    return float(distance) if distance > ROUNDING * traces else 0.0
