"""Short runs of other programs, where a run that something killed says nothing and is done again."""

from __future__ import annotations

import errno
import signal
import subprocess
from collections.abc import Callable, Sequence
from typing import TypeVar

from .errors import CodecError, HelperCrashed, HelperKilled

ATTEMPTS = 3
# The machine had no room for another process or file just then.
_PASSING = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EINTR)

# What a fault of a program itself ends it with; any other signal comes from outside.
_CRASHES = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE)

Value = TypeVar("Value")


def finished(
    command: Sequence[str], stdin: bytes = b"", timeout_s: float = 60
) -> subprocess.CompletedProcess[bytes]:
    """What a program printed, and its exit code, once it has ended by itself.

    Raises as `persistently`, also where it does not end in time; OSError when there is no such program or it
    does not run here.
    """

    def run() -> subprocess.CompletedProcess[bytes]:
        try:
            done = subprocess.run(command, input=stdin, capture_output=True, timeout=timeout_s)
        except subprocess.TimeoutExpired:
            raise HelperKilled(f"{command[0]} did not end within {timeout_s:g} s") from None
        except OSError as error:
            if error.errno in _PASSING:
                raise HelperKilled(f"{command[0]} could not be started ({error.strerror})") from error
            raise
        require_own_end(command[0], done.returncode)
        return done

    return persistently(run)


def require_own_end(program: str, code: int) -> None:
    """Raise HelperKilled, or HelperCrashed, where an exit code says that a signal ended the program."""
    if code < 0:
        kind = HelperCrashed if -code in _CRASHES else HelperKilled
        raise kind(f"{program} was killed by {_signal_name(-code)}")


def persistently(call: Callable[[], Value]) -> Value:
    """Call again, a few times in all, where a helper process was killed.

    In the end raises HelperKilled, which says nothing; but CodecError where the program crashed every time.
    """
    crashes = 0
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return call()
        except HelperKilled as error:
            crashes += isinstance(error, HelperCrashed)
            if crashes == ATTEMPTS:
                raise CodecError(f"{error}, {attempt} times in a row") from error
            if attempt == ATTEMPTS:
                raise HelperKilled(f"{error}, {attempt} times in a row; run again") from error
    raise AssertionError


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"
