"""Profile `context`: one arithmetic-coded stream for a clip, with everything that was learnt kept.

Head motion moves many parameters together, and detectors add noise to each. So a value is predicted twice,
each time by a regression on the parameters of the same frame that are known already:
- from steps, the differences to the previous frame, which follow motion; and
- from levels, the differences to a slow mean, which carry this frame's noise alone, not two frames'.
Both regressions are the triangular factors of running second moments. The value is then coded by a mixture of
Student's t distributions: around the first prediction and around a blend of the two, each at three scales
about the recent size of its own errors. The shares of the mixture follow their posterior probabilities.

Whole numbers throughout, in 64 bits, so that every machine decodes the same values. An overflow, which only
absurd motion can reach, wraps alike on both sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...benchmark.api import CodecError
from .._range_coder import TOTAL, RangeCoder
from . import motion_tables as tables

if TYPE_CHECKING:
    import numpy as np

_UNIT = tables.PARTS  # predictions are in 16ths of a quantisation step, squares in 256ths
_LIMIT = 1 << 15  # of what enters the moments, in 16ths: 2048 steps
_FADE = 8  # moments fade by 2^-8 a frame
_RIDGE = 20 * _UNIT**2  # added to every parameter's own moment
_WEIGHT, _WEIGHTS_UP_TO = 16, 64 << 16  # bits of a regression's weights after the point; their limit
_MEAN = 2  # the slow mean moves by 2^-2 of its distance a frame
_ERRORS = 5  # recent errors fade by 2^-5 a frame
_PRIOR = 2  # frames that the errors of all parameters count for, beside a parameter's own
_LARGEST = 1 << 20  # of an error, in 16ths
_SHARE = 1 << 12  # shares of a mixture add up to this
_FORGET = 6  # shares move back by 2^-6 of their distance to equal ones, a value
_ESCAPE = 2 * tables.REACH + 1  # the symbol after the bins
_SYMBOLS = _ESCAPE + 1
_LONGEST = 33  # bits of an escape's length: 32-bit values need no more


class _Model:
    """What both ends know of the frames before, and how it predicts and codes the next."""

    def __init__(self, parameters: int) -> None:
        import numpy as np

        self._np = np
        self.parameters = parameters
        self.table = tables.student()
        self.edges = np.array(_scale_edges(), np.int64)
        self.moments = np.zeros((2, parameters, parameters), np.int64)
        self.errors = np.zeros((2, parameters), np.int64)  # faded sums of squares
        self.common = np.full((2, 1), 2 * _UNIT**2, np.int64)  # recent mean square of all parameters
        self.count = 0  # faded number of frames, in 256ths
        self.blend = [_SHARE // 2] * parameters  # share of the prediction by steps alone
        self.widths = np.array([_SHARE // 3, _SHARE - 2 * (_SHARE // 3), _SHARE // 3], np.int64)
        self.restart()

    def restart(self) -> None:
        """A keyframe: its values are 0."""
        self.previous = self._np.zeros(self.parameters, self._np.int64)
        self.mean = self._np.zeros(self.parameters, self._np.int64)

    def frame(self, coder: RangeCoder, known: Sequence[int] | None) -> np.ndarray:
        """Codes a frame's values, which are `known` where the coder writes; int64 (P,)."""
        np = self._np
        base = np.stack([_UNIT * self.previous, self.mean])
        starts = base.T.tolist()
        weights = _regressions(self.moments)
        scales = self._scales()
        surprise = np.zeros_like(base)  # what neither base nor regression foretold
        wrong = np.zeros_like(base)  # errors of the two predictions that are coded by
        values = []
        for at, (step, level) in enumerate(starts):
            extra = (weights[:, at, :at] * surprise[:, :at]).sum(axis=1) >> _WEIGHT
            by_step, by_level = step + int(extra[0]), level + int(extra[1])
            blended = (by_step + 3 * by_level) >> 2
            value = self._value(coder, at, (by_step, blended), scales[at], 0 if known is None else known[at])
            if not -(1 << 31) <= value < 1 << 31:
                raise CodecError(f"motion (context): a value of {value} is beyond 32 bits")
            here = _UNIT * value
            surprise[:, at] = (_clip(here - by_step, _LIMIT), _clip(here - by_level, _LIMIT))
            wrong[:, at] = (_clip(here - by_step, _LARGEST), _clip(here - blended, _LARGEST))
            values.append(value)
        frame = np.array(values, np.int64)
        self._learn(np.clip(_UNIT * frame - base, -_LIMIT, _LIMIT), wrong)
        self.previous = frame
        self.mean = self.mean + ((_UNIT * frame - self.mean) >> _MEAN)
        return frame

    def _variances(self) -> np.ndarray:
        """Expected squares of the two predictions' errors, (2, P)."""
        return ((self.errors << 8) + (_PRIOR << 8) * self.common) // (self.count + (_PRIOR << 8))

    def _scales(self) -> list[list[int]]:
        """Scale index of each parameter's two predictions; may be beyond the tables' last."""
        return (self._np.searchsorted(self.edges, self._variances(), side="right")).T.tolist()

    def _learn(self, deviations: np.ndarray, wrong: np.ndarray) -> None:
        np = self._np
        self.moments += deviations[:, :, None] * deviations[:, None, :] - (self.moments >> _FADE)
        # A single jump does not blow up the scale for long.
        squares = np.minimum(wrong * wrong, 36 * self._variances() + 4 * _UNIT**2)
        mean = squares.sum(axis=1, keepdims=True) // self.parameters
        self.common = self.common + ((mean - self.common) >> (3 if self.count else 0))
        self.errors += squares - (self.errors >> _ERRORS)
        self.count += 256 - (self.count >> _ERRORS)

    def _value(
        self, coder: RangeCoder, at: int, means: tuple[int, int], scales: Sequence[int], known: int
    ) -> int:
        """Codes one value around two means, in 16ths, at scales of these indices."""
        np = self._np
        centre = (means[0] + means[1] + _UNIT) // (2 * _UNIT)
        # Wide distributions: bins of 2^shift values, whose low bits are sent as they are.
        shift = max(0, -(-(max(scales) - tables.LAST) // tables.PER_OCTAVE))
        views = []
        for mean, scale in zip(means, scales, strict=True):
            offset = (mean - _UNIT * centre - _UNIT // 2 * ((1 << shift) - 1)) >> shift
            whole, part = _clip(offset // _UNIT, tables.DRIFT), offset % _UNIT
            scale = max(scale - tables.PER_OCTAVE * shift, 0)
            first = tables.DRIFT - whole
            rows = slice(scale, scale + 2 * tables.SPREAD + 1, tables.SPREAD)
            views.append(self.table[rows, part, first : first + _ESCAPE])
        share = self.blend[at]
        mixed = (share * (self.widths @ views[0]) + (_SHARE - share) * (self.widths @ views[1])) >> 8
        frequencies = np.ones(_SYMBOLS, np.int64)
        frequencies[:_ESCAPE] += mixed * (TOTAL - _SYMBOLS) >> 32  # _SHARE² · MASS is 2^40
        frequencies[_ESCAPE] += ((1 << 32) - int(mixed.sum())) * (TOTAL - _SYMBOLS) >> 32
        frequencies[frequencies.argmax()] += TOTAL - frequencies.sum()

        bin_, low = (known - centre) >> shift, (known - centre) & (1 << shift) - 1
        symbol = bin_ + tables.REACH if abs(bin_) <= tables.REACH else _ESCAPE
        symbol = coder.symbol(frequencies, symbol)
        if symbol == _ESCAPE:
            bin_ = _escape(coder, bin_)
        else:
            bin_ = symbol - tables.REACH
            self._weigh(at, views[0][:, symbol], views[1][:, symbol])
        return (bin_ << shift) + coder.raw(shift, low) + centre

    def _weigh(self, at: int, masses: np.ndarray, blended: np.ndarray) -> None:
        """Moves the shares of the mixture to their posterior, given what each component gave the value."""
        share = self.blend[at]
        by_width = self.widths * (share * masses + (_SHARE - share) * blended)
        total = int(by_width.sum())
        if not total:
            return
        alone = share * int(self.widths @ masses) * _SHARE // total
        self.blend[at] = alone + ((_SHARE // 2 - alone) >> _FORGET)
        narrow, _, wide = (by_width * _SHARE // total).tolist()
        narrow += (_SHARE // 3 - narrow) >> _FORGET
        wide += (_SHARE // 3 - wide) >> _FORGET
        self.widths[:] = narrow, _SHARE - narrow - wide, wide


def _clip(value: int, limit: int) -> int:
    return max(-limit, min(limit, value))


def _scale_edges() -> list[int]:
    """Squares, in 256ths, from which on the scales 1, 2, … hold; up to where an error can be."""
    from math import isqrt

    # Scale i is 2^(i / 4) / 16 steps, its square 2^(i / 2) / 256.
    return [isqrt(1 << scale) for scale in range(1, 96)]


def _regressions(moments: np.ndarray) -> np.ndarray:
    """Weights (2, P, P) of a frame's earlier surprises for each parameter, with 16 bits after the point.

    They are the unit lower factors L of moments + ridge = L D Lᵀ: row p foretells parameter p.
    """
    import numpy as np

    left = moments.copy()
    size = left.shape[1]
    diagonal = np.arange(size)
    left[:, diagonal, diagonal] += _RIDGE
    weights = np.zeros_like(left)
    for at in range(size - 1):
        column = left[:, at + 1 :, at]
        pivot = np.maximum(left[:, at, at], _RIDGE)[:, None]
        factor = np.clip((column << _WEIGHT) // pivot, -_WEIGHTS_UP_TO, _WEIGHTS_UP_TO)
        weights[:, at + 1 :, at] = factor
        left[:, at + 1 :, at + 1 :] -= (factor[:, :, None] * column[:, None, :]) >> _WEIGHT
    return weights


def _escape(coder: RangeCoder, bin_: int) -> int:
    """Codes a bin beyond the table's: sign, then the Elias gamma code of how far beyond."""
    negative = coder.raw(1, int(bin_ < 0))
    beyond = abs(bin_) - tables.REACH
    length = 0
    while coder.raw(1, int(length + 1 < beyond.bit_length())):
        length += 1
        if length > _LONGEST:
            raise CodecError("motion (context): a value is beyond 32 bits")
    beyond = 1 << length | coder.raw(length, beyond & (1 << length) - 1)
    return -(beyond + tables.REACH) if negative else beyond + tables.REACH


def encode(groups: Sequence[np.ndarray]) -> bytes:
    """Groups int64 (T, P): frames after a keyframe each."""
    coder = RangeCoder()
    model = _Model(groups[0].shape[1])
    for group in groups:
        model.restart()
        for row in group.tolist():
            model.frame(coder, row)
    return coder.finish()


def decode(data: bytes, frames: Sequence[int], parameters: int) -> tuple[list[np.ndarray], list[float]]:
    """Groups int64 (T, P), and the ideal bits of each frame. Raises CodecError for other data."""
    import numpy as np

    coder = RangeCoder(data)
    model = _Model(parameters)
    groups, bits = [], []
    for count in frames:
        model.restart()
        rows = np.zeros((count, parameters), np.int64)
        for row in rows:
            before = coder.cost
            row[:] = model.frame(coder, None)
            bits.append(coder.cost - before)
        groups.append(rows)
    if coder.finish() != data:
        raise CodecError("motion (context): the data is cut off or damaged, or goes on after the last frame")
    return groups, bits
