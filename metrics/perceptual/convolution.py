"""Convolutions with bias and ReLU, and the fast form of 3×3 ones for processors.

Winograd's minimal filtering F(4×4, 3×3) (Lavin and Gray, CVPR 2016): 6×6 pieces of the picture, 4 pixels
apart, are transformed (Bᵀ d B), multiplied with transformed filters (G g Gᵀ) at each of the 36 places, which
is 36 matrix products over channels, and transformed back (Aᵀ m A) to 4×4 pixels. That takes a quarter of the
multiplications. The interpolation points 0, 1, -1, 1/2, -2 and ∞ are those that Barabasz et al. (ACM TOMS
46(4), 2020) found to round least: here about three times the rounding error of a direct convolution.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Layer = Callable[["Tensor"], "Tensor"]

TILE, STEP = 6, 4  # pixels that a piece sees, and that it gives
INPUT = (  # Bᵀ
    (1, -3 / 2, -2, 3 / 2, 1, 0),
    (0, -1, 1 / 2, 5 / 2, 1, 0),
    (0, 1, -5 / 2, 1 / 2, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 1 / 2, -1, -1 / 2, 1, 0),
    (0, 1, -3 / 2, -2, 3 / 2, 1),
)
FILTER = (  # G
    (1, 0, 0),
    (1 / 3, 1 / 3, 1 / 3),
    (-1 / 3, 1 / 3, -1 / 3),
    (-16 / 15, -8 / 15, -4 / 15),
    (1 / 15, -2 / 15, 4 / 15),
    (0, 0, 1),
)
OUTPUT = (  # Aᵀ
    (1, 1, 1, 1, 1, 0),
    (0, 1, -1, 1 / 2, -2, 0),
    (0, 1, 1, 1 / 4, 4, 0),
    (0, 1, -1, 1 / 8, -8, 1),
)
TILES_AT_ONCE = 64  # so that one step's transforms stay in a processor's cache
WINOGRAD_FROM_CHANNELS = 64  # with fewer, transforming costs more than it saves


def convolution(
    weight: Tensor, bias: Tensor, stride: int, padding: int, device: str, dtype: torch.dtype
) -> Layer:
    """ReLU(conv(x) + bias) of x (N, C, H, W) in channels-last memory, by the fastest way on `device`.

    weight: float32 (K, C, h, w); bias: (K,). In float32 on a processor 3×3 layers use Winograd's form.
    """
    import torch

    in_channels, size = weight.shape[1], tuple(weight.shape[2:])
    winograd = device == "cpu" and dtype == torch.float32 and in_channels >= WINOGRAD_FROM_CHANNELS
    if winograd and (size, stride, padding) == ((3, 3), 1, 1):
        return Winograd(weight, bias)
    return Direct(weight.to(device, dtype), bias.to(device, dtype), stride, padding)


class Direct:
    """The library's convolution."""

    def __init__(self, weight: Tensor, bias: Tensor, stride: int, padding: int) -> None:
        import torch

        self._weight = weight.contiguous(memory_format=torch.channels_last)
        self._bias, self._stride, self._padding = bias, stride, padding

    def __call__(self, x: Tensor) -> Tensor:
        """ReLU of the convolution of x (N, C, H, W)."""
        from torch.nn.functional import conv2d

        return conv2d(x, self._weight, self._bias, self._stride, self._padding).relu_()


class Winograd:
    """3×3, stride 1, zero padding of 1, in float32 on the processor.

    Frames go one by one, so that a frame's values do not depend on what else is in the batch.
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        import torch

        def squared(matrix: tuple[tuple[float, ...], ...]) -> Tensor:
            """A matrix for both directions at once: (rows², columns²)."""
            one = torch.tensor(matrix, dtype=torch.float64)
            return torch.kron(one, one)

        filters = squared(FILTER) @ weight.double().reshape(-1, 9).T
        self._filters = filters.float().view(TILE**2, *weight.shape[:2]).transpose(1, 2).contiguous()
        self._into = squared(INPUT).float()
        self._out_of = squared(OUTPUT).float()
        self._bias = bias.float()

    def __call__(self, x: Tensor) -> Tensor:
        """ReLU of the convolution of x (N, C, H, W)."""
        n, _, height, width = x.shape
        rows, columns = -(-height // STEP), -(-width // STEP)
        result = x.new_empty(n, rows, STEP, columns, STEP, len(self._bias))
        for frame, its_result in zip(x.permute(0, 2, 3, 1), result, strict=True):
            self._frame(frame, its_result)
        return result.view(n, rows * STEP, columns * STEP, -1)[:, :height, :width].permute(0, 3, 1, 2)

    def _frame(self, frame: Tensor, result: Tensor) -> None:
        """One frame (H, W, C), a few rows of tiles at a time, into result (rows, 4, columns, 4, K)."""
        import torch

        height, width, channels = frame.shape
        tile_rows, _, tile_columns, _, out_channels = result.shape
        rows = min(max(1, TILES_AT_ONCE // tile_columns), tile_rows)
        tiles = rows * tile_columns
        seen = frame.new_empty(TILE**2, tiles * channels)
        seen_transformed = torch.empty_like(seen)
        product = frame.new_empty(TILE**2, tiles, out_channels)
        given = frame.new_empty(STEP**2, tiles * out_channels)
        # The frame's rows with zeros around them.
        strip = frame.new_zeros(rows * STEP + 2, tile_columns * STEP + 2, channels)
        pieces = strip.unfold(0, TILE, STEP).unfold(1, TILE, STEP).permute(3, 4, 0, 1, 2)
        for first in range(0, tile_rows, rows):
            top = first * STEP - 1
            start, stop = max(top, 0), min(top + len(strip), height)
            strip[: start - top].zero_()
            strip[start - top : stop - top, 1 : width + 1] = frame[start:stop]
            strip[stop - top :].zero_()
            seen.view(pieces.shape).copy_(pieces)
            torch.mm(self._into, seen, out=seen_transformed)
            torch.bmm(seen_transformed.view(TILE**2, tiles, channels), self._filters, out=product)
            torch.mm(self._out_of, product.view(TILE**2, -1), out=given)
            to_come = result[first : first + rows]
            squares = given.view(STEP, STEP, rows, tile_columns, out_channels).permute(2, 0, 3, 1, 4)
            torch.add(squares[: len(to_come)], self._bias, out=to_come).relu_()
