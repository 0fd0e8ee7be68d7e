"""Short runs of other programs, where a run that something killed says nothing and is done again."""

from __future__ import annotations

import errno
import signal
import subprocess
from collections.abc import Callable, Sequence
from typing import TypeVar

from .errors import HelperKilled

ATTEMPTS = 3
# The machine had no room for another process or file just then.
_PASSING = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EINTR)

Value = TypeVar("Value")


def finished(
    command: Sequence[str], stdin: bytes = b"", timeout_s: float = 60
) -> subprocess.CompletedProcess[bytes]:
    """What a program printed, and its exit code, once it has ended by itself.

    Raises HelperKilled when it was killed, or did not end in time, as often as it was tried; OSError when
    there is no such program or it does not run here.
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
    """Raise HelperKilled where an exit code says that a signal ended the program."""
    if code < 0:
        raise HelperKilled(f"{program} was killed by {_signal_name(-code)}")


def persistently(call: Callable[[], Value]) -> Value:
    """Call again, a few times in all, where a helper process was killed. Raises HelperKilled in the end."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return call()
        except HelperKilled as error:
            if attempt == ATTEMPTS:
                raise HelperKilled(f"{error}, {attempt} times in a row; run again") from error
    raise AssertionError


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"
