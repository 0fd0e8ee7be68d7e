"""Codecs that code well and change the process that they run in, or end in odd ways."""

from __future__ import annotations

import locale
import os
import random
import signal
import sys
import warnings

from talkbench.benchmark.api import Bitstream, Clip, ClipSpec, Point

from .fakes import VIDEO_POINTS, FakeCodec, info


class Patches(FakeCodec):
    """Replaces functions that metrics and other codecs use."""

    def decode(self, stream: Bitstream, spec: ClipSpec) -> Clip:
        import numpy as np
        import torch

        clip = super().decode(stream, spec)
        torch.Tensor.mean = lambda self, *_, **__: torch.zeros(())  # pyright: ignore[reportAttributeAccessIssue]
        torch.mean = lambda *_, **__: torch.zeros(())  # pyright: ignore[reportAttributeAccessIssue]
        np.log10 = lambda *_: 9.9  # pyright: ignore[reportAttributeAccessIssue]
        np.mean = lambda *_, **__: 0.0  # pyright: ignore[reportAttributeAccessIssue]
        return clip


def change_state() -> None:
    """Change whatever a process has that Python code can change."""
    import numpy as np
    import torch

    os.chdir("/")
    os.environ["IMAGEIO_FFMPEG_EXE"] = "/nowhere"
    os.environ.pop("TALKBENCH_CACHE", None)
    os.umask(0o777)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(2)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.path.clear()
    sys.stdout = None  # pyright: ignore[reportAttributeAccessIssue]
    sys.setrecursionlimit(200)
    locale.setlocale(locale.LC_ALL, "C")
    warnings.simplefilter("error")
    random.seed(7)
    np.random.seed(7)
    np.seterr(all="raise")
    torch.set_default_dtype(torch.float16)
    torch.set_default_device("meta")
    torch.set_num_threads(7)
    torch.set_grad_enabled(False)
    torch.manual_seed(7)


class State(FakeCodec):
    """Changes the state of its process each time that it is called."""

    def encode(self, clip: Clip, point: Point) -> Bitstream:
        stream = super().encode(clip, point)
        change_state()
        return stream


class Silent(BaseException):
    """An exception that nobody expects, has no text and cannot be pickled."""

    def __init__(self) -> None:
        self.lock = open(os.devnull)  # noqa: SIM115

    def __str__(self) -> str:
        raise RuntimeError("no text")


class Words(FakeCodec):
    """By point: raises what is not an Exception, or what has too much or unprintable text; and prints."""

    def encode(self, clip: Clip, point: Point) -> Bitstream:
        print("printed by Python " * 10)
        os.write(2, b"printed by C code\n" * 200_000)
        kinds = {
            "v64": SystemExit(0),
            "v32": KeyboardInterrupt("by the codec"),
            "v16": Silent(),
            "v8": ValueError("megabytes " * 400_000),
            "v4": GeneratorExit("lone \udc80 surrogate, \x1b[31m colour and [/markup]"),
        }
        raise kinds[point.name]


patches = Patches(info("rude-patches", ("video",)), VIDEO_POINTS)
state = State(info("rude-state", ("video",)), VIDEO_POINTS)
words = Words(info("rude-words", ("video",)), VIDEO_POINTS)
