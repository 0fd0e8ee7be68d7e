"""Says one utterance with espeak-ng, in a process of its own: `python espeak_process.py < request > answer`.

espeak-ng carries state (oscillator phase, pitch, noise) from one utterance to the next, through
`espeak_Terminate` too, so the same text sounds slightly different each time. A fresh process per utterance is
what makes the sound a function of its request. Only the standard library is imported: it starts in 30 ms.

request: JSON with library, data, text, voice, rate, pitch, range, volume.
answer: one line of JSON (rate in Hz; events as [second, phoneme]) or {"error": …}; then 16-bit samples.
"""

import ctypes
import json
import sys

_SYNCHRONOUS, _PHONEME_EVENTS, _DONT_EXIT = 2, 0x0001, 0x8000
_EVENT_END_OF_LIST, _EVENT_PHONEME = 0, 7
_PARAMETERS = {"rate": 1, "volume": 2, "pitch": 3, "range": 4}
_UTF8, _POSITION_CHARACTER = 1, 1


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):  # espeak_EVENT of speak_lib.h
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


def synthesise(request: dict) -> tuple[int, list, bytes]:
    """Sample rate (Hz), [second, phoneme] events, 16-bit mono samples. Raises ValueError with a reason."""
    library = ctypes.CDLL(request["library"])
    library.espeak_Synth.argtypes = (
        ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint,
        ctypes.c_void_p, ctypes.c_void_p,
    )  # fmt: skip
    flags = _PHONEME_EVENTS | _DONT_EXIT
    rate = library.espeak_Initialize(_SYNCHRONOUS, 0, request["data"].encode(), flags)
    if rate <= 0:
        raise ValueError(f"espeak-ng did not start with its data at {request['data']} (code {rate})")
    pieces, events = [], []

    def receive(wave, count, event):
        if wave and count:
            pieces.append(ctypes.string_at(wave, 2 * count))
        index = 0
        while event[index].type != _EVENT_END_OF_LIST:
            if event[index].type == _EVENT_PHONEME:
                events.append([event[index].sample / rate, event[index].id.string.decode()])
            index += 1
        return 0

    callback = _CALLBACK(receive)
    library.espeak_SetSynthCallback(callback)
    if library.espeak_SetVoiceByName(request["voice"].encode()) != 0:
        raise ValueError(f"espeak-ng has no voice {request['voice']!r}")
    for name, parameter in _PARAMETERS.items():
        library.espeak_SetParameter(parameter, request[name], 0)
    library.espeak_ng_SetRandSeed(ctypes.c_long(1))
    text = request["text"].encode()
    code = library.espeak_Synth(text, len(text) + 1, 0, _POSITION_CHARACTER, 0, _UTF8, None, None)
    if code != 0:
        raise ValueError(f"espeak-ng failed on {request['text']!r} (code {code})")
    return rate, events, b"".join(pieces)


def main() -> None:
    """Answers the one request on standard input."""
    try:
        rate, events, samples = synthesise(json.load(sys.stdin))
        head: dict[str, object] = {"rate": rate, "events": events}
    except ValueError as error:
        head = {"error": str(error)}
        samples = b""
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + samples)


if __name__ == "__main__":
    main()
