"""Annex-B and OBU streams: taking apart and putting together loses nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from talkbench.benchmark.util.errors import CodecError
from talkbench.codecs import _annexb, _obu

# A NAL unit as an encoder may write it: no three bytes 00 00 00..03 inside (7.4.1), no zero byte at its end.
nal_units = st.binary(min_size=2, max_size=60).filter(
    lambda unit: not any(b"\x00\x00" + bytes([last]) in unit for last in range(3)) and unit[-1] != 0
)


@given(st.lists(nal_units, max_size=8), st.lists(st.booleans(), min_size=8, max_size=8))
def test_annexb_round_trip(units, long_codes):
    assert _annexb.split(_annexb.join(units)) == units
    optional_zero_bytes = b"".join(
        b"\x00" * long + _annexb.join([unit]) for unit, long in zip(units, long_codes, strict=False)
    )
    assert _annexb.split(optional_zero_bytes) == units


def test_annexb_without_start_code_is_empty():
    assert _annexb.split(b"") == _annexb.split(b"no start code") == []


def leb128(value: int) -> bytes:
    out = bytearray()
    while True:
        value, byte = value >> 7, value & 0x7F
        out.append(byte | 0x80 * (value > 0))
        if not value:
            return bytes(out)


def obu(kind: int, body: bytes) -> bytes:
    return bytes([kind << 3 | 0b10]) + leb128(len(body)) + body


bodies = st.binary(max_size=300)
shown = st.builds(lambda body: obu(_obu.FRAME, bytes([0b00110000]) + body), bodies)
hidden = st.builds(lambda body: obu(_obu.FRAME, bytes([0b00100000]) + body), bodies)
again = st.builds(lambda body: obu(_obu.FRAME_HEADER, bytes([0b10000000]) + body), bodies)
temporal_units = st.builds(lambda before, last: [*before, last], st.lists(hidden, max_size=2), shown | again)


@given(bodies, st.lists(temporal_units, min_size=1, max_size=5))
def test_temporal_delimiters_come_back(header, pictures):
    pictures[0].insert(0, obu(_obu.SEQUENCE_HEADER, header))
    stream = b"".join(obu(_obu.TEMPORAL_DELIMITER, b"") + b"".join(unit) for unit in pictures)
    payload = b"".join(part.payload for part in _obu.parts(stream))
    assert len(payload) == len(stream) - 2 * len(pictures)
    assert _obu.restore(payload) == stream


def test_delimiters_that_would_not_come_back_are_an_error():
    frame = obu(_obu.FRAME, bytes([0b00110000, 1]))
    with pytest.raises(CodecError, match="temporal delimiters"):
        _obu.parts(obu(_obu.TEMPORAL_DELIMITER, b"") + frame + frame)


@given(st.binary(max_size=40))
def test_any_bytes_are_split_or_refused(data):
    try:
        assert b"".join(_obu.split(data)) == data
        _obu.restore(data)
    except CodecError:
        pass


def test_streams_without_a_picture_are_refused():
    with pytest.raises(CodecError, match="no picture"):
        _obu.parts(obu(_obu.SEQUENCE_HEADER, b"abc"))
    with pytest.raises(CodecError, match="no picture"):
        _annexb.parts([b"\x00\x79\x01"], _annexb.vvc_type, headers={15}, slices=range(12))
