"""Whether PESQ has room for a sound: its C code keeps fixed arrays, and writes past them without a check.

Utterances are counted by the library's own functions, which its extension module exports, on the samples that
it would be given; nothing here decides what an utterance is.
"""

from __future__ import annotations

import ctypes
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from typing import Any

SAMPLE_RATE = 16000
UTTERANCES = 50  # pesq.h: MAXNUTTERANCES
# pesqmod.c: room for 1000 intervals of bad frames; one takes 5 frames of 16 ms, and a frame is between two.
LONGEST_S = 1000 * 6 * 0.016
_WINDOW = 64  # samples of one decision about speech: 4 ms
_SHORTEST = 50  # windows; shorter ones are not utterances, but are written before they are dismissed
_BETWEEN = 47  # windows; a pause of at most 50 is speech, and each side reaches two windows into a longer one
_MARGIN, _PADDING = 75 * _WINDOW, 5120  # samples of silence that the library adds: at both ends, and behind
_RAMP = 16
_VERSION = "0.0.4"  # whose memory layout `_Signal` is


class _Signal(ctypes.Structure):
    """SIGNAL_INFO of pesq.h."""

    _fields_ = (
        ("path_name", ctypes.c_char * 512),
        ("file_name", ctypes.c_char * 128),
        ("samples", ctypes.c_long),
        ("apply_swap", ctypes.c_long),
        ("input_filter", ctypes.c_long),
        ("data", ctypes.POINTER(ctypes.c_float)),
        ("vad", ctypes.POINTER(ctypes.c_float)),
        ("log_vad", ctypes.POINTER(ctypes.c_float)),
    )


def no_room(reference: Any, decoded: Any) -> str | None:
    """Why PESQ cannot score a pair of sounds (n,) at 16 kHz; None where it has room for them."""
    seconds = len(reference) / SAMPLE_RATE
    if seconds > LONGEST_S:
        return f"the sound lasts {seconds:.1f} s; PESQ's code has room for {LONGEST_S:g} s"
    if len(reference) // _WINDOW + 2 * _MARGIN // _WINDOW <= UTTERANCES * (_SHORTEST + _BETWEEN):
        return None  # too short for more utterances than that
    if _library() is None:
        return (
            f"the sound lasts {seconds:.1f} s and may hold more than {UTTERANCES} utterances, for which "
            f"PESQ's code has no room; only those of pesq {_VERSION} can be counted: pip install "
            f"pesq=={_VERSION}"
        )
    if _needs(speech_windows(reference, decoded)) > UTTERANCES:
        return f"the reference has more than {UTTERANCES} utterances: PESQ's code has no room for them"
    return None


@cache
def _library() -> Any | None:
    """The extension module as a C library; None where it is another version, or exports no functions."""
    spec = find_spec("pesq.cypesq")
    if metadata.version("pesq") != _VERSION or spec is None or spec.origin is None:
        return None
    library = ctypes.CDLL(spec.origin)
    return library if hasattr(library, "apply_VAD") and hasattr(library, "fix_power_level") else None


def speech_windows(reference: Any, decoded: Any) -> Any:
    """Whether PESQ hears speech in each window of 4 ms of the reference: (w,), added silence included."""
    import numpy as np

    library, peak = _library(), max(np.abs(reference).max(), np.abs(decoded).max())
    assert library is not None
    samples = len(reference) + 2 * _MARGIN
    data = np.zeros(samples + _PADDING, np.float32)
    data[_MARGIN : _MARGIN + len(reference)] = reference / peak
    vad, log_vad = np.zeros((2, samples // _WINDOW + 1), np.float32)
    pointer = ctypes.POINTER(ctypes.c_float)
    buffers = (array.ctypes.data_as(pointer) for array in (data, vad, log_vad))
    signal = _Signal(b"", b"", samples, 0, 2, *buffers)
    flag, message = ctypes.c_long(0), ctypes.c_char_p()
    library.select_rate(ctypes.c_long(SAMPLE_RATE), ctypes.byref(flag), ctypes.byref(message))
    library.fix_power_level(ctypes.byref(signal), b"reference", ctypes.c_long(samples))
    ramp = np.arange(_RAMP, dtype=np.float32) / _RAMP
    data[_MARGIN - 1 : _MARGIN - 1 + _RAMP] *= ramp
    data[samples - _MARGIN - _RAMP + 1 : samples - _MARGIN + 1] *= ramp[::-1]
    sections = ctypes.c_long.in_dll(library, "WB_InIIR_Nsos_16k")
    filters = ctypes.byref(ctypes.c_float.in_dll(library, "WB_InIIR_Hsos_16k"))
    sound = data[_MARGIN:].ctypes.data_as(pointer)
    library.IIRFilt(
        filters, ctypes.c_ulong(sections.value), None, sound, ctypes.c_ulong(len(reference)), None
    )
    library.DC_block(signal.data, ctypes.c_long(samples))
    library.apply_filters(signal.data, ctypes.c_long(samples))
    library.apply_VAD(ctypes.byref(signal), signal.data, signal.vad, signal.log_vad)
    return vad[: samples // _WINDOW] > 0


def _needs(speech: Any) -> int:
    """How many places PESQ writes to for the utterances in `speech_windows`.

    It also dismisses utterances that the decoded sound's delay brings to an end: those count here.
    """
    import numpy as np

    edges = np.flatnonzero(np.diff(np.concatenate([[0], speech.astype(np.int8), [0]])))
    lengths = edges[1::2] - edges[::2]
    if len(edges) and edges[-1] == len(speech):
        lengths[-1] -= 1  # the last window ends what reaches it
    kept = lengths >= _SHORTEST
    before = np.cumsum(kept) - kept
    return int(before.max(initial=-1)) + 1
