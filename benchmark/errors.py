"""Errors that a user can act on. Their messages name the file, the key and the mend."""


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


class DatasetError(TalkbenchError):
    """A recording that cannot be used: becomes a `failed` row, and the sweep goes on."""


class DownloadError(TalkbenchError):
    """A file that could not be fetched, or is not what was expected; the message says why."""


class Unavailable(TalkbenchError):
    """A codec or metric cannot run here, or on this clip; the message says why and what mends it."""


def describe_error(error: BaseException) -> str:
    """One line for a row: the message alone for our own errors, with the type for others."""
    text = " ".join(str(error).split()) or "no message"
    return text if isinstance(error, TalkbenchError) else f"{type(error).__name__}: {text}"
