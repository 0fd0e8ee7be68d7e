"""The one conversion between RGB and YUV: BT.709, limited range, 4:2:0, 8 or 10 bits.

R'G'B' is full-range 8-bit; the matrix (ITU-R BT.709, Kr = 0.2126, Kb = 0.0722) acts on the values as
they are, with no change of transfer curve. Luma spans 16..235 and chroma 16..240, times 4 at 10 bits.
Chroma is sited as H.264, HEVC and VVC assume by default (type 0, 'left'): on even columns, midway
between two rows. It is reduced with the filters [1 2 1]/4 across and [1 1]/2 down, and enlarged linearly:
[1], [1 1]/2 across, [3 1]/4, [1 3]/4 down. Edges are replicated; an odd size gains one replicated row or
column on the way in, and loses it on the way out.

All arithmetic is in 32-bit integers (matrix in units of 2^-16, one rounding at the end), so that every
machine and device gives the same samples.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Literal

from ..util.errors import CodecError

if TYPE_CHECKING:
    from torch import Tensor

Bits = Literal[8, 10]

_KR, _KB = 0.2126, 0.0722
_ONE = 1 << 16
_CHUNK = 8  # frames converted at once: bounds memory, and stays in cache at 256×256


def frame_bytes(height: int, width: int, bits: Bits) -> int:
    """Bytes of one planar 4:2:0 frame whose size is rounded up to even."""
    luma = (height + height % 2) * (width + width % 2)
    return luma * 3 // 2 * (1 if bits == 8 else 2)


def rgb_to_yuv420(video: Tensor, bits: Bits) -> tuple[Tensor, Tensor, Tensor]:
    """Convert frames to planes.

    video: uint8 (T, 3, H, W). Returns Y (T, H', W') and U, V (T, H'/2, W'/2), H' and W' being H and W
    rounded up to even; uint8 at 8 bits, int16 (0..1023) at 10 bits.
    """
    import torch

    height, width = video.shape[-2:]
    rgb = _replicate(video, bottom=height % 2, right=width % 2)
    # Half size first: the filters are linear, so they commute with the matrix.
    left = torch.cat((rgb[..., :1], rgb[..., 1:-1:2]), dim=-1).int()
    across = left + 2 * rgb[..., 0::2].int() + rgb[..., 1::2].int()
    half = across[..., 0::2, :] + across[..., 1::2, :]

    scale = bits - 8
    y_r, y_g, y_b = _luma_row(219 << scale)
    (u_r, u_g, u_b), (v_r, v_g, v_b) = _chroma_rows(224 << scale)
    r, g, b = rgb.int().unbind(dim=1)
    y = _rounded(y_r * r + y_g * g + y_b * b, 16) + (16 << scale)
    r, g, b = half.unbind(dim=1)
    u = _rounded(u_r * r + u_g * g + u_b * b, 19) + (128 << scale)
    v = _rounded(v_r * r + v_g * g + v_b * b, 19) + (128 << scale)
    kind = torch.uint8 if bits == 8 else torch.int16
    return y.to(kind), u.to(kind), v.to(kind)


def yuv420_to_rgb(y: Tensor, u: Tensor, v: Tensor, bits: Bits, height: int, width: int) -> Tensor:
    """Convert planes, shaped as `rgb_to_yuv420` gives them, to uint8 frames (T, 3, height, width)."""
    import torch

    scale = bits - 8
    luma = (y.int() - (16 << scale)) * _fixed(255 / (219 << scale)) * 8
    cb = _enlarge(u.int() - (128 << scale))
    cr = _enlarge(v.int() - (128 << scale))
    unit = 255 / (224 << scale)
    kg = 1 - _KR - _KB
    r = luma + cr * _fixed(unit * 2 * (1 - _KR))
    g = luma - cb * _fixed(unit * 2 * (1 - _KB) * _KB / kg) - cr * _fixed(unit * 2 * (1 - _KR) * _KR / kg)
    b = luma + cb * _fixed(unit * 2 * (1 - _KB))
    rgb = _rounded(torch.stack((r, g, b), dim=1), 19).clamp_(0, 255).to(torch.uint8)
    return rgb[..., :height, :width]


def pack_yuv420(video: Tensor, bits: Bits) -> Iterator[bytes]:
    """Planar frames (yuv420p, or yuv420p10le) as bytes, a few frames at a time."""
    import torch

    for start in range(0, len(video), _CHUNK):
        planes = rgb_to_yuv420(video[start : start + _CHUNK], bits)
        packed = torch.cat([plane.flatten(1) for plane in planes], dim=1)
        yield packed.cpu().numpy().astype("u1" if bits == 8 else "<u2", copy=False).tobytes()


def unpack_yuv420(frames: Iterable[bytes], bits: Bits, count: int, height: int, width: int) -> Tensor:
    """Inverse of `pack_yuv420`: uint8 (count, 3, height, width).

    frames: one planar frame each. Raises CodecError unless there are exactly `count`, each complete.
    """
    import numpy as np
    import torch

    video = torch.empty((count, 3, height, width), dtype=torch.uint8)
    rows, columns = height + height % 2, width + width % 2
    luma = rows * columns
    size = frame_bytes(height, width, bits)
    done = 0
    for batch in _batches(frames, _CHUNK):
        if done + len(batch) > count:
            raise CodecError(f"the decoder gave more than the clip's {count} pictures")
        if any(len(frame) != size for frame in batch):
            raise CodecError(
                f"the decoder gave a picture of the wrong size; {width}×{height} takes {size} bytes"
            )
        samples = np.frombuffer(b"".join(batch), dtype="u1" if bits == 8 else "<u2").astype(np.int32)
        packed = torch.from_numpy(samples).view(len(batch), -1)
        y = packed[:, :luma].view(-1, rows, columns)
        u, v = packed[:, luma:].view(-1, 2, rows // 2, columns // 2).unbind(dim=1)
        video[done : done + len(batch)] = yuv420_to_rgb(y, u, v, bits, height, width)
        done += len(batch)
    if done != count:
        raise CodecError(f"the decoder gave {done} of the clip's {count} pictures")
    return video


def _batches(items: Iterable[bytes], size: int) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _fixed(value: float) -> int:
    return round(value * _ONE)


def _luma_row(span: int) -> tuple[int, int, int]:
    """Weights of R, G, B for a luma of `span` steps; G takes the rounding, so that white is exact."""
    r, b = _fixed(span / 255 * _KR), _fixed(span / 255 * _KB)
    return r, _fixed(span / 255) - r - b, b


def _chroma_rows(span: int) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Weights of R, G, B for Cb and Cr; each row sums to 0, so that grey is exact."""
    peak = _fixed(span / 255 / 2)
    cb_r = -_fixed(span / 255 / 2 * _KR / (1 - _KB))
    cr_b = -_fixed(span / 255 / 2 * _KB / (1 - _KR))
    return (cb_r, -peak - cb_r, peak), (peak, -peak - cr_b, cr_b)


def _rounded(value: Tensor, shift: int) -> Tensor:
    return (value + (1 << (shift - 1))) >> shift


def _enlarge(plane: Tensor) -> Tensor:
    """Twice the size, times 8: linear interpolation of 'left' chroma, edges replicated."""
    import torch

    right = torch.cat((plane[..., 1:], plane[..., -1:]), dim=-1)
    wide = torch.stack((2 * plane, plane + right), dim=-1).flatten(-2)
    above = torch.cat((wide[..., :1, :], wide[..., :-1, :]), dim=-2)
    below = torch.cat((wide[..., 1:, :], wide[..., -1:, :]), dim=-2)
    return torch.stack((3 * wide + above, 3 * wide + below), dim=-2).flatten(-3, -2)


def _replicate(video: Tensor, bottom: int, right: int) -> Tensor:
    import torch

    if bottom:
        video = torch.cat((video, video[..., -1:, :]), dim=-2)
    if right:
        video = torch.cat((video, video[..., -1:]), dim=-1)
    return video
