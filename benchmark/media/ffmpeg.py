"""The ffmpeg that imageio-ffmpeg bundles, as a filter from bytes to bytes.

A child never outlives its parent: it reads from and writes to pipes of this process, so when this process
dies, however it dies, the child meets the end of its input or a broken output and ends.

Arguments name the two ends `pipe:0` and `pipe:1`. The latter is not the child's standard output, because
encoder libraries print messages there (libvvenc does), amid the bitstream: it is a pipe of its own.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import subprocess
import threading
from collections import deque
from collections.abc import Generator, Iterable, Sequence
from importlib import resources
from pathlib import Path
from typing import BinaryIO

from ..util import helper_process
from ..util.errors import CodecError, Unavailable

Buffer = bytes | bytearray | memoryview

_FIX = "install it with: pip install imageio-ffmpeg"
_STDERR_LINES = 12
# Glibc fills what it allocates with the complement of this byte, here with zeros. x265 decides by memory that
# it never wrote where a picture does not fill its 64×64 blocks: the same clip gave other bits now and then.
_ZEROED_MEMORY = {"MALLOC_PERTURB_": "255"}
_EMPTY_WORDS = (
    b"Task finished with error",
    b"Terminating thread",
    b"Nothing was written",
    b"Conversion failed",
)


@functools.cache
def executable() -> str:
    """Path of the ffmpeg program. Raises Unavailable, with the fix."""
    try:
        # Not `get_ffmpeg_exe`: it takes another ffmpeg, or none, where its trial run of this one is killed.
        package = resources.files("imageio_ffmpeg.binaries")
    except ImportError as error:
        raise Unavailable(f"the package imageio-ffmpeg is not installed; {_FIX}") from error
    bundled = sorted(str(entry) for entry in package.iterdir() if entry.name.startswith("ffmpeg-"))
    path = os.environ.get("IMAGEIO_FFMPEG_EXE") or next(iter(bundled), None)
    if path is None:
        raise Unavailable(f"imageio-ffmpeg has no ffmpeg for this platform; {_FIX}")
    if not Path(path).is_file():
        raise Unavailable(f"{path} is not a file (is IMAGEIO_FFMPEG_EXE set to a wrong path?); {_FIX}")
    return path


@functools.cache
def version() -> str:
    """Version and build of ffmpeg, such as 'n9.0.2-17-g2a571b6068-20260930'. Raises Unavailable."""
    match = re.match(r"ffmpeg version (\S+)", _ask("-version"))
    if match is None:
        raise Unavailable(f"{executable()} does not report its version; {_FIX}")
    return match[1]


def has_encoder(name: str) -> bool:
    """Whether this build has the encoder `name`. Raises Unavailable where there is no ffmpeg."""
    return name in _names("-encoders")


def has_decoder(name: str) -> bool:
    """Whether this build has the decoder `name`. Raises Unavailable where there is no ffmpeg."""
    return name in _names("-decoders")


def has_filter(name: str) -> bool:
    """Whether this build has the filter `name`. Raises Unavailable where there is no ffmpeg."""
    return name in _names("-filters")


def missing(
    encoders: Iterable[str] = (), decoders: Iterable[str] = (), filters: Iterable[str] = ()
) -> str | None:
    """Why something that needs these parts of ffmpeg cannot run here, and the fix; None if it can."""
    try:
        wanting = [name for name in encoders if not has_encoder(name)]
        wanting += [name for name in decoders if not has_decoder(name)]
        wanting += [name for name in filters if not has_filter(name)]
    except Unavailable as error:
        return str(error)
    if wanting:
        return f"{executable()} was built without {', '.join(wanting)}; unset IMAGEIO_FFMPEG_EXE, or {_FIX}"
    return None


def run(
    arguments: Sequence[str],
    stdin: Buffer | Iterable[Buffer] | None = None,
    threads: int | None = None,
) -> bytes:
    """All that ffmpeg writes to `pipe:1`; `stream` gives it piece by piece. Raises CodecError."""
    feed: Iterable[Buffer] = ()
    if isinstance(stdin, bytes | bytearray | memoryview):
        feed = [stdin]  # pyright: ignore[reportAssignmentType]  # memoryview is generic to the checker
    elif stdin is not None:
        feed = stdin
    with contextlib.closing(stream(arguments, feed, threads)) as chunks:
        return b"".join(chunks)


def stream(
    arguments: Sequence[str],
    stdin: Iterable[Buffer] = (),
    threads: int | None = None,
    chunk: int = 1 << 20,
) -> Generator[bytes, None, None]:
    """Run ffmpeg, feeding `stdin` piece by piece and yielding its output in pieces of `chunk` bytes.

    Every piece but the last has exactly `chunk` bytes. `stdin` is consumed in a thread of its own, no
    faster than ffmpeg takes it, so memory stays constant whatever the length. `threads` goes before the
    arguments, so that it holds for decoding; encoders take theirs from the arguments. The child is
    killed when the generator is closed or an exception passes through.

    Raises CodecError with ffmpeg's last words when it fails, HelperKilled when a signal ends it, and
    whatever iterating `stdin` raises.
    """
    output, child_output = os.pipe()
    command = [executable(), "-hide_banner", "-nostdin", "-loglevel", "error"]
    if threads is not None:
        command += ["-threads", str(threads)]
    command += [f"pipe:{child_output}" if word == "pipe:1" else word for word in arguments]
    with open(output, "rb") as pipe:
        child = _start(command, child_output)
        yield from _exchange(child, pipe, stdin, chunk)


def _start(command: list[str], output: int) -> subprocess.Popen[bytes]:
    """Start the child, and close this process's copy of the end that it writes to."""
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(output,),
            env=os.environ | _ZEROED_MEMORY,
        )
    finally:
        os.close(output)


