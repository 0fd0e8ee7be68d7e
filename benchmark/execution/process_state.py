"""What code from outside can change in a process for those who come after it, and the way back.

What it replaces in other modules is not undone here: that is why codecs have processes of their own.
"""

from __future__ import annotations

import contextlib
import gc
import locale
import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

Undo = Callable[[], object]


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Leave this process as it was: whatever the body changes is set back after it.

    Covers the working directory, environment, umask, signal handlers and timers, `sys.path`, the standard
    streams, locale, warning filters and random numbers; and of numpy and torch, where these were loaded
    before, error handling, random numbers, default dtype and device, threads and precision.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        for undo in (*_torch(), *_numpy(), *_python(), *_system(), *_signals()):
            stack.callback(undo)
        yield


def seed() -> None:
    """Random numbers that start from the machine's entropy start from 0, so that jobs can be repeated."""
    random.seed(0)
    if "numpy" in sys.modules:
        import numpy as np

        np.random.seed(0)  # the global generator is the one that jobs share


def _system() -> Iterator[Undo]:
    yield partial(os.chdir, os.getcwd())
    yield partial(_set_environment, dict(os.environ))
    mask = os.umask(0o022)
    os.umask(mask)
    yield partial(os.umask, mask)


def _set_environment(values: dict[str, str]) -> None:
    for name in set(os.environ) - set(values):
        del os.environ[name]
    for name, value in values.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


def _python() -> Iterator[Undo]:
    yield partial(_set_list, sys.path, list(sys.path))
    for name in ("stdin", "stdout", "stderr", "excepthook"):
        yield partial(setattr, sys, name, getattr(sys, name))
    yield partial(sys.setrecursionlimit, sys.getrecursionlimit())
    yield partial(locale.setlocale, locale.LC_ALL, locale.setlocale(locale.LC_ALL))
    yield gc.enable if gc.isenabled() else gc.disable
    yield partial(random.setstate, random.getstate())


def _set_list(values: list[str], before: list[str]) -> None:
    values[:] = before


def _signals() -> Iterator[Undo]:
    if threading.current_thread() is not threading.main_thread():
        return  # Python sets handlers in the main thread only, so that nothing can have changed them here
    if signal.getitimer(signal.ITIMER_REAL)[0] == 0:
        yield partial(signal.setitimer, signal.ITIMER_REAL, 0)
    yield partial(signal.pthread_sigmask, signal.SIG_SETMASK, signal.pthread_sigmask(signal.SIG_BLOCK, []))
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        handler = signal.getsignal(number)
        if handler is not None:  # None: not set from Python
            yield partial(_set_handler, number, handler)


def _set_handler(number: int, handler: Any) -> None:
    if signal.getsignal(number) is not handler:
        signal.signal(number, handler)


def _numpy() -> Iterator[Undo]:
    if "numpy" not in sys.modules:
        return
    import numpy as np

    yield partial(np.seterr, **np.geterr())
    yield partial(np.seterrcall, np.geterrcall())
    yield partial(np.random.set_state, np.random.get_state())  # as in `seed`


def _torch() -> Iterator[Undo]:
    if "torch" not in sys.modules:
        return
    import torch

    yield partial(torch.set_default_dtype, torch.get_default_dtype())
    yield partial(_set_device, torch.get_default_device())
    yield partial(torch.set_num_threads, torch.get_num_threads())
    yield partial(torch.set_grad_enabled, torch.is_grad_enabled())
    yield partial(_set_strictness, *_strictness())
    yield partial(torch.set_flush_denormal, False)
    yield partial(torch.set_float32_matmul_precision, torch.get_float32_matmul_precision())
    for name in ("benchmark", "deterministic", "allow_tf32", "enabled"):
        yield partial(setattr, torch.backends.cudnn, name, getattr(torch.backends.cudnn, name))
    yield partial(torch.default_generator.set_state, torch.default_generator.get_state())
    if torch.cuda.is_initialized():
        yield partial(torch.cuda.set_rng_state_all, torch.cuda.get_rng_state_all())


def _strictness() -> tuple[bool, bool]:
    import torch

    strict = torch.are_deterministic_algorithms_enabled()
    return strict, torch.is_deterministic_algorithms_warn_only_enabled()


def _set_strictness(strict: bool, warn_only: bool) -> None:
    import torch

    if _strictness() != (strict, warn_only):  # setting it loads torch's compiler, which takes seconds
        torch.use_deterministic_algorithms(strict, warn_only=warn_only)


def _set_device(device: Any) -> None:
    import torch

    if torch.get_default_device() != device:
        torch.set_default_device(device)
