"""In which order the pictures of a VVC stream are shown: their order counts, from the picture headers.

ITU-T H.266, 7.3.2.4 (sequence parameter set), 7.3.2.8 (picture header), 8.3.1 (picture order count).
"""

from __future__ import annotations

from collections.abc import Sequence

from ..benchmark.api import CodecError
from . import _annexb

_SLICES, _RADL, _RASL, _SPS, _PICTURE_HEADER = range(12), 2, 3, 15, 19


class _Bits:
    """Reads a NAL unit after its header of two bytes, without the bytes that only prevent start codes."""

    def __init__(self, unit: bytes) -> None:
        data = unit[2:].replace(b"\x00\x00\x03", b"\x00\x00")
        self._value, self._left = int.from_bytes(data, "big"), 8 * len(data)

    def read(self, count: int) -> int:
        """u(count)."""
        self._left -= count
        if self._left < 0:
            raise CodecError("vvc: a header is cut off")
        return self._value >> self._left & ((1 << count) - 1)

    def read_golomb(self) -> int:
        """ue(v)."""
        zeros = 0
        while not self.read(1):
            zeros += 1
        return (1 << zeros) - 1 + self.read(zeros)

    def align(self) -> None:
        """Go on at the next whole byte."""
        self._left -= self._left % 8


def shown(payload: bytes) -> Sequence[int]:
    """For each picture in the order of the stream, which one it is on the screen. Raises CodecError."""
    lsb_bits, before, counts, header = 0, 0, [], b""
    for unit in _annexb.split(payload):
        kind = _annexb.vvc_type(unit)
        if kind == _SPS:
            lsb_bits = _lsb_bits(_Bits(unit))
        elif kind == _PICTURE_HEADER:
            header = unit
        elif kind in _SLICES:
            bits = _Bits(unit)
            inside = bits.read(1)  # sh_picture_header_in_slice_header_flag
            lsb = _order_lsb(bits if inside else _Bits(header), lsb_bits)
            # The count nearest to that of the last picture of the lowest temporal layer; of two, the later.
            whole = 1 << lsb_bits
            behind = whole // 2 - 1
            count = before + (lsb - before + behind) % whole - behind
            counts.append(count)
            if unit[1] & 7 == 1 and kind not in (_RADL, _RASL):
                before = count
    rank = {count: place for place, count in enumerate(sorted(counts))}
    if len(rank) < len(counts):
        raise CodecError("vvc: two pictures have the same order count")
    return [rank[count] for count in counts]


def _lsb_bits(bits: _Bits) -> int:
    """How many bits of its order count a picture sends: from the sequence parameter set."""
    bits.read(4 + 4)  # its number, and that of the video parameter set
    sublayers = bits.read(3)
    bits.read(2 + 2)  # chroma format, size of coding tree units
    if bits.read(1):
        _skip_profile(bits, sublayers)
    bits.read(1)  # gradual refresh
    if bits.read(1):  # pictures of other sizes
        bits.read(1)
    bits.read_golomb()
    bits.read_golomb()
    if bits.read(1):  # conformance window
        for _ in range(4):
            bits.read_golomb()
    if bits.read(1):
        raise CodecError("vvc: streams with subpictures are not read here")
    bits.read_golomb()  # bit depth
    bits.read(1 + 1)  # entropy coding by rows, entry points
    return 4 + bits.read(4)


def _skip_profile(bits: _Bits, sublayers: int) -> None:
    """profile_tier_level(1, sublayers), 7.3.3.1."""
    bits.read(7 + 1 + 8 + 1 + 1)
    if bits.read(1):  # general constraints
        bits.read(71)
        bits.read(bits.read(8))
    bits.align()
    levels = [bits.read(1) for _ in range(sublayers)]
    bits.align()
    bits.read(8 * sum(levels))
    bits.read(32 * bits.read(8))


def _order_lsb(bits: _Bits, lsb_bits: int) -> int:
    """ph_pic_order_cnt_lsb."""
    refresh = bits.read(1)
    bits.read(1)
    if refresh:
        bits.read(1)
    if bits.read(1):
        bits.read(1)
    bits.read_golomb()
    return bits.read(lsb_bits)