def _exchange(
    child: subprocess.Popen[bytes], output: BinaryIO, stdin: Iterable[Buffer], chunk: int
) -> Generator[bytes, None, None]:
    assert child.stdout is not None
    said: deque[bytes] = deque(maxlen=_STDERR_LINES)
    failure: list[BaseException] = []
    listener = threading.Thread(target=said.extend, args=(child.stdout,), daemon=True)
    feeder = threading.Thread(target=_feed, args=(child, stdin, failure), daemon=True)
    try:
        listener.start()
        feeder.start()
        while piece := output.read(chunk):
            yield piece
        child.wait()
        feeder.join()
    finally:
        child.kill()
        child.wait()
        feeder.join()
        listener.join()
        child.stdout.close()
    if failure:
        raise failure[0]
    helper_process.require_own_end("ffmpeg", child.returncode)
    if child.returncode:
        useful = [line for line in said if not any(words in line for words in _EMPTY_WORDS)]
        words = b"".join(useful).decode(errors="replace").strip() or "it said nothing"
        raise CodecError(f"ffmpeg failed with exit code {child.returncode}: {words}")


def _feed(child: subprocess.Popen[bytes], pieces: Iterable[Buffer], failure: list[BaseException]) -> None:
    pipe = child.stdin
    assert pipe is not None
    try:
        for piece in pieces:
            pipe.write(piece)
    except BrokenPipeError:
        pass  # the child ended before its input did: its exit code tells whether that is an error
    except BaseException as error:
        failure.append(error)
        child.kill()
    finally:
        with contextlib.suppress(BrokenPipeError):
            pipe.close()


@functools.cache
def _names(listing: str) -> frozenset[str]:
    lines = _ask("-hide_banner", listing).splitlines()
    return frozenset(words[1] for line in lines if len(words := line.split()) > 1)


def _ask(*arguments: str) -> str:
    try:
        answer = helper_process.finished([executable(), *arguments])
    except OSError as error:
        raise Unavailable(f"{executable()} does not run here ({error}); {_FIX}") from error
    if answer.returncode:
        words = f"exit code {answer.returncode}: {answer.stderr.decode(errors='replace').strip()[-500:]}"
        raise Unavailable(f"{executable()} does not run here ({words}); {_FIX}")
    return answer.stdout.decode(errors="replace")
