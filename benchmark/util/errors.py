"""Errors that a user can act on. Their messages name the file, the key and the fix."""


class TalkbenchError(Exception):
    """Base of all errors that are reported without a traceback."""


class UsageError(TalkbenchError):
    """Wrong usage or configuration (exit code 2)."""


class PlaceFault(TalkbenchError):
    """The machine is at fault (a full disk, an unwritable folder): it stops the run, and is never a row."""


class InvalidClip(TalkbenchError):
    """A clip whose tensors do not match its spec."""


class BitstreamError(TalkbenchError):
    """A bitstream that cannot be read or written."""


class CodecError(TalkbenchError):
    """A codec failed on this input: becomes a `failed` row, and the sweep goes on."""


class HelperKilled(CodecError):
    """A signal ended another program that was needed: no finding about a codec, a clip or the machine."""


class HelperCrashed(HelperKilled):
    """That signal was of the program's own making, such as SIGSEGV: a finding where it comes every time."""


class DatasetError(TalkbenchError):
    """A recording that cannot be used: becomes a `failed` row, and the sweep goes on."""


class DownloadError(TalkbenchError):
    """A file that could not be fetched, or is not what was expected; the message says why."""


class Unavailable(TalkbenchError):
    """A codec or metric cannot run here, or on this clip; the message says why and what fixes it."""


_MOST_CHARACTERS = 2000


def describe_error(error: BaseException) -> str:
    """One line for a row: the message alone for our own errors, with the type for others. See `one_line`."""
    try:
        said = str(error)
    except BaseException as failure:  # code from outside: its text may be computed, and fail
        said = f"its message cannot be read: {type(failure).__name__}"
    text = said if isinstance(error, TalkbenchError) else f"{type(error).__name__}: {said or 'no message'}"
    return one_line(text) or "no message"


def one_line(text: str) -> str:
    """Text from outside as one printable line of bounded length: a long one loses its middle, and says so."""
    half = _MOST_CHARACTERS // 2
    if len(text) <= _MOST_CHARACTERS and len(line := _printable(text)) <= _MOST_CHARACTERS:
        return line
    start, end = _printable(text[:half])[:half], _printable(text[-half:])[-half:]
    lost = max(len(text) - 2 * half, 0)
    return f"{start} […{f'{lost} characters' if lost else 'something'} left out…] {end}"


def _printable(text: str) -> str:
    plain = text.encode("utf-8", "backslashreplace").decode("utf-8")  # lone surrogates cannot be stored
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in " ".join(plain.split()))
